"""Counts that events add up to, against a search through all ways of counting them."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.assignment import can_add_up

WEIGHTS = st.lists(st.integers(0, 1), min_size=3, max_size=3)
PATTERNS = st.lists(st.tuples(WEIGHTS, WEIGHTS, st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=3)


@given(PATTERNS, st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_whatever_some_events_add_up_to_is_explained(
    patterns: list[tuple[list[int], list[int], int, int]], counts: list[int]
) -> None:
    ways = [
        [
            [first * n + second * m for first, second in zip(one_way, other_way, strict=True)]
            for n in range(least + more + 1)
            for m in range(least + more + 1 - n)
            if n + m >= least
        ]
        for one_way, other_way, least, more in patterns
    ]
    sums = [list(map(sum, zip(*chosen, strict=True))) for chosen in itertools.product(*ways)]
    options = np.array([[one_way, other_way] for one_way, other_way, _, _ in patterns])
    least = np.array([least for _, _, least, _ in patterns])
    most = least + np.array([more for _, _, _, more in patterns])
    if counts in sums:
        assert can_add_up(options, least, most, np.array(counts, np.float64))
    assert all(can_add_up(options, least, most, np.array(found_sum, np.float64)) for found_sum in sums[:5])
    beyond = np.array(counts, np.float64) + most.sum() + 1
    assert not can_add_up(options, least, most, beyond)


def test_two_claims_that_always_grow_together_are_equal() -> None:
    options, most = np.array([[[1, 1, 0]], [[0, 0, 1]]]), np.array([5, 5])
    nothing = np.zeros(2, np.int64)
    assert can_add_up(options, nothing, most, np.array([3.0, 3.0, 1.0]))
    assert not can_add_up(options, nothing, most, np.array([3.0, 2.0, 1.0]))


def test_without_events_only_nothing_is_explained() -> None:
    none = np.zeros((0, 1, 2), np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
    assert can_add_up(*none, np.zeros(2))
    assert not can_add_up(*none, np.ones(2))
