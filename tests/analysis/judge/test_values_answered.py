"""Answers of a value for each class: the class of the larger value need not be the one that the model decides for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE
from analysis.evidence.offline import ArtifactAnswers
from analysis.verdict import Finding, Verdict
from worlds import PRIMARY, ROWS, World


def with_values(value: Mapping[int, float], *, labels_of: tuple[int, ...] = (), model: str = PRIMARY.artifact) -> World:
    """The world whose answers are values, by row the value of class 1; ``labels_of``: rows with labels.

    Rows that ``value`` does not name get 0.8 or 0.1, by what the model says of them.
    """
    values = {row: 0.8 if worlds.answers(model).predicted[row] else 0.1 for row in range(ROWS)} | dict(value)
    events = [
        replace(
            event,
            predicted=int(values[event.row] > 0.5),
            score=float("nan") if event.row in labels_of else values[event.row],
        )
        if event.predicted >= 0
        else event
        for event in ALONE.events
    ]
    return replace(ALONE, events=tuple(events))


def served(folder: Path, world: World) -> tuple[Verdict, Finding]:
    verdict, findings = worlds.judged(folder, world)
    return verdict, next(finding for finding in findings if finding.check == "served")


def test_a_tuned_threshold_is_no_serving_skew(tmp_path: Path) -> None:
    """Rows 3 and 5 are positive by the model, with values of 0.3 and 0.2: its threshold is not at a half."""
    assert worlds.answers(PRIMARY.artifact).predicted[[3, 5]].tolist() == [1, 1]
    verdict, finding = served(tmp_path, with_values({3: 0.3, 5: 0.2}))
    assert verdict is Verdict.PASS
    assert "by some threshold on the values" in finding.message


def test_values_that_no_threshold_explains_fail(tmp_path: Path) -> None:
    """Row 3 is positive by the model, and its value is below that of rows which are negative."""
    verdict, finding = served(tmp_path, with_values({3: 0.05}))
    assert verdict is Verdict.FAIL
    assert finding.diagnosis == "serving skew"


def test_another_models_values_fail(tmp_path: Path) -> None:
    verdict, finding = served(tmp_path, with_values({}, model="lr.joblib"))
    assert verdict is Verdict.FAIL
    assert finding.diagnosis == "serving skew"


def test_a_wrong_class_that_was_answered_as_a_label_fails(tmp_path: Path) -> None:
    """A label is what the model decided for: no threshold is left to explain it."""
    verdict, _ = served(tmp_path, with_values({3: 0.3, 5: 0.2}, labels_of=(3,)))
    assert verdict is Verdict.FAIL


def test_right_values_pass_without_a_word_of_thresholds(tmp_path: Path) -> None:
    verdict, finding = served(tmp_path, with_values({}))
    assert verdict is Verdict.PASS
    assert "threshold" not in finding.message


PREDICTED = worlds.answers(PRIMARY.artifact).predicted
INFINITE = float("inf")


@pytest.mark.parametrize(
    "values",
    [
        dict.fromkeys(range(ROWS), 0.6),
        dict.fromkeys(range(ROWS), INFINITE),
        {row: 0.6 - 4e-7 * int(PREDICTED[row]) for row in range(ROWS)},
        {4: INFINITE},
        {3: -INFINITE},
        {row: INFINITE for row in range(ROWS) if row != 5},
    ],
    ids=["constant", "constant and infinite", "reversed by little", "infinite", "minus infinite", "one is finite"],
)
def test_values_that_do_not_tell_the_classes_apart_fail(tmp_path: Path, values: Mapping[int, float]) -> None:
    """Equal values lie on the same side of each threshold, however near it is; so do infinite ones."""
    assert PREDICTED[[3, 4, 5]].tolist() == [1, 0, 1]
    verdict, finding = served(tmp_path, with_values(values))
    assert verdict is Verdict.FAIL
    assert finding.diagnosis == "serving skew"


def test_infinite_values_on_the_right_side_pass(tmp_path: Path) -> None:
    values = {row: INFINITE if PREDICTED[row] else 0.6 for row in range(ROWS)}
    verdict, finding = served(tmp_path, with_values(values))
    assert verdict is Verdict.PASS
    assert "by some threshold on the values" in finding.message


def test_a_row_on_the_threshold_may_have_any_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rounding decides its class offline, so its value need not lie on the side of that class."""
    original = worlds.answers

    def answers(name: str) -> ArtifactAnswers:
        given = original(name)
        return replace(given, score=np.where(np.arange(ROWS) == 3, 1e-9, given.score))

    monkeypatch.setattr(worlds, "answers", answers)
    verdict, finding = served(tmp_path, with_values({3: 0.1, 5: 0.2}))
    assert verdict is Verdict.PASS
    assert "by some threshold on the values" in finding.message
