"""Bounds of each count at each scrape, from what the load generator knows.

The rule is that of Jepsen's counter checker: *acknowledged before the read began <= read <= attempted before it
ended*, without tolerance. An event of unknown outcome is attempted but not acknowledged, so it widens the
bounds by exactly one. After the last event, without such events, both bounds are the same number.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.claims.claim import Claims
from analysis.claims.selection import cells as cell_weights
from analysis.evidence.rounding import names_of_rounded
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.evidence.tally import Tally
from analysis.record.arrays import Bools, Floats, Ints
from analysis.stats.assignment import can_add_up


@dataclass(frozen=True, slots=True)
class Bounds:
    """``low[i, s]`` <= count of sum ``s`` of `Claims.members` at scrape ``i`` <= ``high[i, s]``; both [n, sums]."""

    low: Ints
    high: Ints

    def __post_init__(self) -> None:
        if self.low.shape != self.high.shape or np.any(self.low > self.high):
            raise ValueError("bounds: expected low <= high, of one shape")


_TOO_LARGE: Final = 2.0**53
_ROUNDING: Final = 1e-9
_FEW: Final = 6
"""With at most so many targets, every set of them is looked at."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts of ``claims`` over time beside their bounds, scrape for scrape; ``bounds`` are [n, sums]."""

    path: Trajectory
    bounds: Bounds
    claims: Claims

    @property
    def sums(self) -> Floats:
        """``[n, sums]``: counts over each set of claims (`Claims.members`); the claims themselves come first."""
        with np.errstate(over="ignore", invalid="ignore"):  # a sum that is too large is outside of all bounds
            return self.path.value @ self.claims.in_sum

    @property
    def broken(self) -> Bools:
        """``[n, sums]``: whether the counts lie outside their bounds; NaN lies outside."""
        return ~((self.sums >= self.bounds.low) & (self.sums <= self.bounds.high))

    @property
    def most(self) -> Floats:
        """``[n, sums]``: the sums with all that is in doubt (`Trajectory.doubt`)."""
        return self.sums + self.path.doubt @ self.claims.in_sum

    @property
    def undecided(self) -> Bools:
        """``[n, sums]``: whether it depends on what is in doubt that the counts lie within their bounds."""
        most = self.most
        may_be_right = (most >= self.bounds.low) & (self.sums <= self.bounds.high)
        may_be_wrong = (self.sums < self.bounds.low) | (most > self.bounds.high)
        return may_be_right & may_be_wrong

    @property
    def may_hold_earlier(self) -> bool:
        """Whether the counts are within their bounds but for such as may be from before the load (`Trajectory.early`).

        What was counted before the load is the same at each scrape since.
        """
        early, sums = self.path.early @ self.claims.in_sum, self.sums
        over, spare = sums - self.bounds.high, sums - self.bounds.low
        if not early.any() or not np.isfinite(sums).all() or (over > early).any() or (spare < 0).any():
            return False
        since = (self.path.early == self.path.early.max(axis=0)).all(axis=1)
        return bool(np.all(over[since].max(axis=0) <= spare[since].min(axis=0)))

    @property
    def may_have_restarted(self) -> bool:
        """Whether the counts are within their bounds if targets restarted while a scrape was missed before the load."""
        sets = range(1, len(self.path.gone) + 1) if len(self.path.gone) <= _FEW else (1, len(self.path.gone))
        return any(
            not replace(self, path=self.path.restarted(chosen)).broken.any()
            for size in sets
            for chosen in itertools.combinations(self.path.gone, size)
        )

    @property
    def is_over(self) -> bool:
        """Whether there were more counts at some scrape than there can have been."""
        return bool(np.any(self.sums > self.bounds.high))

    @property
    def nearest(self) -> Counted:
        """The same, with the counts as near to their bounds as what is in doubt allows."""
        more = np.clip(self.low - self.path.value, 0, self.path.doubt)
        return replace(self, path=replace(self.path, value=self.path.value + more))

    @property
    def low(self) -> Ints:
        """``[n, claims]``: the lower bound of each claim."""
        return self.bounds.low[:, : len(self.claims)]

    @property
    def high(self) -> Ints:
        """``[n, claims]``: the upper bound of each claim."""
        return self.bounds.high[:, : len(self.claims)]

    @property
    def last(self) -> tuple[Ints, Ints, Floats]:
        """Lower bound, upper bound and count of each claim at the last scrape."""
        return self.low[-1], self.high[-1], self.path.value[-1]


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the traffic a group of predictors gets.

    ``artifacts``: of every predictor that an event may have gone to (one, unless traffic is split). ``rounded``: names
    of the answers that these give just as rightly, where rounding decides the class of a row (`rounding`).
    ``sees_all``: whether each acknowledged event certainly went to this group.
    ``mirrored``: whether it gets copies. Nobody acknowledges a copy, so only the last scrape has a lower bound.
    """

    artifacts: tuple[str, ...]
    rounded: tuple[str, ...] = ()
    sees_all: bool = True
    mirrored: bool = False

    @property
    def answers(self) -> tuple[str, ...]:
        """Names of all answers by which an event may have been counted."""
        return self.artifacts + self.rounded


def membership(tally: Tally, claims: Claims, artifacts: Sequence[str]) -> tuple[Ints, Ints]:
    """By how much an event makes each sum of claims grow, by its pattern: two arrays ``[pattern, sum]``.

    The first is the least that it does by the answer of any of the artefacts, so it is certain; the second is the most.
    """
    by_artifact = np.stack([(claims.weight @ claims.in_sum)[tally.pairs[name]] for name in artifacts])
    return by_artifact.min(axis=0), by_artifact.max(axis=0)


def cells_of(claims: Claims, value: Floats) -> Floats | None:
    """``[n, cells]``: the four cells that the values [n, claims] of the claims determine; None if they do not."""
    if claims.positive is None:
        return None
    deriving = claims.deriving(cell_weights(claims.classes, claims.positive))
    return None if deriving is None else value @ deriving


def bounds_of(tally: Tally, path: Trajectory, share: Share, claims: Claims) -> Bounds:
    """Bounds of the group's summed counts at each scrape of the trajectory.

    The trajectory's times must be among ``tally.axes.starts_ns`` and ``ends_ns``.
    """
    certain, possible = membership(tally, claims, share.answers)
    counts = (tally.predicted_before, tally.predicted_upto) if claims.of_predictions else (tally.before, tally.upto)
    before = counts[0][np.searchsorted(tally.axes.starts_ns, path.start_ns)]
    upto = counts[1][np.searchsorted(tally.axes.ends_ns, path.end_ns)]
    low = before @ certain
    if not share.sees_all:
        low = np.zeros_like(low)
    elif share.mirrored:
        low[:-1] = 0
        low[-1] *= after_end(tally, path)[-1]
    return Bounds(low, upto @ possible)


def is_explained(tally: Tally, counted: Counted, share: Share, *others: Counted) -> bool:
    """Whether some events explain the counts of the last scrape all together, each event counted once or not at all.

    ``others``: what else was counted of the same events by then.

    The bounds of `Claims.members` leave room where it depends on the answer, or on the outcome, what an event adds.
    """
    path, together = counted.path, (counted, *others)
    least = tally.before[np.searchsorted(tally.axes.starts_ns, path.start_ns[-1])]
    most = tally.upto[np.searchsorted(tally.axes.ends_ns, path.end_ns[-1])]
    chosen = most > 0
    weight = np.concatenate([part.claims.weight for part in together], axis=1)
    options = np.stack([weight[tally.pairs[name][chosen]] for name in share.answers], axis=1)
    value = np.concatenate([part.path.value[-1] for part in together])
    return can_add_up(options, least[chosen] * share.sees_all, most[chosen], value)


def after_end(tally: Tally, path: Trajectory) -> Bools:
    """``[n]``: whether the scrapes of all targets began after the end of the last event."""
    last_ns = tally.span_ns[1] if tally.span_ns is not None else 0
    return path.start_ns > last_ns


def counted_beside(
    tally: Tally, counters: Trajectory, cells: Trajectory, share: Share, sharer: str | None, claims: Claims
) -> Counted | None:
    """Counters beside the cells of a predictor at each scrape that has both, with their bounds.

    ``share``: of the predictor's group. ``sharer``: its own artefact if the group has several predictors, else None.
    ``claims``: those of the counters; where the group has several predictors or gets copies, also of the cells.
    None if the last scrape of either lacks the other.

    Cells and counters are of one process and one scrape, so they differ by no more than what was counted while they
    were read. Alone in its group, a predictor got every event, and its counters have the bounds that its cells have. Of
    several, each has its own cells, more or less the events that were under way during the scrape: one that had ended
    before is in both, or in neither. When a copy ended is not known. So a mirror's counters lie between its cells at
    the scrape before and at the scrape after: nothing that is counted stays half done for as long as that.
    """
    _, at, of_cells = np.intersect1d(counters.time_ms, cells.time_ms, return_indices=True)
    same = (counters.start_ns[at] == cells.start_ns[of_cells]) & (counters.end_ns[at] == cells.end_ns[of_cells])
    at, of_cells = at[same], of_cells[same]
    if not len(at) or at[-1] + 1 < len(counters.time_ms) or of_cells[-1] + 1 < len(cells.time_ms):
        return None
    path, cells = _at(counters, at), _at(cells, of_cells)
    if share.mirrored:
        return Counted(path, _bounds_beside_copies(cells, bounds_of(tally, path, share, claims), claims), claims)
    if sharer is not None:
        return Counted(path, _bounds_beside(cells, _under_way(tally, path, sharer, claims), claims), claims)
    return Counted(path, bounds_of(tally, path, share, claims), claims)


def as_claims(path: Trajectory, claims: Claims, others: Claims) -> Trajectory | None:
    """The counts as other claims would have them; None if they do not follow from these."""
    deriving = claims.deriving(others.weight)
    if deriving is None or (deriving < -_ROUNDING).any():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        value, doubt, early = (np.rint(counts @ deriving) for counts in (path.value, path.doubt, path.early))
        gone = tuple((since_ms, np.rint(counts @ deriving)) for since_ms, counts in path.gone)
    return replace(path, value=value, doubt=doubt, early=early, gone=gone)


def _at(path: Trajectory, scrapes: Ints) -> Trajectory:
    """The trajectory at some of its scrapes."""
    return Trajectory(
        start_ns=path.start_ns[scrapes],
        end_ns=path.end_ns[scrapes],
        value=path.value[scrapes],
        time_ms=path.time_ms[scrapes],
        doubt=path.doubt[scrapes],
        early=path.early[scrapes],
        gone=path.gone,
    )


def _least_and_most(path: Trajectory, claims: Claims) -> tuple[Ints, Ints]:
    """The least and the most that each set of cells can have grown by, both ``[n, sums]``; nothing above is a count."""
    return _sums(path.value - path.early, claims), _sums(path.value + path.doubt, claims)


def _sums(value: Floats, claims: Claims) -> Ints:
    """``[n, sums]``: counts over each set of cells, as whole numbers; nothing above is a count."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.nan_to_num(value @ claims.in_sum, nan=_TOO_LARGE)
    return np.clip(sums, -_TOO_LARGE, _TOO_LARGE).astype(np.int64)


def _under_way(tally: Tally, path: Trajectory, artifact: str, claims: Claims) -> Ints:
    """``[n, sums]``: events that had begun before a scrape ended, and are not known to have ended before it began."""
    names = [artifact, *names_of_rounded(artifact, tally.axes.artifacts)]
    _, possible = membership(tally, claims, names)
    before = tally.before[np.searchsorted(tally.axes.starts_ns, path.start_ns)]
    upto = tally.upto[np.searchsorted(tally.axes.ends_ns, path.end_ns)]
    return (upto - before) @ possible


def _bounds_beside(cells: Trajectory, under_way: Ints, claims: Claims) -> Bounds:
    least, most = _least_and_most(cells, claims)
    return Bounds(least - under_way, most + under_way)


def _bounds_beside_copies(cells: Trajectory, bounds: Bounds, claims: Claims) -> Bounds:
    """``bounds``: those of the cells, which a complete mirror reaches in the end."""
    least, most = _least_and_most(cells, claims)
    before, after = np.zeros_like(least[:1]), np.maximum(bounds.high[-1:], most[-1:])
    low = np.vstack([before, least])[np.searchsorted(cells.end_ns, cells.start_ns, "right")]
    low = np.maximum(low, bounds.low)
    high = np.vstack([before, most, after])[1 + np.searchsorted(cells.start_ns, cells.end_ns, "left")]
    return Bounds(low, np.maximum(low, high))
