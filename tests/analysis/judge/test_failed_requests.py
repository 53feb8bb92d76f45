"""A load that failed: the finding says how, and the advice is for that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import ALONE
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import FirstFailure
from analysis.verdict import Verdict
from worlds import World


def failing(status: int, kind: Kind, outcome: Outcome = Outcome.REFUSED) -> World:
    """Nine of ten requests of a kind fail so."""
    events = tuple(
        replace(event, outcome=outcome, status=status, predicted=-1)
        if event.kind is kind and number % 20 > 1
        else event
        for number, event in enumerate(ALONE.events)
    )
    return worlds.world(events)


@pytest.mark.parametrize("kind", list(Kind), ids=["predictions", "feedback"])
@pytest.mark.parametrize(
    ("status", "shown", "advice"),
    [
        (401, "got 401 Unauthorized", "asks for a login"),
        (400, "got 400 Bad Request", "signature and features"),
        (404, "got 404 Not Found", "name and the namespace"),
        (200, "got an answer that cannot be read", "Seldon's protocol"),
        (500, "got 500 Internal Server Error", "raises an exception"),
        (503, "got 503 Service Unavailable", "lower the load"),
        (0, "got no answer", "lower the load"),
        (499, "got 499", "lower the load"),
    ],
)
def test_the_finding_says_how_requests_failed(tmp_path: Path, kind: Kind, status: int, shown: str, advice: str) -> None:
    outcome = Outcome.REFUSED if 400 <= status < 500 else Outcome.INDETERMINATE
    verdict, findings = worlds.judged(tmp_path, failing(status, kind, outcome))
    assert verdict is Verdict.INCONCLUSIVE
    check = "sent" if kind is Kind.FEEDBACK else "served"
    finding = next(finding for finding in findings if finding.check == check)
    assert shown in finding.message
    assert advice in (finding.advice or "")


@pytest.mark.parametrize("kind", list(Kind), ids=["predictions", "feedback"])
def test_the_finding_quotes_what_the_server_said(tmp_path: Path, kind: Kind) -> None:
    """Of its own kind: predictions and feedback may fail with one status for two reasons."""
    failures = tuple(FirstFailure(each.name.lower(), 400, f"no {each.name}") for each in Kind)
    world = replace(failing(400, kind), failures=(*failures, FirstFailure("predict", 401, "log in")))
    _, findings = worlds.judged(tmp_path, world)
    quoted = {finding.check for finding in findings if f'got 400 Bad Request ("no {kind.name}")' in finding.message}
    assert quoted >= ({"sent", "losses"} if kind is Kind.FEEDBACK else {"served"})
    other = next(each for each in Kind if each is not kind)
    assert not any(f"no {other.name}" in finding.message or "log in" in finding.message for finding in findings)
