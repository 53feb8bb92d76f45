"""Counters of predictions beside the cells: of predictors that share the traffic, and of mirrors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import any_world
import worlds
from alterations import ALONE, is_cell
from analysis.claims import metric_map
from analysis.evidence.samples import Series
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Verdict
from mapped import Alter, judged, wrong
from worlds import MS, PRIMARY, SHADOW, World

WITH_ANSWERS = metric_map.parse(
    metric_map.load("plumbline").text
    + '[[series]]\nmetric = "answered_total"\ncounts = "all"\naccount = "answered"\nevents = "predictions"\n',
    "with-answers",
)
SPLIT = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)
PREDICTED = [event for event in ALONE.events if event.kind is Kind.PREDICT and event.outcome is Outcome.ACKNOWLEDGED]
Part = Callable[[int], bool]


def answered(parts: Mapping[str, Part]) -> Alter:
    """A counter of predictions of each predictor, which counts the predictions that are its part."""

    def alter(stored: list[Series]) -> list[Series]:
        ups = {series.labels["instance"]: series.time_ms for series in stored if series.metric == "up"}
        counters = {}
        for cell in filter(is_cell, stored):
            part, stamps = parts.get(cell.labels["predictor_name"]), ups[cell.labels["instance"]]
            if part is not None:
                ends = [event.done_ns for number, event in enumerate(PREDICTED) if part(number)]
                value = np.searchsorted(np.sort(ends), stamps * MS, "right").astype(np.float64)
                counters[cell.labels["instance"]] = Series("answered_total", cell.labels, stamps, value)
        return stored + list(counters.values())

    return alter


def everything(_: int) -> bool:
    return True


def nothing(_: int) -> bool:
    return False


@pytest.mark.parametrize(
    ("canary", "verdict"),
    [
        (lambda number: number % 3 == 0, Verdict.PASS),
        (lambda number: number % 6 == 0, Verdict.FAIL),
        (nothing, Verdict.FAIL),
        (everything, Verdict.FAIL),
    ],
    ids=["each has its part", "a part lost", "the canary counts none", "the canary counts all"],
)
def test_predictors_that_share_the_traffic_have_counted_all_predictions_together(
    tmp_path: Path, canary: Part, verdict: Verdict
) -> None:
    parts = {"default": lambda number: number % 3 > 0, "canary": canary}
    world = replace(SPLIT, alter=answered(parts), duration_ns=0)
    result, findings = judged(tmp_path, world, WITH_ANSWERS)
    assert result is verdict, wrong(findings)
    assert list(wrong(findings)) == ([] if verdict is Verdict.PASS else ["counters"])


def test_what_one_of_several_counts_is_held_against_nothing(tmp_path: Path) -> None:
    """How many predictions it got is not known: it may have counted none of them."""
    world = replace(SPLIT, alter=answered({"default": nothing}), duration_ns=0)
    verdict, findings = judged(tmp_path, world, WITH_ANSWERS)
    assert verdict is Verdict.INCONCLUSIVE
    assert "canary publishes none of predictions" in wrong(findings)["counters"].message


@pytest.mark.parametrize(("shadow", "verdict"), [(everything, Verdict.PASS), (nothing, Verdict.FAIL)])
def test_a_complete_mirror_has_counted_all_predictions(tmp_path: Path, shadow: Part, verdict: Verdict) -> None:
    mirrored: World = worlds.world(ALONE.events, (PRIMARY, SHADOW))
    world = replace(mirrored, alter=answered({"default": everything, "shadow": shadow}), duration_ns=0)
    result, findings = judged(tmp_path, world, WITH_ANSWERS)
    assert result is verdict, wrong(findings)


def test_a_partial_mirror_says_that_its_counters_of_predictions_have_no_lower_bound(tmp_path: Path) -> None:
    half = any_world.half_mirrored(worlds.world(ALONE.events, any_world.HALF), 0)
    parts = {"default": everything, "shadow": lambda number: number % 2 == 0}
    verdict, findings = judged(tmp_path, replace(half, alter=answered(parts), duration_ns=0), WITH_ANSWERS)
    assert verdict is Verdict.PASS, wrong(findings)
    (finding,) = [own for own in findings if own.check == "counters" and own.subject == "shadow"]
    assert "no counter of predictions is above what was attempted" in finding.message


BY_CLASS = metric_map.parse(
    metric_map.load("plumbline").text
    + '[[series]]\nmetric = "answers_total"\ncounts = "predicted"\nclass = "class"\n'
    + 'account = "answers"\nevents = "predictions"\n',
    "by-class",
)


@pytest.mark.parametrize(("lost", "verdict"), [(0, Verdict.INCONCLUSIVE), (20, Verdict.FAIL)])
def test_answers_in_another_spelling_are_no_lost_ones(tmp_path: Path, lost: int, verdict: Verdict) -> None:
    """As far as there are as many of them as are missing."""

    def by_class(stored: list[Series]) -> list[Series]:
        cell = next(filter(is_cell, stored))
        stamps = next(series.time_ms for series in stored if series.metric == "up")
        counters = []
        for predicted, spelled in enumerate(("no", "1")):
            ends = np.sort([event.done_ns for event in PREDICTED if event.predicted == predicted])
            value = np.searchsorted(ends[lost * (predicted == 0) :], stamps * MS, "right").astype(np.float64)
            counters.append(Series("answers_total", {**cell.labels, "class": spelled}, stamps, value))
        return stored + counters

    result, findings = judged(tmp_path, replace(ALONE, alter=by_class, duration_ns=0), BY_CLASS)
    assert result is verdict, wrong(findings)
    assert "answers_total with class=no" in wrong(findings)["stored"].message
