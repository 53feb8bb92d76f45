"""Offline answers as a file: labels of any kind, any number of classes, with scores or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.evidence import offline
from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers
from analysis.record.arrays import Floats
from model.rows.labels import NO_CLASS, Label

NONE = np.full(3, np.nan)
CASES: dict[str, tuple[tuple[Label, ...], int, Floats]] = {
    "numbers": ((0, 1), 1, np.array([0.5, -1.0, 2.0])),
    "text": (("bad", "good"), 0, np.array([0.5, -1.0, 2.0])),
    "booleans": ((False, True), 1, NONE),
    "three": (("a", "b", "c"), NO_CLASS, np.eye(3)),
    "three without scores": ((-1, 0, 1), NO_CLASS, NONE),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_read(tmp_path: Path, case: str) -> None:
    """Classes with their types, the positive class or none, scores of a row or of each class."""
    classes, positive, score = CASES[case]
    answers = ArtifactAnswers("a" * 64, np.array([0, 1, len(classes) - 1], np.int16), score, 0.25)
    rows, truth = np.array([4, 7, 9], np.int32), np.array([0, 1, 1], np.int16)
    written = OfflineAnswers(rows, truth, classes, positive, "h" * 64, {"m": answers, "n": answers})
    offline.write(tmp_path / "offline.parquet", written)
    read = offline.read(tmp_path / "offline.parquet")
    assert [(label, type(label)) for label in read.classes] == [(label, type(label)) for label in classes]
    assert (read.positive, read.rows.tolist(), read.truth.tolist()) == (positive, [4, 7, 9], [0, 1, 1])
    for name in ("m", "n"):
        given = read.answers[name]
        assert given.predicted.tolist() == answers.predicted.tolist()
        assert np.array_equal(given.score, score, equal_nan=True)
        assert given.has_scores == (score is not NONE)


def test_two_classes_have_a_positive_one() -> None:
    """Only more than two may have none."""
    empty = np.empty(0, np.int32)
    with pytest.raises(ValueError, match="positive class -1"):
        OfflineAnswers(empty, empty, ("bad", "good"), NO_CLASS, "h", {})
