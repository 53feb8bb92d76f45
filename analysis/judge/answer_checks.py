"""Checks of the answers that clients got: they are those of the artefact."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.tally import Tally
from analysis.record.arrays import Ints
from analysis.record.ledger import Kind
from analysis.verdict import Explanation, Finding

_ROWS_SHOWN: Final = 5


def served(evidence: Evidence) -> tuple[Finding, ...]:
    """Every answer to a prediction is the offline answer of a predictor that may have given it."""
    tally = evidence.tally
    if tally is None:
        return ()
    return tuple(_served(tally, group) for group in evidence.groups if _is_answered_offline(evidence, group))


def has_wrong_answers(evidence: Evidence, group: Group) -> bool:
    """Whether clients got an answer of the group that none of its artefacts gives offline."""
    if evidence.tally is None or not _is_answered_offline(evidence, group):
        return False
    return bool(_wrong_answers(evidence.tally, group).any())


def _is_answered_offline(evidence: Evidence, group: Group) -> bool:
    """Whether the group's answers to predictions can be compared: there are some, and all its artefacts are known."""
    return (
        evidence.tally is not None
        and evidence.offline is not None
        and bool(evidence.tally.count(Kind.PREDICT))
        and not group.share.mirrored
        and all(name in evidence.offline.answers for name in group.share.artifacts)
    )


def _served(tally: Tally, group: Group) -> Finding:
    wrong = _wrong_answers(tally, group)
    answered, readable = int(tally.answers.sum()), int(tally.answers[:, :-1].sum())
    if wrong.any():
        return _skew(tally, group, wrong, readable)
    if not answered:
        message = f"none of {tally.count(Kind.PREDICT):,} predictions was acknowledged"
        return Finding.unknown(group.name, Explanation(Diagnosis.PREDICTIONS_FAILED, message), observed=0)
    attempted = tally.count(Kind.PREDICT)
    if answered * 2 < attempted:
        message = f"only {answered:,} of {attempted:,} predictions were acknowledged"
        explanation = Explanation(Diagnosis.PREDICTIONS_FAILED, message)
        return Finding.unknown(group.name, explanation, expected=attempted, observed=answered)
    if readable < answered:
        message = f"{answered - readable:,} of {answered:,} answers named no class"
        explanation = Explanation(Diagnosis.ANSWERS_NOT_READABLE, message)
        return Finding.unknown(group.name, explanation, expected=answered, observed=readable)
    rows = int(np.count_nonzero(tally.answers.sum(axis=1)))
    message = f"{answered:,} answers on {rows} rows are the offline model's"
    return Finding.passed(group.name, message, expected=answered, observed=readable)


def _wrong_answers(tally: Tally, group: Group) -> Ints:
    """``[row, predicted]``: number of acknowledged answers that none of the group's artefacts gives offline."""
    allowed = np.zeros(tally.answers.shape, np.bool_)
    allowed[:, -1] = True  # an answer without a class is not a wrong one; it has a finding of its own
    for name in group.share.answers:
        predicted = tally.axes.offline.answers[name].predicted
        allowed[np.arange(len(predicted)), predicted] = True
    return np.where(allowed, 0, tally.answers)


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
