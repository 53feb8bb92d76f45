"""The counts of a predictor, or of several together, since the run began, scrape by scrape.

The live count of a cell is the sum over every series of it, as a dashboard would sum it: over workers of
a target, over targets of a predictor. A target's value is known at its own scrapes only, so the sum is
taken at each scrape of any target, with the latest value of the others. The sum is then as old as the
oldest of these values and as young as the youngest (`Trajectory.start_ns`, `Trajectory.end_ns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.evidence.samples import ClockOffset, Series, canonical
from analysis.evidence.targets import ALIGNMENT_MS, ScrapeTarget, address_of, baseline_index
from analysis.record.arrays import Floats, Ints
from model.contract import CELLS

NEVER: Final = np.iinfo(np.int64).min
"""``start_ns`` of a sum in which a target has no part yet, because it was not scraped before."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Counts of one or several predictors since the run began, at each scrape of any of their targets.

    ``start_ns`` [n], ``end_ns`` [n]: on the ledger's clock and widened by its uncertainty; what ended before
    ``start_ns[i]`` must be in ``value[i]``, what began after ``end_ns[i]`` cannot be in it. ``value`` [n, cells].
    ``time_ms`` [n]: the scrape, on Prometheus' clock. ``doubt`` [n, cells]: by how much the counts may be more: of a
    target that restarted between its baseline and the first event what the baseline shows was gone by then.
    ``early`` [n, cells]: by how much the counts may be less: where a scrape between baseline and first event failed or
    lacked a series, what was counted until the next whole scrape may be from before the load.
    """

    start_ns: Ints
    end_ns: Ints
    value: Floats
    time_ms: Ints
    doubt: Floats
    early: Floats


def trajectory(targets: Sequence[ScrapeTarget], first_ns: int, clock: ClockOffset) -> Trajectory:
    """Counts since ``first_ns`` (ledger's clock), summed over the targets, all of which have a baseline.

    Raises ValueError for a target without a baseline.
    """
    first_ms = clock.earliest_prometheus_ms(first_ns)
    last_ms = clock.latest_prometheus_ms(first_ns) + ALIGNMENT_MS
    parts = [_since_baseline(target, baseline_index(target, first_ms), last_ms) for target in targets]
    at_ms = np.unique(np.concatenate([part.time_ms for part in parts]))
    value, doubt, early = np.zeros((3, len(at_ms), len(CELLS)))
    oldest = np.full(len(at_ms), np.iinfo(np.int64).max, np.int64)
    youngest = np.zeros(len(at_ms))
    for part in parts:
        last = np.searchsorted(part.time_ms, at_ms, "right") - 1
        scraped = last >= 0
        value[scraped] += part.value[last[scraped]]
        doubt[scraped] += part.doubt[last[scraped]]
        early[scraped] += part.early[last[scraped]]
        oldest = np.minimum(oldest, np.where(scraped, part.began_ms[last], NEVER))
        youngest = np.maximum(youngest, np.where(scraped, part.end_ms[last], 0))
    slack_ms = clock.uncertainty_s * 1000 + ALIGNMENT_MS
    never = oldest == NEVER
    start_ms = clock.ledger_ms(np.where(never, 0, oldest)) - slack_ms
    end_ms = clock.ledger_ms(youngest) + slack_ms + 1  # a sample's time is cut to whole milliseconds
    start_ns = np.where(never, NEVER, np.floor(start_ms * 1e6).astype(np.int64))
    return Trajectory(start_ns, np.ceil(end_ms * 1e6).astype(np.int64), value, at_ms, doubt, early)


@dataclass(frozen=True, slots=True)
class _Part:
    """A target's part in a trajectory: its good scrapes from the baseline on.

    ``began_ms`` [n]: when its samples can have been read at the earliest; `NEVER` where that is not known. ``end_ms``
    [n]: when each scrape had ended.
    """

    time_ms: Ints
    began_ms: Ints
    end_ms: Floats
    value: Floats
    doubt: Floats
    early: Floats


def _since_baseline(target: ScrapeTarget, baseline: int | None, last_ms: float) -> _Part:
    """The counts of a target since its baseline. ``last_ms``: the first event was not later."""
    if baseline is None:
        raise ValueError(f"trajectory: target {canonical(target.labels)} has no baseline")
    good = np.flatnonzero(target.up & (target.absent == 0))  # what a scrape lacked, it says nothing of
    good = good[good >= baseline]
    base = target.value[baseline] if baseline >= 0 else np.zeros(len(CELLS))
    time_ms = target.time_ms[good]
    began_ms = time_ms.copy()
    if target.own_times:
        began_ms[:-1] = NEVER  # samples may be older than their scrape, apart from the very last; newer they cannot be
    may_have_restarted = target.renewed & (target.time_ms <= last_ms) & (np.arange(len(target.time_ms)) >= baseline)
    is_after = good > np.argmax(may_have_restarted) if may_have_restarted.any() else np.zeros(len(good), np.bool_)
    value = target.value[good] - base
    return _Part(
        time_ms,
        began_ms,
        time_ms + target.duration_ms[good],
        value,
        is_after[:, None] * base,
        _early(target, good, value, baseline, last_ms),
    )


def _early(target: ScrapeTarget, good: Ints, value: Floats, baseline: int, last_ms: float) -> Floats:
    """``[n, cells]``: the part of the ``value`` at the scrapes ``good`` that may be from before the load.

    Nothing is, unless a scrape between the baseline and the first event failed, or was not whole.
    """
    early = np.zeros_like(value)
    at = np.arange(len(target.time_ms))
    missed = (at > baseline) & (target.time_ms <= last_ms) & ~np.isin(at, good)
    since = good > baseline
    if baseline >= 0 and missed.any() and since.any():
        early[since] = np.maximum(value[since][0], 0.0)
    return early


_ANEW: Final = "{} began anew about when the load did, and what it lost is not known"


@dataclass(frozen=True, slots=True)
class Growth:
    """By how much counters grew since the run began: by at least ``low`` and at most ``high``.

    ``doubt``: why the two differ, or None. ``fault``: what no counter does, or None; ``fell``: whether that is a fall.
    """

    low: float
    high: float
    doubt: str | None = None
    fault: str | None = None
    fell: bool = False


def growth(
    counters: Sequence[Series], targets: Sequence[ScrapeTarget], first_ms: float, latest_ms: float | None = None
) -> Growth:
    """The growth of all ``counters`` together.

    ``targets``: those that they come from, which say when they were scraped, and how long that took. ``first_ms``,
    ``latest_ms``: when the first event was sent at the earliest and at the latest, on Prometheus' clock.
    """
    latest_ms = first_ms if latest_ms is None else latest_ms
    parts = [_growth(counter, _target_of(counter, targets), first_ms, latest_ms) for counter in counters]
    return Growth(
        sum(part.low for part in parts),
        sum(part.high for part in parts),
        next((part.doubt for part in parts if part.doubt is not None), None),
        next((part.fault for part in parts if part.fault is not None), None),
        any(part.fell for part in parts),
    )


def _target_of(counter: Series, targets: Sequence[ScrapeTarget]) -> ScrapeTarget | None:
    """The target whose labels a counter has, the one of most labels if several are; else one at its address."""
    mine = [target for target in targets if target.labels.items() <= counter.labels.items()]
    if mine:
        return max(mine, key=lambda target: len(target.labels))
    return next((target for target in targets if address_of(target.labels) == address_of(counter.labels)), None)


def _growth(counter: Series, target: ScrapeTarget | None, first_ms: float, latest_ms: float) -> Growth:
    """The growth of one counter.

    Its baseline is what the last scrape showed that had ended before the first event. If that scrape lacked it, and an
    earlier one had it, its process may have begun anew since, at 0, or that scrape was a broken one. What the last
    scrapes lack may be gone with its process, and then no sum over counters has it any more, or may come again.
    """
    times, values = counter.time_ms, counter.value
    if not np.isfinite(values).all() or (values < 0).any():
        return Growth(0.0, np.inf, fault=f"{counter.metric} holds NaN, infinity or a negative number")
    scrapes, took = (times, np.zeros(len(times))) if target is None else _scrapes_of(target)
    ended = scrapes[scrapes + took + ALIGNMENT_MS + 1 < first_ms]
    base_ms = int(ended[-1]) if len(ended) else -1
    since, at_ms = values[times > base_ms], times[times > base_ms]
    if not len(since):
        return Growth(0.0, 0.0)
    fell_ms = at_ms[:-1][np.diff(since) < 0]
    if len(fell_ms) and fell_ms[-1] <= latest_ms + ALIGNMENT_MS:
        return Growth(float(since[-1]), np.inf, _ANEW.format(counter.metric))
    if len(fell_ms):
        return Growth(0.0, np.inf, fault=f"{counter.metric} fell, as no counter does whose process lives", fell=True)
    grown = _from_baseline(counter, base_ms, since)
    if (scrapes > times[-1]).any():
        return Growth(0.0, np.inf, f"the last scrape lacked {counter.metric}")
    return grown


def _from_baseline(counter: Series, base_ms: int, since: Floats) -> Growth:
    """``base_ms``: when the baseline's scrape began, -1 without one. ``since``: the counter's values after it."""
    name, before = counter.metric, counter.value[counter.time_ms <= base_ms]
    base, last = float(before[-1]) if len(before) else 0.0, float(since[-1])
    was_there = bool(np.any(counter.time_ms == base_ms))
    if base_ms < 0 and since[0]:
        return Growth(last - float(since[0]), last, f"it is not known what {name} showed before the load")
    if since[0] < base and was_there:
        return Growth(last, np.inf, _ANEW.format(name))
    if since[0] < base:
        return Growth(last, last)  # it began anew before the load
    if base and not was_there:
        return Growth(last - base, last, f"{name} was missing before the load, and whether it began anew is not known")
    return Growth(last - base, last - base)


def _scrapes_of(target: ScrapeTarget) -> tuple[Ints, Floats]:
    """When the good scrapes of a target began, and how long each took, in milliseconds."""
    return target.time_ms[target.up], target.duration_ms[target.up]
