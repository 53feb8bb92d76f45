"""When arrivals are due: the asked rate exactly, seeded, split among workers without bunching."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from locustfiles.load.arrivals import Arrivals, Constant, Poisson, Trace, of_worker

RATES = st.floats(min_value=0.1, max_value=5000)


def first(arrivals: Arrivals, count: int) -> list[float]:
    return list(islice(of_worker(arrivals, 0, 1), count))


@given(rate=RATES)
def test_constant_arrivals_are_evenly_spaced_from_zero(rate: float) -> None:
    """Arrival i is due at i / rate, with no error that grows."""
    assert first(Constant(rate), 1000) == [index / rate for index in range(1000)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [5.0, 200.0])
def test_poisson_arrivals_pass_a_kolmogorov_smirnov_test(seed: int, rate: float) -> None:
    """Gaps of 20,000 arrivals, over several blocks of the generator, against the exponential of that rate."""
    due = first(Poisson(rate, seed), 20_000)
    gaps = [later - earlier for earlier, later in pairwise([0.0, *due])]
    assert stats.kstest(gaps, "expon", args=(0, 1 / rate)).pvalue > 0.001


def test_constant_gaps_fail_that_test() -> None:
    """The twin: the test above would see gaps that are not exponential."""
    due = first(Constant(200.0), 2000)
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert stats.kstest(gaps, "expon", args=(0, 1 / 200)).pvalue < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_poisson_arrivals_keep_the_rate_and_do_not_remember(seed: int) -> None:
    """20,000 arrivals at 100/s take 200 s within four standard deviations, and neighbouring gaps are unrelated."""
    due = first(Poisson(100.0, seed), 20_000)
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert abs(due[-1] - 200) < 4 * 20_000**0.5 / 100
    assert abs(stats.pearsonr(gaps[:-1], gaps[1:]).statistic) < 4 / 20_000**0.5


@given(rate=RATES, seed=st.integers(min_value=0, max_value=1000), workers=st.integers(min_value=1, max_value=5))
def test_the_workers_together_keep_the_one_schedule(rate: float, seed: int, workers: int) -> None:
    """Merged, the due times of W workers are those of one: the rate is split exactly and nobody bunches."""
    for arrivals in (Constant(rate), Poisson(rate, seed)):
        merged = sorted(
            due for worker in range(workers) for due in islice(of_worker(arrivals, worker, workers), 60 // workers + 1)
        )
        assert merged[:60] == first(arrivals, 60)


def test_a_trace_ends() -> None:
    """Each time once, and then no more."""
    assert first(Trace((0.0, 0.5, 0.5, 2.0)), 100) == [0.0, 0.5, 0.5, 2.0]
    assert list(of_worker(Trace((0.0, 0.5, 2.0)), 1, 2)) == [0.5]


@pytest.mark.parametrize("times", [(1.0, 0.5), (-1.0, 2.0)])
def test_a_trace_that_goes_back_is_refused(times: tuple[float, ...]) -> None:
    """A schedule cannot be kept that goes back in time or begins before the load."""
    with pytest.raises(ValueError, match="ascending"):
        Trace(times)
