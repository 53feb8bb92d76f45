"""Scores that are a threshold but for rounding: what may be counted either way, and what may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, EDGES, with_buckets
from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers
from analysis.evidence.rounding import name_of_rounded, names_of_rounded, undecided, with_rounded
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Finding, Verdict
from model.contract import CELLS
from model.rows.labels import NO_CLASS
from model.threshold import TOLERANCE, margins
from worlds import PRIMARY, Count, World

ROW = 3
ROUNDING, MORE_THAN_THAT = 1e-9, 1e-4


def score_of_row(monkeypatch: pytest.MonkeyPatch, score: float, row: int = ROW) -> None:
    """Give the row this offline score; its class stays as it was."""
    original = worlds.answers

    def answers(name: str) -> ArtifactAnswers:
        given = original(name)
        changed = given.score.copy()
        changed[row] = score
        return replace(given, score=changed)

    monkeypatch.setattr(worlds, "answers", answers)


def counted_the_other_way(world: World, period: int) -> World:
    """Each ``period``-th feedback of the row is counted as if it had got the other answer."""
    feedback = [event for event in world.events if event.kind is Kind.FEEDBACK]
    other = {"tp": "fn", "fn": "tp", "tn": "fp", "fp": "tn"}
    names, counts, seen = [str(cell) for cell in CELLS], list[Count](), 0
    for event, count in zip(feedback, world.counts["default"], strict=True):
        seen += event.row == ROW
        flips = event.row == ROW and seen % period == 0
        counts.append(replace(count, cell=names.index(other[names[count.cell]])) if flips else count)
    return worlds.with_counts(world, "default", counts)


def answered_the_other_way(world: World) -> World:
    """Clients got the other answer to each prediction of the row."""
    events = [
        replace(event, predicted=1 - event.predicted) if event.kind is Kind.PREDICT and event.row == ROW else event
        for event in world.events
    ]
    return replace(world, events=tuple(events))


def of_check(findings: tuple[Finding, ...], check: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.check == check]
    return finding


@pytest.mark.parametrize("period", [1, 2])
@pytest.mark.parametrize(("score", "verdict"), [(ROUNDING, Verdict.PASS), (MORE_THAN_THAT, Verdict.FAIL)])
def test_a_row_on_the_threshold_may_be_counted_either_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, score: float, verdict: Verdict, period: int
) -> None:
    score_of_row(monkeypatch, score)
    found_verdict, findings = worlds.judged(tmp_path, counted_the_other_way(ALONE, period))
    assert found_verdict is verdict
    equality = of_check(findings, "equality")
    assert ("apart from 1 row on the threshold but for rounding" in equality.message) is (verdict is Verdict.PASS)


@pytest.mark.parametrize(("score", "verdict"), [(ROUNDING, Verdict.PASS), (MORE_THAN_THAT, Verdict.FAIL)])
def test_a_row_on_the_threshold_may_be_answered_either_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, score: float, verdict: Verdict
) -> None:
    score_of_row(monkeypatch, score)
    found_verdict, findings = worlds.judged(tmp_path, answered_the_other_way(ALONE))
    assert found_verdict is verdict
    assert of_check(findings, "served").verdict is verdict


def test_any_other_count_still_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An undecided row widens two cells by itself, and excuses nothing else: no count may be missing or over."""
    score_of_row(monkeypatch, ROUNDING)
    for counts in (ALONE.counts["default"][1:], (*ALONE.counts["default"], ALONE.counts["default"][-1])):
        verdict, _ = worlds.judged(tmp_path / str(len(counts)), worlds.with_counts(ALONE, "default", counts))
        assert verdict is Verdict.FAIL


@pytest.mark.parametrize(("off", "verdict"), [(ROUNDING, Verdict.PASS), (MORE_THAN_THAT, Verdict.FAIL)])
def test_a_score_on_an_edge_of_a_bucket_may_fall_on_either_side(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off: float, verdict: Verdict
) -> None:
    """Live the score is above the edge; offline it is below, by rounding or by more."""
    edge = max(EDGES)
    score_of_row(monkeypatch, edge * (1 + ROUNDING))
    live = with_buckets()
    stored = worlds.series_of(live)
    altered = live.alter(stored)
    score_of_row(monkeypatch, edge * (1 - off))
    found_verdict, findings = worlds.judged(tmp_path, replace(live, alter=lambda _: altered))
    assert found_verdict is verdict
    curve = of_check(findings, "curve")
    assert ("apart from 1 row whose score is a threshold but for rounding" in curve.message) is (
        verdict is Verdict.PASS
    )


def test_a_score_that_equals_an_edge_may_be_counted_above_it(tmp_path: Path) -> None:
    """Row 3 scores 2.0, which is an edge; no score of the world is 0."""
    verdict, findings = worlds.judged(tmp_path, with_buckets(ROUNDING))
    assert verdict is Verdict.PASS
    assert "apart from 1 row" in of_check(findings, "curve").message


def test_how_far_a_score_may_be_off() -> None:
    """A millionth of the score, or of a usual score where a sum cancels; nothing for one that is not a number."""
    score = np.array([0.0, 1.0, -2.0, 4e6, np.inf, np.nan])
    assert margins(score).tolist() == [1.5 * TOLERANCE, 1.5 * TOLERANCE, 2 * TOLERANCE, 4.0, 0.0, 0.0]
    assert margins(np.array([np.nan])).tolist() == [0.0]


def test_only_artefacts_with_undecided_rows_get_other_answers() -> None:
    sure = ArtifactAnswers("s" * 64, np.array([0, 1], np.int16), np.array([-1.0, 1.0]))
    unsure = ArtifactAnswers("u" * 64, np.array([0, 1], np.int16), np.array([-1.0, 1e-9]))
    answers = OfflineAnswers(
        np.arange(2, dtype=np.int32), np.array([0, 1], np.int16), (0, 1), 1, "h" * 64, {"sure": sure, "unsure": unsure}
    )
    more = with_rounded(answers).answers
    assert set(more) == {"sure", "unsure", name_of_rounded("unsure")}
    assert more[name_of_rounded("unsure")].predicted.tolist() == [0, 0]
    assert undecided(unsure).tolist() == [False, True]


def test_of_three_classes_the_second_highest_score_is_the_other_answer() -> None:
    """A row whose two highest scores are as good as equal may be answered either way; no other row may."""
    scores = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4 + 1e-12]])
    given = ArtifactAnswers("s" * 64, np.array([1, 2], np.int16), scores)
    rows, truth = np.arange(2, dtype=np.int32), np.array([0, 1], np.int16)
    more = with_rounded(OfflineAnswers(rows, truth, (0, 1, 2), NO_CLASS, "h" * 64, {"a": given})).answers
    assert undecided(given).tolist() == [False, True]
    assert more[name_of_rounded("a")].predicted.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("scores", "others"),
    [
        ([1 / 3, 1 / 3, 1 / 3 - 1e-12], {1, 2}),
        ([-0.7, -0.7, -np.inf], {1}),
        ([0.0, -np.inf, -np.inf], set()),
        ([np.inf, 0.4, 0.4], set()),
        ([0.4, 0.4, np.nan], {1}),
    ],
    ids=["three alike", "an impossible class", "one possible class", "without bounds", "a class without a score"],
)
def test_each_class_whose_score_is_as_good_as_the_highest_may_be_the_answer(
    scores: list[float], others: set[int]
) -> None:
    """As of a tree whose leaf holds as many rows of each class, or of log-probabilities."""
    given = ArtifactAnswers("s" * 64, np.array([0, 1], np.int16), np.array([scores, [0.1, 0.8, 0.1]]))
    rows, truth = np.arange(2, dtype=np.int32), np.array([0, 1], np.int16)
    more = with_rounded(OfflineAnswers(rows, truth, (0, 1, 2), NO_CLASS, "h" * 64, {"a": given})).answers
    rounded = [more[name] for name in names_of_rounded("a", more)]
    assert {int(other.predicted[0]) for other in rounded} == others
    assert [int(other.predicted[1]) for other in rounded] == [1] * len(others)
    assert len(more) == 1 + len(rounded)


def test_without_scores_no_row_is_undecided() -> None:
    given = ArtifactAnswers("s" * 64, np.array([0, 1], np.int16), np.full(2, np.nan))
    assert not given.has_scores
    assert not undecided(given).any()


def test_refused_events_need_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An undecided row that was never acknowledged widens nothing."""
    score_of_row(monkeypatch, ROUNDING)
    events = tuple(
        replace(event, outcome=Outcome.REFUSED, status=400)
        if event.kind is Kind.FEEDBACK and event.row == ROW
        else event
        for event in ALONE.events
    )
    evidence = worlds.evidence_of(tmp_path, worlds.world(events, (PRIMARY,)))
    ((_, counted),) = evidence.counted()
    low, high, _ = counted.last
    assert low.tolist() == high.tolist()


@pytest.mark.parametrize(
    ("rows", "verdict"), [(range(7), Verdict.INCONCLUSIVE), (range(6), Verdict.PASS), (range(12), Verdict.INCONCLUSIVE)]
)
def test_if_most_rows_are_on_the_threshold_nothing_is_proven(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: range, verdict: Verdict
) -> None:
    """Each of them may be in either count, so that any counts would do."""
    for row in rows:
        score_of_row(monkeypatch, 0.0, row)
    found_verdict, findings = worlds.judged(tmp_path, ALONE)
    assert found_verdict is verdict
    equality = of_check(findings, "equality")
    assert (equality.diagnosis == "most rows on the threshold") is (verdict is Verdict.INCONCLUSIVE)
