"""What rounding can decide either way: rows whose score lies within it of a threshold.

One row alone and the same row in a batch give scores that differ in the last bits (`model.threshold`). A score that
lies on a threshold then falls on either side, and neither side is wrong. So such a row may be counted either way:
the bounds are wider by exactly these rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Container
from dataclasses import replace
from typing import Final

import numpy as np

from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers
from analysis.record.arrays import Bools, Codes, Floats
from model.threshold import margins

_SUFFIX: Final = " (rounded the other way)"
_FURTHER: Final = " (rounded in another way, {})"


def undecided(answers: ArtifactAnswers) -> Bools:
    """Rows whose class rounding decides; none without scores.

    With more than two classes, these are the rows of which two scores or more are as good as the highest.
    """
    if answers.score.ndim == 2:
        rows: Bools = np.count_nonzero(_highest(answers.score), axis=1) > 1
        return rows
    near: Bools = np.abs(answers.score - answers.threshold) <= margins(answers.score)
    return near


def _highest(score: Floats) -> Bools:
    """``[row, class]``: the finite scores that are as good as the highest of their row."""
    known = np.where(np.isnan(score), -np.inf, score)
    margin = margins(score.ravel()).reshape(score.shape).max(axis=1, keepdims=True)
    near: Bools = np.isfinite(known) & (known >= known.max(axis=1, keepdims=True) - margin)
    return near


def _rounded(answers: ArtifactAnswers) -> list[Codes]:
    """The classes of all rows as rounding may have them in place of the answers, in as many ways as it takes.

    Each class that an undecided row may get is in one of them; the other rows have their answer in all.
    """
    if answers.score.ndim == 1:
        rows = undecided(answers)
        return [np.where(rows, 1 - answers.predicted, answers.predicted)] if rows.any() else []
    others = _highest(answers.score) & undecided(answers)[:, None]
    others[np.arange(len(others)), answers.predicted] = False
    number = others.sum(axis=1)
    first_others = np.argsort(~others, axis=1, kind="stable")
    return [
        np.where(way < number, first_others[:, way], answers.predicted).astype(answers.predicted.dtype)
        for way in range(int(number.max(initial=0)))
    ]


def name_of_rounded(artifact: str, way: int = 0) -> str:
    """Name of the answers of an artefact in which undecided rows are answered otherwise."""
    return artifact + (_FURTHER.format(way + 1) if way else _SUFFIX)


def names_of_rounded(artifact: str, known: Container[str]) -> tuple[str, ...]:
    """All such names of an artefact that are ``known``."""
    names = (name_of_rounded(artifact, way) for way in itertools.count())
    return tuple(itertools.takewhile(known.__contains__, names))


def with_rounded(answers: OfflineAnswers) -> OfflineAnswers:
    """The answers, and beside those of an artefact that has undecided rows the ones that it gives just as rightly."""
    more = {
        name_of_rounded(name, way): replace(given, predicted=predicted)
        for name, given in answers.answers.items()
        for way, predicted in enumerate(_rounded(given))
    }
    return replace(answers, answers={**answers.answers, **more}) if more else answers
