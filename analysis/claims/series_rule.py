"""One ``[[series]]`` table of a metric map: which series of a metric claim what."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Events = Literal["feedback", "predictions"]
Counts = Literal["tp", "fp", "tn", "fn", "pair", "truth", "predicted", "correct", "wrong", "all"]
"""What a series counts: a cell of the positive class, or of the class that a label names; rows of one pair of truth and
answer; rows of a true class; rows of an answer; right answers, wrong ones, or every row."""


@dataclass(frozen=True, slots=True)
class SeriesRule:
    """One ``[[series]]`` table: series of ``metric`` that have the labels ``match`` claim to count ``counts``.

    ``of_class``: the label that holds the class that a cell, a truth or an answer is of; empty for the positive class.
    ``truth``, ``predicted``: labels that hold the two classes of a pair. ``form``: how the class is written in them,
    with ``{}`` for it. ``account``: rules of one account count the same ``events`` together.
    """

    metric: str
    counts: Counts
    match: Mapping[str, str] = field(default_factory=dict)
    of_class: str = ""
    truth: str = ""
    predicted: str = ""
    form: str = "{}"
    account: str = ""
    events: Events = "feedback"

    @property
    def labels(self) -> frozenset[str]:
        """Names of the labels by which this claim differs from others of the same metric."""
        return frozenset({*self.match, *self.class_labels})

    @property
    def class_labels(self) -> tuple[str, ...]:
        """Names of the labels that hold classes."""
        return tuple(name for name in (self.of_class, self.truth, self.predicted) if name)

    @property
    def values(self) -> dict[str, str]:
        """The labels of its series, with the form in place of a class."""
        return {**self.match, **dict.fromkeys(self.class_labels, self.form)}

    def may_be_of(self, labels: Mapping[str, str]) -> bool:
        """Whether labels of its metric are those of this rule, whatever classes they name; False without classes.

        A label that is not in the form of a class is something else, and one that is not there may be of any class.
        """
        before, _, after = self.form.partition("{}")
        return (
            bool(self.class_labels)
            and all(labels.get(name) == value for name, value in self.match.items())
            and all(
                name not in labels or (labels[name].startswith(before) and labels[name].endswith(after))
                for name in self.class_labels
            )
        )


def overlapping(rules: Sequence[SeriesRule]) -> tuple[SeriesRule, SeriesRule] | None:
    """Two rules of one metric of which a series may be either; None if there are none.

    In another account, a series may make another claim about the same events. Rules are apart if some label has another
    value in each of them, or a class in another form.
    """
    for first, second in itertools.combinations(rules, 2):
        are_together = first.account == second.account or first.events != second.events
        if are_together and first.metric == second.metric and not _are_apart(first, second):
            return first, second
    return None


def _are_apart(first: SeriesRule, second: SeriesRule) -> bool:
    mine, other = first.values, second.values
    return any(mine[name] != other[name] for name in mine.keys() & other.keys())
