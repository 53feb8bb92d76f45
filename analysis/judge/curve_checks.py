"""Check of the live precision-recall curve: equal to the offline one at every threshold."""

from __future__ import annotations

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import after_end
from analysis.evidence.curve import Curve, differing
from analysis.evidence.evidence import Evidence, Group
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding
from model.contract import CELLS, METRIC_OF_CELL


def curves(evidence: Evidence) -> tuple[Finding, ...]:
    """At every threshold the live counts are the offline ones. A predictor without score buckets passes and says so.

    The curve is drawn but not checked where equality cannot be expected: with events of unknown outcome the counts are
    not one number; a partial mirror has no lower bound; and where the four cells are wrong, or not known to the end,
    another check says so already.
    """
    findings = []
    for group in evidence.groups:
        if group.curve_problem is not None:
            findings.append(Finding.unknown(group.name, Explanation(Diagnosis.NOT_A_COUNT, group.curve_problem)))
        elif group.curve is not None:
            findings.append(_compared(group.name, group.curve, _why_not_exact(evidence, group)))
        elif group.counted is not None:
            message = "it publishes no score buckets, so there is no curve by threshold, only over time"
            findings.append(Finding.passed(group.name, message))
    return tuple(findings)


def _why_not_exact(evidence: Evidence, group: Group) -> str | None:
    """Why the live counts need not be the offline ones, or None."""
    tally, counted = evidence.tally, group.counted
    if (
        tally is None
        or counted is None
        or tally.count(Kind.FEEDBACK, Outcome.INDETERMINATE)
        or not group.share.sees_all
    ):
        return "not every event is certain"
    if not after_end(tally, counted.path)[-1]:
        return "the last scrape is not after the last event"
    if counted.broken[-1].any():
        return "the four cells differ already"
    return None


def _compared(subject: str, curve: Curve, why_not_exact: str | None) -> Finding:
    wrong, thresholds = differing(curve), len(curve.threshold)
    if why_not_exact is not None:
        return Finding.passed(subject, f"{thresholds} thresholds, not held to equality: {why_not_exact}")
    if not len(wrong):
        message = f"live and offline counts are equal at all {thresholds} thresholds"
        return Finding.passed(subject, message, expected=thresholds, observed=thresholds)
    first = int(wrong[0])
    differences = ", ".join(
        f"{METRIC_OF_CELL[cell]} {curve.live[first, i]} for {curve.offline[first, i]}"
        for i, cell in enumerate(CELLS)
        if curve.live[first, i] != curve.offline[first, i]
    )
    message = (
        f"{len(wrong)} of {thresholds} thresholds differ, the first at {curve.threshold[first]:.6g}: {differences}"
    )
    explanation = Explanation(Diagnosis.SCORES_DIFFER, message)
    return Finding.failed(subject, explanation, expected=thresholds, observed=thresholds - len(wrong))
