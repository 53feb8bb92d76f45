"""The comparison of primary and shadow: distinct rows only, and what can be said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_score

import worlds
from analysis.evidence import files, offline
from analysis.evidence.arrange import arrange
from analysis.evidence.offline import OfflineAnswers
from analysis.judge.compare import comparison
from analysis.record.ledger import Kind
from analysis.record.ledger_file import LedgerWriter
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE
from analysis.stats.average_precision import average_precisions, precisions
from events import batch_of_events
from worlds import PRIMARY, SHADOW, START_NS

ROWS = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30)


def compared(folder: Path, number: int) -> dict[str, Any]:
    actual = comparison(worlds.evidence_of(folder, worlds.world(worlds.load_of(number), (PRIMARY, SHADOW))))
    assert actual is not None
    return actual


@settings(deadline=None)
@given(ROWS)
def test_weighted_ratios_are_scikit_learns(rows: list[tuple[int, bool, int]]) -> None:
    """Precision and average precision under weights, ties of scores included, equal scikit-learn's."""
    score = np.array([row[0] for row in rows], np.float64)
    positive = np.array([row[1] for row in rows])
    weight = np.array([[row[2] for row in rows]], np.float64)
    called = score > 2
    if weight[0] @ positive:
        expected = average_precision_score(positive, score, sample_weight=weight[0])
        assert average_precisions(score, positive, weight)[0] == pytest.approx(expected)
    if weight[0] @ called:
        expected = precision_score(positive, called, sample_weight=weight[0])
        assert precisions(called, positive, weight)[0] == pytest.approx(expected)


def test_replays_change_nothing(tmp_path: Path) -> None:
    """Ten times the load over the same rows is the same comparison, to the last digit."""
    assert compared(tmp_path / "once", worlds.ROWS) == compared(tmp_path / "often", 10 * worlds.ROWS)


def test_the_four_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    """The perceptron errs on rows 1 and 2, the regression on 2, 3 and 5; discordant rows are named."""
    actual = compared(tmp_path, 60)
    counts = [actual[name] for name in ("rows", "both_right", "only_primary", "only_shadow", "both_wrong")]
    assert counts == [worlds.ROWS, worlds.ROWS - 4, 2, 1, 1]
    assert actual["discordant"] == {"only_primary": [3, 5], "only_shadow": [1]}
    assert actual["p_value"] == 1.0
    assert actual["difference"]["accuracy"]["value"] == pytest.approx(-1 / worlds.ROWS)
    assert "do not show" in actual["message"]


def test_every_discordant_row_is_named_however_many_there_are(tmp_path: Path) -> None:
    """There are as many ids as the counts beside them, so that every discordant row can be found."""
    number = 500
    ids, truth = np.arange(number, dtype=np.int32) * 2, np.zeros(number, np.int16)
    wrong = np.arange(number) % 3 == 0
    run = worlds.put(tmp_path, worlds.world([], (PRIMARY, SHADOW)))
    answers = {
        predictor.artifact: replace(
            worlds.answers(predictor.artifact), predicted=predicted.astype(np.int16), score=predicted - 0.5
        )
        for predictor, predicted in ((PRIMARY, wrong), (SHADOW, ~wrong))
    }
    offline.write(tmp_path / OFFLINE_FILE, OfflineAnswers(ids, truth, (0, 1), 1, "h" * 64, answers))
    (tmp_path / LEDGER_FILE).unlink()
    writer = LedgerWriter(tmp_path / LEDGER_FILE)
    sent = [
        replace(worlds.event(Kind.FEEDBACK, int(row), START_NS, START_NS + 1, request=int(row)), truth=0) for row in ids
    ]
    writer.append(batch_of_events(sent))
    writer.close()
    worlds.reseal(tmp_path)
    actual = comparison(arrange(files.read(tmp_path, run)))
    assert actual is not None
    assert actual["discordant"] == {"only_primary": ids[~wrong].tolist(), "only_shadow": ids[wrong].tolist()}
    assert (actual["only_primary"], actual["only_shadow"]) == (int((~wrong).sum()), int(wrong.sum()))


def test_rows_that_were_not_sent_do_not_count(tmp_path: Path) -> None:
    """Three rows were sent, so three rows are compared."""
    assert compared(tmp_path, 3)["rows"] == 3


def test_without_a_shadow_there_is_no_comparison(tmp_path: Path) -> None:
    """Not an empty one."""
    assert comparison(worlds.evidence_of(tmp_path, worlds.world(worlds.load_of(10)))) is None


def test_nothing_answered_says_so(tmp_path: Path) -> None:
    """No rows: no interval, no p value that means anything, and a sentence that says so."""
    actual = compared(tmp_path, 0)
    assert actual["rows"] == 0
    assert actual["rows_needed"] is None
    assert set(actual["difference"].values()) == {None}
    assert "nothing can be said" in actual["message"]
