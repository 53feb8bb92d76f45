"""What good scrapes of a target lack of its series, and whether it comes again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.evidence.samples import Series, canonical
from analysis.record.arrays import Bools, Floats, Ints

type ProcessOf = Callable[[Mapping[str, str]], Mapping[str, str]]
"""From the labels of a series to those that its process gives to each of its series."""


@dataclass(frozen=True, slots=True)
class Absence:
    """The good scrapes of a target that lack a series after its first sample.

    ``absent`` [n]: which these are. ``reset`` [n]: those after which it comes again with less. ``filled`` [n]: those in
    which its last value still counts, ``filling`` [n]: that value, else 0. ``is_glitch`` [n]: of the filled ones, those
    that are no longer than a scrape, in which another series of the same worker is there. ``is_gone`` [n]: whether the
    scrape lacks all series of the worker. ``stored`` [n]: the series'
    own value at each good scrape, 0 where it has none.
    """

    absent: Bools
    reset: Bools
    filled: Bools
    filling: Floats
    is_glitch: Bools
    is_gone: Bools
    stored: Floats

    @property
    def is_away(self) -> Bools:
        """``[n]``: the filled ones that are no glitch."""
        return self.filled & ~self.is_glitch


def partial(series: Sequence[Series], time_ms: Ints, process_of: ProcessOf) -> Bools:
    """Scrapes that lack a series whose first sample comes later, and have another one of the same process."""
    lacking = np.zeros(len(time_ms), np.bool_)
    first: dict[str, list[int]] = {}
    for cell in series:
        if len(cell.time_ms):
            first.setdefault(canonical(process_of(cell.labels)), []).append(int(cell.time_ms[0]))
    for times in first.values():
        lacking |= (time_ms >= min(times)) & (time_ms < max(times))
    return lacking


def still_unpublished(absent: Sequence[Absence], good: Ints, number: int) -> Bools:
    """``[number]``: good scrapes that lack a series which a restarted worker publishes later than another one."""
    lacking = np.zeros(number, np.bool_)
    for absence in absent:
        lacking[good] |= absence.reset & ~absence.is_gone
    return lacking


def absences(series: Sequence[Series], time_ms: Ints, process_of: ProcessOf) -> list[Absence]:
    """For each series, what is absent of it at the good scrapes of its target.

    A worker that restarts begins all of its series anew. So where one of them comes again with less, the others that
    were away with it did not come again either, even if they show more by now.
    """
    alone = [_absence(cell, time_ms) for cell in series]
    workers = [canonical(process_of(cell.labels)) for cell in series]
    members = {name: [i for i, worker in enumerate(workers) if worker == name] for name in workers}
    joined = []
    for absence, worker in zip(alone, workers, strict=True):
        of_worker = [alone[i] for i in members[worker]]
        restarted = np.logical_or.reduce([other.reset for other in of_worker])
        is_gone = np.logical_and.reduce([other.absent for other in of_worker])
        filled = absence.filled & ~restarted
        joined.append(
            replace(
                absence,
                filled=filled,
                filling=np.where(filled, absence.filling, 0.0),
                is_gone=is_gone,
                is_glitch=filled & ~is_gone & ~_beside(filled),
            )
        )
    return joined


def _absence(cell: Series, time_ms: Ints) -> Absence:
    """Absences of one series: its last value counts where a later scrape shows it again, no less.

    Also at the last good scrape, if the one before it has the series: whether it is gone, the next scrape would show.
    And at all of the last ones, if it has been away and come again before.
    """
    last = np.searchsorted(cell.time_ms, time_ms, "right") - 1
    before, after = np.maximum(last, 0), np.minimum(last + 1, len(cell.value) - 1)
    absent = (last >= 0) & (cell.time_ms[before] != time_ms)
    comes_again = last + 1 < len(cell.value)
    returns = comes_again & (cell.value[after] >= cell.value[before])
    reset = absent & comes_again & (cell.value[after] < cell.value[before])
    if len(time_ms) > 1 and absent[-1] and not absent[-2]:
        returns[-1] = True
    if (absent & returns & comes_again).any():  # it has come again before, so it may once more
        returns |= absent & ~comes_again
    filled = absent & returns
    filling = np.where(filled, cell.value[before], 0.0)
    stored = np.where((last >= 0) & ~absent, cell.value[before], 0.0)
    return Absence(absent, reset, filled, filling, np.zeros_like(filled), absent, stored)


def _beside(chosen: Bools) -> Bools:
    """Which elements have a chosen neighbour."""
    beside = np.zeros_like(chosen)
    beside[1:] |= chosen[:-1]
    beside[:-1] |= chosen[1:]
    return beside


def renewed(absent: Sequence[Absence], good: Ints, number: int) -> Bools:
    """``[number]``: the good scrapes after which a series fell, or was away and not by a glitch."""
    anew = np.zeros(number, np.bool_)
    for absence in absent:
        count = absence.stored + absence.filling
        anew[good[:-1]] |= (count[1:] < count[:-1]) | (absence.is_away[1:] & ~absence.filled[:-1])
    return anew
