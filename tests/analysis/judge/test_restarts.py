"""A process that restarts before the load: what it had counted is no baseline, and nothing may hang on a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, hour, is_cell
from analysis.evidence.samples import Series
from analysis.verdict import Finding, Verdict
from model.contract import CELLS
from worlds import World

BUSY = worlds.world(worlds.load_of(120, span_s=6.0))
TRUE_POS = CELLS.index("tp")


def equality_of(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = [finding for finding in findings if finding.check == "equality"]
    return finding


def earlier(counts: dict[str, int], silent: int = 20) -> Callable[[list[Series]], list[Series]]:
    """Another 40 scrapes before the load. An earlier process shows its counts, and the last ``silent`` show no cell."""

    def longer(series: Series, first_ms: int) -> Series:
        before = first_ms - 1000 * np.arange(40, 0, -1)
        if not is_cell(series):
            value = np.full(40, series.value[0])
        else:
            before = before[: 40 - silent]
            value = np.full(40 - silent, float(counts.get(series.metric, 0)))
        return replace(
            series, time_ms=np.concatenate([before, series.time_ms]), value=np.concatenate([value, series.value])
        )

    def alter(stored: list[Series]) -> list[Series]:
        first_ms = min(int(series.time_ms[0]) for series in stored)
        return [longer(series, first_ms) for series in stored]

    return alter


def counted(rows: int) -> World:
    """The load, of whose true positives so many are not counted, or counted twice if it is negative."""
    counts = list(BUSY.counts["default"])
    chosen = [count for count in counts if count.cell == TRUE_POS][10 : 10 + abs(rows)]
    kept = [count for count in counts if rows < 0 or count not in chosen]
    return worlds.with_counts(BUSY, "default", [*kept, *(chosen if rows < 0 else [])])


@pytest.mark.parametrize("rows", [0, 3, -3], ids=["true", "3 lost", "3 counted twice"])
@pytest.mark.parametrize("before", [1, 3])
def test_counts_of_a_process_that_may_be_gone_are_a_baseline_or_not(tmp_path: Path, rows: int, before: int) -> None:
    """The load shows at once as much as the earlier process had: a restart and a long absence look the same."""
    world = replace(counted(rows), alter=earlier({"true_pos": before}))
    verdict, findings = worlds.judged(tmp_path, world)
    low, high = 50 - rows - before, 50 - rows
    if low <= 50 <= high:
        assert verdict is Verdict.INCONCLUSIVE, findings
        equality = equality_of(findings)
        assert equality.diagnosis == "worker or replica recycled"
        assert f"grew by {high} if a process restarted before the first event, and by {low} if none" in equality.message
    else:
        assert verdict is Verdict.FAIL, "it is wrong in either case"


@pytest.mark.parametrize(
    "before", [{"true_pos": 8}, {"true_pos": 3, "true_neg": 30}], ids=["this cell", "another cell of the worker"]
)
def test_a_worker_of_which_any_cell_comes_again_with_less_has_restarted(tmp_path: Path, before: dict[str, int]) -> None:
    """Then all of its cells began at 0, also one that shows more by now."""
    verdict, findings = worlds.judged(tmp_path / "true", replace(BUSY, alter=earlier(before)))
    assert verdict is Verdict.PASS, findings
    verdict, findings = worlds.judged(tmp_path / "lost", replace(counted(3), alter=earlier(before)))
    assert verdict is Verdict.FAIL
    assert "3 of 120 acknowledged feedbacks were not counted" in equality_of(findings).message


def test_a_cell_that_a_restarted_worker_publishes_later_is_no_stale_series(tmp_path: Path) -> None:
    """At two scrapes in the load it shows its other cells, and this one not yet."""
    before = earlier({"true_pos": 8, "true_neg": 30})
    first = next(series for series in worlds.series_of(BUSY) if series.metric == "true_neg").time_ms[:2]

    def alter(stored: list[Series]) -> list[Series]:
        return [
            replace(series, time_ms=series.time_ms[keep], value=series.value[keep])
            if series.metric == "true_neg" and (keep := ~np.isin(series.time_ms, first)) is not None
            else series
            for series in before(stored)
        ]

    verdict, findings = worlds.judged(tmp_path, replace(BUSY, alter=alter))
    assert verdict is Verdict.INCONCLUSIVE, findings
    assert {finding.diagnosis for finding in findings if finding.verdict is not Verdict.PASS} == {"series absent"}


def test_what_is_lost_in_any_case_is_counted_as_lost(tmp_path: Path) -> None:
    """Five rows are missing, and a restart would explain three of them at most."""
    verdict, findings = worlds.judged(tmp_path, replace(counted(5), alter=earlier({"true_pos": 1, "true_neg": 1})))
    assert verdict is Verdict.FAIL
    assert "5 of 120 acknowledged feedbacks were not counted" in equality_of(findings).message


def test_nothing_hangs_on_a_restart_of_a_process_that_had_counted_nothing(tmp_path: Path) -> None:
    """Its baseline is 0 in either case."""
    verdict, findings = worlds.judged(tmp_path, replace(BUSY, alter=earlier({})))
    assert verdict is Verdict.PASS, findings


def test_one_scrape_without_any_cell_may_be_a_restart(tmp_path: Path) -> None:
    """A glitch leaves out a series or two. A worker of which nothing is left was gone, or was not."""
    world = replace(BUSY, alter=earlier({"true_pos": 3}, silent=1))
    first = replace(world, alter=lambda stored: [_without_early(series) for series in world.alter(stored)])
    verdict, findings = worlds.judged(tmp_path, first)
    assert verdict is Verdict.INCONCLUSIVE, findings
    assert equality_of(findings).diagnosis == "worker or replica recycled"


def _without_early(series: Series) -> Series:
    """The series without the two scrapes before the load that `worlds` makes, which show no cell yet."""
    early = (series.time_ms >= worlds.START_NS // 10**6 - 2500) & (series.time_ms < worlds.START_NS // 10**6 - 500)
    return series if is_cell(series) else replace(series, time_ms=series.time_ms[~early], value=series.value[~early])


def fallen(after_s: float, by: float = 7.0) -> Callable[[list[Series]], list[Series]]:
    """Each cell shows so much less from that time on."""
    return lambda stored: [
        replace(series, value=np.where(series.time_ms > hour(after_s), series.value - by, series.value))
        if is_cell(series)
        else series
        for series in stored
    ]


ALL = ALONE.counts["default"]


@pytest.mark.parametrize("targets", [1, 2])
def test_a_fall_since_the_last_scrape_before_the_load_may_be_from_before_it(tmp_path: Path, targets: int) -> None:
    """The first scrape in the load lacks the earlier counts, and all of the load is there."""
    world = replace(worlds.world(ALONE.events, targets=targets), prior=7, alter=fallen(0))
    verdict, findings = worlds.judged(tmp_path, world)
    assert verdict is Verdict.INCONCLUSIVE, findings
    messages = {finding.check: finding.message for finding in findings if finding.verdict is not Verdict.PASS}
    assert set(messages) == {"scrapes", "bounds", "equality"}
    assert "fell from 7 to" in messages["scrapes"]
    assert "before the first event, which loses nothing of this load, or after it" in messages["scrapes"]
    assert "if a process restarted before the first event" in messages["equality"]


def test_a_fall_within_the_load_is_a_loss(tmp_path: Path) -> None:
    """The scrape before it was later than the first event."""
    verdict, findings = worlds.judged(tmp_path, replace(ALONE, prior=7, alter=fallen(3)))
    assert verdict is Verdict.FAIL
    assert any(finding.check == "scrapes" and finding.verdict is Verdict.FAIL for finding in findings)


@pytest.mark.parametrize(
    ("counts", "verdict", "words"),
    [
        (ALL[3:], Verdict.FAIL, "3 of 60 acknowledged feedbacks were not counted"),
        ((*ALL, ALL[0], ALL[1]), Verdict.INCONCLUSIVE, "if none did"),
    ],
    ids=["lost", "counted twice"],
)
def test_a_fall_before_the_load_excuses_no_more_than_was_there(
    tmp_path: Path, counts: tuple[worlds.Count, ...], verdict: Verdict, words: str
) -> None:
    """With three rows lost, the counts are wrong wherever the restart was; with two too many, in one case they may be.

    Of the earlier counts a part could be left; so it is not proven that rows were counted twice.
    """
    world = replace(worlds.with_counts(ALONE, "default", counts), prior=7, alter=fallen(0))
    observed, findings = worlds.judged(tmp_path, world)
    assert observed is verdict, findings
    assert words in equality_of(findings).message


def anew_in_a_missed_scrape(prior: int, lost: float = 0.0) -> Callable[[list[Series]], list[Series]]:
    """The process begins anew while the last scrape before the load fails, and counts ``lost`` true positives fewer."""

    def alter(stored: list[Series]) -> list[Series]:
        up = next(series for series in stored if series.metric == "up")
        (at,) = np.flatnonzero(up.time_ms < worlds.START_NS // 10**6)[-1:]
        altered = []
        for series in stored:
            since = series.time_ms >= up.time_ms[at]
            if series is up:
                altered.append(replace(up, value=np.where(up.time_ms == up.time_ms[at], 0.0, up.value)))
            elif is_cell(series):
                value = series.value - prior * since - lost * since * (series.metric == "true_pos")
                kept = series.time_ms != up.time_ms[at]
                altered.append(replace(series, time_ms=series.time_ms[kept], value=np.maximum(value, 0)[kept]))
            else:
                altered.append(series)
        return altered

    return alter


def test_a_restart_while_a_scrape_before_the_load_failed_is_no_loss(tmp_path: Path) -> None:
    """At the next scrape, each count is again what the earlier process had shown, or more."""
    busy = worlds.world(worlds.load_of(240))
    verdict, findings = worlds.judged(tmp_path, replace(busy, prior=1, alter=anew_in_a_missed_scrape(1)))
    assert verdict is Verdict.INCONCLUSIVE
    assert equality_of(findings).diagnosis == "worker or replica recycled"
    assert "if a process restarted then, it began at 0" in equality_of(findings).message


@pytest.mark.parametrize(("prior", "lost"), [(1, 2.0), (0, 1.0)])
def test_another_loss_is_not_explained_by_such_a_restart(tmp_path: Path, prior: int, lost: float) -> None:
    """It takes away exactly what the earlier process had counted, in each cell."""
    busy = worlds.world(worlds.load_of(240))
    verdict, findings = worlds.judged(tmp_path, replace(busy, prior=prior, alter=anew_in_a_missed_scrape(prior, lost)))
    assert verdict is Verdict.FAIL
    assert equality_of(findings).diagnosis == "counts lost"
