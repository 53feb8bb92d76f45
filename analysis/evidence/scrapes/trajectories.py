"""The counts of a predictor, or of several together, since the run began, scrape by scrape.

The live count of a cell is the sum over every series of it, as a dashboard would sum it: over workers of
a target, over targets of a predictor. A target's value is known at its own scrapes only, so the sum is
taken at each scrape of any target, with the latest value of the others. The sum is then as old as the
oldest of these values and as young as the youngest (`Trajectory.start_ns`, `Trajectory.end_ns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.evidence.samples import ClockOffset, canonical
from analysis.evidence.scrapes.targets import ALIGNMENT_MS, ScrapeTarget, baseline_index
from analysis.record.arrays import Floats, Ints

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
    lacked a series, what was counted until the next whole scrape may be from before the load. ``gone``: for each target
    of which such a scrape failed, since when (on Prometheus' clock) the counts may be more by what its baseline shows
    [cells]: exactly by that, if it restarted then.
    """

    start_ns: Ints
    end_ns: Ints
    value: Floats
    time_ms: Ints
    doubt: Floats
    early: Floats
    gone: tuple[tuple[int, Floats], ...] = ()

    def restarted(self, gone: Iterable[tuple[int, Floats]]) -> Trajectory:
        """The counts if those targets of ``gone`` restarted."""
        value = self.value.copy()
        for since_ms, counts in gone:
            value[self.time_ms >= since_ms] += counts
        return replace(self, value=value)


def trajectory(targets: Sequence[ScrapeTarget], first_ns: int, clock: ClockOffset) -> Trajectory:
    """Counts since ``first_ns`` (ledger's clock), summed over the targets, all of which have a baseline.

    Raises ValueError for a target without a baseline.
    """
    first_ms = clock.earliest_prometheus_ms(first_ns)
    last_ms = clock.latest_prometheus_ms(first_ns) + ALIGNMENT_MS
    parts = [_since_baseline(target, baseline_index(target, first_ms), last_ms) for target in targets]
    at_ms = np.unique(np.concatenate([part.time_ms for part in parts]))
    value, doubt, early = np.zeros((3, len(at_ms), targets[0].value.shape[1]))
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
    gone = tuple(part.gone for part in parts if part.gone is not None)
    return Trajectory(start_ns, np.ceil(end_ms * 1e6).astype(np.int64), value, at_ms, doubt, early, gone)


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
    gone: tuple[int, Floats] | None


def _since_baseline(target: ScrapeTarget, baseline: int | None, last_ms: float) -> _Part:
    """The counts of a target since its baseline. ``last_ms``: the first event was not later."""
    if baseline is None:
        raise ValueError(f"trajectory: target {canonical(target.labels)} has no baseline")
    good = np.flatnonzero(target.up & (target.absent == 0))  # what a scrape lacked, it says nothing of
    good = good[good >= baseline]
    base = target.value[baseline] if baseline >= 0 else np.zeros(target.value.shape[1])
    time_ms = target.time_ms[good]
    began_ms = time_ms.copy()
    if target.own_times:
        began_ms[:-1] = NEVER  # samples may be older than their scrape, apart from the very last; newer they cannot be
    may_have_restarted = target.renewed & (target.time_ms <= last_ms) & (np.arange(len(target.time_ms)) >= baseline)
    is_after = good > np.argmax(may_have_restarted) if may_have_restarted.any() else np.zeros(len(good), np.bool_)
    value = target.value[good] - base
    since = good[good > baseline]
    was_missed = baseline >= 0 and len(since) > 0 and _missed(target, good, baseline, last_ms)
    return _Part(
        time_ms,
        began_ms,
        time_ms + target.duration_ms[good],
        value,
        is_after[:, None] * base,
        _early(good, value, baseline) if was_missed else np.zeros_like(value),
        (int(target.time_ms[since[0]]), base) if was_missed and base.any() else None,
    )


def _missed(target: ScrapeTarget, good: Ints, baseline: int, last_ms: float) -> bool:
    """Whether a scrape between the baseline and the first event failed, or was not whole."""
    at = np.arange(len(target.time_ms))
    return bool(np.any((at > baseline) & (target.time_ms <= last_ms) & ~np.isin(at, good)))


def _early(good: Ints, value: Floats, baseline: int) -> Floats:
    """``[n, cells]``: the part of the ``value`` at the scrapes ``good`` that may be from before the load."""
    early = np.zeros_like(value)
    since = good > baseline
    early[since] = np.maximum(value[since][0], 0.0)
    return early
