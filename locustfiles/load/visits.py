"""Which held-out rows are visited, in which order, and what is sent for each. Pure and seeded.

The whole load test follows one sequence: pass after pass over all rows, each pass a new permutation, so the first N
rows of the sequence are N distinct rows (N up to the size of the held-out set). The sequence is cut into visits of
``batch`` rows, and worker ``k`` of ``W`` takes the visits ``k, k + W, ...``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

_ORDER: Final = 0
_CHOICE: Final = 1
_BLOCK: Final = 4096


class Visit(NamedTuple):
    """One visit to one batch of rows.

    ``number``: its place in the sequence of the whole test. ``rows``: places in the held-out arrays. ``predict``,
    ``feedback``: whether a prediction is requested, and whether the truth is sent.
    """

    number: int
    rows: tuple[int, ...]
    predict: bool
    feedback: bool


@dataclass(frozen=True, slots=True)
class VisitSequence:
    """All visits of a test, by index.

    ``predict_ratio``, ``feedback_ratio``: share (0..1) of visits with a prediction, and with feedback. Both are drawn
    from the seed for each visit by itself, so that the choice does not depend on the number of workers.
    """

    rows_total: int
    seed: int
    batch: int = 1
    predict_ratio: float = 1.0
    feedback_ratio: float = 1.0

    def __post_init__(self) -> None:
        if self.rows_total < 1 or self.batch < 1:
            raise ValueError(
                f"sequence of visits: expected rows and a batch of at least 1, got {self.rows_total}, {self.batch}"
            )

    def visit(self, index: int) -> Visit:
        """Visit number ``index`` (from 0)."""
        if self.batch == 1:
            rows: tuple[int, ...] = (self._row(index),)
        else:
            first = index * self.batch
            rows = tuple(self._row(place) for place in range(first, first + self.batch))
        predict, feedback = _draws(self.seed, index // _BLOCK)[index % _BLOCK]
        return Visit(index, rows, predict < self.predict_ratio, feedback < self.feedback_ratio)

    def of_worker(self, worker: int, workers: int) -> Iterator[Visit]:
        """The visits ``worker, worker + workers, ...``, without end."""
        return map(self.visit, itertools.count(worker, workers))

    def _row(self, place: int) -> int:
        turn, position = divmod(place, self.rows_total)
        return _permutation(self.rows_total, self.seed, turn)[position]


@lru_cache(maxsize=4)
def _permutation(rows_total: int, seed: int, turn: int) -> list[int]:
    order: list[int] = np.random.default_rng((seed, _ORDER, turn)).permutation(rows_total).tolist()
    return order


@lru_cache(maxsize=4)
def _draws(seed: int, block: int) -> list[tuple[float, float]]:
    drawn: list[tuple[float, float]] = np.random.default_rng((seed, _CHOICE, block)).random((_BLOCK, 2)).tolist()
    return drawn
