"""Bounds: what a counter may show at a scrape, by what the load generator knows.

Jepsen's counter checker: *acknowledged before the read began <= read <= attempted before it ended*, with
no tolerance. An event whose outcome is not known is attempted but not acknowledged, so it widens the
bounds by exactly one. After the last event, with no such event, the bounds are one number.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.evidence.tally import Axes, Tally
from analysis.evidence.trajectories import Trajectory
from analysis.record.arrays import Bools, Floats, Ints
from model.contract import CELLS, METRIC_OF_CELL


@dataclass(frozen=True, slots=True)
class Bounds:
    """``low[i, s]`` <= count of sum ``s`` of `SUMS` at scrape ``i`` <= ``high[i, s]``; both [n, sums]."""

    low: Ints
    high: Ints

    def __post_init__(self) -> None:
        if self.low.shape != self.high.shape or np.any(self.low > self.high):
            raise ValueError("bounds: expected low <= high, of one shape")


SUMS: Final = tuple(
    members for size in range(1, len(CELLS) + 1) for members in itertools.combinations(range(len(CELLS)), size)
)
"""Every set of cells, those of one cell first and in their order: what `Bounds` are kept for.

Where several predictors share the traffic, an event belongs to any of a few cells, and the bounds of each
cell alone leave room for a lost event. By Hall's theorem the counts can be explained by some assignment of the
events exactly when the sum over every set of cells is within its bounds.
"""
_IN_SUM: Final = np.array([[cell in members for members in SUMS] for cell in range(len(CELLS))], np.int64)


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts over time beside their bounds, scrape for scrape; ``bounds`` are [n, sums]."""

    path: Trajectory
    bounds: Bounds

    @property
    def sums(self) -> Floats:
        """``[n, sums]``: counts over each set of cells of `SUMS`; the first four are the cells."""
        return self.path.value @ _IN_SUM

    @property
    def broken(self) -> Bools:
        """``[n, sums]``: where the counts lie outside their bounds; a count that is not a number does."""
        return ~((self.sums >= self.bounds.low) & (self.sums <= self.bounds.high))

    @property
    def low(self) -> Ints:
        """``[n, cells]``: least that each cell may be."""
        return self.bounds.low[:, : len(CELLS)]

    @property
    def high(self) -> Ints:
        """``[n, cells]``: most that each cell may be."""
        return self.bounds.high[:, : len(CELLS)]

    @property
    def last(self) -> tuple[Ints, Ints, Floats]:
        """Low, high and count of each cell at the last scrape."""
        return self.low[-1], self.high[-1], self.path.value[-1]


def name_of_sum(index: int) -> str:
    """Metrics of a set of cells, as they would be added: ``true_pos + false_neg``."""
    return " + ".join(METRIC_OF_CELL[CELLS[cell]] for cell in SUMS[index])


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


def cell_of_pattern(plan: Axes, artifact: str) -> Ints:
    """``[pattern]``: index into `model.contract.CELLS` of an event of that pattern, by the artefact's answer."""
    pattern = np.arange(len(plan.offline.classes) << len(plan.artifacts))
    called = (pattern >> plan.artifacts.index(artifact)) & 1 == 1
    positive = pattern >> len(plan.artifacts) == plan.offline.positive
    names = np.where(called, np.where(positive, "tp", "fp"), np.where(positive, "fn", "tn"))
    return np.array([CELLS.index(name) for name in names.tolist()], np.int64)


def membership(plan: Axes, artifacts: Sequence[str]) -> tuple[Ints, Ints]:
    """``[pattern, sum]``, twice: 1 where every artefact, and where any, puts the event into a cell of the sum."""
    each = np.stack([_IN_SUM[cell_of_pattern(plan, name)] for name in artifacts])
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
