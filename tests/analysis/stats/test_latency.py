"""Percentiles are exact, and without times there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.evidence.request_times import narrow
from analysis.stats.latency import NEEDS, PERCENTILES, percentiles, summary

TIMES = st.lists(st.integers(0, 10**10), min_size=1, max_size=200)


@given(TIMES, st.lists(st.sampled_from([0.5, 0.9, 0.99, 0.999, 0.9999, 1.0]), min_size=1), st.integers(0, 200))
def test_percentiles_are_the_nearest_ranks_of_all_parts(times: list[int], fractions: list[float], cut: int) -> None:
    """The smallest time that at least the fraction of all do not exceed, by sorting and counting; in any order."""
    ranks = [max(math.ceil(round(fraction * len(times), 9)), 1) for fraction in fractions]
    parts = [np.array(part, np.int64) for part in (times[:cut], times[cut:])]
    assert percentiles(parts, fractions) == [round(sorted(times)[rank - 1] / 1e6, 6) for rank in ranks]


def test_the_parts_stay_as_they_were() -> None:
    """They are read again for the next figure, so a percentile may not sort them in place."""
    part = np.array([3, 1, 2], np.uint32)
    assert percentiles([part], (0.5,)) == [2e-6]
    assert part.tolist() == [3, 1, 2]


def test_half_a_millisecond_is_not_one() -> None:
    """No rounding to whole milliseconds, which makes 0.6 ms read 1 ms."""
    assert percentiles([np.full(10, 600_000)], [0.5]) == [0.6]


def test_no_times_have_no_percentile() -> None:
    """The result is neither zero nor a guess."""
    assert summary([np.empty(0, np.int64)]) is None
    with pytest.raises(ValueError, match="at least one"):
        percentiles([np.empty(0, np.int64)], (0.5,))


def test_a_summary_names_its_percentiles_and_the_maximum() -> None:
    """Keys as in result.json."""
    assert summary([np.arange(1, 10_001) * 10**6]) == {
        "p50": 5000, "p90": 9000, "p99": 9900, "p999": 9990, "p9999": 9999, "max": 10_000,
    }  # fmt: skip


@pytest.mark.parametrize("name", PERCENTILES)
def test_a_percentile_is_given_from_the_number_on_at_which_it_is_not_the_maximum(name: str) -> None:
    """With one request fewer it would repeat the maximum, so there it is null, and the maximum stays."""
    fewer, enough = (summary([np.arange(number) * 10**6]) for number in (NEEDS[name] - 1, NEEDS[name]))
    assert fewer is not None
    assert enough is not None
    assert (fewer[name], fewer["max"]) == (None, NEEDS[name] - 2)
    assert (enough[name], enough["max"]) == (NEEDS[name] - 2, NEEDS[name] - 1)


@pytest.mark.parametrize("longest", [2**32 - 1, 2**32])
def test_a_time_past_what_32_bits_hold_stays_exact(longest: int) -> None:
    """Times are kept in half the width only where all of a chunk fit; 4.3 s do not, and mixed widths add up."""
    parts = [narrow(np.array([longest, 7])), narrow(np.array([5, 6]))]
    assert sorted(np.concatenate(parts).tolist()) == [5, 6, 7, longest]
    assert percentiles(parts, (0.5, 1.0)) == [6e-6, round(longest / 1e6, 6)]
    assert narrow(np.array([-1, 0])).tolist() == [-1, 0]
