"""The counters beside the cells, which rates over a window are read from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import ALONE, doubled, fewer, hour, only_after, with_counters, with_scored, with_value
from analysis.evidence.samples import Series
from analysis.verdict import Finding, Verdict


def counters(folder: Path, world: worlds.World) -> tuple[Verdict, list[Finding]]:
    verdict, findings = worlds.judged(folder, world)
    return verdict, [finding for finding in findings if finding.check == "counters"]


@pytest.mark.parametrize(("ahead", "verdict"), [(0, Verdict.PASS), (1, Verdict.FAIL), (-1, Verdict.FAIL)])
@pytest.mark.parametrize("prior", [0, 7])
def test_each_counter_grows_by_what_its_cell_does(tmp_path: Path, ahead: int, verdict: Verdict, prior: int) -> None:
    """From both sides, whatever was counted before."""
    judged, (finding,) = counters(tmp_path, replace(with_scored(ahead), prior=prior))
    assert judged is finding.verdict is verdict
    assert ("scored_true_pos_total grew by" in finding.message) is (verdict is Verdict.FAIL)


def test_without_counters_it_says_so(tmp_path: Path) -> None:
    judged, (finding,) = counters(tmp_path, ALONE)
    assert judged is Verdict.PASS
    assert finding.message.startswith("it publishes no counters")


def test_wrong_cells_are_another_checks_matter(tmp_path: Path) -> None:
    """Counters that are as wrong as the cells are not told a second time."""
    wrong = replace(fewer(lambda number: number % 3 > 0), alter=with_scored(0).alter)
    judged, (finding,) = counters(tmp_path, wrong)
    assert judged is Verdict.FAIL
    assert finding.verdict is Verdict.INCONCLUSIVE


NAN, INFINITE = float("nan"), float("inf")
TWO_REPLICAS = worlds.world(ALONE.events, targets=2)


@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE])
@pytest.mark.parametrize("times", [1, 3], ids=["right but for it", "tripled"])
def test_one_sample_that_is_not_a_number_does_not_end_the_comparison(tmp_path: Path, value: float, times: int) -> None:
    """What is published and cannot be used is not what is not published."""

    def change(counter: Series) -> Series:
        return with_value(replace(counter, value=times * counter.value), 3, value)

    judged, (finding,) = counters(tmp_path, with_counters(change))
    assert judged is finding.verdict is Verdict.INCONCLUSIVE
    assert finding.diagnosis == "not a count"
    assert "which is not a count" in finding.message


@pytest.mark.parametrize(("wrong", "verdict"), [(0, Verdict.INCONCLUSIVE), (1, Verdict.FAIL)])
def test_a_fraction_before_the_load_is_no_count_and_excuses_nothing(
    tmp_path: Path, wrong: int, verdict: Verdict
) -> None:
    """The counters grew by what the cells did, but they are no counts; if they did not grow so, that is proven."""

    def change(counter: Series) -> Series:
        more = with_value(counter, -1, counter.value[-1] + wrong)
        return with_value(more, 0, 0.5)

    judged, (finding,) = counters(tmp_path, replace(with_counters(change), prior=7))
    assert judged is finding.verdict is verdict


def test_a_replica_whose_counters_have_no_baseline_cannot_be_compared(tmp_path: Path) -> None:
    """Its scrapes before the load are not stored, as far as the counters go, and those of the cells are."""

    def without_scrapes(series: Series) -> Series:
        """Another server stores the counters, and no ``up`` beside them."""
        return only_after(replace(series, labels={**series.labels, "job": "counters"}), hour(2))

    def change(counter: Series) -> Series:
        return without_scrapes(counter) if counter.labels["instance"] == "10.0.0.1:6000" else counter

    world = replace(with_counters(change, TWO_REPLICAS), prior=7)
    judged, (finding,) = counters(tmp_path, world)
    assert judged is finding.verdict is Verdict.INCONCLUSIVE
    assert finding.diagnosis == "no baseline"


def test_a_counter_in_two_series_of_one_worker_is_wrong(tmp_path: Path) -> None:
    """A sum over them is twice as large."""
    once = with_counters(lambda counter: counter)

    def twice(series: list[Series]) -> list[Series]:
        stored = once.alter(series)
        scored = [counter for counter in stored if counter.metric.startswith("scored_")]
        return [*stored, *doubled(scored, model_version="2")[len(scored) :]]

    judged, (finding,) = counters(tmp_path, replace(once, alter=twice))
    assert judged is finding.verdict is Verdict.FAIL
