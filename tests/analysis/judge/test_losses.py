"""Feedback that failed: selective failures are FAIL, many are INCONCLUSIVE, and a few are no alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from analysis.evidence import files, offline
from analysis.evidence.arrange import arrange
from analysis.evidence.offline import OfflineAnswers
from analysis.judge.loss_checks import losses
from analysis.record.ledger import Kind, Outcome
from analysis.record.ledger_file import LedgerWriter
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE, SAMPLES_FILE
from analysis.verdict import Finding, Verdict
from events import batch_of_events
from worlds import PRIMARY, START_NS

ROWS = 200
TRUTH = (np.arange(ROWS) % 2).astype(np.int16)
WRONG = np.arange(ROWS) % 20 < 2
"""The model errs on a tenth of the rows, on as many of either class."""
REFUSED, INDETERMINATE = Outcome.REFUSED, Outcome.INDETERMINATE


def finding_of(folder: Path, failed: Callable[[int], bool], outcome: Outcome, times: int = 3) -> Finding:
    """The finding on a run in which the feedback on some rows failed, each time it was sent; nothing live is known."""
    run = worlds.put(folder, worlds.world([]))
    predicted = np.where(WRONG, 1 - TRUTH, TRUTH).astype(np.int16)
    answers = replace(worlds.answers(PRIMARY.artifact), predicted=predicted, score=predicted - 0.5)
    rows = np.arange(ROWS, dtype=np.int32)
    offline.write(folder / OFFLINE_FILE, OfflineAnswers(rows, TRUTH, (0, 1), 1, "h" * 64, {PRIMARY.artifact: answers}))
    (folder / LEDGER_FILE).unlink()
    (folder / SAMPLES_FILE).unlink()
    writer = LedgerWriter(folder / LEDGER_FILE)
    events = [
        replace(
            worlds.event(
                Kind.FEEDBACK,
                row,
                START_NS,
                START_NS + 1,
                outcome if failed(row) else Outcome.ACKNOWLEDGED,
                request=turn * ROWS + row,
            ),
            truth=int(TRUTH[row]),
        )
        for turn in range(times)
        for row in range(ROWS)
    ]
    writer.append(batch_of_events(events))
    writer.close()
    worlds.reseal(folder)
    (finding,) = losses(arrange(files.read(folder, run)))
    return finding


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (lambda row: bool(WRONG[row]), "accuracy is 100.00% on what was counted, and 90.00% on what was sent"),
        (lambda row: bool(TRUTH[row] == 1 and WRONG[row]), "recall is 100.00% on what was counted, and 90.00%"),
        (lambda row: bool(TRUTH[row] == 1), "recall is 90.00% on what was sent, and undefined"),
    ],
    ids=["where the model errs", "where it misses", "one class"],
)
def test_feedback_that_is_refused_by_kind_is_fail(tmp_path: Path, failed: Callable[[int], bool], words: str) -> None:
    """The dashboard shows a model that is better than the one that answered."""
    finding = finding_of(tmp_path, failed, REFUSED)
    assert (finding.verdict, finding.diagnosis) == (Verdict.FAIL, "feedback refused by class")
    assert words in finding.message


def test_what_may_have_been_counted_is_no_proof(tmp_path: Path) -> None:
    """A 500 where the model errs: if those were counted, the live ratios are right."""
    finding = finding_of(tmp_path, lambda row: bool(WRONG[row]), INDETERMINATE)
    assert (finding.verdict, finding.diagnosis) == (Verdict.INCONCLUSIVE, "feedback failed")


@pytest.mark.parametrize("outcome", [REFUSED, INDETERMINATE])
def test_failures_without_a_pattern_are_no_fail(tmp_path: Path, outcome: Outcome) -> None:
    """A third fails: those of unknown outcome could move a ratio; refused ones that hit all alike do not."""
    finding = finding_of(tmp_path, lambda row: row % 3 == 0, outcome)
    assert finding.verdict is (Verdict.INCONCLUSIVE if outcome is INDETERMINATE else Verdict.PASS)


@pytest.mark.parametrize("outcome", [REFUSED, INDETERMINATE])
def test_a_failure_in_a_thousand_is_no_alarm(tmp_path: Path, outcome: Outcome) -> None:
    """Nor is none at all."""
    finding = finding_of(tmp_path, lambda row: row == 0, outcome, times=1)
    assert (finding.verdict, finding.observed) == (Verdict.PASS, 1)
    assert "1 of 200 feedbacks failed, which move no ratio by more than 0." in finding.message
    (tmp_path / "none").mkdir()
    assert finding_of(tmp_path / "none", lambda _: False, outcome).message == "0 of 600 feedbacks failed"
