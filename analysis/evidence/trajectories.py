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

from analysis.evidence.samples import ClockOffset, canonical
from analysis.evidence.targets import ALIGNMENT_MS, ScrapeTarget, baseline_index
from analysis.record.arrays import Floats, Ints
from model.contract import CELLS

NEVER: Final = np.iinfo(np.int64).min
"""``start_ns`` of a sum in which a target has no part yet, because it was not scraped before."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Counts of one or several predictors since the run began, at each scrape of any of their targets.

    ``start_ns`` [n], ``end_ns`` [n]: on the ledger's clock and widened by its uncertainty; what ended before
    ``start_ns[i]`` must be in ``value[i]``, what began after ``end_ns[i]`` cannot be in it. ``value`` [n, cells].
    ``time_ms`` [n]: the scrape, on Prometheus' clock.
    """

    start_ns: Ints
    end_ns: Ints
    value: Floats
    time_ms: Ints


def trajectory(targets: Sequence[ScrapeTarget], first_ns: int, clock: ClockOffset) -> Trajectory:
    """Counts since ``first_ns`` (ledger's clock), summed over the targets, all of which have a baseline.

    Raises ValueError for a target without a baseline.
    """
    first_ms = clock.earliest_prometheus_ms(first_ns)
    parts = [_since_baseline(target, baseline_index(target, first_ms)) for target in targets]
    at_ms = np.unique(np.concatenate([time_ms for time_ms, _, _ in parts]))
    value = np.zeros((len(at_ms), len(CELLS)))
    oldest = np.full(len(at_ms), np.iinfo(np.int64).max, np.int64)
    youngest = np.zeros(len(at_ms))
    for time_ms, end_ms, counts in parts:
        last = np.searchsorted(time_ms, at_ms, "right") - 1
        scraped = last >= 0
        value[scraped] += counts[last[scraped]]
        oldest = np.minimum(oldest, np.where(scraped, time_ms[last], NEVER))
        youngest = np.maximum(youngest, np.where(scraped, end_ms[last], 0))
    slack_ms = clock.uncertainty_s * 1000 + ALIGNMENT_MS
    never = oldest == NEVER
    start_ms = clock.ledger_ms(np.where(never, 0, oldest)) - slack_ms
    end_ms = clock.ledger_ms(youngest) + slack_ms + 1  # a sample's time is cut to whole milliseconds
    start_ns = np.where(never, NEVER, np.floor(start_ms * 1e6).astype(np.int64))
    return Trajectory(start_ns, np.ceil(end_ms * 1e6).astype(np.int64), value, at_ms)


def _since_baseline(target: ScrapeTarget, baseline: int | None) -> tuple[Ints, Floats, Floats]:
    """Good scrapes of a target from its baseline on: when each began, when it ended, its counts since the baseline."""
    if baseline is None:
        raise ValueError(f"trajectory: target {canonical(target.labels)} has no baseline")
    good = np.flatnonzero(target.up & (target.absent == 0))  # what a scrape lacked, it says nothing of
    good = good[good >= baseline]
    if target.own_times:
        good = good[-1:]  # at any scrape before, it is not known when its samples were read
    base = target.value[baseline] if baseline >= 0 else np.zeros(len(CELLS))
    time_ms = target.time_ms[good]
    return time_ms, time_ms + target.duration_ms[good], target.value[good] - base
