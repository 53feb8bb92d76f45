"""Rates that change: the small language of ``--shape``, and the rate over time that it describes. Pure.

A shape is one phase, or several joined by commas, one after the other; rates are requests per second over
all workers, times are as for ``--duration``::

    hold:100/s:30s               100/s for 30 s
    ramp:10/s..200/s:60s         from 10/s to 200/s, evenly, in 60 s
    steps:50/s..200/s:4:40s      4 equal steps, 50 100 150 200/s, of 10 s each
    spike:100/s..500/s:20s       100/s, then 500/s for the middle fifth (4 s), then 100/s again
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from locustfiles.load.options import OptionsError, parse_duration

MAX_RATE_PER_S: Final = 1_000_000
MAX_STEPS: Final = 1000
GRAMMAR: Final = "hold:RATE:TIME, ramp:RATE..RATE:TIME, steps:RATE..RATE:COUNT:TIME or spike:RATE..RATE:TIME"
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)/s")
_COUNT: Final = re.compile(r"\d{1,4}")


@dataclass(frozen=True, slots=True)
class RateSegment:
    """A rate that changes linearly from ``first_per_s`` to ``last_per_s`` in ``seconds``."""

    first_per_s: float
    last_per_s: float
    seconds: float

    @property
    def count(self) -> float:
        """Integral of the rate over the whole piece."""
        return (self.first_per_s + self.last_per_s) / 2 * self.seconds

    def integral(self, elapsed_s: float) -> float:
        """Integral of the rate from the start of the piece over ``elapsed_s``."""
        slope = (self.last_per_s - self.first_per_s) / self.seconds
        return self.first_per_s * elapsed_s + slope * elapsed_s**2 / 2

    def inverse(self, count: float) -> float:
        """Seconds into the piece at which the integral reaches ``count``, which must be below `count`.

        It is the root of ``slope / 2 * t**2 + first * t - count`` that lies in the piece, in a form that does not
        subtract two nearly equal numbers and needs no case for a slope of 0.
        """
        slope = (self.last_per_s - self.first_per_s) / self.seconds
        root = math.sqrt(max(self.first_per_s**2 + 2 * slope * count, 0.0))
        return min(2 * count / (self.first_per_s + root), self.seconds) if count else 0.0


@dataclass(frozen=True)
class RateCurve:
    """Pieces one after the other: a rate for each moment from 0 to ``duration_s``."""

    pieces: tuple[RateSegment, ...]

    @cached_property
    def duration_s(self) -> float:
        """Length of all pieces."""
        return math.fsum(piece.seconds for piece in self.pieces)

    @cached_property
    def count(self) -> float:
        """Integral of the rate over all pieces: how many arrivals that makes."""
        return math.fsum(piece.count for piece in self.pieces)

    @property
    def peak_per_s(self) -> float:
        """The highest rate."""
        return max(max(piece.first_per_s, piece.last_per_s) for piece in self.pieces)

    def mean_per_s(self, seconds: float | None = None) -> float:
        """Mean rate over the first ``seconds``, or over all of it if it is shorter."""
        if seconds is None or seconds >= self.duration_s:
            return self.count / self.duration_s
        place = bisect.bisect_right(self._starts_s, seconds) - 1
        return (self._before[place] + self.pieces[place].integral(seconds - self._starts_s[place])) / seconds

    def when(self, count: float) -> float | None:
        """Seconds after the start at which the integral of the rate passes ``count``; None for `count` and above."""
        if count >= self.count:
            return None
        place = bisect.bisect_right(self._before, count) - 1
        return self._starts_s[place] + self.pieces[place].inverse(count - self._before[place])

    @cached_property
    def _starts_s(self) -> list[float]:
        """When each piece begins."""
        return list(itertools.accumulate((piece.seconds for piece in self.pieces[:-1]), initial=0.0))

    @cached_property
    def _before(self) -> list[float]:
        """Integral of the rate before each piece."""
        return list(itertools.accumulate((piece.count for piece in self.pieces[:-1]), initial=0.0))


def parse_shape(text: str) -> RateCurve:
    """The rate over time that ``text`` describes; raises `OptionsError` with one line."""
    curve = RateCurve(tuple(itertools.chain.from_iterable(_phase(phase.strip()) for phase in text.split(","))))
    if not curve.count:
        raise OptionsError(f"reading --shape: expected a rate above 0/s at some time, got {text!r}.")
    return curve


def _phase(phase: str) -> list[RateSegment]:
    name, *parts = phase.split(":")
    kind = _PHASES.get(name)
    if kind is None or len(parts) != kind[0]:
        raise OptionsError(f"reading --shape: expected {GRAMMAR}, joined by commas, got {phase!r}.")
    *others, time = parts
    try:
        seconds = parse_duration(time)
    except OptionsError as error:
        raise OptionsError(
            f"reading --shape: expected a time as 45, 30s, 5m or 1h30m at the end of {phase!r}, got {time!r}."
        ) from error
    return kind[1](phase, others, seconds)


def _hold(phase: str, parts: list[str], seconds: float) -> list[RateSegment]:
    rate = _rate(phase, parts[0])
    return [RateSegment(rate, rate, seconds)]


def _ramp(phase: str, parts: list[str], seconds: float) -> list[RateSegment]:
    return [RateSegment(*_rates(phase, parts[0]), seconds)]


def _steps(phase: str, parts: list[str], seconds: float) -> list[RateSegment]:
    first, last = _rates(phase, parts[0])
    count = int(parts[1]) if _COUNT.fullmatch(parts[1]) else 0
    if not 2 <= count <= MAX_STEPS:
        raise OptionsError(f"reading --shape: expected 2 to {MAX_STEPS} steps in {phase!r}, got {parts[1]!r}.")
    rates = [first + (last - first) * step / (count - 1) for step in range(count)]
    return [RateSegment(rate, rate, seconds / count) for rate in rates]


def _spike(phase: str, parts: list[str], seconds: float) -> list[RateSegment]:
    base, peak = _rates(phase, parts[0])
    return [
        RateSegment(base, base, seconds * 0.4),
        RateSegment(peak, peak, seconds * 0.2),
        RateSegment(base, base, seconds * 0.4),
    ]


_PHASES: Final[dict[str, tuple[int, Callable[[str, list[str], float], list[RateSegment]]]]] = {
    "hold": (2, _hold),
    "ramp": (2, _ramp),
    "steps": (3, _steps),
    "spike": (2, _spike),
}
"""The number of parts after the name of a phase, and the function that makes pieces of them."""


def _rates(phase: str, text: str) -> tuple[float, float]:
    first, dots, last = text.partition("..")
    if not dots:
        raise OptionsError(f"reading --shape: expected two rates as 10/s..200/s in {phase!r}, got {text!r}.")
    return _rate(phase, first), _rate(phase, last)


def _rate(phase: str, text: str) -> float:
    match = _RATE.fullmatch(text)
    rate = float(match[1]) if match else math.inf
    if rate > MAX_RATE_PER_S:
        raise OptionsError(
            f"reading --shape: expected a rate as 100/s, of at most {MAX_RATE_PER_S}/s, in {phase!r}, got {text!r}."
        )
    return rate
