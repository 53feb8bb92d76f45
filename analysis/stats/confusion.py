"""Confusion counts as integers, and the four ratios that the dashboard shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.contract import CELLS, Cell


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of the four cells, as in ``sklearn.metrics.confusion_matrix`` (``[[tn, fp], [fn, tp]]``)."""

    tp: int
    fp: int
    tn: int
    fn: int

    @classmethod
    def of(cls, counts: Sequence[int]) -> Confusion:
        """Confusion of four counts in the order of `model.contract.CELLS`."""
        return cls(**dict(zip(CELLS, (int(count) for count in counts), strict=True)))

    def cell(self, cell: Cell) -> int:
        return int(getattr(self, cell))

    @property
    def total(self) -> int:
        return self.tp + self.fp + self.tn + self.fn

    @property
    def accuracy(self) -> float | None:
        """Share of right answers: (tp + tn) / all; None if there are none.

        Source: ``sklearn.metrics.accuracy_score``.
        """
        return _ratio(self.tp + self.tn, self.total)

    @property
    def precision(self) -> float | None:
        """Share of positives among rows called positive: tp / (tp + fp); None if nothing was called positive.

        Source: ``sklearn.metrics.precision_score``.
        """
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of positives that were called positive: tp / (tp + fn); None if nothing is positive.

        Source: ``sklearn.metrics.recall_score``.
        """
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float | None:
        """Share of negatives that were called negative: tn / (tn + fp); None if nothing is negative.

        Source: ``sklearn.metrics.recall_score`` of the other class.
        """
        return _ratio(self.tn, self.tn + self.fp)


RATIOS: tuple[str, ...] = ("accuracy", "precision", "recall", "specificity")


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
