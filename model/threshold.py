"""The threshold at which scores give answers, and what rounding can decide either way.

One row alone and the same row in a batch give scores that differ in the last bits: a BLAS sums in another order, a
server computes with float32, a forest adds its trees as its threads end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.artifact import Card
from model.artifact_name import ArtifactError

TOLERANCE: Final = 1e-6
"""Relative error of a score. A sum of some tens of float32 numbers, each exact to 6e-8, stays below it. And it hides
nothing that matters: a score that has no reason to lie on a threshold does so once in a million times."""


def margins(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each score may be off. A score near 0 is a sum that cancels, so it is as inexact as a usual one."""
    size = np.abs(score)
    usual = np.median(size[np.isfinite(size)]) if np.isfinite(size).any() else 0.0
    return np.where(np.isfinite(size), np.maximum(size, usual) * TOLERANCE, 0.0)


def misplaced(score: NDArray[np.float64], is_positive: NDArray[np.bool_], threshold: float) -> NDArray[np.bool_]:
    """Rows [n] that are called positive where their score is not above the threshold, or the other way round."""
    wrong: NDArray[np.bool_] = (is_positive != (score > threshold)) & (np.abs(score - threshold) > margins(score))
    return wrong


def threshold_of(
    score: NDArray[np.float64], is_positive: NDArray[np.bool_], candidates: Iterable[float]
) -> float | None:
    """The first of the candidates at which the scores give the answers, else the middle of where they do.

    None if no threshold gives them. Both arrays are [n].
    """
    for candidate in candidates:
        if not misplaced(score, is_positive, candidate).any():
            return candidate
    below, above = score[~is_positive], score[is_positive]
    if not len(below) or not len(above) or below.max() >= above.min():
        return None
    return float((below.max() + above.min()) / 2)


def own_thresholds(estimator: Any, kind: str) -> tuple[float, ...]:
    """Thresholds that an estimator may decide at, as scores towards the positive class.

    That is its own (``FixedThresholdClassifier``, ``TunedThresholdClassifierCV``, whichever class it takes for the
    positive one), then the one of scikit-learn's ``predict``: 0 of ``decision_function``, 0.5 of ``predict_proba``.
    """
    usual = 0.0 if kind == "decision_function" else 0.5
    for name in ("best_threshold_", "threshold"):
        own = getattr(estimator, name, None)
        if isinstance(own, int | float):
            return float(own), 2 * usual - float(own), usual
    return (usual,)


def check_threshold(card: Card, indices: NDArray[Any], scores: NDArray[np.float64] | None) -> None:
    """Raise `ArtifactError` unless answers [n] are those that the scores give at the threshold of the card.

    With more than two classes, the answer is the class of the highest score.
    """
    if scores is None:
        return
    if len(card.classes) > 2:
        wrong = indices != np.argmax(scores, axis=1)
        wrong &= scores.max(axis=1) > scores[np.arange(len(scores)), indices] + 1e-6 * np.abs(scores).max(axis=1)
        place = "whose highest score gives its answers"
        advice = "Write none for score_kind into the card"
    else:
        assert card.decision_threshold is not None  # noqa: S101  (the card was checked)
        wrong = misplaced(scores, indices == card.positive, card.decision_threshold)
        place = f"whose scores give its answers at the decision_threshold {card.decision_threshold:g}"
        advice = "Put the threshold into the card that the model decides at, or none for score_kind"
    if wrong.any():
        raise ArtifactError(
            f"model card of {card.artifact}: expected a model {place}, got another class for {int(wrong.sum()):,} of "
            f"{len(indices):,} held-out rows. {advice}."
        )
