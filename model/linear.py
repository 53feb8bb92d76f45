"""Class labels and scores of a bare linear classifier without scikit-learn's checks, which were made already.

Of the 83 us that ``LogisticRegression.predict`` takes for one row, the arithmetic is 3 us; the rest asks whether the
input is an array, sparse, finite, of which library, and so on. The served class has checked that itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model._base import LinearClassifierMixin


@dataclass(frozen=True, slots=True)
class LinearClassifier:
    """Decides between two classes: that at 1 where ``X @ weights + intercept`` is above 0, that at 0 elsewhere.

    It is the same arithmetic as scikit-learn's, for finite float64 rows [n, features].
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]
    classes: NDArray[Any]

    def predict(self, rows: NDArray[np.float64]) -> NDArray[Any]:
        """Class label of each row [n], as ``estimator.predict`` gives it."""
        labels: NDArray[Any] = self.classes[(self.score(rows) > 0).astype(np.intp)]
        return labels

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of each row [n], as ``estimator.decision_function`` gives it."""
        scores: NDArray[np.float64] = (rows @ self.weights + self.intercept)[:, 0]
        return scores


def linear_classifier(estimator: Any) -> LinearClassifier | None:
    """The arithmetic of an estimator that decides between two classes in scikit-learn's own way of linear classifiers.

    None for any other estimator.
    """
    kind = type(estimator)
    is_plain = (
        issubclass(kind, LinearClassifierMixin)
        and kind.predict is LinearClassifierMixin.predict
        and kind.decision_function is LinearClassifierMixin.decision_function
        and estimator.coef_.shape[0] == 1
    )
    return LinearClassifier(estimator.coef_.T, estimator.intercept_, estimator.classes_) if is_plain else None
