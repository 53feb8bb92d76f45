"""Check of the live precision-recall curve: equal to the offline one at every threshold."""

from __future__ import annotations

from analysis.evidence.bounds import after_end
from analysis.evidence.curve import Curve, curve, differing
from analysis.evidence.evidence import Evidence, Group, clock_of
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Finding, Verdict
from model.contract import CELLS, METRIC_OF_CELL


def curves(evidence: Evidence) -> tuple[Finding, ...]:
    """At every threshold the live counts are the offline ones; a predictor without score buckets is said to have none.

    With events of unknown outcome the counts are not one number, a mirror of a part has no lower bound, and where the
    four cells are wrong (or not known to the end) that is found already: then the curve is drawn and not checked.
    """
    found = []
    for group in evidence.groups:
        one = curve_of(evidence, group)
        if one is not None:
            found.append(_finding(group.name, one, _why_not_exact(evidence, group)))
        elif group.counted is not None:
            said = "it publishes no score buckets, so there is no curve by threshold, only over time"
            found.append(Finding("curve", group.name, Verdict.PASS, said))
    return tuple(found)


def curve_of(evidence: Evidence, group: Group) -> Curve | None:
    """The curve of a group of one predictor, or None."""
    tally, samples = evidence.tally, evidence.samples
    if tally is None or tally.span_ns is None or samples is None or group.counted is None or len(group.predictors) > 1:
        return None
    first_ms = tally.span_ns[0] / 1e6 + clock_of(evidence).offset_s * 1000
    return curve(samples, tally, group.name, group.share.artifacts[0], first_ms)


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


def _finding(name: str, found: Curve, why_not: str | None) -> Finding:
    wrong, number = differing(found), len(found.threshold)
    if why_not is not None:
        return Finding("curve", name, Verdict.PASS, f"{number} thresholds, not held to equality: {why_not}")
    if not len(wrong):
        return Finding(
            "curve", name, Verdict.PASS, f"live and offline counts are equal at all {number} thresholds", number, number
        )
    at = int(wrong[0])
    told = ", ".join(
        f"{METRIC_OF_CELL[cell]} {found.live[at, i]} for {found.offline[at, i]}"
        for i, cell in enumerate(CELLS)
        if found.live[at, i] != found.offline[at, i]
    )
    why = f"{len(wrong)} of {number} thresholds differ, the first at {found.threshold[at]:.6g}: {told}"
    advice = "If the four cells are right, look at the scores: another scale, or other bucket edges."
    return Finding("curve", name, Verdict.FAIL, why, number, number - len(wrong), "scores differ", advice)
