"""What rounding can decide either way: rows whose score lies within it of a threshold.

One row alone and the same row in a batch give scores that differ in the last bits (`model.threshold`). A score that
lies on a threshold then falls on either side, and neither side is wrong. So such a row may be counted in either cell:
the bounds are wider by exactly these rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers
from analysis.record.arrays import Bools, Codes
from model.threshold import margins

_SUFFIX: Final = " (rounded the other way)"


def undecided(answers: ArtifactAnswers) -> Bools:
    """Rows whose class rounding decides; none without scores.

    With more than two classes, these are the rows whose highest two scores are as good as equal.
    """
    score = answers.score
    if score.ndim == 2:
        highest = np.sort(score, axis=1)[:, -2:]
        margin = margins(score.ravel()).reshape(score.shape).max(axis=1)
        rows: Bools = np.isfinite(score).all(axis=1) & (highest[:, 1] - highest[:, 0] <= margin)
        return rows
    near: Bools = np.abs(score - answers.threshold) <= margins(score)
    return near


def _rounded(answers: ArtifactAnswers) -> Codes:
    """The class of each row that rounding may give it in place of the answer."""
    if answers.score.ndim == 1:
        return 1 - answers.predicted
    others = answers.score.copy()
    others[np.arange(len(others)), answers.predicted] = -np.inf
    second: Codes = np.argmax(others, axis=1).astype(answers.predicted.dtype)
    return second


def name_of_rounded(artifact: str) -> str:
    """Name of the answers of an artefact in which every undecided row is answered the other way."""
    return artifact + _SUFFIX


def with_rounded(answers: OfflineAnswers) -> OfflineAnswers:
    """The answers, and beside those of an artefact that has undecided rows the ones that it gives just as rightly."""
    more = {
        name_of_rounded(name): replace(given, predicted=np.where(rows, _rounded(given), given.predicted))
        for name, given in answers.answers.items()
        if (rows := undecided(given)).any()
    }
    return replace(answers, answers={**answers.answers, **more}) if more else answers
