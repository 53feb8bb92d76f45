"""Exact percentiles of times that were measured to the nanosecond: no buckets, no rounding before the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from analysis.arrays import Ints

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
_DIGITS: Final = 6


def percentile(times_ns: Ints, fraction: float) -> float:
    """Milliseconds: the smallest of the times that at least ``fraction`` of them do not exceed (nearest rank).

    This is numpy's ``quantile(method="inverted_cdf")``: always one of the times. Raises ValueError of no times.
    """
    if not len(times_ns):
        raise ValueError("percentile: expected at least one time, got none")
    return in_ms(float(np.quantile(times_ns, fraction, method="inverted_cdf")))


def summary(times_ns: Ints, names: Sequence[str] = tuple(PERCENTILES)) -> dict[str, float] | None:
    """Named percentiles and ``max`` in milliseconds; None of no times."""
    if not len(times_ns):
        return None
    found = np.quantile(times_ns, [PERCENTILES[name] for name in names], method="inverted_cdf")
    return {**dict(zip(names, map(in_ms, found.tolist()), strict=True)), "max": in_ms(int(times_ns.max()))}


def in_ms(nanoseconds: float) -> float:
    """Milliseconds, to the nanosecond."""
    return round(float(nanoseconds) / 1e6, _DIGITS)
