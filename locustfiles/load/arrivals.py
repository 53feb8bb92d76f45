"""When the visits of an open loop are due. Pure: seconds since the start of the load, seeded.

Arrivals do not depend on answers. Arrival ``i`` of the whole test is due at ``due(i)``; worker ``k`` of ``W`` takes the
arrivals ``k, k + W, ...`` of the same sequence, so together the workers keep exactly the rate that was asked for,
evenly spaced.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from locustfiles.load.shapes import RateCurve

_ARRIVALS: Final = 2
_BLOCK: Final = 4096


class Arrivals(Protocol):
    """A schedule of arrivals."""

    def due(self, index: int) -> float | None:
        """Seconds after the start at which arrival ``index`` is due; None after the last one."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Arrivals evenly spaced: ``due(i) = i / rate_per_s``."""

    rate_per_s: float

    def due(self, index: int) -> float:
        """Seconds after the start."""
        return index / self.rate_per_s


@dataclass(frozen=True, slots=True)
class Poisson:
    """Arrivals of a Poisson process: gaps are independent and exponential with mean ``1 / rate_per_s``."""

    rate_per_s: float
    seed: int

    def due(self, index: int) -> float:
        """Seconds after the start."""
        return _unit_time(self.seed, index) / self.rate_per_s


@dataclass(frozen=True, slots=True)
class Trace:
    """Arrivals at the given times, in seconds, ascending."""

    times_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(later < earlier for earlier, later in itertools.pairwise(self.times_s)) or self.times_s[:1] < (0.0,):
            raise ValueError("trace: expected ascending times of at least 0 s")

    def due(self, index: int) -> float | None:
        """Seconds after the start."""
        return self.times_s[index] if index < len(self.times_s) else None


@dataclass(frozen=True, slots=True)
class Shaped:
    """Arrivals that follow ``curve``, a rate of requests; each arrival makes ``requests`` of them on average.

    Arrival ``i`` is due when the integral of the rate reaches ``requests * u(i)``. ``u(i) = i`` without a seed: evenly
    spaced wherever the rate is constant. With a seed, ``u`` are the times of a Poisson process of rate 1, and the
    arrivals are the Poisson process with this rate (the time change theorem: Cinlar, Introduction to Stochastic
    Processes, 4.7). They end with ``curve``.
    """

    curve: RateCurve
    requests: float = 1.0
    seed: int | None = None

    def due(self, index: int) -> float | None:
        """Seconds after the start."""
        unit = float(index) if self.seed is None else _unit_time(self.seed, index)
        return self.curve.when(unit * self.requests)


@dataclass(frozen=True, slots=True)
class Until:
    """Those of ascending ``arrivals`` that are due before ``end_s``."""

    arrivals: Arrivals
    end_s: float

    def due(self, index: int) -> float | None:
        """Seconds after the start."""
        due = self.arrivals.due(index)
        return due if due is not None and due < self.end_s else None


def of_worker(arrivals: Arrivals, worker: int, workers: int) -> Iterator[float]:
    """Due times of arrivals ``worker, worker + workers, ...``, ascending, until the schedule ends."""
    for index in itertools.count(worker, workers):
        due = arrivals.due(index)
        if due is None:
            return
        yield due


def _unit_time(seed: int, index: int) -> float:
    """When arrival ``index`` of a Poisson process of rate 1 comes."""
    block, place = divmod(index, _BLOCK)
    return float(_unit_block(seed, block)[place])


@lru_cache(maxsize=8)
def _unit_block(seed: int, block: int) -> NDArray[np.float64]:
    """Arrival times of a Poisson process of rate 1 with indices ``block * _BLOCK`` and on."""
    gaps = np.random.default_rng((seed, _ARRIVALS, block)).exponential(size=_BLOCK)
    before = float(_unit_block(seed, block - 1)[-1]) if block else 0.0
    times: NDArray[np.float64] = before + np.cumsum(gaps)
    return times
