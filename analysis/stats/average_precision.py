"""Precision and average precision of scored rows, under weights, and their bounds from score buckets."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from analysis.record.arrays import Bools, Floats, Ints
from model.contract import CELLS

_SUMMED: Final = 4096
"""Terms of `harmonic` that are added one by one. The memory for them does not grow with the counts."""


def precisions(called: Bools, positive: Bools, weight: Floats) -> Floats:
    """``[n]``: precision under each row of ``weight`` [n, rows]; NaN if nothing is called positive."""
    with np.errstate(invalid="ignore"):
        precision: Floats = (weight @ (called & positive)) / (weight @ called)
    return precision


def average_precisions(score: Floats, positive: Bools, weight: Floats) -> Floats:
    """``[n]``: ``sklearn.metrics.average_precision_score(sample_weight=)`` under each row of ``weight`` [n, rows].

    It is the sum over distinct scores, from the highest down, of the gain in recall times the precision there. Rows of
    the same score count together. NaN if nothing is positive.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    true = np.cumsum(weight[:, order] * positive[order], axis=1)[:, ends]
    called = np.cumsum(weight[:, order], axis=1)[:, ends]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, true / called, 0.0)
        gained = np.diff(true, axis=1, prepend=0.0) / true[:, -1:]
        average: Floats = (gained * precision).sum(axis=1)
    return average


def average_precision_bounds(counts: Ints) -> tuple[float | None, float | None]:
    """Least and greatest ``sklearn.metrics.average_precision_score`` of rows with these counts at the thresholds.

    Within a bucket it is least if all negatives score above the positives and no two scores are equal. It is greatest
    if the positives have one score above all negatives: scikit-learn gives each of a tie the precision at its end.
    None if no row is positive, or if more rows score above a threshold than above a lower one.
    """
    tp, fp = counts[::-1, CELLS.index("tp")], counts[::-1, CELLS.index("fp")]  # from the highest threshold down
    positives = int(counts[0, CELLS.index("tp")] + counts[0, CELLS.index("fn")]) if len(counts) else 0
    negatives = int(counts[0, CELLS.index("fp")] + counts[0, CELLS.index("tn")]) if len(counts) else 0
    if not positives:
        return None, None
    true, false = (np.concatenate([[0], counts, [whole]]) for counts, whole in ((tp, positives), (fp, negatives)))
    if np.any(np.diff(true) < 0) or np.any(np.diff(false) < 0):
        return None, None
    low = high = 0.0
    for at in range(len(true) - 1):
        more, before = int(true[at + 1] - true[at]), int(false[at + 1])
        if more:  # the sum of rank / (rank + before) over the ranks of these positives
            low += more - before * harmonic(int(true[at]) + before + 1, more)
            high += more * float(true[at + 1] / (true[at + 1] + false[at]))
    return low / positives, high / positives


def harmonic(first: int, count: int) -> float:
    """``1/first + 1/(first + 1) + ...``, ``count`` terms. Of many, those after the first ones by the asymptotic series.

    Source: the digamma function's expansion, https://dlmf.nist.gov/5.11.E2; its error is below 1e-12 here.
    """
    summed = min(count, _SUMMED)
    total = float((1.0 / np.arange(first, first + summed)).sum())
    if count > summed:
        total += _digamma(first + count) - _digamma(first + summed)
    return total


def _digamma(x: float) -> float:
    return math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4)
