"""Series that a scrape lacks, samples that are not of a scrape's time, and series that come with counts from before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, is_cell
from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.evidence.samples import Series
from analysis.judge import registry
from analysis.verdict import Finding, Verdict
from model.contract import METRIC_OF_CELL
from worlds import START_NS, World

START_MS = START_NS // 10**6


def without(metric: str, chosen: Callable[[Series], slice]) -> Callable[[list[Series]], list[Series]]:
    """The series of a metric lack the samples of some scrapes, which were good."""

    def kept(series: Series) -> Series:
        keep = np.ones(len(series.time_ms), np.bool_)
        keep[chosen(series)] = False
        return replace(series, time_ms=series.time_ms[keep], value=series.value[keep])

    return lambda stored: [kept(series) if series.metric == metric else series for series in stored]


def judged(folder: Path, world: World) -> tuple[Verdict, dict[str, Finding]]:
    """The verdict, and the worst finding of each check."""
    verdict, findings = worlds.judged(folder, world)
    ordered = sorted(findings, key=lambda finding: finding.verdict)
    return verdict, {finding.check: finding for finding in ordered}


ALL = ALONE.counts["default"]
PRIOR = replace(ALONE, prior=7)


@pytest.mark.parametrize(
    ("scrapes", "verdict", "words"),
    [
        (slice(6, 7), Verdict.PASS, "1 of them lacked a series that the next one had again"),
        (slice(1, 2), Verdict.PASS, "1 of them lacked a series"),
        (slice(6, 9), Verdict.INCONCLUSIVE, "3 scrapes of 10.0.0.0:6000 lacked a series, from "),
        (slice(-1, None), Verdict.INCONCLUSIVE, "the last scrape of 10.0.0.0:6000 lacked a series"),
        (slice(-2, None), Verdict.FAIL, "lost a series and fell from "),
        (slice(6, None), Verdict.FAIL, "lost a series and fell from "),
    ],
    ids=["one scrape", "the baseline", "three scrapes", "the last scrape", "the last two", "for good"],
)
def test_absent_is_not_0(tmp_path: Path, scrapes: slice, verdict: Verdict, words: str) -> None:
    """A series that comes again was not reset; one that is gone for two scrapes has lost its counts."""
    found_verdict, worst = judged(tmp_path, replace(PRIOR, alter=without("true_pos", lambda _: scrapes)))
    assert found_verdict is verdict, worst
    assert words in worst["scrapes"].message


def last_before_the_load(series: Series) -> int:
    """Index of the last scrape that had ended before the first event."""
    return int(np.searchsorted(series.time_ms, START_MS - 100)) - 1


def with_earlier_rows(rows: int, since: int = 0) -> Callable[[list[Series]], list[Series]]:
    """Each cell has so many rows more from the last scrape before the load on, or from so many scrapes after it."""

    def more(series: Series) -> Series:
        at = np.arange(len(series.time_ms)) >= last_before_the_load(series) + since
        return replace(series, value=series.value + rows * at)

    return lambda stored: [more(series) if is_cell(series) else series for series in stored]


def at_last(series: Series) -> slice:
    return slice(last_before_the_load(series), last_before_the_load(series) + 1)


@pytest.mark.parametrize("missed", ["true_pos", "up"])
@pytest.mark.parametrize(
    ("since", "verdict"),
    [(0, Verdict.INCONCLUSIVE), (1, Verdict.INCONCLUSIVE), (4, Verdict.FAIL)],
    ids=["before the load", "by the next scrape", "within the load"],
)
def test_rows_that_a_broken_scrape_may_have_missed_prove_nothing(
    tmp_path: Path, missed: str, since: int, verdict: Verdict
) -> None:
    """What was counted between the last whole scrape and the first event looks like traffic within the load."""

    def failed(stored: list[Series]) -> list[Series]:
        for series in stored:
            if series.metric == "up":
                series.value[at_last(series)] = 0
        return stored

    def alter(stored: list[Series]) -> list[Series]:
        stored = with_earlier_rows(3, since)(stored)
        if missed != "up":
            return without(missed, at_last)(stored)
        for metric in METRIC_OF_CELL.values():
            stored = without(metric, at_last)(stored)
        return failed(stored)

    found_verdict, worst = judged(tmp_path, replace(PRIOR, alter=alter))
    assert found_verdict is verdict, worst
    if verdict is Verdict.INCONCLUSIVE:
        assert worst["bounds"].diagnosis == "counts from before or foreign", worst["bounds"]
        assert "12 counts too many may be from before the load" in worst["equality"].message


def test_a_broken_scrape_before_the_load_excuses_no_lost_count(tmp_path: Path) -> None:
    world = worlds.with_counts(PRIOR, "default", ALL[:-1])
    found_verdict, worst = judged(tmp_path, replace(world, alter=without("true_pos", at_last)))
    assert found_verdict is Verdict.FAIL, worst


def test_a_scrape_that_lacks_a_series_of_0_says_nothing_of_it(tmp_path: Path) -> None:
    """The series went from 0 to 3 just then: what it counted is not lost, and the next scrape has it."""
    first = next(series for series in worlds.series_of(ALONE) if series.metric == "true_pos")
    at = int(np.argmax(first.value > 0))
    assert first.value[at - 1] == 0 < first.value[at]
    world = replace(ALONE, alter=without("true_pos", lambda _: slice(at, at + 1)))
    found_verdict, worst = judged(tmp_path / "true", world)
    assert found_verdict is Verdict.PASS, worst
    assert "1 of them lacked a series that the next one had again" in worst["scrapes"].message
    found_verdict, _ = judged(tmp_path / "lost", worlds.with_counts(world, "default", ALL[:-1]))
    assert found_verdict is Verdict.FAIL


REPLICAS = worlds.world(ALONE.events, targets=2)


def later(metric: str, instance: str, scrapes: int) -> Callable[[list[Series]], list[Series]]:
    """One cell of a replica is published so many scrapes later than its other cells."""
    return lambda stored: [
        replace(series, time_ms=series.time_ms[scrapes:], value=series.value[scrapes:])
        if series.metric == metric and series.labels["instance"] == instance
        else series
        for series in stored
    ]


@pytest.mark.parametrize("scrapes", [1, 2])
@pytest.mark.parametrize("instance", ["10.0.0.0:6000", "10.0.0.1:6000"])
@pytest.mark.parametrize("metric", METRIC_OF_CELL.values())
def test_a_cell_that_a_replica_publishes_later_than_others_is_no_stale_series(
    tmp_path: Path, metric: str, instance: str, scrapes: int
) -> None:
    """Nor is it one in the sums at the scrapes of the other replica, which hold what this one showed last."""
    found_verdict, worst = judged(tmp_path, replace(REPLICAS, alter=later(metric, instance, scrapes)))
    assert found_verdict is not Verdict.FAIL, worst
    assert worst["bounds"].diagnosis in {None, "series absent"}


def test_a_replica_that_lags_is_found_beside_one_that_publishes_a_cell_late(tmp_path: Path) -> None:
    """The excuse is for the scrapes that lack the cell, and for no other."""

    def alter(stored: list[Series]) -> list[Series]:
        return [
            replace(series, value=np.where(np.arange(len(series.value)) == 7, series.value[3], series.value))
            if series.metric == "true_neg" and series.labels["instance"] == "10.0.0.1:6000"
            else series
            for series in later("true_neg", "10.0.0.0:6000", 1)(stored)
        ]

    found_verdict, worst = judged(tmp_path, replace(REPLICAS, alter=alter))
    assert found_verdict is Verdict.FAIL
    assert worst["bounds"].verdict is Verdict.FAIL


def test_a_series_that_comes_again_with_less_was_reset(tmp_path: Path) -> None:
    """Absent once, and then lower than before: that is a restart, and counts are lost."""

    def alter(stored: list[Series]) -> list[Series]:
        cut = without("true_pos", lambda _: slice(6, 7))(stored)
        return [
            replace(series, value=np.where(np.arange(len(series.value)) >= 6, series.value - 7, series.value))
            if series.metric == "true_pos"
            else series
            for series in cut
        ]

    found_verdict, worst = judged(tmp_path, replace(PRIOR, alter=alter))
    assert found_verdict is Verdict.FAIL
    assert worst["scrapes"].diagnosis == "worker or replica recycled"


def moved(by_ms: int) -> Callable[[list[Series]], list[Series]]:
    """Each sample of a cell carries a time of its own."""
    return lambda stored: [
        replace(series, time_ms=series.time_ms + by_ms) if is_cell(series) else series for series in stored
    ]


@pytest.mark.parametrize("by_ms", [3, 37, -37, -650, 650], ids=lambda by_ms: f"{by_ms} ms")
def test_an_exposition_with_times_of_its_own_is_no_fault(tmp_path: Path, by_ms: int) -> None:
    """Its samples lie between the scrapes; in the end they say what was sent."""
    for number, prior in enumerate((0, 7)):
        found_verdict, worst = judged(tmp_path / str(number), replace(ALONE, prior=prior, alter=moved(by_ms)))
        assert found_verdict is Verdict.PASS, worst


@pytest.mark.parametrize(
    "counts", [ALONE.counts["default"][1:], (*ALONE.counts["default"], ALONE.counts["default"][0])]
)
def test_samples_of_other_times_prove_nothing(tmp_path: Path, counts: tuple[worlds.Count, ...]) -> None:
    world = worlds.with_counts(replace(ALONE, alter=moved(37)), "default", counts)
    found_verdict, worst = judged(tmp_path, world)
    assert found_verdict is Verdict.INCONCLUSIVE
    assert worst["equality"].diagnosis == "samples of other times"


def with_stray(metric: str, at_ms: int) -> Callable[[list[Series]], list[Series]]:
    """One sample of a cell lies between two scrapes, and repeats the one before it."""

    def added(series: Series) -> Series:
        at = int(np.searchsorted(series.time_ms, at_ms))
        return replace(
            series,
            time_ms=np.insert(series.time_ms, at, at_ms),
            value=np.insert(series.value, at, series.value[at - 1]),
        )

    return lambda stored: [added(series) if series.metric == metric else series for series in stored]


def ahead_from(at_ms: int) -> Callable[[list[Series]], list[Series]]:
    """From then on, one cell shows its final value."""
    return lambda stored: [
        replace(series, value=np.where(series.time_ms > at_ms, series.value[-1], series.value))
        if series.metric == "true_pos"
        else series
        for series in stored
    ]


@pytest.mark.parametrize("targets", [1, 2])
def test_a_stray_sample_does_not_hide_counts_that_were_never_sent(tmp_path: Path, targets: int) -> None:
    """Whenever a sample was read, it holds nothing that was sent after the scrape at which it was stored."""
    world = replace(worlds.world(ALONE.events, targets=targets), prior=7)
    stray = with_stray("true_pos", START_MS + 3777)
    found_verdict, worst = judged(tmp_path / "true", replace(world, alter=stray))
    assert found_verdict is Verdict.PASS, worst
    early = ahead_from(START_MS + 3000)
    assert judged(tmp_path / "early", replace(world, alter=early))[0] is Verdict.FAIL
    found_verdict, worst = judged(tmp_path / "both", replace(world, alter=lambda stored: stray(early(stored))))
    assert found_verdict is Verdict.INCONCLUSIVE
    assert worst["bounds"].diagnosis == "samples of other times"


def test_two_servers_behind_one_address_prove_nothing(tmp_path: Path) -> None:
    """``up`` is one server's, and the cells are the other's, whose last scrape was before the last event."""

    def alter(stored: list[Series]) -> list[Series]:
        return [
            replace(series, time_ms=(series.time_ms + 400)[:-4], value=series.value[:-4]) if is_cell(series) else series
            for series in stored
        ]

    found_verdict, worst = judged(tmp_path, replace(PRIOR, alter=alter))
    assert found_verdict is Verdict.INCONCLUSIVE
    assert worst["equality"].diagnosis == "samples of other times"


def appearing(after_ms: int) -> Callable[[list[Series]], list[Series]]:
    """No cell is published until so long after the first event."""

    def alter(stored: list[Series]) -> list[Series]:
        return [
            replace(series, time_ms=series.time_ms[late], value=series.value[late])
            if is_cell(series) and (late := series.time_ms > START_MS + after_ms) is not None
            else series
            for series in stored
        ]

    return alter


def test_counts_that_came_with_a_late_series_may_be_from_before(tmp_path: Path) -> None:
    """70 counts too many in each cell, all of them with the first sample, and none since."""
    found_verdict, worst = judged(tmp_path, replace(ALONE, prior=70, alter=appearing(2500)))
    assert found_verdict is Verdict.INCONCLUSIVE
    assert worst["equality"].diagnosis == worst["bounds"].diagnosis == "counts from before or foreign"
    assert "280 counts too many came with a series that appeared" in worst["equality"].message


@pytest.mark.parametrize(
    ("under_way", "verdict", "diagnosis"),
    [
        (0, Verdict.FAIL, "foreign traffic or counted twice"),
        (4, Verdict.FAIL, "foreign traffic or counted twice"),
        (5, Verdict.INCONCLUSIVE, "earlier load under way"),
    ],
)
def test_counts_of_an_earlier_load_that_was_under_way_prove_nothing(
    tmp_path: Path, under_way: int, verdict: Verdict, diagnosis: str
) -> None:
    """Five counts too many: as many as the gateway still waited for, or more."""
    late = tuple(replace(ALL[0], at_ns=START_NS + second * worlds.SECOND) for second in range(2, 7))
    run = worlds.put(tmp_path, worlds.with_counts(ALONE, "default", (*ALL, *late)))
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"under_way": under_way}))
    worlds.reseal(tmp_path)
    findings = registry.judge(arrange(files.read(tmp_path, run)))
    assert registry.verdict(findings) is verdict
    assert next(finding for finding in findings if finding.check == "equality").diagnosis == diagnosis


def test_counts_that_grow_too_fast_are_too_many_however_late_they_came(tmp_path: Path) -> None:
    counts = tuple(count for count in ALONE.counts["default"] for _ in range(2))
    world = replace(worlds.with_counts(ALONE, "default", counts), alter=appearing(2500))
    found_verdict, worst = judged(tmp_path, world)
    assert found_verdict is Verdict.FAIL
    assert worst["equality"].diagnosis == "counted twice"


def test_a_cell_that_is_published_later_than_its_siblings_proves_nothing_before(tmp_path: Path) -> None:
    """The first scrapes show three cells of a worker: of the fourth they say nothing."""

    def late(series: Series) -> slice:
        return slice(0, int(np.searchsorted(series.time_ms, START_MS + 4000)))

    found_verdict, worst = judged(tmp_path, replace(ALONE, alter=without("true_pos", late)))
    assert found_verdict is Verdict.INCONCLUSIVE
    assert worst["bounds"].diagnosis == "series absent"


def test_cells_that_all_come_late_are_counts_that_were_not_shown(tmp_path: Path) -> None:
    """The other side: nothing of the worker is there, so a sum over the cells was too low."""
    found_verdict, worst = judged(tmp_path, replace(ALONE, alter=appearing(4000)))
    assert found_verdict is Verdict.FAIL
    assert worst["bounds"].diagnosis == "stale series"


def test_a_series_that_comes_and_goes_is_not_gone_at_the_end(tmp_path: Path) -> None:
    """It was away for two scrapes and came again: that the last two lack it does not prove a loss."""
    gaps = np.r_[5, 6, -2, -1]

    def alter(stored: list[Series]) -> list[Series]:
        return [lacking(series) if series.metric == "true_pos" else series for series in stored]

    def lacking(series: Series) -> Series:
        return replace(series, time_ms=np.delete(series.time_ms, gaps), value=np.delete(series.value, gaps))

    found_verdict, worst = judged(tmp_path, replace(PRIOR, alter=alter))
    assert found_verdict is Verdict.INCONCLUSIVE
    assert worst["scrapes"].diagnosis == "series absent"
