"""Proportions with their uncertainty.

Exact formulas are used where they are cheap. Rows that were sent again do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

Z: Final = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""
Z_POWER: Final = 0.8416212335729143
"""80 % point of the normal distribution."""
CONFIDENCE: Final = 0.99
"""Confidence of a gate on a percentile or a rate (MLPerf LoadGen, ``results.cc``)."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same distinct rows: rows that both, only the first, only the second, and neither got right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def rows(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927; ``statsmodels`` ``proportion_confint(method="wilson")``).

    Raises ValueError for 0 rows.
    """
    if not rows:
        raise ValueError("wilson: expected at least one row, got none")
    share, square = hits / rows, Z * Z / rows
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def binomial_cdf(hits: int, rows: int, share: float) -> float:
    """P(at most ``hits`` of ``rows`` | ``share``), like ``scipy.stats.binom.cdf``, whose import takes a second.

    It is summed in logarithms, each term from the one before.
    """
    if hits < 0:
        return 0.0
    if hits >= rows:
        return 1.0
    drawn = np.arange(hits)
    steps = np.log((rows - drawn) / (drawn + 1)) + math.log(share / (1 - share))
    terms = rows * math.log1p(-share) + np.concatenate([[0.0], np.cumsum(steps)])
    largest = float(terms.max())
    return min(math.exp(largest) * float(np.exp(terms - largest).sum()), 1.0)


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided p of Fisher's exact test for two rows of a table, like ``scipy.stats.fisher_exact``; 1 if a sum is 0.

    It adds up all tables of the same sums that are at most as probable as this one (hypergeometric distribution).
    """
    drawn, marked, total = sum(first), first[0] + second[0], sum(first) + sum(second)
    least, most = max(0, drawn + marked - total), min(drawn, marked)

    def log_choose(number: int, chosen: int) -> float:
        return math.lgamma(number + 1) - math.lgamma(chosen + 1) - math.lgamma(number - chosen + 1)

    terms = [log_choose(marked, k) + log_choose(total - marked, drawn - k) for k in range(least, most + 1)]
    observed, whole = terms[first[0] - least], log_choose(total, drawn)
    slack = 1e-7  # as scipy has it: equal probabilities differ in their last bits
    return min(sum(math.exp(term - whole) for term in terms if term <= observed + slack), 1.0)


def mcnemar(paired: Paired) -> float:
    """Exact two-sided p value that both models are equally often right (McNemar 1947, binomial form).

    1 if they never differ. Equal to ``statsmodels`` ``mcnemar(exact=True)``.
    """
    differing = paired.only_first + paired.only_second
    fewer = min(paired.only_first, paired.only_second)
    return min(1.0, 2 * binomial_cdf(fewer, differing, 0.5)) if differing else 1.0


def difference(paired: Paired) -> tuple[float, float, float]:
    """Second model's share of right rows minus the first's, with its 95 % interval.

    Newcombe 1998 (Statistics in Medicine 17:2635), method 10: Wilson intervals, squared and added, with the correlation
    of the pairs. Raises ValueError for 0 rows.
    """
    rows = paired.rows
    first, second = paired.both + paired.only_first, paired.both + paired.only_second
    low_1, high_1 = wilson(first, rows)
    low_2, high_2 = wilson(second, rows)
    share_1, share_2, phi = first / rows, second / rows, _phi(paired)
    down, up = share_2 - low_2, high_1 - share_1
    low = share_2 - share_1 - math.sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))
    down, up = share_1 - low_1, high_2 - share_2
    high = share_2 - share_1 + math.sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))
    return share_2 - share_1, max(low, -1.0), min(high, 1.0)  # rounding may exceed either end


def _phi(paired: Paired) -> float:
    """Correlation of the pairs, with Newcombe's continuity correction."""
    a, b, c, d = paired.both, paired.only_first, paired.only_second, paired.neither
    product = (a + b) * (c + d) * (a + c) * (b + d)
    if not product:
        return 0.0
    above = float(a * d - b * c)
    if above > 0:
        above = max(above - paired.rows / 2, 0.0)
    return above / math.sqrt(product)


def rows_to_see(size: float, differing: float) -> int:
    """Number of distinct rows with which a difference of ``size`` is found in 4 of 5 cases.

    ``differing`` is the share of rows on which the models differ.

    Sample size of McNemar's test (Connor 1987, Biometrics 43:207), two-sided 5 %, power 80 %.
    """
    rate = max(differing, size)
    return math.ceil(((Z * math.sqrt(rate) + Z_POWER * math.sqrt(max(rate - size * size, 0.0))) / size) ** 2)


def surely_at_most(over: int, number: int, share: float) -> bool:
    """Whether ``over`` of ``number`` shows that at most ``share`` are over: P(<= over | share) <= 1 - c.

    MLPerf LoadGen's early stopping rule (``loadgen/early_stopping.cc``) at c = `CONFIDENCE`.
    """
    return number > 0 and binomial_cdf(over, number, share) <= 1 - CONFIDENCE


def surely_more(over: int, number: int, share: float) -> bool:
    """Whether ``over`` of ``number`` shows that more than ``share`` are over: P(>= over | share) <= 1 - c."""
    return over > 0 and 1 - binomial_cdf(over - 1, number, share) <= 1 - CONFIDENCE


def enough(over: int, share: float) -> int:
    """Smallest number with which ``over`` shows that at most ``share`` are over (459 for none over and 1 %)."""
    high = 1
    while not surely_at_most(over, high, share):
        high *= 2
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if surely_at_most(over, middle, share) else (middle, high)
    return high
