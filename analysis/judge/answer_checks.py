"""Checks of the answers that clients got: they are those of the artefact."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.rounding import undecided
from analysis.evidence.tally import Tally
from analysis.judge.failed_requests import failures, situation
from analysis.record.arrays import Ints
from analysis.record.ledger import Kind
from analysis.verdict import Explanation, Finding, Verdict

_ROWS_SHOWN: Final = 5


def served(evidence: Evidence) -> tuple[Finding, ...]:
    """Every answer to a prediction is the offline answer of a predictor that may have given it."""
    tally = evidence.tally
    if tally is None:
        return ()
    return tuple(_served(evidence, tally, group) for group in evidence.groups if _is_answered_offline(evidence, group))


def has_wrong_answers(evidence: Evidence, group: Group) -> bool:
    """Whether clients got an answer of the group that none of its artefacts gives offline."""
    if evidence.tally is None or not _is_answered_offline(evidence, group):
        return False
    return _served(evidence, evidence.tally, group).verdict is Verdict.FAIL


def _is_answered_offline(evidence: Evidence, group: Group) -> bool:
    """Whether the group's answers to predictions can be compared: there are some, and all its artefacts are known."""
    return (
        evidence.tally is not None
        and evidence.offline is not None
        and bool(evidence.tally.count(Kind.PREDICT))
        and not group.share.mirrored
        and all(name in evidence.offline.answers for name in group.share.artifacts)
    )


def _served(evidence: Evidence, tally: Tally, group: Group) -> Finding:
    wrong = _wrong_answers(tally, group)
    answered, readable = int(tally.answers.sum()), int(tally.answers[:, :-1].sum())
    by_value = wrong.any() and not np.any(wrong > tally.valued)
    if by_value and len(group.share.artifacts) > 1:
        message = "answers are a value for each class, and the larger one is not what any of the models says"
        return Finding.unknown(group.name, Explanation(Diagnosis.VALUES_NOT_CLASSES, message))
    if wrong.any() and not (by_value and _some_threshold_explains(tally, group)):
        return _skew(tally, group, wrong, readable)
    if not answered:
        why = failures(evidence, tally, Kind.PREDICT)
        message = f"none of {tally.count(Kind.PREDICT):,} predictions was acknowledged{why}"
        explanation = Explanation(Diagnosis.PREDICTIONS_FAILED, message, situation(evidence, tally, Kind.PREDICT))
        return Finding.unknown(group.name, explanation, observed=0)
    attempted = tally.count(Kind.PREDICT)
    if answered * 2 < attempted:
        why = failures(evidence, tally, Kind.PREDICT)
        message = f"only {answered:,} of {attempted:,} predictions were acknowledged{why}"
        explanation = Explanation(Diagnosis.PREDICTIONS_FAILED, message, situation(evidence, tally, Kind.PREDICT))
        return Finding.unknown(group.name, explanation, expected=attempted, observed=answered)
    if readable < answered:
        message = f"{answered - readable:,} of {answered:,} answers named no class"
        explanation = Explanation(Diagnosis.ANSWERS_NOT_READABLE, message)
        return Finding.unknown(group.name, explanation, expected=answered, observed=readable)
    rows = int(np.count_nonzero(tally.answers.sum(axis=1)))
    message = f"{answered:,} answers on {rows} rows are the offline model's"
    if by_value:
        message += ", by some threshold on the values that they give: the model does not decide for the larger one"
    return Finding.passed(group.name, message, expected=answered, observed=readable)


def _wrong_answers(tally: Tally, group: Group) -> Ints:
    """``[row, predicted]``: number of acknowledged answers that none of the group's artefacts gives offline."""
    allowed = np.zeros(tally.answers.shape, np.bool_)
    allowed[:, -1] = True  # an answer without a class is not a wrong one; it has a finding of its own
    for name in group.share.answers:
        predicted = tally.axes.offline.answers[name].predicted
        allowed[np.arange(len(predicted)), predicted] = True
    return np.where(allowed, 0, tally.answers)


def _some_threshold_explains(tally: Tally, group: Group) -> bool:
    """Whether one threshold turns the values that were answered into the offline model's classes.

    An answer of a value for each class does not say which class the model decides for. That need not be the one with
    the larger value: a tuned threshold (scikit-learn's ``TunedThresholdClassifierCV``) lies anywhere. No threshold
    tells equal values apart. Only a row whose class is a matter of rounding may have any value.
    """
    answers = tally.axes.offline.answers[group.share.artifacts[0]]
    least, greatest = tally.values.T
    sure = (least <= greatest) & ~undecided(answers)
    if len(tally.axes.offline.classes) != 2 or not sure.any():
        return False
    below, above = greatest[sure & (answers.predicted == 0)], least[sure & (answers.predicted == 1)]
    return not len(below) or not len(above) or bool(below.max() < above.min())


def _skew(tally: Tally, group: Group, wrong: Ints, readable: int) -> Finding:
    per_row = wrong.sum(axis=1)
    rows = np.flatnonzero(per_row)
    ids = ", ".join(str(tally.axes.offline.rows[row]) for row in rows[:_ROWS_SHOWN])
    more = ", ..." if len(rows) > _ROWS_SHOWN else ""
    message = (
        f"{int(per_row.sum()):,} of {readable:,} answers differ from the offline model's, "
        f"on {len(rows)} rows ({ids}{more})"
    )
    diagnosis = Diagnosis.SERVING_SKEW
    classes_per_row = np.count_nonzero(tally.answers[:, :-1], axis=1)
    if len(group.share.artifacts) == 1 and np.any(classes_per_row > 1):
        diagnosis = Diagnosis.ANSWERS_DIFFER
        message += f"; {int(np.count_nonzero(classes_per_row > 1))} rows were answered in more than one way"
    return Finding.failed(group.name, Explanation(diagnosis, message), expected=0, observed=int(per_row.sum()))
