"""Class labels of a bare linear classifier without scikit-learn's checks of what was checked already.

Of the 83 us that ``LogisticRegression.predict`` takes for one row, the arithmetic is 3 us; the rest asks whether the
input is an array, sparse, finite, of which library, and so on. The served class has asked that itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model._base import LinearClassifierMixin

Predict = Callable[[NDArray[np.float64]], NDArray[np.int64]]


def predictor(estimator: Any) -> Predict:
    """A function that gives what ``estimator.predict`` gives, for finite float64 rows [n, features].

    For two classes and scikit-learn's own ``predict`` of linear classifiers it is the same arithmetic: the class at 1
    where ``X @ coef_.T + intercept_`` is above 0, the class at 0 elsewhere. Otherwise it is ``estimator.predict``.
    """
    kind = type(estimator)
    if (
        not issubclass(kind, LinearClassifierMixin)
        or kind.predict is not LinearClassifierMixin.predict
        or kind.decision_function is not LinearClassifierMixin.decision_function
        or estimator.coef_.shape[0] != 1
    ):
        predict: Predict = estimator.predict
        return predict
    weights, intercept, classes = estimator.coef_.T, estimator.intercept_, estimator.classes_

    def linear(rows: NDArray[np.float64]) -> NDArray[np.int64]:
        above = (rows @ weights + intercept)[:, 0] > 0
        labels: NDArray[np.int64] = classes[above.astype(np.intp)]
        return labels

    return linear
