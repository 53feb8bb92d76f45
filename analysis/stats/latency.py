"""Exact percentiles of times that were measured to the nanosecond: no buckets, no rounding before the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from analysis.record.arrays import Codes

PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}
NEEDS: Final = {"p50": 2, "p90": 10, "p99": 100, "p999": 1000, "p9999": 10_000}
"""Smallest number of times of which at least one lies above the percentile. With fewer times it would equal the
maximum."""
_PARTS: Final = 10_000
_DIGITS: Final = 6


def percentiles(parts_ns: Sequence[Codes], fractions: Sequence[float]) -> list[float]:
    """Percentiles in milliseconds: the smallest time that at least the given fraction of times does not exceed.

    This is the nearest rank, numpy's ``quantile(method="inverted_cdf")``, with the rank as a whole number, so the
    result is always one of the times. A fraction has up to four digits. Raises ValueError without any time.
    """
    number = sum(map(len, parts_ns))
    if not number:
        raise ValueError("percentile: expected at least one time, got none")
    ranks = [max(-(-number * round(fraction * _PARTS) // _PARTS), 1) - 1 for fraction in fractions]
    times = np.concatenate(parts_ns)
    times.partition(sorted(set(ranks)))  # all ranks at once take half as long as one after the other
    return [in_ms(time_ns) for time_ns in times[ranks].tolist()]


def summary(parts_ns: Sequence[Codes], names: Sequence[str] = tuple(PERCENTILES)) -> dict[str, float | None] | None:
    """Named percentiles and ``max``, in milliseconds, of the times in all the parts; None without any time.

    A percentile is None if there are fewer times than it `NEEDS`. Otherwise it would be the maximum under another name,
    and would look as if it had been measured.
    """
    number = sum(map(len, parts_ns))
    if not number:
        return None
    known = [name for name in names if number >= NEEDS[name]]
    times = percentiles(parts_ns, [*(PERCENTILES[name] for name in known), 1.0])
    values = dict(zip([*known, "max"], times, strict=True))
    return {name: values.get(name) for name in (*names, "max")}


def in_ms(nanoseconds: float) -> float:
    """Milliseconds, to the nanosecond."""
    return round(float(nanoseconds) / 1e6, _DIGITS)
