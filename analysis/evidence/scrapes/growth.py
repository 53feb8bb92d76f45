"""By how much counters grew since the run began, each from a baseline of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.evidence.samples import Series
from analysis.evidence.scrapes.targets import ALIGNMENT_MS, ScrapeTarget, address_of
from analysis.record.arrays import Floats, Ints

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
