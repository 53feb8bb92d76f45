"""Check of feedback that failed: whether the live ratios would be others if it had been counted.

Feedback that is refused is in no count, live or expected, so a deployment that fails exactly where its model is wrong
shows a perfect accuracy and equal counts. Hence the live ratios are held against the rows that were *sent* as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import after_end
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.tally import Tally
from analysis.judge.failed_requests import failures
from analysis.record.arrays import Bools, Ints
from analysis.record.ledger import Kind, Outcome
from analysis.stats.proportions import fisher
from analysis.verdict import Explanation, Finding

SHIFT_LIMIT: Final = 0.01
"""How far failed feedback may move a ratio: one point. With less, one refused row of ten thousand would be an alarm,
and a run of some hundred distinct rows cannot tell nearer ratios apart. With more, a dashboard shows another model."""
_BINARY: Final = 2
_OF_TWO_CLASSES: Final = 4
"""Ratios of two classes, for which the limit is meant; with more of them it is lower in proportion."""
CHANCE_LIMIT: Final = 1e-4
"""Probability below which failures are not spread over hits and misses by chance. Eight pairs are looked at for each
artefact, so a deployment that fails at random is called selective less than once in a thousand runs."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio as the share of ``hits`` among both; ``hits`` and ``misses`` [pair] are masks of pairs (`Claim`)."""

    name: str
    hits: Bools
    misses: Bools

    def of(self, pairs: Ints) -> float | None:
        """The ratio of so many events of each pair; None if it is undefined."""
        hits, misses = int(pairs[self.hits].sum()), int(pairs[self.misses].sum())
        return hits / (hits + misses) if hits + misses else None


def ratios_of(answers: OfflineAnswers) -> tuple[Ratio, ...]:
    """The ratios that a dashboard shows: of two classes accuracy, precision, recall and specificity.

    Of more, accuracy, and precision and recall of each class.
    """
    number = len(answers.classes)
    truth, answer = np.divmod(np.arange(number**2), number)
    is_right = truth == answer
    accuracy = Ratio("accuracy", is_right, ~is_right)
    positives = [answers.positive] if number == _BINARY else range(number)
    parts = [accuracy]
    for of in positives:
        suffix = "" if number == _BINARY else f" of {answers.classes[of]}"
        is_true, is_called = truth == of, answer == of
        parts += [
            Ratio(f"precision{suffix}", is_true & is_called, ~is_true & is_called),
            Ratio(f"recall{suffix}", is_true & is_called, is_true & ~is_called),
        ]
        if number == _BINARY:
            parts.append(Ratio("specificity", ~is_true & ~is_called, ~is_true & is_called))
    return tuple(parts)


def losses(evidence: Evidence) -> tuple[Finding, ...]:
    """The live ratios are those of the rows that were sent, as far as failed feedback goes.

    A finding for each group that answers clients. There is none if nothing is known offline of its artefacts.
    """
    tally = evidence.tally
    if tally is None:
        return ()
    known = set(tally.axes.artifacts)
    groups = [group for group in evidence.groups if not group.share.mirrored and set(group.share.artifacts) <= known]
    failed_with = failures(evidence, tally, Kind.FEEDBACK)
    return tuple(_finding(tally, group, failed_with) for group in groups)


def _finding(tally: Tally, group: Group, failed_with: str) -> Finding:
    """``failed_with``: what the servers said of the failures."""
    outcomes = tally.outcomes[Kind.FEEDBACK]
    sent, failed = int(outcomes.sum()), int(outcomes[[Outcome.REFUSED, Outcome.INDETERMINATE]].sum())
    message = f"{failed:,} of {sent:,} feedbacks failed"
    if not failed:
        return Finding.passed(group.name, message, expected=0, observed=0)
    largest = Explanation(Diagnosis.FEEDBACK_FAILED, "")
    shift = 0.0
    for artifact in group.share.artifacts:
        for ratio in ratios_of(tally.axes.offline):
            moved, explanation = _moved(tally, group, artifact, ratio)
            if moved > shift:
                shift, largest = moved, explanation
    if shift <= SHIFT_LIMIT:
        message += f", which move no ratio by more than {shift * 100:.2f} points"
        return Finding.passed(group.name, message, expected=0, observed=failed)
    explanation = Explanation(largest.diagnosis, f"{message}: {largest.message}{failed_with}")
    finding = Finding.failed if largest.diagnosis is Diagnosis.FEEDBACK_REFUSED else Finding.unknown
    return finding(group.name, explanation, expected=0, observed=failed)


def _moved(tally: Tally, group: Group, artifact: str, ratio: Ratio) -> tuple[float, Explanation]:
    """How far failed feedback moved a ratio, or could have moved it, as a difference; and what is to be said of it."""
    by_outcome = [_pairs(tally, artifact, outcome) for outcome in Outcome]
    acknowledged, unknown = by_outcome[Outcome.ACKNOWLEDGED], by_outcome[Outcome.INDETERMINATE]
    sent = ratio.of(sum(by_outcome[1:], by_outcome[0]))
    if sent is None:
        return 0.0, Explanation(Diagnosis.FEEDBACK_FAILED, "")
    counted = acknowledged
    live = _live(tally, group)
    if live is not None:
        counted = live
    is_proven = live is not None or not unknown.any()
    shown = ratio.of(counted)
    diagnosis = _diagnosis(tally, artifact, ratio) if is_proven else Diagnosis.FEEDBACK_FAILED
    if shown is None:
        message = f"{ratio.name} is {sent:.2%} on what was sent, and undefined on what was counted"
        return math.inf, Explanation(diagnosis, message)
    if abs(shown - sent) > SHIFT_LIMIT:
        message = f"{ratio.name} is {shown:.2%} on what was counted, and {sent:.2%} on what was sent"
        return abs(shown - sent), Explanation(diagnosis, message)
    low, high = (ratio.of(acknowledged + unknown * part) for part in (ratio.misses, ratio.hits))
    spread = (high if high is not None else 1.0) - (low if low is not None else 0.0)
    message = f"{ratio.name} could be anything from {low or 0:.2%} to {high if high is not None else 1:.2%}"
    return max(spread, abs(shown - sent)), Explanation(Diagnosis.FEEDBACK_FAILED, message)


def _live(tally: Tally, group: Group) -> Ints | None:
    """``[pair]``: what was counted in the end; None if that is not known or is wrong, which other checks report.

    None, too, where the claims do not tell all pairs apart.
    """
    counted = group.counted
    if counted is None or len(group.share.artifacts) > 1:
        return None
    if not after_end(tally, counted.path)[-1] or (counted.broken | counted.undecided)[-1].any():
        return None
    deriving = counted.claims.deriving(np.eye(counted.claims.classes**2, dtype=np.int64))
    return None if deriving is None else np.rint(counted.path.value[-1] @ deriving).astype(np.int64)


def _diagnosis(tally: Tally, artifact: str, ratio: Ratio) -> Diagnosis:
    """Whether failures go with hits or misses of the ratio, or with its rows or all others, by Fisher's exact test.

    Over distinct rows and not over events, because a row that is sent again fails again for the same reason.
    """
    counts = tally.fed
    was_sent = counts.sum(axis=0) > 0
    has_failed = counts[[Outcome.REFUSED, Outcome.INDETERMINATE]].sum(axis=0) > 0
    pair = _pair_of(tally, artifact)
    hits, misses = (was_sent & part[pair] for part in (ratio.hits, ratio.misses))
    pairs = ((hits, misses), (hits | misses, was_sent & ~(hits | misses)))
    chances = [
        fisher(_failed_and_not(first, has_failed), _failed_and_not(second, has_failed)) for first, second in pairs
    ]
    limit = CHANCE_LIMIT * _OF_TWO_CLASSES / len(ratios_of(tally.axes.offline))
    return Diagnosis.FEEDBACK_REFUSED if min(chances) < limit else Diagnosis.FEEDBACK_FAILED


def _failed_and_not(rows: Bools, has_failed: Bools) -> tuple[int, int]:
    """Number of the rows that failed at least once, and of those that never did."""
    return int(np.count_nonzero(rows & has_failed)), int(np.count_nonzero(rows & ~has_failed))


def _pair_of(tally: Tally, artifact: str) -> Ints:
    """``[row, truth]``: pair of the feedback on a row with a truth."""
    answers = tally.axes.offline
    number = len(answers.classes)
    pairs: Ints = np.arange(number)[None, :] * number + answers.answers[artifact].predicted[:, None].astype(np.int64)
    return pairs


def _pairs(tally: Tally, artifact: str, outcome: Outcome) -> Ints:
    """``[pair]``: feedback of the outcome, by the artefact's offline answers."""
    counts = tally.fed[outcome]
    number = len(tally.axes.offline.classes) ** 2
    pairs: Ints = np.bincount(_pair_of(tally, artifact).ravel(), counts.ravel(), number).astype(np.int64)
    return pairs
