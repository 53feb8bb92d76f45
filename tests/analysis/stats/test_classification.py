"""Ratios by class and their averages, held against scikit-learn's report."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, confusion_matrix

from analysis.stats.classification import ZERO_DIVISION, ClassCounts

EVENTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


@given(EVENTS)
def test_ratios_are_those_of_the_classification_report(events: list[tuple[int, int]]) -> None:
    truth, answers = zip(*events, strict=True)
    present = sorted({*truth, *answers})
    counts = ClassCounts.of(confusion_matrix(truth, answers, labels=range(5)))
    report = classification_report(truth, answers, labels=present, output_dict=True, zero_division=ZERO_DIVISION)
    for label in present:
        expected = report[str(label)]
        for name, ratios in (("precision", counts.precision), ("recall", counts.recall), ("f1-score", counts.f1)):
            assert (ratios[label] or ZERO_DIVISION) == pytest.approx(expected[name])
        assert counts.truth[label] == expected["support"]
    for name, averages in (("macro avg", counts.macro), ("weighted avg", counts.weighted)):
        mine = [averages["precision"], averages["recall"], averages["f1"]]
        assert mine == pytest.approx([report[name][key] for key in ("precision", "recall", "f1-score")])
    assert counts.accuracy == pytest.approx(np.mean(np.array(truth) == np.array(answers)))


def test_nothing_is_undefined_and_not_zero_or_one() -> None:
    counts = ClassCounts.of(np.array([[0, 0, 0], [0, 3, 1], [0, 0, 0]]))
    assert counts.recall == [None, 0.75, None]
    assert counts.precision == [None, 1.0, 0.0]
    nothing = ClassCounts.of(np.zeros((3, 3), np.int64))
    assert (nothing.accuracy, nothing.macro["f1"], nothing.weighted["recall"]) == (None, None, None)
