"""Class labels and scores of a bare linear classifier without scikit-learn's checks, which were made already.

Of the 83 us that ``LogisticRegression.predict`` takes for one row, the arithmetic is 3 us; the rest asks whether the
input is an array, sparse, finite, of which library, and so on. The served class has checked that itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model._base import LinearClassifierMixin

Predict = Callable[[NDArray[np.float64]], NDArray[np.int64]]
Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def predictor(estimator: Any) -> Predict:
    """A function that gives what ``estimator.predict`` gives, for finite float64 rows [n, features].

    For two classes and scikit-learn's own ``predict`` of linear classifiers it is the same arithmetic: the class at 1
    where ``X @ coef_.T + intercept_`` is above 0, the class at 0 elsewhere. Otherwise it is ``estimator.predict``.
    """
    if not _is_plain(estimator):
        predict: Predict = estimator.predict
        return predict
    score, classes = _linear(estimator), estimator.classes_

    def linear(rows: NDArray[np.float64]) -> NDArray[np.int64]:
        labels: NDArray[np.int64] = classes[(score(rows) > 0).astype(np.intp)]
        return labels

    return linear


def scorer(estimator: Any) -> Score | None:
    """A function that gives what ``estimator.decision_function`` gives, for finite float64 rows [n, features].

    None if there is not one score for each row: without such a function, or with more than two classes.
    """
    if not hasattr(estimator, "decision_function") or len(estimator.classes_) != 2:
        return None
    if not _is_plain(estimator):
        score: Score = estimator.decision_function
        return score
    return _linear(estimator)


def _is_plain(estimator: Any) -> bool:
    """Whether it decides between two classes in scikit-learn's own way of linear classifiers."""
    kind = type(estimator)
    return (
        issubclass(kind, LinearClassifierMixin)
        and kind.predict is LinearClassifierMixin.predict
        and kind.decision_function is LinearClassifierMixin.decision_function
        and estimator.coef_.shape[0] == 1
    )


def _linear(estimator: Any) -> Score:
    weights, intercept = estimator.coef_.T, estimator.intercept_

    def score(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = (rows @ weights + intercept)[:, 0]
        return scores

    return score
