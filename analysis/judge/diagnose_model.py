"""Faults that the last counts alone show: another model, another threshold, a part of each batch, a truth misread."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.claims.claim import Claims
from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted, Share
from analysis.evidence.samples import is_count
from analysis.evidence.tally import Tally
from analysis.record.arrays import Ints
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation
from model.contract import CELLS

_MOVED: Final = 3
"""Events that another threshold must put into another cell before it is said to be one."""


def of_models(counted: Counted, share: Share, tally: Tally) -> Explanation | None:
    """The first of these faults that gives exactly the counts stored last, or None."""
    if len(share.artifacts) > 1 or tally.count(Kind.FEEDBACK, Outcome.INDETERMINATE):
        return None  # then a fault does not determine the counts
    if not is_count(counted.path.value[-1]).all():
        return None
    value = counted.path.value[-1].astype(np.int64)
    claims, artifact = counted.claims, share.artifacts[0]
    if np.array_equal(value, counts_of(tally, claims, artifact, tally.counted)):
        return None
    return (
        _first_rows(value, tally, claims, artifact)
        or _other_model(value, tally, claims, share)
        or _misread(value, tally, claims, artifact)
        or _always(value, tally, claims, artifact)
        or _threshold(value, tally, claims, artifact)
    )


def counts_of(tally: Tally, claims: Claims, artifact: str, patterns: Ints) -> Ints:
    """``[claim]``: counts that the artefact gives on events; ``patterns`` [pattern] is the number of events of each."""
    counts: Ints = patterns @ claims.weight[tally.pairs[artifact]]
    return counts


def _first_rows(value: Ints, tally: Tally, claims: Claims, artifact: str) -> Explanation | None:
    """Only the first row of each request was counted."""
    if not np.array_equal(value, counts_of(tally, claims, artifact, tally.heads)):
        return None
    counted, acknowledged = int(tally.heads.sum()), int(tally.acknowledged.sum())
    message = f"only the first row of each batch was counted: {counted:,} of {acknowledged:,} rows"
    return Explanation(Diagnosis.FIRST_ROW, message)


def _other_model(value: Ints, tally: Tally, claims: Claims, share: Share) -> Explanation | None:
    """The counts are those of another artefact of the deployment."""
    for other in tally.axes.artifacts:
        counts = counts_of(tally, claims, other, tally.counted)
        if other not in share.answers and np.array_equal(value, counts):
            message = f"the counts are those of {other}, not of {share.artifacts[0]}"
            return Explanation(Diagnosis.WRONG_MODEL, message, "counts")
    return None


def _misread(value: Ints, tally: Tally, claims: Claims, artifact: str) -> Explanation | None:
    """The counts are those of the right answers, with the same truth for every row."""
    answers, number = tally.axes.offline, claims.classes
    for truth, label in enumerate(answers.classes):
        pairs = truth * number + tally.pairs[artifact] % number
        if np.array_equal(value, tally.counted @ claims.weight[pairs]):
            events = int(tally.counted.sum())
            message = f"the counts are those of rows whose truth is always {label}: {events:,} of them"
            return Explanation(Diagnosis.TRUTH_MISREAD, message)
    return None


def _always(value: Ints, tally: Tally, claims: Claims, artifact: str) -> Explanation | None:
    """The counts are those of a model that gives every row the same answer."""
    answers, number = tally.axes.offline, claims.classes
    truths = tally.pairs[artifact] // number
    for answer, label in enumerate(answers.classes):
        if np.array_equal(value, tally.counted @ claims.weight[truths * number + answer]):
            message = f"the counts are those of rows that are all answered {label}"
            return Explanation(Diagnosis.ANSWER_MISREAD, message)
    return None


def _threshold(value: Ints, tally: Tally, claims: Claims, artifact: str) -> Explanation | None:
    """The counts are those of the same scores with another threshold."""
    if not claims.is_cells:
        return None
    answers = tally.axes.offline
    score, counts = answers.answers[artifact].score, tally.fed[Outcome.ACKNOWLEDGED]
    order = np.argsort(-score, kind="stable")
    true = np.concatenate([[0], np.cumsum(counts[order, answers.positive])])
    false = np.concatenate([[0], np.cumsum(counts[order].sum(axis=1) - counts[order, answers.positive])])
    tp, fp, tn, fn = (int(value[CELLS.index(cell)]) for cell in ("tp", "fp", "tn", "fn"))
    if (tp + fn, fp + tn) != (true[-1], false[-1]):
        return None
    cuts = np.flatnonzero((true == tp) & (false == fp))
    between = [cut for cut in cuts.tolist() if 0 < cut < len(order) and score[order[cut - 1]] > score[order[cut]]]
    if not between:
        return None
    called = np.zeros(len(order), np.bool_)
    called[order[: between[0]]] = True
    moved = counts[called != (answers.answers[artifact].predicted == answers.positive)]
    if moved.sum() < _MOVED:
        return None  # one lost and one wrong count look so, too
    low, high = score[order[between[-1]]], score[order[between[0] - 1]]
    message = f"the counts are those of a decision threshold between {low:.4g} and {high:.4g}"
    return Explanation(Diagnosis.THRESHOLD_SHIFTED, message)
