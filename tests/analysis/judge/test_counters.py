"""The counters beside the cells, which rates over a window are read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import any_world
import worlds
from alterations import (
    ALONE,
    BASE,
    doubled,
    fewer,
    hour,
    only_after,
    with_counters,
    with_scored,
    with_value,
    without_between,
)
from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.evidence.bounds import _bounds_beside
from analysis.evidence.samples import Series
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.record.arrays import Floats
from analysis.verdict import Finding, Verdict
from worlds import PRIMARY, World


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


def beside(value: Callable[[Series], Floats], name: str = "") -> Callable[[Series], Series]:
    """The counter with other values; only that of a predictor if one is named."""
    return lambda counter: (
        replace(counter, value=value(counter)) if name in {"", counter.labels["predictor_name"]} else counter
    )


def with_dip(to: float) -> Callable[[Series], Series]:
    """One scrape midway shows another value."""
    return lambda counter: with_value(counter, len(counter.value) // 2, to)


def frozen(counter: Series) -> Floats:
    """The counter shows its first value until the last two scrapes."""
    return np.where(counter.time_ms < counter.time_ms[-2], counter.value[0], counter.value)


def lagging(counter: Series) -> Floats:
    """The counter shows at each scrape but the last what it was at the scrape before."""
    return np.append(counter.value[:1], np.append(counter.value[:-2], counter.value[-1]))


HALF = any_world.half_mirrored(worlds.world(ALONE.events, any_world.HALF), 3)
SPLIT = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)
ONE_ARTIFACT = any_world.shared(
    worlds.world(ALONE.events, (replace(PRIMARY, traffic=50), replace(PRIMARY, name="canary", traffic=50))), 0
)
OF_EACH_KIND = [ALONE, TWO_REPLICAS, BASE, HALF, SPLIT, ONE_ARTIFACT]
NAMES = ["alone", "two replicas", "mirror", "half a mirror", "split", "split of one artefact"]


@pytest.mark.parametrize("world", OF_EACH_KIND, ids=NAMES)
@pytest.mark.parametrize("prior", [0, 7])
def test_true_counters_pass(tmp_path: Path, world: World, prior: int) -> None:
    judged, findings = counters(tmp_path, replace(with_counters(lambda counter: counter, world), prior=prior))
    assert judged is Verdict.PASS, findings
    assert {finding.message for finding in findings} == {"the counters beside the cells have grown by as much"}


@pytest.mark.parametrize("world", OF_EACH_KIND, ids=NAMES)
@pytest.mark.parametrize("change", [with_dip(0.0), with_dip(1e300), beside(frozen)], ids=["to 0", "huge", "frozen"])
def test_counters_that_are_wrong_midway_fail(tmp_path: Path, world: World, change: Callable[[Series], Series]) -> None:
    """All are right in the end. A rate over a window in between is not."""
    judged, findings = counters(tmp_path, with_counters(change, world))
    assert judged is Verdict.FAIL
    assert Verdict.FAIL in {finding.verdict for finding in findings}


def test_counters_a_scrape_late_fail(tmp_path: Path) -> None:
    judged, (finding,) = counters(tmp_path, with_counters(beside(lagging)))
    assert judged is finding.verdict is Verdict.FAIL
    assert "scrapes are wrong" in finding.message


def test_a_fall_is_named_and_is_what_increase_makes_of_it(tmp_path: Path) -> None:
    _, (finding,) = counters(tmp_path, with_counters(with_dip(0.0)))
    assert "_total of 10.0.0.0:6000 fell from " in finding.message
    assert "which Prometheus takes for a restart" in finding.message


def test_a_fall_to_0_at_the_last_scrape_is_not_known_to_be_a_restart(tmp_path: Path) -> None:
    """``increase`` is right if the next scrape goes on from 0, and twice as large if it shows the old value again."""
    judged, (finding,) = counters(tmp_path, with_counters(lambda counter: with_value(counter, -1, 0.0)))
    assert judged is finding.verdict is Verdict.INCONCLUSIVE
    assert "nothing shows whether it was one" in finding.message


@pytest.mark.parametrize("name", ["default", "canary"])
@pytest.mark.parametrize("world", [SPLIT, ONE_ARTIFACT], ids=NAMES[4:])
@pytest.mark.parametrize("factor", [0, 2])
def test_counters_of_a_split_are_held_against_the_members_own_cells(
    tmp_path: Path, world: World, name: str, factor: int
) -> None:
    """The other member may have counted what this one lacks, by the bounds of the group alone."""
    judged, _ = counters(tmp_path, with_counters(beside(lambda counter: factor * counter.value, name), world))
    assert judged is Verdict.FAIL


def test_a_row_in_another_cells_counter_of_a_split_fails(tmp_path: Path) -> None:
    """By the bounds of the group, the row may be in either cell: the two models differ on it."""
    moved = {"scored_true_pos_total": -1, "scored_false_neg_total": 1}

    def change(counter: Series) -> Series:
        more = np.where(np.arange(len(counter.value)) >= len(counter.value) - 8, moved.get(counter.metric, 0), 0)
        return (
            replace(counter, value=counter.value + more) if counter.labels["predictor_name"] == "default" else counter
        )

    judged, (finding,) = counters(tmp_path, with_counters(change, SPLIT))
    assert judged is finding.verdict is Verdict.FAIL


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("scrapes", [1, 5])
def test_counters_of_half_a_mirror_are_held_against_its_own_cells(tmp_path: Path, more: int, scrapes: int) -> None:
    """At the last scrape alone, a copy may be half counted; at five in a row it is not."""

    def change(counter: Series) -> Series:
        last = np.where(np.arange(len(counter.value)) >= len(counter.value) - scrapes, more, 0)
        return replace(counter, value=counter.value + last * (counter.metric == "scored_true_pos_total"))

    _, findings = counters(tmp_path, with_counters(change, HALF))
    verdict = {finding.subject: finding.verdict for finding in findings}["shadow"]
    assert verdict is not Verdict.PASS
    assert verdict is Verdict.FAIL or scrapes == 1


def test_counters_of_a_half_mirror_that_stay_at_0_fail(tmp_path: Path) -> None:
    judged, _ = counters(tmp_path, with_counters(beside(lambda counter: 0 * counter.value, "shadow"), HALF))
    assert judged is Verdict.FAIL


@pytest.mark.parametrize(("factor", "verdict"), [(1, Verdict.PASS), (2, Verdict.FAIL)])
def test_one_class_of_a_split_may_publish_counters_alone(tmp_path: Path, factor: int, verdict: Verdict) -> None:
    """They are held against its own cells, and the other is named."""
    doubled_or_not = beside(lambda counter: factor * counter.value)
    world = with_counters(
        lambda counter: doubled_or_not(counter) if counter.labels["predictor_name"] == "default" else None, SPLIT
    )
    judged, (finding,) = counters(tmp_path, world)
    assert judged is finding.verdict is verdict
    assert ("canary publishes none" in finding.message) is (verdict is Verdict.PASS)


def test_a_replica_that_publishes_no_counters_is_a_difference(tmp_path: Path) -> None:
    """Its rows are in the cells of the predictor and in no rate."""
    world = with_counters(
        lambda counter: counter if counter.labels["instance"] == "10.0.0.0:6000" else None, TWO_REPLICAS
    )
    judged, _ = counters(tmp_path, world)
    assert judged is Verdict.FAIL


@pytest.mark.parametrize(
    ("prior", "diagnosis"), [(50, "counts from before or foreign"), (0, "series absent")], ids=["earlier", "none"]
)
@pytest.mark.parametrize("factor", [1, 3])
def test_counters_that_appear_late_are_not_known_to_be_wrong(
    tmp_path: Path, prior: int, diagnosis: str, factor: int
) -> None:
    """Counts of before the load come with them, and none since. If they grow too fast since, that is proven."""

    def change(counter: Series) -> Series:
        return only_after(replace(counter, value=factor * counter.value), hour(4))

    judged, (finding,) = counters(tmp_path, replace(with_counters(change), prior=prior))
    assert judged is finding.verdict
    if factor == 1:
        assert (finding.verdict, finding.diagnosis) == (Verdict.INCONCLUSIVE, diagnosis)
    else:
        assert finding.verdict is Verdict.FAIL


def test_counters_that_are_gone_for_some_scrapes_are_no_pass(tmp_path: Path) -> None:
    judged, (finding,) = counters(tmp_path, with_counters(lambda counter: without_between(counter, hour(4), hour(7))))
    assert judged is finding.verdict is Verdict.INCONCLUSIVE
    assert finding.diagnosis == "series absent"


def test_unknown_outcomes_do_not_hide_a_difference_at_the_end(tmp_path: Path) -> None:
    """The bounds allow it. The cells of the same scrape do not."""
    world = worlds.world(worlds.load_of(60, indeterminate=5))

    def change(counter: Series) -> Series:
        return with_value(counter, -1, counter.value[-1] + (counter.metric == "scored_true_pos_total"))

    _, (finding,) = counters(tmp_path / "true", with_counters(lambda counter: counter, world))
    assert finding.verdict is Verdict.PASS
    _, (finding,) = counters(tmp_path / "altered", with_counters(change, world))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "which requests that were not answered may explain" in finding.message


def test_counters_that_are_gone_from_before_the_load_until_its_end_are_no_pass(tmp_path: Path) -> None:
    """They are right in the last scrape; in all of the load a rate over them has nothing."""

    def gone(counter: Series) -> Series:
        kept = np.ones(len(counter.value), np.bool_)
        kept[1:-1] = False
        return replace(counter, time_ms=counter.time_ms[kept], value=counter.value[kept])

    verdict, findings = counters(tmp_path, with_counters(gone, replace(ALONE, prior=7)))
    assert verdict is Verdict.INCONCLUSIVE, findings


def test_the_doubt_of_cells_is_the_doubt_of_the_counters_beside_them() -> None:
    """A process that may have restarted before the load leaves its cells an interval."""
    times, count = np.array([1, 2], np.int64), np.array([[3.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]])
    doubt, early = np.array([[2.0, 0.0, 0.0, 0.0]] * 2), np.array([[1.0, 0.0, 0.0, 0.0]] * 2)
    cells = Trajectory(times, times, count, times, doubt, early)
    claims = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1).accounts[0].claims
    none = np.zeros((2, len(claims.members)), np.int64)
    bounds = _bounds_beside(cells, none, claims)
    first = claims.members.index((0,))
    assert bounds.low[:, first].tolist() == [2, 4]
    assert bounds.high[:, first].tolist() == [5, 7]
