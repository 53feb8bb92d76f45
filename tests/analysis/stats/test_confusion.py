"""The four ratios against scikit-learn, and undefined where scikit-learn fills in a number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_score, recall_score

from analysis.stats.confusion import RATIOS, Confusion
from model.contract import CELLS

COUNTS = st.integers(0, 5)


@settings(max_examples=60, deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_ratios_are_those_of_scikit_learn(tp: int, fp: int, tn: int, fn: int) -> None:
    """On the rows that the counts stand for, each ratio is scikit-learn's where that is defined."""
    confusion = Confusion(tp, fp, tn, fn)
    truth = [1] * tp + [0] * fp + [0] * tn + [1] * fn
    predicted = [1] * tp + [1] * fp + [0] * tn + [0] * fn
    if not truth:
        assert [getattr(confusion, name) for name in RATIOS] == [None] * len(RATIOS)
        return
    assert confusion_matrix(truth, predicted, labels=[0, 1]).ravel().tolist() == [tn, fp, fn, tp]
    assert confusion.accuracy == pytest.approx(accuracy_score(truth, predicted))
    for value, defined, oracle in (
        (confusion.precision, tp + fp, precision_score(truth, predicted, zero_division=0)),
        (confusion.recall, tp + fn, recall_score(truth, predicted, zero_division=0)),
        (confusion.specificity, tn + fp, recall_score(truth, predicted, pos_label=0, zero_division=0)),
    ):
        assert value == (pytest.approx(oracle) if defined else None)


@pytest.mark.parametrize("cell", CELLS)
def test_counts_are_read_in_the_contracts_order(cell: str) -> None:
    """Element i of an array of counts is the cell i of `CELLS`."""
    values = [10, 20, 30, 40]
    assert getattr(Confusion.of(values), cell) == values[[str(cell) for cell in CELLS].index(cell)]


def test_the_notebooks_accuracy_is_not_ours() -> None:
    """The notebook's accuracy is the share of positives, the same for every model; ours tells models apart."""
    good, bad = Confusion(tp=50, fp=0, tn=50, fn=0), Confusion(tp=0, fp=50, tn=0, fn=50)
    assert (good.accuracy, bad.accuracy) == (1.0, 0.0)
