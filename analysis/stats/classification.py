"""Precision, recall and F1 by class and on average, for any number of classes, from counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.record.arrays import Ints

ZERO_DIVISION: Final = 0.0
"""What an undefined ratio of a class counts as in an average: scikit-learn's default."""

Averages = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Rows by class, all [K]: ``right`` answers, rows whose ``truth`` is the class, rows ``answered`` with it.

    Definitions are those of ``sklearn.metrics.classification_report``; an undefined ratio of a class is None.
    """

    right: Ints
    truth: Ints
    answered: Ints

    @classmethod
    def of(cls, matrix: Ints) -> ClassCounts:
        """Of a confusion matrix [truth, answer], as ``sklearn.metrics.confusion_matrix`` has it."""
        return cls(np.diagonal(matrix).copy(), matrix.sum(axis=1), matrix.sum(axis=0))

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; None without rows. Source: ``sklearn.metrics.accuracy_score``."""
        return _ratio(int(self.right.sum()), int(self.truth.sum()))

    @property
    def precision(self) -> list[float | None]:
        """By class: share of right ones among the rows answered with it. Source: ``precision_score(average=None)``."""
        return _ratios(self.right, self.answered)

    @property
    def recall(self) -> list[float | None]:
        """By class: share of its rows that were answered right. Source: ``recall_score(average=None)``."""
        return _ratios(self.right, self.truth)

    @property
    def f1(self) -> list[float | None]:
        """By class: harmonic mean of precision and recall. Source: ``f1_score(average=None)``."""
        return _ratios(2 * self.right, self.truth + self.answered)

    @property
    def macro(self) -> Averages:
        """Means over the classes that occur as truth or answer. Source: ``average="macro"``."""
        present = (self.truth + self.answered) > 0
        return self._averages(present.astype(np.int64))

    @property
    def weighted(self) -> Averages:
        """Means over the classes, weighted by their number of rows. Source: ``average="weighted"``."""
        return self._averages(self.truth)

    def _averages(self, weight: Ints) -> Averages:
        by_name = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {name: _average(ratios, weight) for name, ratios in by_name.items()}


def _ratios(part: Ints, whole: Ints) -> list[float | None]:
    return [_ratio(some, all_) for some, all_ in zip(part.tolist(), whole.tolist(), strict=True)]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _average(ratios: Sequence[float | None], weight: Ints) -> float | None:
    if not weight.sum():
        return None
    values = [ZERO_DIVISION if ratio is None else ratio for ratio in ratios]
    return float(np.average(values, weights=weight))
