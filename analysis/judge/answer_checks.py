"""Checks of the answers that clients got: they are those of the artefact."""

from __future__ import annotations

import numpy as np

from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.tally import Tally
from analysis.record.arrays import Ints
from analysis.record.ledger import Kind
from analysis.verdict import Finding, Verdict

_ROWS_SHOWN = 5


def served(evidence: Evidence) -> tuple[Finding, ...]:
    """Every answer to a prediction is the offline answer of a predictor that may have given it."""
    if evidence.tally is None or evidence.offline is None or not evidence.tally.count(Kind.PREDICT):
        return ()
    primaries = [group for group in evidence.groups if not group.share.mirrored]
    return tuple(
        _served(evidence.tally, group)
        for group in primaries
        if all(name in evidence.offline.answers for name in group.share.artifacts)
    )


def _served(tally: Tally, group: Group) -> Finding:
    wrong = _wrong_answers(tally, group)
    answered, named = int(tally.answers.sum()), int(tally.answers[:, :-1].sum())
    if wrong.any():
        return _skew(tally, group, wrong, named)
    if not answered:
        why = f"none of {tally.count(Kind.PREDICT):,} predictions was acknowledged"
        advice = "Look at the deployment's logs; lower the load."
        return Finding("served", group.name, Verdict.INCONCLUSIVE, why, None, 0, "predictions failed", advice)
    if named < answered:
        why = f"{answered - named:,} of {answered:,} answers named no class"
        advice = "Answer with the class of each row as an ndarray or tensor of numbers."
        return Finding("served", group.name, Verdict.INCONCLUSIVE, why, answered, named, "answers not readable", advice)
    rows = int(np.count_nonzero(tally.answers.sum(axis=1)))
    message = f"{answered:,} answers on {rows} rows are the offline model's"
    return Finding("served", group.name, Verdict.PASS, message, answered, named)


def _wrong_answers(tally: Tally, group: Group) -> Ints:
    """``[row, predicted]``: acknowledged answers that none of the group's artefacts gives offline."""
    allowed = np.zeros(tally.answers.shape, np.bool_)
    allowed[:, -1] = True  # an answer that named no class is not a wrong one; it is told apart
    for name in group.share.artifacts:
        predicted = tally.plan.offline.answers[name].predicted
        allowed[np.arange(len(predicted)), predicted] = True
    return np.where(allowed, 0, tally.answers)


def _skew(tally: Tally, group: Group, wrong: Ints, named: int) -> Finding:
    per_row = wrong.sum(axis=1)
    rows = np.flatnonzero(per_row)
    ids = ", ".join(str(tally.plan.offline.rows[row]) for row in rows[:_ROWS_SHOWN])
    more = ", ..." if len(rows) > _ROWS_SHOWN else ""
    where = f"on {len(rows)} rows ({ids}{more})"
    told = f"{int(per_row.sum()):,} of {named:,} answers differ from the offline model's, {where}"
    answers = np.count_nonzero(tally.answers[:, :-1], axis=1)
    single = len(group.share.artifacts) == 1
    if single and np.any(answers > 1):
        advice = "The served model is not deterministic, or its replicas serve different models: compare them."
        name = "answers differ between replays"
        told += f"; {int(np.count_nonzero(answers > 1))} rows were answered in more than one way"
    else:
        advice = "Compare the served model, its features' order and its preprocessing with the artefact."
        name = "serving skew"
    return Finding("served", group.name, Verdict.FAIL, told, 0, int(per_row.sum()), name, advice)
