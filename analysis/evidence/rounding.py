"""What rounding can decide either way: rows whose score lies within it of a threshold.

One row alone and the same row in a batch give scores that differ in the last bits: a BLAS sums in another order, a
server computes with float32, a forest adds its trees as its threads end. A score that lies on a threshold then falls on
either side, and neither side is wrong. So such a row may be counted in either cell: the bounds are wider by exactly
these rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers
from analysis.record.arrays import Bools, Floats

TOLERANCE: Final = 1e-6
"""Relative error of a score. A sum of some tens of float32 numbers, each exact to 6e-8, stays below it. And it hides
nothing that matters: a score that has no reason to lie on a threshold does so once in a million times."""
_SUFFIX: Final = " (rounded the other way)"


def margins(score: Floats) -> Floats:
    """How far each score may be off. A score near 0 is a sum that cancels, so it is as inexact as a usual one."""
    size = np.abs(score)
    usual = np.median(size[np.isfinite(size)]) if np.isfinite(size).any() else 0.0
    return np.where(np.isfinite(size), np.maximum(size, usual) * TOLERANCE, 0.0)


def undecided(answers: ArtifactAnswers) -> Bools:
    """Rows whose class rounding decides. ``predicted`` is among two classes; with more there is no one threshold."""
    rows: Bools = np.abs(answers.score - answers.threshold) <= margins(answers.score)
    return rows


def name_of_rounded(artifact: str) -> str:
    """Name of the answers of an artefact in which every undecided row is answered the other way."""
    return artifact + _SUFFIX


def with_rounded(answers: OfflineAnswers) -> OfflineAnswers:
    """The answers, and beside those of an artefact that has undecided rows the ones that it gives just as rightly."""
    if len(answers.classes) != 2:
        return answers
    more = {
        name_of_rounded(name): replace(given, predicted=np.where(rows, 1 - given.predicted, given.predicted))
        for name, given in answers.answers.items()
        if (rows := undecided(given)).any()
    }
    return replace(answers, answers={**answers.answers, **more}) if more else answers
