"""Check of the live precision-recall curve: what the offline scores allow, at every threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import after_end, cells_of
from analysis.evidence.curve import Curve, differing
from analysis.evidence.doubts import samples_of_other_times
from analysis.evidence.evidence import Evidence, Group, PredictorEvidence
from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding, Verdict
from model.contract import CELLS, LABEL_EDGE, LABEL_PREDICTOR, METRIC_OF_CELL, SCORE_BUCKETS

_ALL_ROWS: Final = {"inf", "+inf"}
"""Edges of the bucket that holds all rows of a class, in small letters."""


def curves(evidence: Evidence) -> tuple[Finding, ...]:
    """At every threshold the live counts are what the offline scores of the rows sent allow.

    They are equal if every event is certain and went to the predictor. Events of unknown outcome widen them to an
    interval; where a predictor gets a part of the traffic (a partial mirror, a split) there is no lower bound. In each
    case the buckets hold as many rows of either class as the four cells do. A predictor without score buckets, or
    whose card names no scorer, passes and says so. There is no finding where the four cells are wrong, or are not known
    to the end: another check says so already.
    """
    findings = []
    for group in evidence.groups:
        if group.curve_problem is not None:
            findings.append(Finding.unknown(group.name, group.curve_problem))
        elif group.counted is not None and not (group.curve or group.member_curves):
            findings.append(Finding.passed(group.name, _without_curve(evidence, group)))
        elif _is_known(evidence.tally, group):
            finding = _of_group(evidence, group)
            doubt = samples_of_other_times(group) if finding.verdict is Verdict.FAIL else None
            findings.append(finding if doubt is None else Finding.unknown(group.name, doubt))
    return tuple(findings)


def _without_curve(evidence: Evidence, group: Group) -> str:
    answers = evidence.offline.answers if evidence.offline is not None else {}
    if any(name in answers and not answers[name].has_scores for name in group.share.artifacts):
        return "its card names no scorer, so there is no curve by threshold, only over time"
    return "it publishes no score buckets, so there is no curve by threshold, only over time"


def _is_known(tally: Tally | None, group: Group) -> bool:
    """Whether the four cells are known after the last event, and right."""
    counted = group.counted
    if tally is None or counted is None or not after_end(tally, counted.path)[-1]:
        return False
    return not counted.broken[-1].any()


def _of_group(evidence: Evidence, group: Group) -> Finding:
    members = {member.name: member for member in group.members}
    if group.curve is not None:
        return _unlike_cells(group.name, group.curve, members[group.name], evidence) or _compared(
            group.name, group.curve, sees_all=group.share.sees_all
        )
    findings = [
        _unlike_cells(f"{name}: ", curve, members[name], evidence) or _compared(f"{name}: ", curve, sees_all=False)
        for name, curve in group.member_curves
    ]
    worst = max(findings, key=lambda finding: finding.verdict)
    return replace(worst, subject=group.name, message=worst.subject + worst.message)


def _unlike_cells(subject: str, curve: Curve, member: PredictorEvidence, evidence: Evidence) -> Finding | None:
    """A finding if the buckets hold other numbers of rows of either class than the predictor's own cells.

    Both are of the same process, so this also tells where a predictor gets a part only. They may differ by what is
    counted while a scrape reads them, one after the other: by events of unknown outcome, and by what still grew between
    the last two scrapes. Nothing is said where a scrape lacked a series, since their baselines may be of two scrapes.
    """
    path, tally = member.path, evidence.tally
    lacks = any(target.absent.any() or target.own_times for target in member.awaited)
    if path is None or tally is None or lacks or path.doubt.any():
        return None
    cells = cells_of(member.account.account.claims, path.value[-1:])
    if cells is None:
        return None
    tp, fp, tn, fn = cells[0].astype(np.int64).tolist()
    buckets = dict(zip(CELLS, curve.live[0].tolist(), strict=True))
    in_cells = tp + fn, fp + tn
    in_buckets = buckets["tp"] + buckets["fn"], buckets["fp"] + buckets["tn"]
    slack = tally.count(Kind.FEEDBACK, Outcome.INDETERMINATE) + _still_growing(evidence, member)
    if all(abs(here - there) <= slack for here, there in zip(in_buckets, in_cells, strict=True)):
        return None
    message = (
        f"its score buckets hold {in_buckets[0]:,} positive and {in_buckets[1]:,} negative rows, where its cells hold "
        f"{in_cells[0]:,} and {in_cells[1]:,}"
    )
    explanation = Explanation(Diagnosis.SCORES_DIFFER, message)
    return Finding.failed(subject, explanation, expected=sum(in_cells), observed=sum(in_buckets))


def _still_growing(evidence: Evidence, member: PredictorEvidence) -> int:
    """By how much cells and buckets of a predictor grew between the last two scrapes."""
    if evidence.samples is None:
        return 0
    totals = [
        series
        for series in evidence.samples.of(SCORE_BUCKETS)
        if series.labels.get(LABEL_PREDICTOR) == member.name and series.labels.get(LABEL_EDGE, "").lower() in _ALL_ROWS
    ]
    grown = [np.diff(series.value[-2:]).sum() for series in (*totals, *member.series)]
    return int(np.nansum(np.abs(grown)))


def _compared(subject: str, curve: Curve, *, sees_all: bool) -> Finding:
    wrong, thresholds = differing(curve, sees_all=sees_all), len(curve.threshold)
    low = curve.low if sees_all else np.zeros_like(curve.low)
    if not len(wrong):
        if not sees_all:
            message = f"at all {thresholds} thresholds no live count is above what was sent; it gets a part of it only"
        elif np.array_equal(curve.live, curve.offline):
            message = f"live and offline counts are equal at all {thresholds} thresholds"
        elif curve.rounded:
            rows = f"{curve.rounded} row{'s' * (curve.rounded > 1)}"
            message = (
                f"live and offline counts are equal at all {thresholds} thresholds, apart from {rows} whose score is a "
                "threshold but for rounding"
            )
        else:
            message = f"at all {thresholds} thresholds the live counts lie within what events of unknown outcome allow"
        return Finding.passed(subject, message, expected=thresholds, observed=thresholds)
    first = int(wrong[0])
    differences = ", ".join(
        f"{METRIC_OF_CELL[cell]} {curve.live[first, i]} for {_range(low[first, i], curve.high[first, i])}"
        for i, cell in enumerate(CELLS)
        if not low[first, i] <= curve.live[first, i] <= curve.high[first, i]
    )
    message = (
        f"{len(wrong)} of {thresholds} thresholds differ, the first at {curve.threshold[first]:.6g}: {differences}"
    )
    explanation = Explanation(Diagnosis.SCORES_DIFFER, message)
    return Finding.failed(subject, explanation, expected=thresholds, observed=thresholds - len(wrong))


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}..{high}"
