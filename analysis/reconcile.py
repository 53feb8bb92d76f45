"""Bounds: what a counter may show at a scrape, by what the load generator knows.

Jepsen's counter checker: *acknowledged before the read began <= read <= attempted before it ended*, with
no tolerance. An event whose outcome is not known is attempted but not acknowledged, so it widens the
bounds by exactly one. After the last event, with no such event, the bounds are one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.live import Trajectory
from analysis.tally import Plan, Tally
from model.contract import CELLS


@dataclass(frozen=True, slots=True)
class Bounds:
    """``low[i, c]`` <= count of cell ``c`` at scrape ``i`` <= ``high[i, c]``; both [n, cells]."""

    low: Ints
    high: Ints

    def __post_init__(self) -> None:
        if self.low.shape != self.high.shape or np.any(self.low > self.high):
            raise ValueError("bounds: expected low <= high, of one shape")


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts over time beside their bounds, scrape for scrape."""

    path: Trajectory
    bounds: Bounds

    @property
    def broken(self) -> Bools:
        """``[n, cells]``: where the count lies outside its bounds; a count that is not a number does."""
        return ~((self.path.value >= self.bounds.low) & (self.path.value <= self.bounds.high))

    @property
    def last(self) -> tuple[Ints, Ints, Floats]:
        """Low, high and count of each cell at the last scrape."""
        return self.bounds.low[-1], self.bounds.high[-1], self.path.value[-1]


@dataclass(frozen=True, slots=True)
class Share:
    """How a predictor takes part in the traffic.

    ``artifacts``: of every predictor that an event may have gone to (one, unless traffic is split).
    ``sees_all``: whether each acknowledged event was certainly given to this group.
    ``mirrored``: whether it counts copies, which nobody acknowledges, so only the last scrape has a lower bound.
    """

    artifacts: tuple[str, ...]
    sees_all: bool = True
    mirrored: bool = False


def cell_of_pattern(plan: Plan, artifact: str) -> Ints:
    """``[pattern]``: index into `model.contract.CELLS` of an event of that pattern, by the artefact's answer."""
    pattern = np.arange(len(plan.offline.classes) << len(plan.artifacts))
    called = (pattern >> plan.artifacts.index(artifact)) & 1 == 1
    positive = pattern >> len(plan.artifacts) == plan.offline.positive
    names = np.where(called, np.where(positive, "tp", "fp"), np.where(positive, "fn", "tn"))
    return np.array([CELLS.index(name) for name in names.tolist()], np.int64)


def membership(plan: Plan, artifacts: Sequence[str]) -> tuple[Ints, Ints]:
    """``[pattern, cell]``, twice: 1 where every artefact, and where any, puts the event into the cell."""
    each = np.stack([np.eye(len(CELLS), dtype=np.int64)[cell_of_pattern(plan, name)] for name in artifacts])
    return each.min(axis=0), each.max(axis=0)


def bounds_of(tally: Tally, found: Trajectory, share: Share) -> Bounds:
    """Bounds of the group's summed counts at each scrape of the trajectory.

    The trajectory's times must be among ``tally.plan.starts_ns`` and ``ends_ns``.
    """
    every, some = membership(tally.plan, share.artifacts)
    before = tally.before[np.searchsorted(tally.plan.starts_ns, found.start_ns)]
    upto = tally.upto[np.searchsorted(tally.plan.ends_ns, found.end_ns)]
    low = before @ every
    if not share.sees_all:
        low = np.zeros_like(low)
    elif share.mirrored:
        low[:-1] = 0
        low[-1] *= after_end(tally, found)[-1]
    return Bounds(low, upto @ some)


def after_end(tally: Tally, found: Trajectory) -> Bools:
    """``[n]``: whether the scrape began after the last event had ended, at every target."""
    last_ns = tally.span_ns[1] if tally.span_ns is not None else 0
    return found.start_ns > last_ns
