"""Paired percentile bootstrap over rows (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from analysis.record.arrays import Floats

RESAMPLES: Final = 2000


def resampled(rows: int, seed: int) -> Floats:
    """``[RESAMPLES, rows]``: how often each row is drawn, in as many draws with replacement as there are rows."""
    if not rows:
        return np.ones((RESAMPLES, 0))
    random = np.random.default_rng(seed)
    return random.multinomial(rows, np.full(rows, 1 / rows), RESAMPLES).astype(np.float64)


def paired_difference(
    ratio: Callable[[int, Floats], Floats], weight: Floats, level: float
) -> tuple[float, float, float] | None:
    """A ratio of side 1 minus that of side 0: the value, and both ends of its interval at ``1 - level``.

    ``ratio(side, weight)``: ``[n]`` for weights ``[n, rows]``; NaN if undefined. ``weight``: from `resampled`, which is
    called once for all ratios, because drawing takes longer than judging a short run. None if there is no row, or if
    the difference is undefined on the rows or on most resamples.
    """
    rows = weight.shape[1]
    if not rows:
        return None
    whole = np.ones((1, rows))
    differences = ratio(1, weight) - ratio(0, weight)
    value = float((ratio(1, whole) - ratio(0, whole))[0])
    differences = differences[np.isfinite(differences)]
    if not np.isfinite(value) or len(differences) < RESAMPLES // 2:
        return None
    low, high = np.quantile(differences, [level / 2, 1 - level / 2])
    return value, float(low), float(high)
