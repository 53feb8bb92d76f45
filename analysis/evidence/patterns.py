"""The axes along which events are counted, and what of an event determines where it is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.evidence.offline import OfflineAnswers
from analysis.record.arrays import Ints


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes along which events are counted.

    ``offline``: the rows, their classes, and the answers of each artefact.
    ``artifacts``: the artefacts whose answers make the pattern of an event (see `Patterns`).
    ``starts_ns``, ``ends_ns``: when scrapes began and ended, on the ledger's clock, sorted, distinct.
    ``window_ns``: first and last moment of the timeline. ``heads_only``: whether only the first row
    of each feedback request is counted. ``predictions``: whether predictions are counted by time, too.
    """

    offline: OfflineAnswers
    artifacts: tuple[str, ...]
    starts_ns: Ints
    ends_ns: Ints
    window_ns: tuple[int, int]
    heads_only: bool = False
    predictions: bool = False


@dataclass(frozen=True, slots=True)
class Patterns:
    """What of an event determines where it is counted: its truth, and the answer of each artefact to its row.

    ``of_row`` [row, truth]: pattern of each held-out row with each truth that feedback could carry. ``pairs[artifact]``
    [pattern]: the pair of truth and answer, ``truth * K + predicted``, both indices into the K classes.
    """

    of_row: Ints
    pairs: Mapping[str, Ints]

    @property
    def number(self) -> int:
        return int(self.of_row.max(initial=-1)) + 1


def patterns(axes: Axes) -> Patterns:
    """The patterns that the rows of the axes can have, numbered by truth and then by answers."""
    classes, rows = len(axes.offline.classes), len(axes.offline.rows)
    answers = np.zeros(rows, np.int64)
    first = np.zeros(min(rows, 1), np.int64)
    for name in axes.artifacts:
        predicted = axes.offline.answers[name].predicted.astype(np.int64)
        _, first, answers = np.unique(answers * classes + predicted, return_index=True, return_inverse=True)
    truths = np.arange(classes, dtype=np.int64)
    pairs = {
        name: (truths[:, None] * classes + axes.offline.answers[name].predicted[first]).ravel()
        for name in axes.artifacts
    }
    return Patterns(answers[:, None] + truths[None, :] * len(first), pairs)
