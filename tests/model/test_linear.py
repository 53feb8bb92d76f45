"""The short arithmetic of a linear classifier, against scikit-learn's own ``predict``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.naive_bayes import GaussianNB

from model import dataset, train
from model.estimator import load_model
from model.linear import LinearClassifier, linear_classifier


def linear_of(estimator: LogisticRegression) -> LinearClassifier:
    linear = linear_classifier(estimator)
    assert linear is not None
    return linear


@pytest.mark.parametrize("name", train.MODELS)
def test_it_answers_as_scikit_learn_on_every_row(trained: Path, name: str) -> None:
    """All held-out rows, one by one and at once, and a million times larger and smaller."""
    estimator = load_model(trained / name).estimator
    rows = dataset.load_heldout(trained / "heldout.parquet").X
    predict = linear_of(estimator).predict
    for scale in (1.0, 1e6, 1e-6, -1.0):
        assert np.array_equal(predict(rows * scale), estimator.predict(rows * scale))
    one_by_one = [predict(row[np.newaxis])[0] for row in rows]
    assert np.array_equal(one_by_one, [estimator.predict(row[np.newaxis])[0] for row in rows])
    assert predict(rows).dtype == estimator.predict(rows).dtype
    assert len(set(predict(rows).tolist())) == 2


def test_a_score_of_zero_is_the_class_at_0_as_in_scikit_learn() -> None:
    """The tie: exactly on the threshold."""
    estimator = Perceptron().fit([[-1.0], [1.0]], [5, 9])
    estimator.coef_, estimator.intercept_ = np.array([[1.0]]), np.array([0.0])
    rows = np.array([[0.0], [np.nextafter(0, 1)], [-0.0]])
    assert linear_of(estimator).predict(rows).tolist() == estimator.predict(rows).tolist() == [5, 9, 5]


@pytest.mark.parametrize("name", train.MODELS)
def test_its_scores_are_scikit_learns(trained: Path, name: str) -> None:
    """All held-out rows, one by one and at once, to the last bit."""
    estimator = load_model(trained / name).estimator
    rows = dataset.load_heldout(trained / "heldout.parquet").X
    score = linear_of(estimator).score
    assert np.array_equal(score(rows), estimator.decision_function(rows))
    for row in rows:
        assert score(row[np.newaxis]).tolist() == estimator.decision_function(row[np.newaxis]).tolist()


class Doubtful(LogisticRegression):  # type: ignore[misc]  # scikit-learn has no types
    """A linear classifier that predicts in a way of its own."""

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.int64]:  # noqa: N803
        return np.zeros(len(X), dtype=np.int64)


@pytest.mark.parametrize("estimator", [GaussianNB(), Doubtful(), LogisticRegression()])
def test_what_is_not_a_plain_linear_classifier_of_two_classes_answers_itself(estimator: LogisticRegression) -> None:
    """Another kind, one with a predict of its own, and three classes: there is no short arithmetic for it."""
    estimator.fit(np.array([[0.0], [1.0], [2.0]] * 5), [0, 1, 2] * 5)
    assert linear_classifier(estimator) is None
