"""Claims as arrays: what an event adds to each, and the sums over several of them that are bounded as well."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analysis.record.arrays import Floats, Ints

_EVERY_SET: Final = 4
"""With at most so many claims, every set of them is bounded; with more, single claims, those of each truth, and all."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One published number.

    ``key``: its short name, unique among the claims of a set, such as ``tp``. ``name``: the series, as a finding calls
    it. ``weight`` [pair]: by how much an event of each pair makes it grow. A pair is ``truth * K + predicted``, both
    indices into the K classes.
    """

    key: str
    name: str
    weight: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims that are made together about the same events, in the order in which arrays hold them.

    ``classes``: number of classes K. ``positive``: index of the positive class; None with more than two.
    ``of_predictions``: whether the events are predictions, not feedback.
    ``weight`` [pair, claim]. ``members``: the sets of claims whose sums are bounded; those of a single claim come
    first, and the last is `total`. ``in_sum`` [claim, sum]: 1 for the claims of a sum.

    If several predictors share the traffic, an event may belong to several claims, and the bounds of each
    claim alone would leave room for a lost event. By Hall's theorem, some assignment of the events explains the counts
    exactly when the sum over every set of claims is within its bounds.
    """

    claims: tuple[Claim, ...]
    classes: int
    positive: int | None
    of_predictions: bool = False
    weight: Ints = field(init=False, repr=False, compare=False)
    members: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    in_sum: Ints = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weight = np.array([claim.weight for claim in self.claims], np.int64).reshape(-1, self.classes**2).T
        members = _members(weight, self.classes)
        in_sum = np.array([[claim in chosen for chosen in members] for claim in range(len(self.claims))], np.int64)
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "in_sum", in_sum.reshape(len(self.claims), len(members)))

    def __len__(self) -> int:
        return len(self.claims)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(claim.key for claim in self.claims)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(claim.name for claim in self.claims)

    @property
    def per_event(self) -> int | None:
        """By how much an event makes the sum over all claims grow; None if it depends on the event."""
        grown = self.weight.sum(axis=1)
        return int(grown[0]) if len(grown) and (grown == grown[0]).all() and grown[0] else None

    @property
    def is_cells(self) -> bool:
        """Whether they are the four cells of a binary confusion matrix, in the order of ``contract.CELLS``."""
        return self.keys == ("tp", "fp", "tn", "fn")

    def name_of_sum(self, index: int) -> str:
        """The metrics of a set of claims as a sum: ``true_pos + false_neg``."""
        return " + ".join(self.claims[claim].name for claim in self.members[index])

    def events(self, counts: Floats | Ints) -> int:
        """The number of events that ``counts`` [claim] are of; their sum if it does not follow from them."""
        if self.per_event is not None:
            return round(float(counts.sum()) / self.per_event)
        deriving = self.deriving(np.ones((len(self.weight), 1), np.int64))
        return round(float(counts.sum() if deriving is None else counts @ deriving[:, 0]))

    def deriving(self, goal: Ints) -> Floats | None:
        """``[claim, number]``: with what the claims add up to the numbers of events ``goal`` [pair, number]; or None.

        It is the least solution in the sense of least squares, so that claims that are equal have equal shares.
        """
        if goal.shape == self.weight.shape and np.array_equal(goal, self.weight):
            return np.eye(len(self.claims))
        weight = self.weight.astype(np.float64)
        solution: Floats = np.linalg.lstsq(weight, goal.astype(np.float64), rcond=None)[0]
        return solution if np.allclose(weight @ solution, goal, atol=1e-9) else None


def _members(weight: Ints, classes: int) -> tuple[tuple[int, ...], ...]:
    number = weight.shape[1]
    if number <= _EVERY_SET:
        sizes = range(1, number + 1)
        return tuple(chosen for size in sizes for chosen in itertools.combinations(range(number), size))
    truths = [slice(truth * classes, (truth + 1) * classes) for truth in range(classes)]
    of_truth = [tuple(np.flatnonzero(weight[pairs].any(axis=0)).tolist()) for pairs in truths]
    singles = [(claim,) for claim in range(number)]
    sums = dict.fromkeys([*singles, *(chosen for chosen in of_truth if 1 < len(chosen) < number)])
    return (*sums, tuple(range(number)))
