"""Counts that are all within their bounds, and that no events explain together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import any_world
import worlds
from alterations import ALONE, is_cell
from analysis.claims import metric_map
from analysis.evidence import files, offline
from analysis.evidence.arrange import arrange
from analysis.evidence.samples import Series
from analysis.judge import registry
from analysis.record import runfolder
from analysis.record.ledger import NO_CLASS, Kind, Outcome
from analysis.verdict import Finding, Verdict
from events import Event
from mapped import HEAD, MATRIX, Alter, in_matrix, judged, wrong
from worlds import MS, PRIMARY, ROWS

TWICE = metric_map.parse(
    HEAD
    + "".join(f'[[series]]\nmetric = "{name}"\ncounts = "{name}"\n' for name in ("correct", "all"))
    + '[[series]]\nmetric = "right"\ncounts = "correct"\n',
    "own",
)
HALF = replace(any_world.half_mirrored(worlds.world(ALONE.events, any_world.HALF), 0), predictors=any_world.HALF)


def totals(lost: str) -> Alter:
    """Right answers, twice, and all; of the shadow, the metric ``lost`` counts nothing."""

    def alter(stored: list[Series]) -> list[Series]:
        sums: dict[tuple[str, str], Series] = {}
        for cell in filter(is_cell, stored):
            for metric in ("correct", "right", "all"):
                counts = metric == "all" or cell.metric.startswith("true")
                counts &= metric != lost or cell.labels["predictor_name"] == "default"
                series = replace(cell, metric=metric, value=cell.value * counts)
                before = sums.get(series.key)
                sums[series.key] = series if before is None else replace(before, value=before.value + series.value)
        return [series for series in stored if not is_cell(series)] + list(sums.values())

    return alter


@pytest.mark.parametrize(
    ("lost", "verdict"), [("", Verdict.PASS), ("right", Verdict.INCONCLUSIVE), ("all", Verdict.INCONCLUSIVE)]
)
def test_what_a_partial_mirror_publishes_may_contradict_itself(tmp_path: Path, lost: str, verdict: Verdict) -> None:
    """Its counts have no lower bound. Two series of one claim are equal, and no more are right than there are."""
    result, findings = judged(tmp_path, replace(HALF, alter=totals(lost)), TWICE)
    assert result is verdict, wrong(findings)
    if lost:
        assert "no events explain all of them together" in wrong(findings)["equality"].message


TRUTH = np.arange(ROWS) % 4
FIRST, SECOND = TRUTH.copy(), TRUTH.copy()
FIRST[[0, 4, 8]], SECOND[[0, 4, 8]] = [0, 2, 0], [1, 3, 1]
Counted = Callable[[Event], int]


def of_four_classes(folder: Path, answer: Counted, unknown: int = 0) -> tuple[Verdict, tuple[Finding, ...]]:
    """A split between two models of four classes, which counts each feedback as ``answer`` says."""
    fed = [number for number, event in enumerate(ALONE.events) if event.kind is Kind.FEEDBACK]
    lost = set(fed[len(fed) - unknown :])
    events = tuple(
        replace(
            event,
            truth=int(TRUTH[event.row]),
            predicted=int(FIRST[event.row]) if event.kind is Kind.PREDICT else NO_CLASS,
            outcome=Outcome.INDETERMINATE if number in lost else event.outcome,
            status=0 if number in lost else event.status,
        )
        for number, event in enumerate(ALONE.events)
    )

    def alter(stored: list[Series]) -> list[Series]:
        cells = {cell.labels["predictor_name"]: cell for cell in stored if is_cell(cell)}
        ups = {up.labels["instance"]: up.time_ms for up in stored if up.metric == "up"}
        series = [own for own in stored if not is_cell(own)]
        for name, cell in cells.items():
            times: dict[tuple[int, int], list[int]] = {(0, 0): []}
            for number, event in enumerate(event for event in events if event.kind is Kind.FEEDBACK):
                if (number % 2 == 0) == (name == "default"):
                    times.setdefault((event.truth, answer(event)), []).append(event.done_ns - MS // 2)
            stamps = ups[cell.labels["instance"]]
            for (truth, predicted), at in times.items():
                labels = {**cell.labels, "truth": str(truth), "predicted": str(predicted)}
                value = np.searchsorted(np.sort(at), stamps * MS, "right").astype(np.float64)
                series.append(Series("confusion_total", labels, stamps, value))
        return series

    split = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)
    run = worlds.put(folder, replace(split, events=events, alter=alter, duration_ns=0))
    runfolder.write(folder, replace(run, metrics=metric_map.recorded(MATRIX)))
    given = {
        name: offline.ArtifactAnswers(name[0] * 64, predicted.astype(np.int16), np.full(ROWS, np.nan))
        for name, predicted in {PRIMARY.artifact: FIRST, "lr.joblib": SECOND}.items()
    }
    rows, truth = np.arange(ROWS, dtype=np.int32), TRUTH.astype(np.int16)
    path = folder / runfolder.OFFLINE_FILE
    offline.write(path, offline.OfflineAnswers(rows, truth, (0, 1, 2, 3), 0, "h" * 64, given))
    worlds.reseal(folder)
    findings = registry.judge(arrange(files.read(folder, runfolder.read(folder))))
    return registry.verdict(findings), findings


def by_either(event: Event) -> int:
    return int((FIRST, SECOND)[event.request % 4 > 1][event.row])


def row_in_place_of_another(event: Event) -> int:
    """Row 4 is counted as if it were row 0: as 0 or 1, which no model answers it."""
    return 1 if event.row == 4 else int(FIRST[event.row])


def test_a_split_of_four_classes_passes(tmp_path: Path) -> None:
    verdict, findings = of_four_classes(tmp_path, by_either)
    assert verdict is Verdict.PASS, wrong(findings)


def test_rows_that_are_counted_in_place_of_others_fail_in_a_split(tmp_path: Path) -> None:
    """Each pair, each truth and all together are within their bounds."""
    verdict, findings = of_four_classes(tmp_path, row_in_place_of_another)
    assert verdict is Verdict.FAIL
    assert list(wrong(findings)) == ["equality"]
    assert wrong(findings)["equality"].diagnosis == "cells differ"


def test_with_requests_of_unknown_outcome_a_contradiction_is_no_proof(tmp_path: Path) -> None:
    """What is still under way may be counted in one series and not yet in another."""
    _, findings = of_four_classes(tmp_path, row_in_place_of_another, unknown=1)
    (equality,) = [finding for finding in findings if finding.check == "equality"]
    assert equality.verdict is Verdict.INCONCLUSIVE
    assert "no events explain" in equality.message


ACCOUNTS = metric_map.parse(
    HEAD
    + '[[series]]\nmetric = "correct"\ncounts = "correct"\n[[series]]\nmetric = "all"\ncounts = "all"\n'
    + '[[series]]\nmetric = "confusion_total"\ncounts = "pair"\ntruth = "truth"\npredicted = "predicted"\n'
    + 'account = "matrix"\n',
    "own",
)


@pytest.mark.parametrize(("alike", "verdict"), [(True, Verdict.PASS), (False, Verdict.INCONCLUSIVE)])
def test_accounts_of_the_same_feedback_may_contradict_each_other(tmp_path: Path, alike: bool, verdict: Verdict) -> None:
    """The totals lack the requests that were not answered, and the matrix has them: each may be right."""
    events = worlds.load_of(600, indeterminate=3)
    answered = [event for event in events if event.outcome is Outcome.ACKNOWLEDGED]
    counted = [replace(event, outcome=Outcome.ACKNOWLEDGED) for event in events]
    world = worlds.with_counts(worlds.world(events), "default", worlds.true_counts(counted, PRIMARY))
    fewer = worlds.with_counts(world, "default", worlds.true_counts(answered, PRIMARY))

    def alter(stored: list[Series]) -> list[Series]:
        of_totals = totals("")(stored if alike else worlds.series_of(fewer))
        matrix = [series for series in in_matrix()(stored) if series.metric == "confusion_total"]
        return of_totals + matrix

    result, findings = judged(tmp_path, replace(world, alter=alter), ACCOUNTS)
    assert result is verdict, wrong(findings)
    if not alike:
        assert "no events explain both" in wrong(findings)["counters"].message
