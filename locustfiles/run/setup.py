"""Everything that a load test needs before it starts, read and checked.

Used by the front door and by the locustfiles, so both refuse the same things with the same line.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from analysis.access.access import AccessError
from analysis.access.access_file import read_access
from analysis.claims import metric_map
from analysis.claims.metric_map import PREDICTOR, MetricMap, MetricMapError
from analysis.record.ledger import Outcome
from analysis.record.urls import login_problem, without_password
from deploy.manifest.deployment import Deployment, ManifestError
from deploy.manifest.deployment import read as read_manifest
from locustfiles.drive.plan import WorkerPlan
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.target import Target, TargetError, target_of
from locustfiles.load.expected import Expected, expected_of
from locustfiles.load.options import ROOT, LoadOptions, OptionsError, load_of
from locustfiles.load.schedule import ScheduleError, arrivals_of
from locustfiles.protocol.health import HEALTH, NO_TLS, health_of, route
from locustfiles.protocol.payload import PayloadError, carriable
from locustfiles.protocol.transport import DeploymentAddress, ingress_access, unanswered
from model.artifact import NO_SCORES, Card
from model.artifact_name import HELDOUT_FILE, ArtifactError
from model.dataset import DatasetError, Heldout, load_heldout
from model.installation import COMMAND
from model.rows.answers_file import AnswersError, load_answers
from model.threshold import check_threshold

SINGLE: Final = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
SHADOW: Final = ROOT / "deploy" / "seldon" / "ab-test.yaml"


class SetupError(Exception):
    """The test cannot start; one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is under test, and the load.

    ``expected``: what stands for each predictor, by its name. ``metrics``: which series claim what.
    """

    deployment: Deployment
    manifest: Path
    heldout: Heldout
    heldout_path: Path
    expected: dict[str, Expected]
    metrics: MetricMap
    load: LoadOptions

    @property
    def card(self) -> Card:
        """One of the cards, for what all have in common: features and classes."""
        return next(iter(self.expected.values())).card


def read_setup(parsed: argparse.Namespace, default_manifest: Path) -> Setup:
    """The checked setup. Raises `SetupError` with one line about the first error."""
    try:
        load = load_of(parsed)
        read_access(load.access, load.ca_file)
        arrivals_of(load)
        manifest = Path(parsed.sdep or default_manifest)
        deployment = read_manifest(manifest, parsed.namespace or None)
        folder = Path(parsed.artifacts)
        expected = expected_of(deployment.predictors, folder, parsed.model, parsed.expected)
        _check_alike({name: given.card for name, given in expected.items()})
        card = next(iter(expected.values())).card
        heldout_path = Path(parsed.heldout or folder / HELDOUT_FILE)
        heldout = load_heldout(heldout_path, card.features, card.classes, card.feature_types)
        carriable(heldout, load)
        metrics = metric_map.load(parsed.metrics)
        _check_metrics(metrics, deployment)
        _check_answers(expected, heldout)
    except (
        *(AccessError, OptionsError, ScheduleError, ManifestError, ArtifactError, DatasetError, AnswersError),
        *(MetricMapError, PayloadError),
    ) as error:
        raise SetupError(str(error)) from error
    return Setup(deployment, manifest.resolve(), heldout, heldout_path.resolve(), expected, metrics, load)


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


def _check_metrics(metrics: MetricMap, deployment: Deployment) -> None:
    """Raise `SetupError` for a metric map whose series do not say which of several predictors they are of."""
    if metrics.predictor_label is None and len(deployment.predictors) > 1:
        raise SetupError(
            f"reading the metric map {metrics.name}: expected a label with the value {PREDICTOR} in [match], because "
            f"the manifest has {len(deployment.predictors)} predictors, got none. Add the label that tells them apart."
        )


def check_logins(host: str, prometheus_url: str) -> None:
    """Raise `SetupError` for a login in a URL: pages, run.json and arguments of processes show URLs."""
    for flag, url in (("--host", host), ("--prometheus-url", prometheus_url)):
        if problem := login_problem(flag, url):
            raise SetupError(problem)


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
        target = target_of(url, ingress_access(load))
        _check_no_proxy(urlsplit(url))
        if load.transport == "grpc":
            _check_grpc(url, deployment, load)
        else:
            _check_rest(url, deployment, target)
    except (AccessError, TargetError) as error:
        raise SetupError(str(error)) from error


def _check_grpc(url: str, deployment: Deployment, load: LoadOptions) -> None:
    answer = unanswered(DeploymentAddress(url, deployment.namespace, deployment.name), load)
    if answer and "WRONG_VERSION_NU" in answer:  # grpcio gives OpenSSL's words, cut short
        raise _without_tls(url)
    if answer.startswith(("gRPC UNAUTHENTICATED", "gRPC PERMISSION_DENIED")):
        advice = _ADVICE[401 if answer.startswith("gRPC UNAUTHENTICATED") else 403]
        raise SetupError(f"reaching the host: expected Seldon's gRPC at {url}, got {answer}. {advice}")
    if answer:
        raise SetupError(
            f"reaching the host: expected Seldon's gRPC at {url} for {deployment.namespace}/{deployment.name}, "
            f"got {answer}. Does HOST point at an ingress that takes HTTP/2, and is the deployment up?"
        )


def _check_rest(url: str, deployment: Deployment, target: Target) -> None:
    """Seldon's health route must answer, with a status of 2xx."""
    health = health_of(target, deployment.namespace, deployment.name)
    if health.is_seldon:
        return
    answer = health.exchange
    if not health.is_answered:
        raise _unreached(url, answer)
    name = f"{deployment.namespace}/{deployment.name}"
    path = route(target, deployment.namespace, deployment.name, HEALTH)
    observed = f"got HTTP {answer.status} with {_shown(answer.body)}"
    if answer.outcome is not Outcome.ACKNOWLEDGED:
        advice = _ADVICE.get(answer.status, _ADVICE[302 if 300 <= answer.status < 400 else 404])
        raise SetupError(f"reaching the host: expected {name} to be up at {url} ({path}), {observed}. {advice}")
    raise SetupError(f"reaching the host: expected Seldon's health at {url}{path}, {observed}. {_ADVICE[404]}")


def _shown(body: bytes) -> str:
    """The first characters of an answer, fit for a line."""
    text = body[:60].decode("utf-8", "replace").strip()
    return without_password(repr(text)) if text else "an empty body"


_ADVICE: Final = {
    302: "It sends us elsewhere, perhaps to log in: give the URL that it names, or a login by --access FILE.",
    401: "It asks for a login: give the ingress' token or password by --access FILE.",
    403: "It refuses us: is there a policy in front of it, or another login or Host to be given by --access FILE?",
    404: "Does HOST point at the ingress, and do --namespace and the manifest's name say what is deployed there?",
    502: "The ingress does not reach it: is the deployment ready?",
    503: "It is not ready: wait until every replica is, then start again.",
    504: "The ingress does not reach it: is the deployment ready?",
}


def _unreached(url: str, answer: Exchange) -> SetupError:
    """Why there was no whole answer."""
    if any(reason in answer.fault for reason in NO_TLS):
        return _without_tls(url)
    advice = (
        _TLS_ADVICE
        if "CERTIFICATE" in answer.fault.upper()
        else f"Is the deployment up (`{COMMAND} up` starts one here)?"
    )
    return SetupError(f"reaching the host: expected Seldon at {url}, got: {answer.fault}. {advice}")


_TLS_ADVICE: Final = (
    "Is the authority that signed it in --ca-file, is the host's name in it (server_name), and does the ingress want a "
    "certificate of ours (cert_file)? The last two are said by --access FILE."
)


def _without_tls(url: str) -> SetupError:
    plain = f"http://{url.removeprefix('https://')}"
    return SetupError(f"reaching the host: expected TLS at {url}, got none: the port speaks plain HTTP. Use {plain}.")


def _check_no_proxy(parts: SplitResult) -> None:
    proxy = getproxies().get(parts.scheme)
    host = parts.hostname or ""
    if proxy and host not in ("127.0.0.1", "localhost", "::1") and not proxy_bypass(host):
        raise SetupError(
            f"reaching the host: the environment asks for the proxy {without_password(proxy)}, and a load test through "
            f"a proxy measures the proxy. Put {host} into no_proxy, or unset {parts.scheme}_proxy."
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
