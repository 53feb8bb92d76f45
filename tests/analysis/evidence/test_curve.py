"""The live curve: counts at every edge against a look at each row, and what buckets say of average precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

import any_world
import worlds
from alterations import ALONE, EDGES, feedback_of, hour, with_buckets, without_between
from analysis.evidence.curve import Curve, as_json, differing
from analysis.evidence.samples import Series
from analysis.record.arrays import Bools, Ints
from analysis.record.ledger import Kind
from analysis.stats.average_precision import average_precision_bounds, harmonic
from analysis.verdict import Verdict
from model.contract import CELLS
from worlds import PRIMARY, World

ROWS = st.lists(st.tuples(st.integers(0, 11), st.booleans()), min_size=1, max_size=40)


def curve_in(folder: Path, world: World) -> Curve:
    curve = worlds.evidence_of(folder, world).groups[0].curve
    assert curve is not None
    return curve


def test_live_and_offline_are_the_counts_of_the_rows_sent(tmp_path: Path) -> None:
    """At every edge, each cell is the number of feedbacks that score above it or not, by truth."""
    world = with_buckets()
    curve = curve_in(tmp_path, world)
    score = worlds.answers(PRIMARY.artifact).score
    assert curve.threshold.tolist() == list(EDGES)
    for i, edge in enumerate(EDGES):
        called = [bool(score[event.row] > edge) for event in feedback_of(world)]
        names = [
            ("t" if c == (event.truth == 1) else "f") + ("p" if c else "n")
            for c, event in zip(called, feedback_of(world), strict=True)
        ]
        assert curve.offline[i].tolist() == [names.count(cell) for cell in CELLS]
        assert curve.live[i].tolist() == curve.offline[i].tolist()


def test_at_the_decision_threshold_the_curve_is_the_four_cells(tmp_path: Path) -> None:
    """The point at 0 is what the gauges say."""
    evidence = worlds.evidence_of(tmp_path, with_buckets())
    ((group, counted),) = evidence.counted()
    curve = group.curve
    assert curve is not None
    assert curve.live[EDGES.index(0.0)].tolist() == counted.path.value[-1].astype(int).tolist()


def test_a_score_on_an_edge_is_not_above_it(tmp_path: Path) -> None:
    """The tie: row 3 scores 2.0, which is an edge. It is negative there, offline and live."""
    score = worlds.answers(PRIMARY.artifact).score
    assert [row for row, value in enumerate(score) if value in EDGES] == [3]
    curve = curve_in(tmp_path, with_buckets())
    tied = sum(event.row == 3 for event in feedback_of(with_buckets()))
    assert tied > 0
    higher = sum(event.truth == 1 and score[event.row] > 2.0 for event in feedback_of(with_buckets()))
    at = EDGES.index(2.0), CELLS.index("tp")
    assert curve.offline[at] == curve.live[at] == higher


@pytest.mark.parametrize("fault", ["cells lost", "no last scrape"])
def test_a_fault_of_the_cells_is_not_told_again_of_the_curve(tmp_path: Path, fault: str) -> None:
    """If the cells differ, or are not known at the end, `equality` reports it; `curve` says why it does not compare."""
    fewer = worlds.with_counts(ALONE, "default", ALONE.counts["default"][::2])
    whole = with_buckets(0.75)

    def without_end(series: list[Series]) -> list[Series]:
        return [without_between(one_series, hour(5), hour(99)) for one_series in whole.alter(series)]

    world = replace(fewer, alter=whole.alter) if fault == "cells lost" else replace(whole, alter=without_end)
    _, findings = worlds.judged(tmp_path, world)
    (about_curve,) = [finding for finding in findings if finding.check == "curve"]
    assert about_curve.verdict is Verdict.INCONCLUSIVE
    assert about_curve.message.startswith("not judged, because of")
    (blamed,) = [finding for finding in findings if finding.check == "equality"]
    assert blamed.verdict is not Verdict.PASS


@pytest.mark.parametrize(("live", "is_possible"), [(6, True), (7, True), (5, False), (8, False)])
def test_an_event_of_unknown_outcome_widens_the_curve_by_one(live: int, is_possible: bool) -> None:
    """One 503 does not end the check: each count lies between what is certain and what is possible."""
    certain, possible = np.array([[6, 1, 9, 2]]), np.array([[7, 1, 9, 2]])
    curve = Curve(np.array([0.0]), np.array([[live, 1, 9, 2]]), certain, certain, possible)
    assert differing(curve).tolist() == ([] if is_possible else [0])
    assert differing(curve, sees_all=False).tolist() == ([0] if live > 7 else [])


def test_without_buckets_there_is_no_curve(tmp_path: Path) -> None:
    """None, not an empty one."""
    evidence = worlds.evidence_of(tmp_path, worlds.world(worlds.load_of(10)))
    assert as_json(evidence.groups[0].curve) is None


def test_the_exact_average_precision_is_scikit_learns(tmp_path: Path) -> None:
    """Of the rows sent, as often as they were sent."""
    world = with_buckets()
    feedback = [event for event in world.events if event.kind is Kind.FEEDBACK]
    score = worlds.answers(PRIMARY.artifact).score
    expected = average_precision_score([event.truth for event in feedback], [score[event.row] for event in feedback])
    curve = curve_in(tmp_path, world)
    low, high = average_precision_bounds(curve.live)
    assert curve.exact == pytest.approx(expected)
    assert low is not None
    assert high is not None
    assert low - 1e-12 <= expected <= high + 1e-12


@settings(deadline=None)
@given(ROWS, st.integers(0, 2**16))
def test_the_interval_holds_every_order_within_the_buckets(rows: list[tuple[int, bool]], seed: int) -> None:
    """Whatever scores the rows have within their buckets, ties included, average precision is inside."""
    bucket, positive = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    low, high = average_precision_bounds(counts_of(bucket, positive))
    if not positive.any():
        assert (low, high) == (None, None)
        return
    assert low is not None
    assert high is not None
    random = np.random.default_rng(seed)
    for score in (bucket + random.random(len(rows)), bucket, bucket + 0.5 * positive, bucket - 0.5 * positive):
        assert low - 1e-9 <= average_precision_score(positive, score) <= high + 1e-9


def test_the_bounds_of_a_huge_bucket_take_no_memory_and_are_those_of_its_parts() -> None:
    """The asymptotic series gives what adding up gives; buckets that are none by threshold have no bounds."""
    for first, count in ((1, 5), (1, 5000), (17, 10_000), (3_000_000, 12_000)):
        added_up = math.fsum(1 / at for at in range(first, first + count))
        assert harmonic(first, count) == pytest.approx(added_up, rel=1e-13)
    low, high = average_precision_bounds(np.array([[10**13, 10**13, 0, 0]]))
    assert low is not None
    assert high == 1.0
    assert low == pytest.approx(1 - math.log(2), rel=1e-9)
    assert average_precision_bounds(np.array([[5, 5, 0, 0], [7, 5, 0, 0]])) == (None, None)
    assert average_precision_bounds(np.array([[5, -5, 5, 0]])) == (None, None)


def is_of_shadow(cell: Series, metrics: tuple[str, ...]) -> bool:
    return cell.metric in metrics and cell.labels["predictor_name"] == "shadow"


def summed(cells: list[Series]) -> Series:
    """The sum of series that appear at different scrapes."""
    times = np.unique(np.concatenate([cell.time_ms for cell in cells]))
    last = [np.searchsorted(cell.time_ms, times, "right") - 1 for cell in cells]
    value = sum(np.where(at >= 0, cell.value[at], 0.0) for at, cell in zip(last, cells, strict=True))
    return replace(cells[0], time_ms=times, value=np.asarray(value))


def as_it_is(total: Series) -> Series:
    return total


def standing_still(total: Series) -> Series:
    return replace(total, value=np.zeros(len(total.value)))


def ahead_in_the_last_scrape(total: Series) -> Series:
    """A copy is counted after the last scrape has read the cells, and before it reads the buckets."""
    more = np.zeros(len(total.value))
    more[-1] = 1
    return replace(total, value=total.value + more)


@pytest.mark.parametrize("change", [as_it_is, standing_still, ahead_in_the_last_scrape])
def test_buckets_of_a_partial_mirror_hold_as_many_rows_as_its_cells(
    tmp_path: Path, change: Callable[[Series], Series]
) -> None:
    """There is no lower bound on either, and still one cannot be without the other."""
    world = any_world.half_mirrored(worlds.world(ALONE.events, any_world.HALF), 3)

    def alter(series: list[Series]) -> list[Series]:
        return [
            *series,
            *(
                replace(total, metric="feedback_score_bucket", labels={**total.labels, "truth": truth, "le": edge})
                for truth, cells in (("1", ("true_pos", "false_neg")), ("0", ("true_neg", "false_pos")))
                for total in [change(summed([cell for cell in series if is_of_shadow(cell, cells)]))]
                for edge in ("99", "+Inf")  # all rows score below 99
            ),
        ]

    verdict, findings = worlds.judged(tmp_path, replace(world, alter=alter))
    wrong = {finding.check: finding.message for finding in findings if finding.verdict is not Verdict.PASS}
    frozen = change is standing_still
    assert verdict is (Verdict.FAIL if frozen else Verdict.PASS), wrong
    assert set(wrong) == ({"curve"} if frozen else set())
    assert not frozen or wrong["curve"].startswith(
        "its score buckets hold 0 positive and 0 negative rows, where its cells"
    )


def test_more_buckets_narrow_the_interval() -> None:
    """The width is about one over their number."""
    random = np.random.default_rng(0)
    positive = random.random(4000) < 0.4
    score = np.where(positive, 0.3, 0.0) + random.random(4000)
    widths = []
    for number in (10, 100):
        low, high = average_precision_bounds(counts_of(np.floor(score * number).astype(int), positive))
        assert low is not None
        assert high is not None
        widths.append(high - low)
    assert widths[1] < widths[0] / 4


def test_a_curve_holds_its_arrays_to_one_length() -> None:
    """Thresholds increase, and every one has its counts."""
    two = np.zeros((2, 4), np.int64)
    with pytest.raises(ValueError, match="one length"):
        Curve(np.array([0.0]), np.zeros((1, 4), np.int64), two, two, two)
    with pytest.raises(ValueError, match="increase"):
        Curve(np.array([1.0, 0.0]), two, two, two, two)


def counts_of(bucket: Ints, positive: Bools) -> Ints:
    """``[edge, cell]`` at the upper edge of every bucket but the last."""
    edges = np.unique(bucket)
    counts = []
    for edge in edges:
        above = bucket > edge
        cells = (above & positive, above & ~positive, ~above & ~positive, ~above & positive)
        counts.append([int(np.count_nonzero(cell)) for cell in cells])
    return np.array(counts, np.int64)
