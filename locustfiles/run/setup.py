"""Everything that a load test needs before it starts, read and checked.

Used by the front door and by the locustfiles, so both refuse the same things with the same line.
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from analysis.record.urls import without_password
from deploy.manifest.deployment import Deployment, ManifestError
from deploy.manifest.deployment import read as read_manifest
from locustfiles.drive.plan import WorkerPlan
from locustfiles.http1.target import Target, TargetError, target_of
from locustfiles.load.expected import Expected, expected_of
from locustfiles.load.options import ROOT, LoadOptions, OptionsError, load_of
from locustfiles.load.schedule import ScheduleError, arrivals_of
from locustfiles.protocol.payload import PayloadError, carriable
from locustfiles.protocol.transport import DeploymentAddress, unanswered
from model.artifact import NO_SCORES, Card
from model.artifact_name import HELDOUT_FILE, ArtifactError
from model.dataset import DatasetError, Heldout, load_heldout
from model.rows.answers_file import AnswersError, load_answers
from model.threshold import check_threshold

PROBE_TIMEOUT_S: Final = 5.0
SINGLE: Final = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
SHADOW: Final = ROOT / "deploy" / "seldon" / "ab-test.yaml"


class SetupError(Exception):
    """The test cannot start; one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is under test, and the load. ``expected``: what stands for each predictor, by its name."""

    deployment: Deployment
    manifest: Path
    heldout: Heldout
    heldout_path: Path
    expected: dict[str, Expected]
    load: LoadOptions

    @property
    def card(self) -> Card:
        """One of the cards, for what all have in common: features and classes."""
        return next(iter(self.expected.values())).card


def read_setup(parsed: argparse.Namespace, default_manifest: Path) -> Setup:
    """The checked setup. Raises `SetupError` with one line about the first error."""
    try:
        load = load_of(parsed)
        _check_ca_file(load.ca_file)
        arrivals_of(load)
        manifest = Path(parsed.sdep or default_manifest)
        deployment = read_manifest(manifest, parsed.namespace or None)
        folder = Path(parsed.artifacts)
        expected = expected_of(deployment.predictors, folder, parsed.model, parsed.expected)
        _check_alike({name: given.card for name, given in expected.items()})
        card = next(iter(expected.values())).card
        _check_classes(card)
        heldout_path = Path(parsed.heldout or folder / HELDOUT_FILE)
        heldout = load_heldout(heldout_path, card.features, card.classes, card.feature_types)
        carriable(heldout, load)
        _check_answers(expected, heldout)
    except (
        *(OptionsError, ScheduleError, ManifestError, ArtifactError, DatasetError, AnswersError, PayloadError),
    ) as error:
        raise SetupError(str(error)) from error
    return Setup(deployment, manifest.resolve(), heldout, heldout_path.resolve(), expected, load)


def _check_classes(card: Card) -> None:
    """Raise `SetupError` for more classes than the judge has claims for."""
    if len(card.classes) != 2:
        raise SetupError(
            f"reading the cards: expected two classes, found {len(card.classes)} ({card.artifact}). "
            "More than two cannot be judged yet."
        )


def _check_answers(expected: dict[str, Expected], heldout: Heldout) -> None:
    """Raise ``AnswersError`` or `ArtifactError` unless each file of answers has one for each held-out row."""
    for given in expected.values():
        if given.from_file:
            card = given.card
            answers = load_answers(given.path, card.classes, given.artifact, max(card.positive, 0))
            answers = answers.of_rows(heldout.ids, given.path)
            if card.score_kind != NO_SCORES and answers.scores is None:
                raise ArtifactError(
                    "expected answers: expected a column score, as score_kind of the card says, got none "
                    f"({given.path}). Write none for score_kind into the card, or add the column."
                )
            check_threshold(card, answers.predicted, None if card.score_kind == NO_SCORES else answers.scores)


def _check_ca_file(path: str) -> None:
    """Raise `SetupError` for a file that is not there, also if the host is none of https, which would not read it."""
    if path and not Path(path).is_file():
        raise SetupError(f"reading --ca-file: expected a file of certificates, got none at {path}. Correct the path.")


def _check_alike(cards: dict[str, Card]) -> None:
    kinds = {(card.features, card.feature_types, card.classes, card.positive_class) for card in cards.values()}
    if len(kinds) > 1:
        raise SetupError(
            f"reading the cards: expected predictors {', '.join(cards)} to have the same features, feature_types and "
            "classes, got different ones. Rows for one cannot be scored by the other."
        )


def check_host(url: str, deployment: Deployment, load: LoadOptions) -> None:
    """Raise `SetupError` unless Seldon answers at ``url`` for ``deployment``, by the load's transport and no proxy."""
    try:
        target = target_of(url, load.ca_file or None)
        _check_no_proxy(urlsplit(url))
        if load.transport == "grpc":
            _check_grpc(url, deployment, load)
        else:
            _check_rest(url, deployment, target)
    except TargetError as error:
        raise SetupError(str(error)) from error


def _check_grpc(url: str, deployment: Deployment, load: LoadOptions) -> None:
    answer = unanswered(DeploymentAddress(url, deployment.namespace, deployment.name), load)
    if answer and "WRONG_VERSION_NU" in answer:  # grpcio gives OpenSSL's words, cut short
        raise _without_tls(url)
    if answer:
        raise SetupError(
            f"reaching the host: expected Seldon's gRPC at {url} for {deployment.namespace}/{deployment.name}, "
            f"got {answer}. Does HOST point at an ingress that takes HTTP/2, and is the deployment up?"
        )


def _check_rest(url: str, deployment: Deployment, target: Target) -> None:
    """Seldon's health route must answer: the wrapper says JSON, the orchestrator nothing, each with a status of 2xx.

    Any web server answers something. One that has nothing to say may be the orchestrator, if it refuses a route that
    Seldon does not have.
    """
    status, body = _get(url, target, _route(target, deployment, "health/status"))
    name = f"{deployment.namespace}/{deployment.name}"
    observed = f"got HTTP {status} with {_shown(body)}"
    if not 200 <= status < 300:
        raise SetupError(
            f"reaching the host: expected {name} to be up at {without_password(url)} "
            f"({_route(target, deployment, 'health/status')}), {observed}. {_ADVICE.get(status, _ADVICE[404])}"
        )
    if not body.strip() and not 200 <= _get(url, target, _route(target, deployment, "no-such-route"))[0] < 300:
        return
    try:
        json.loads(body)
    except ValueError as error:
        raise SetupError(
            f"reaching the host: expected Seldon's health at {without_password(url)}"
            f"{_route(target, deployment, 'health/status')}, {observed}. {_ADVICE[404]}"
        ) from error


def _shown(body: bytes) -> str:
    """The first characters of an answer, fit for a line."""
    text = body[:60].decode("utf-8", "replace").strip()
    return without_password(repr(text)) if text else "an empty body"


_ADVICE: Final = {
    401: "It asks for a login, which a load test does not have.",
    403: "It refuses us: is there a login, or a policy, in front of it?",
    404: "Does HOST point at the ingress, and do --namespace and the manifest's name say what is deployed there?",
    502: "The ingress does not reach it: is the deployment ready?",
    503: "It is not ready: wait until every replica is, then start again.",
    504: "The ingress does not reach it: is the deployment ready?",
}


def _route(target: Target, deployment: Deployment, name: str) -> str:
    return f"{target.path}/seldon/{deployment.namespace}/{deployment.name}/api/v1.0/{name}"


def _get(url: str, target: Target, path: str) -> tuple[int, bytes]:
    """Status and the first bytes of the answer. Raises `SetupError` if there is none."""
    connection: http.client.HTTPConnection
    if target.tls is None:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=PROBE_TIMEOUT_S)
    else:
        connection = http.client.HTTPSConnection(target.host, target.port, timeout=PROBE_TIMEOUT_S, context=target.tls)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(65536)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
            raise _without_tls(url) from error
        raise SetupError(
            f"reaching the host: expected Seldon at {without_password(url)}, got: {error}. "
            "Is the deployment up (`make up`)?"
        ) from error
    finally:
        connection.close()


_NO_TLS: Final = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
"""What OpenSSL says, by its version, of an answer that is plain HTTP."""


def _without_tls(url: str) -> SetupError:
    shown = without_password(url)
    plain = f"http://{shown.removeprefix('https://')}"
    return SetupError(f"reaching the host: expected TLS at {shown}, got none: the port speaks plain HTTP. Use {plain}.")


def _check_no_proxy(parts: SplitResult) -> None:
    proxy = getproxies().get(parts.scheme)
    host = parts.hostname or ""
    if proxy and host not in ("127.0.0.1", "localhost", "::1") and not proxy_bypass(host):
        raise SetupError(
            f"reaching the host: the environment asks for the proxy {proxy}, and a load test through a proxy "
            f"measures the proxy. Put {host} into no_proxy, or unset {parts.scheme}_proxy."
        )


def calibration_plan(setup: Setup) -> WorkerPlan:
    """A plan for the load of ``setup``, for a calibration, which has a server of its own."""
    return WorkerPlan(
        run="calibration",
        worker=0,
        workers=1,
        start_ns=0,
        host="",
        namespace=setup.deployment.namespace,
        deployment=setup.deployment.name,
        heldout=str(setup.heldout_path),
        heldout_sha256=setup.heldout.sha256,
        features=setup.card.features,
        types=setup.card.feature_types,
        classes=setup.card.classes,
        load=setup.load,
    )
