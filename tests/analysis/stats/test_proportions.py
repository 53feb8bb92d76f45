"""Statistics against their reference implementations, or against simulation if there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import proportion_confint

from analysis.stats.proportions import (
    Paired,
    binomial_cdf,
    difference,
    enough,
    fisher,
    mcnemar,
    rows_to_see,
    surely_at_most,
    surely_more,
    wilson,
)

COUNT = st.integers(0, 60)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([0.001, 0.01, 0.1, 0.5, 0.9]))
def test_the_binomial_is_scipys(hits: int, rows: int, share: float) -> None:
    """The cumulative distribution, tails included."""
    assert binomial_cdf(min(hits, rows), rows, share) == pytest.approx(
        stats.binom.cdf(min(hits, rows), rows, share), rel=1e-9
    )


@settings(deadline=None)
@given(COUNT, COUNT, COUNT, COUNT)
def test_fishers_test_is_scipys(hit: int, missed: int, other_hit: int, other_missed: int) -> None:
    """Two-sided, tails and tables with an empty row or column included."""
    expected = stats.fisher_exact([[hit, missed], [other_hit, other_missed]]).pvalue
    assert fisher((hit, missed), (other_hit, other_missed)) == pytest.approx(expected, rel=1e-6, abs=1e-300)


@settings(deadline=None)
@given(COUNT, COUNT, COUNT, COUNT)
def test_mcnemar_is_statsmodels(both: int, first: int, second: int, neither: int) -> None:
    """The exact test."""
    table = [[both, first], [second, neither]]
    expected = reference_mcnemar(table, exact=True).pvalue if first + second else 1.0
    assert mcnemar(Paired(both, first, second, neither)) == pytest.approx(expected)


@settings(deadline=None)
@given(COUNT, st.integers(0, 60))
def test_wilson_is_statsmodels(hits: int, misses: int) -> None:
    """The interval; without rows there is none."""
    if not hits + misses:
        with pytest.raises(ValueError, match="at least one row"):
            wilson(0, 0)
        return
    expected = proportion_confint(hits, hits + misses, method="wilson")
    assert wilson(hits, hits + misses) == pytest.approx(tuple(np.clip(expected, 0, 1)), abs=1e-12)


def test_three_to_none_is_a_quarter_and_stays_so() -> None:
    """The facts' example: 3 against 0 on distinct rows is p = 0.25, however often they are replayed."""
    assert mcnemar(Paired(111, 3, 0, 0)) == pytest.approx(0.25)


def test_newcombes_interval_covers_the_truth() -> None:
    """In simulation, 95 % intervals of the paired difference hold the true one about 95 times of 100."""
    random = np.random.default_rng(0)
    shares = np.array([0.85, 0.03, 0.06, 0.06])
    held = 0
    for counts in random.multinomial(300, shares, 1000):
        _, low, high = difference(Paired(*(int(count) for count in counts)))
        held += low <= 0.03 <= high
    assert 0.93 <= held / 1000 <= 0.98


@settings(deadline=None)
@given(COUNT, COUNT, COUNT, COUNT)
def test_the_difference_lies_in_its_interval_and_turns_with_the_sides(a: int, b: int, c: int, d: int) -> None:
    """Swapping the two models turns the sign of the interval."""
    if not a + b + c + d:
        return
    value, low, high = difference(Paired(a, b, c, d))
    assert -1 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1
    assert difference(Paired(a, c, b, d)) == pytest.approx((-value, -high, -low))


def test_the_rule_for_percentiles_is_loadgens() -> None:
    """None over needs 459 for p99 and 4,603 for p99.9; one request fewer is not enough."""
    assert (enough(0, 0.01), enough(0, 0.001)) == (459, 4603)
    assert surely_at_most(0, 459, 0.01)
    assert not surely_at_most(0, 458, 0.01)
    assert not surely_at_most(0, 0, 0.01)


@given(st.integers(0, 30), st.sampled_from([0.5, 0.1, 0.01]))
def test_enough_is_the_smallest_number(over: int, share: float) -> None:
    """One fewer is not enough."""
    number = enough(over, share)
    assert surely_at_most(over, number, share)
    assert not surely_at_most(over, number - 1, share)


@given(st.integers(0, 200), st.integers(1, 1000), st.sampled_from([0.1, 0.01]))
def test_nothing_is_both_surely_kept_and_surely_broken(over: int, number: int, share: float) -> None:
    """The two rules leave room between them, and never overlap."""
    over = min(over, number)
    assert not (surely_at_most(over, number, share) and surely_more(over, number, share))


def test_the_rows_to_see_a_difference_give_the_power_that_is_asked() -> None:
    """In simulation, the exact test finds the stated difference about 4 times of 5 at that number of rows."""
    rows = rows_to_see(0.05, 0.15)
    random = np.random.default_rng(1)
    actual = [
        mcnemar(Paired(0, int(b), int(c), 0)) <= 0.05 for _, b, c in random.multinomial(rows, [0.85, 0.05, 0.1], 600)
    ]
    assert 0.72 <= np.mean(actual) <= 0.87


def test_an_interval_of_a_difference_stays_within_its_ends() -> None:
    """All 25 rows right by one model only: the upper end is 1, not the 1.0000000000000002 that rounding makes of it."""
    value, low, high = difference(Paired(0, 0, 25, 0))
    assert value == 1.0
    assert 0 < low < high == 1.0
