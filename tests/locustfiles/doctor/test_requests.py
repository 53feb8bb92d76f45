"""One prediction and one feedback, at servers whose answers are wrong in one way each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.verdict import Verdict
from locustfiles.command.parser import parser
from locustfiles.doctor import requests
from locustfiles.protocol.transport import DeploymentAddress, Transport, transport_of
from locustfiles.run.setup import Setup, read_setup

MANIFEST = Path(__file__).parents[3] / "deploy" / "seldon" / "metrics-model.yaml"


@pytest.fixture
def setup(trained: Path) -> Setup:
    return read_setup(parser().parse_args(["--artifacts", str(trained), "--timeout", "1"]), MANIFEST)


@pytest.fixture
def transport(setup: Setup, misbehaving: Callable[..., Any]) -> Iterator[Callable[[bytes, bytes], Transport]]:
    made: list[Transport] = []

    def to_server(status: bytes, body: bytes) -> Transport:
        def behave(peer: Any) -> None:
            while peer.request():
                peer.answer(body, status)

        place = DeploymentAddress(misbehaving(behave).url, "seldon", "metrics-model")
        made.append(transport_of(place, setup.load, setup.heldout))
        return made[-1]

    yield to_server
    for each in made:
        each.client.close()


def answer(values: object, **tags: str) -> bytes:
    return json.dumps({"data": {"ndarray": values}, "meta": {"tags": tags}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (b"200 OK", answer([7]), "another value"),
        (b"200 OK", answer([[0.1, 0.2, 0.7]]), "another number of values"),
        (b"200 OK", answer([0, 1]), "expected 1 rows in data, got 2"),
        (b"200 OK", b"<html>", "expected JSON, got '<html>'"),
        (b"400 Bad", b'{"status": {"info": "30 features", "status": 1}}', "HTTP 400: 30 features"),
        (b"500 Error", b"", "HTTP 500"),
        (
            b"200 OK",
            answer([0], artifact="old.joblib", artifact_sha256="0" * 64),
            "old.joblib with SHA-256 0000",
        ),
    ],
    ids=["value", "values", "rows", "no JSON", "refused", "crash", "another model"],
)
def test_a_wrong_prediction_is_named(
    transport: Callable[[bytes, bytes], Transport], setup: Setup, status: bytes, body: bytes, words: str
) -> None:
    observation, _ = requests.predict(transport(status, body), setup)
    assert observation.verdict is Verdict.FAIL
    assert words in observation.observed


def test_a_right_prediction_is_well_and_kept(transport: Callable[[bytes, bytes], Transport], setup: Setup) -> None:
    """With the row that it is of: one whose truth is negative, which the notebook's class counts in a wrong cell."""
    observation, sent = requests.predict(transport(b"200 OK", answer([1])), setup)
    assert (observation.verdict, sent.predicted) == (Verdict.PASS, 1)
    assert setup.heldout.truth[requests.row_of(setup)] != setup.card.positive_class


@pytest.mark.parametrize(
    ("status", "body", "counted", "verdict"),
    [
        (b"200 OK", b"{}", True, Verdict.PASS),
        (b"400 Bad", b"no", False, Verdict.FAIL),
        (b"500 Error", b"", None, Verdict.FAIL),
        (b"200 OK", b'{"status": {"status": "FAILURE", "info": "no"}}', None, Verdict.FAIL),
    ],
    ids=["acknowledged", "refused", "crash", "failure"],
)
def test_what_became_of_a_feedback_is_said_truthfully(
    transport: Callable[[bytes, bytes], Transport], setup: Setup, status: bytes, body: bytes, counted: bool | None,
    verdict: Verdict,
) -> None:  # fmt: skip
    """Counted, not counted, or not known: only an acknowledged one is looked for in Prometheus."""
    observation, sent = requests.give_feedback(transport(status, body), setup, requests.Sent())
    assert (sent.is_counted, observation.verdict) == (counted, verdict)


def test_a_feedback_that_a_gateway_refuses_is_no_question_of_the_features(
    transport: Callable[[bytes, bytes], Transport], setup: Setup
) -> None:
    observation, _ = requests.give_feedback(transport(b"403 Forbidden", b"RBAC: access denied"), setup, requests.Sent())
    assert observation.observed == "HTTP 403: RBAC: access denied"
    assert "--access FILE" in observation.advice
    assert "features" not in observation.advice
