"""Check of the live precision-recall curve: what the offline scores allow, at every threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import after_end
from analysis.evidence.curve import Curve, differing
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.tally import Tally
from analysis.judge.count_checks import samples_of_other_times
from analysis.verdict import Explanation, Finding, Verdict
from model.contract import CELLS, METRIC_OF_CELL


def curves(evidence: Evidence) -> tuple[Finding, ...]:
    """At every threshold the live counts are what the offline scores of the rows sent allow.

    They are equal if every event is certain and went to the predictor. Events of unknown outcome widen them to an
    interval; where a predictor gets a part of the traffic (a partial mirror, a split) there is no lower bound. A
    predictor without score buckets passes and says so. There is no finding where the four cells are wrong, or are not
    known to the end: another check says so already.
    """
    findings = []
    for group in evidence.groups:
        if group.curve_problem is not None:
            findings.append(Finding.unknown(group.name, Explanation(Diagnosis.NOT_A_COUNT, group.curve_problem)))
        elif group.counted is not None and not (group.curve or group.member_curves):
            message = "it publishes no score buckets, so there is no curve by threshold, only over time"
            findings.append(Finding.passed(group.name, message))
        elif _is_known(evidence.tally, group):
            finding = _of_group(group)
            doubt = samples_of_other_times(group) if finding.verdict is Verdict.FAIL else None
            findings.append(finding if doubt is None else Finding.unknown(group.name, doubt))
    return tuple(findings)


def _is_known(tally: Tally | None, group: Group) -> bool:
    """Whether the four cells are known after the last event, and right."""
    counted = group.counted
    if tally is None or counted is None or not after_end(tally, counted.path)[-1]:
        return False
    return not counted.broken[-1].any()


def _of_group(group: Group) -> Finding:
    if group.curve is not None:
        return _compared(group.name, group.curve, sees_all=group.share.sees_all)
    findings = [_compared(f"{name}: ", curve, sees_all=False) for name, curve in group.member_curves]
    worst = max(findings, key=lambda finding: finding.verdict)
    return replace(worst, subject=group.name, message=worst.subject + worst.message)


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
