"""What is driven: a host is taken for Seldon only if it is one, and the environment of others changes nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest

from answering import Answer, answering
from deploy.manifest.deployment import Deployment
from deploy.manifest.deployment import read as read_manifest
from locustfiles.command.parser import parser
from locustfiles.load.options import forget_foreign_variables, load_of
from locustfiles.run.setup import SetupError, check_host, read_setup

MANIFEST = Path(__file__).parents[3] / "deploy" / "seldon" / "metrics-model.yaml"
JSON, HTML = "application/json", "text/html"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def checked(stack: ExitStack, health: Answer, other: Answer) -> None:
    """Check a host that answers the health route and every other route so."""
    deployment: Deployment = read_manifest(MANIFEST, None)
    url = stack.enter_context(answering(lambda path: health if path.endswith("/health/status") else other))
    check_host(url, deployment, load_of(parser().parse_args([])))


NOT_FOUND = (404, "text/plain", b"404 page not found")


@pytest.mark.parametrize(
    ("health", "other"),
    [
        ((200, JSON, b'{"data": {}}'), NOT_FOUND),
        ((200, "text/plain", b""), NOT_FOUND),
        ((204, "text/plain", b""), (405, "text/plain", b"")),
    ],
    ids=["wrapper", "orchestrator", "no content"],
)
def test_seldon_is_taken_for_seldon(stack: ExitStack, health: Answer, other: Answer) -> None:
    """The orchestrator answers its health route with 200 and nothing; it is in front of most deployments."""
    checked(stack, health, other)


@pytest.mark.parametrize(
    ("health", "other", "words"),
    [
        ((200, HTML, b"<html>hello"), NOT_FOUND, "expected Seldon's health at"),
        ((200, HTML, b""), (200, HTML, b"<html>anything"), "expected Seldon's health at"),
        ((503, JSON, b'{"status": "no"}'), NOT_FOUND, "wait until every replica is"),
        ((302, HTML, b"<html>log in"), NOT_FOUND, "It sends us elsewhere, perhaps to log in"),
        ((401, JSON, b'{"error": "who?"}'), NOT_FOUND, "It asks for a login"),
        ((404, JSON, b'{"error": "no route"}'), NOT_FOUND, "what is deployed there?"),
        ((500, JSON, b"{}"), NOT_FOUND, "got HTTP 500 with '{}'"),
        ((404, JSON, b""), NOT_FOUND, "got HTTP 404 with an empty body"),
    ],
    ids=[
        "a page",
        "a server that says yes to all",
        "not ready",
        "login page",
        "login",
        "another name",
        "broken",
        "empty",
    ],
)
def test_what_is_no_seldon_or_is_not_up_is_refused(stack: ExitStack, health: Answer, other: Answer, words: str) -> None:
    """In one line, with the status, the first of the body, and advice for that status."""
    with pytest.raises(SetupError) as caught:
        checked(stack, health, other)
    assert words in str(caught.value)
    assert f"HTTP {health[0]}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_https_at_a_port_of_plain_http_is_named_as_that(stack: ExitStack, transport: str) -> None:
    """The deployment is up and the URL's scheme is wrong: the advice is the URL with the other scheme."""
    url = stack.enter_context(answering(lambda _: (200, JSON, b"{}")))
    load = load_of(parser().parse_args(["--transport", transport]))
    with pytest.raises(SetupError) as caught:
        check_host(url.replace("http:", "https:"), read_manifest(MANIFEST, None), load)
    assert f"the port speaks plain HTTP. Use {url}." in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "kept", "lines"),
    [
        ({}, {}, 0),
        ({"HOST": "http://127.0.0.1:1"}, {"HOST": "http://127.0.0.1:1"}, 0),
        ({"HOST": "x86_64-conda-linux-gnu"}, {}, 1),
        ({"LOCUST_HOST": "http://127.0.0.1:1", "LOCUST_MODE_MASTER": "true"}, {}, 1),
    ],
    ids=["none", "a URL", "conda's", "Locust's"],
)
def test_variables_of_others_are_ignored_and_named(
    environment: dict[str, str], kept: dict[str, str], lines: int
) -> None:
    with mock.patch.dict(os.environ, environment, clear=True):
        lines_printed = forget_foreign_variables()
        assert dict(os.environ) == kept
    assert len(lines_printed) == lines
    assert all(name in line for name in environment.keys() - kept.keys() for line in lines_printed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score_kind": "predict"}, "score_kind: 'predict', which is none of decision_function, predict_proba, none"),
        ({"score_kind": "none"}, "decision_threshold or score_edges: something, where score_kind is none"),
        ({"classes": [0, 0]}, "classes"),
        ({"artifact": "other.joblib"}, "expected artifact 'binary-percept.joblib', got 'other.joblib'"),
    ],
)
def test_a_card_that_cannot_be_judged_is_refused_before_anything_starts(
    trained: Path, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    shutil.copytree(trained, tmp_path / "artifacts")
    card = tmp_path / "artifacts" / "binary-percept.json"
    card.write_text(json.dumps(json.loads(card.read_bytes()) | change))
    with pytest.raises(SetupError, match=words):
        read_setup(parser().parse_args(["--artifacts", str(tmp_path / "artifacts")]), MANIFEST)
