"""Check of the wrapper's own feedback counter, which the reward panel divides by."""

from __future__ import annotations

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.gateway import growth
from analysis.evidence.queries import FEEDBACK_REQUESTS
from analysis.evidence.samples import Samples, Series
from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding
from model.contract import LABEL_PREDICTOR


def rewards(evidence: Evidence) -> tuple[Finding, ...]:
    """The wrapper counted every feedback request, also those with a reward of 0.

    A group whose wrapper publishes no such counter passes and says so, as does a partial mirror, of which it is not
    known how many requests it got. There is no finding where the counts are not known, and none where the cells lack
    as much: that is another fault, which another check reports.
    """
    tally, samples = evidence.tally, evidence.samples
    if tally is None or samples is None or evidence.span_ms is None:
        return ()
    first_ms, _ = evidence.span_ms
    expected = int(tally.heads.sum())
    findings = []
    for group in evidence.groups:
        if group.counted is None:
            continue
        series = _series(samples, group)
        unchecked = _why_unchecked(series, group)
        if unchecked is not None:
            findings.append(Finding.passed(group.name, unchecked))
            continue
        observed = sum(growth(counter, first_ms) for counter in series)
        if observed >= expected or not _cells_lack_as_much(observed / expected, group.counted, tally):
            findings.append(_finding(group.name, observed, expected))
    return tuple(findings)


def _why_unchecked(series: list[Series], group: Group) -> str | None:
    """Why the counter is held against nothing, or None."""
    if not series:
        return "the wrapper publishes no counter of feedback requests, so rewards per request are not checked"
    if not group.share.sees_all:
        return "its mirror takes a part only, so it is not known how many feedback requests it got"
    return None


def _cells_lack_as_much(share: float, cells: Counted, tally: Tally) -> bool:
    """Whether the cells lack at least as large a share of the feedback: it never arrived, or was lost with them."""
    acknowledged = int(tally.total[Kind.FEEDBACK, Outcome.ACKNOWLEDGED].sum())
    return bool(cells.path.value[-1].sum() <= share * acknowledged)


def _series(samples: Samples, group: Group) -> list[Series]:
    names = {member.name for member in group.members}
    return [series for series in samples.of(FEEDBACK_REQUESTS) if series.labels.get(LABEL_PREDICTOR) in names]


def _finding(subject: str, observed: int, expected: int) -> Finding:
    message = f"the wrapper counted {observed:,} feedback requests for {expected:,} acknowledged"
    if observed >= expected:
        return Finding.passed(subject, message, expected=expected, observed=observed)
    explanation = Explanation(Diagnosis.REWARDS_UNCOUNTED, message)
    return Finding.failed(subject, explanation, expected=expected, observed=observed)
