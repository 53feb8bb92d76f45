"""Percentiles are exact, and of nothing there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.latency import percentile, summary

TIMES = st.lists(st.integers(0, 10**10), min_size=1, max_size=200)


@given(TIMES, st.sampled_from([0.5, 0.9, 0.99, 0.999]))
def test_a_percentile_is_the_nearest_rank(times: list[int], fraction: float) -> None:
    """The smallest time that at least the fraction of all do not exceed, by sorting and counting."""
    rank = max(math.ceil(round(fraction * len(times), 9)), 1)
    assert percentile(np.array(times), fraction) == round(sorted(times)[rank - 1] / 1e6, 6)


def test_half_a_millisecond_is_not_one() -> None:
    """No rounding to whole milliseconds, which makes 0.6 ms read 1 ms."""
    assert percentile(np.full(10, 600_000), 0.5) == 0.6


def test_no_times_have_no_percentile() -> None:
    """Neither zero nor a guess."""
    assert summary(np.empty(0, np.int64)) is None
    with pytest.raises(ValueError, match="at least one"):
        percentile(np.empty(0, np.int64), 0.5)


def test_a_summary_names_its_percentiles_and_the_maximum() -> None:
    """Keys as in result.json."""
    assert summary(np.arange(1, 1001) * 10**6) == {"p50": 500, "p90": 900, "p99": 990, "p999": 999, "max": 1000}
