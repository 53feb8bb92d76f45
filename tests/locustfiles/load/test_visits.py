"""The order of rows: first N distinct, then wrapping, divided among workers without a gap."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.load.visits import VisitSequence

SIZES = st.integers(min_value=1, max_value=200)
SEEDS = st.integers(min_value=0, max_value=2**31)


def rows_of(sequence: VisitSequence, visits: int) -> list[int]:
    return [row for index in range(visits) for row in sequence.visit(index).rows]


@given(rows_total=SIZES, seed=SEEDS, batch=st.integers(min_value=1, max_value=7))
def test_the_first_rows_are_distinct_and_each_pass_holds_every_row_once(rows_total: int, seed: int, batch: int) -> None:
    """Of the first k passes every row has come k times, whatever the batch; the first N are N distinct rows."""
    rows = rows_of(VisitSequence(rows_total, seed, batch), -(-3 * rows_total // batch))
    for end in range(1, 4):
        assert Counter(rows[: end * rows_total]) == dict.fromkeys(range(rows_total), end)


@given(
    rows_total=SIZES,
    seed=SEEDS,
    batch=st.integers(min_value=1, max_value=5),
    workers=st.integers(min_value=1, max_value=6),
)
def test_the_workers_parts_make_up_the_whole(rows_total: int, seed: int, batch: int, workers: int) -> None:
    """Taken in turn, the visits of W workers are those of one, in the same order, choices included."""
    sequence = VisitSequence(rows_total, seed, batch, predict_ratio=0.5, feedback_ratio=0.3)
    alone = [sequence.visit(index) for index in range(60)]
    parts = [islice(sequence.of_worker(worker, workers), 60) for worker in range(workers)]
    together = [next(parts[index % workers]) for index in range(60)]
    assert together == alone


@given(rows_total=SIZES, seed=SEEDS)
def test_the_same_seed_gives_the_same_order_and_another_one_another(rows_total: int, seed: int) -> None:
    """The order can be repeated. Another seed gives another order, if there are enough rows."""
    assert rows_of(VisitSequence(rows_total, seed), 50) == rows_of(VisitSequence(rows_total, seed), 50)
    if rows_total > 30:
        assert rows_of(VisitSequence(rows_total, seed), 30) != rows_of(VisitSequence(rows_total, seed + 1), 30)


def test_each_pass_has_an_order_of_its_own() -> None:
    """A second pass in the first one's order would make time and row move together."""
    rows = rows_of(VisitSequence(100, 0), 200)
    assert rows[:100] != rows[100:]


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.5, 1.0])
def test_a_ratio_is_the_share_of_visits(ratio: float) -> None:
    """Over 20,000 visits within four standard deviations; exactly none at 0 and all at 1."""
    sequence = VisitSequence(100, 7, predict_ratio=1.0, feedback_ratio=ratio)
    actual = sum(sequence.visit(index).feedback for index in range(20_000))
    assert abs(actual - 20_000 * ratio) <= 4 * (20_000 * ratio * (1 - ratio)) ** 0.5


def test_the_two_choices_of_a_visit_are_independent() -> None:
    """Half and half: a quarter of visits gets both, a quarter neither."""
    sequence = VisitSequence(100, 3, predict_ratio=0.5, feedback_ratio=0.5)
    visits = [sequence.visit(index) for index in range(20_000)]
    assert abs(sum(visit.predict and visit.feedback for visit in visits) - 5000) < 4 * (20_000 * 3 / 16) ** 0.5


@pytest.mark.parametrize(("rows_total", "batch"), [(0, 1), (10, 0)])
def test_an_sequence_without_rows_is_refused(rows_total: int, batch: int) -> None:
    """Without rows there is an error, not an endless sequence of nothing."""
    with pytest.raises(ValueError, match="expected rows and a batch of at least 1"):
        VisitSequence(rows_total, 0, batch)
