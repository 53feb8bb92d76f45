"""Gates: how they are written, and that each can be PASS, FAIL and INCONCLUSIVE."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from analysis.__main__ import main
from analysis.judge.gates import GateError, gates, parse
from analysis.record.ledger import Outcome
from analysis.record.runfolder import GATES_FILE
from analysis.verdict import Finding, Verdict
from worlds import PRIMARY, SHADOW, World

BOTH = worlds.world(worlds.load_of(600), (PRIMARY, SHADOW))


def findings(folder: Path, text: str, world: World = BOTH) -> tuple[Finding, ...]:
    return gates(replace(worlds.evidence_of(folder, world), gates=(text,)))


@pytest.mark.parametrize(
    "text",
    ["", "precision", "precision>0.9", "precision<=0.9", "precision>=1.5", "precision>=90", "f1>=0.9",
     "p98_feedback_ms<=5", "p99_feedback_ms>=5", "failures>=0.1%", "default.failures<=0.1%", "a b.recall>=0.9",
     "recall>=x"],
)  # fmt: skip
def test_what_is_no_gate_is_refused_in_one_line(text: str) -> None:
    """A sign in the wrong direction, a limit above 1, an unknown name."""
    with pytest.raises(GateError, match=r"^gate: expected .*\.$"):
        parse(text)


def test_percent_is_a_fraction() -> None:
    """0.1 % is 0.001; spaces around a gate do no harm."""
    assert parse(" precision >= 0.9 ").limit == 0.9
    assert parse("failures<=0.1%").limit == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("accuracy>=0.3", {"default": "PASS", "shadow": "PASS"}),
        ("accuracy>=0.8", {"default": "INCONCLUSIVE", "shadow": "INCONCLUSIVE"}),
        ("accuracy>=0.99", {"default": "FAIL", "shadow": "FAIL"}),
        ("shadow.recall>=0.2", {"shadow": "PASS"}),
        ("nobody.recall>=0.2", {"nobody": "INCONCLUSIVE"}),
        ("p99_feedback_ms<=100", {"load": "PASS"}),
        ("p99_feedback_ms<=5", {"load": "FAIL"}),
        ("p999_feedback_ms<=100", {"load": "INCONCLUSIVE"}),
        ("p9999_feedback_ms<=100", {"load": "INCONCLUSIVE"}),
        ("failures<=1%", {"load": "PASS"}),
        ("failures<=0.1%", {"load": "INCONCLUSIVE"}),
    ],
)
def test_a_gate_passes_fails_or_cannot_tell(tmp_path: Path, text: str, verdicts: dict[str, str]) -> None:
    """By the interval over distinct rows, or by the binomial rule over requests."""
    assert {finding.subject: finding.verdict.name for finding in findings(tmp_path, text)} == verdicts


def test_a_gate_that_cannot_tell_says_how_many_more(tmp_path: Path) -> None:
    """p99.9 needs 4,603 clean requests; 600 were sent."""
    (finding,) = findings(tmp_path, "p999_feedback_ms<=100")
    assert "needs 4,003 more" in finding.message


def test_failed_requests_fail_the_gate_on_failures(tmp_path: Path) -> None:
    """A tenth refused is surely more than a thousandth."""
    events = tuple(
        replace(event, outcome=Outcome.REFUSED, status=400) if i % 10 == 0 else event
        for i, event in enumerate(BOTH.events)
    )
    (finding,) = findings(tmp_path, "failures<=0.1%", replace(BOTH, events=events))
    assert finding.verdict is Verdict.FAIL


@pytest.mark.parametrize(("rows", "number"), [(1, "1,200"), (3, "400")])
def test_the_gate_on_failures_counts_requests_and_not_their_rows(tmp_path: Path, rows: int, number: str) -> None:
    """No row of a request fails by itself, so its rows are no more evidence than the request."""
    events = sorted(
        (
            replace(event, request=i // (2 * rows) * 2 + i % 2, position=i // 2 % rows)
            for i, event in enumerate(BOTH.events)
        ),
        key=lambda event: (event.request, event.position),
    )
    heads = {event.request: event for event in events if not event.position}
    times = ("planned_ns", "sent_ns", "done_ns")
    together = tuple(
        replace(event, **{name: getattr(heads[event.request], name) for name in times}) for event in events
    )
    (finding,) = findings(tmp_path, "failures<=0.5%", replace(BOTH, events=together))
    assert finding.message.startswith(f"failures<=0.5%: 0 of {number} requests failed")
    assert finding.verdict is (Verdict.PASS if rows == 1 else Verdict.INCONCLUSIVE)


def test_replays_do_not_help_a_quality_gate(tmp_path: Path) -> None:
    """Rows that are sent sixty times give no more certainty than rows that are sent once."""
    once = worlds.world(worlds.load_of(worlds.ROWS))
    (few,) = findings(tmp_path / "few", "accuracy>=0.5", once)
    (many,) = findings(tmp_path / "many", "default.accuracy>=0.5")
    assert few.message == many.message.replace("default.", "")


def test_gates_stay_with_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate given once is kept in the folder, so that judging again gives the same; a bad one is exit code 2."""
    worlds.put(tmp_path, BOTH)
    assert main(["judge", str(tmp_path), "--gate", "accuracy>=0.99"]) == 3
    assert json.loads((tmp_path / GATES_FILE).read_text()) == ["accuracy>=0.99"]
    assert main(["judge", str(tmp_path)]) == 3
    assert main(["judge", str(tmp_path), "--gate", "accuracy=1"]) == 2
    assert capsys.readouterr().err.startswith("plumbline: gate: expected one like")


def test_no_gate_is_no_finding(tmp_path: Path) -> None:
    """A run without gates is judged by the rest."""
    assert gates(worlds.evidence_of(tmp_path, BOTH)) == ()
