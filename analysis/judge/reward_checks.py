"""Check of the wrapper's own feedback counter, which the reward panel divides by."""

from __future__ import annotations

from typing import Final

from analysis.evidence.bounds import Counted
from analysis.evidence.evidence import Evidence, Group, clock_of
from analysis.evidence.gateway import growth
from analysis.evidence.queries import FEEDBACK_REQUESTS
from analysis.evidence.samples import Samples, Series
from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Finding, Verdict
from model.contract import LABEL_PREDICTOR

_ADVICE: Final = (
    "Seldon's wrapper leaves out feedback whose reward is 0, so that its mean reward is always 1: "
    "serve with `python -m model.server`, or do not read that panel."
)


def rewards(evidence: Evidence) -> tuple[Finding, ...]:
    """The wrapper counted every feedback request, those with a reward of 0 too.

    Nothing is said where it counts none, and where the cells lack as much: that is another fault, and theirs to tell.
    """
    if evidence.tally is None or evidence.tally.span_ns is None or evidence.samples is None:
        return ()
    first_ms = evidence.tally.span_ns[0] / 1e6 + clock_of(evidence).offset_s * 1000
    expected = int(evidence.tally.heads.sum())
    findings = []
    for group in evidence.groups:
        series = _series(evidence.samples, group)
        if not series or group.counted is None or not group.share.sees_all:
            continue
        counted = sum(growth(one, first_ms) for one in series)
        if counted >= expected or not _lost_alike(counted / expected, group.counted, evidence.tally):
            findings.append(_finding(group.name, counted, expected))
    return tuple(findings)


def _lost_alike(share: float, cells: Counted, tally: Tally) -> bool:
    """Whether the cells lack at least as large a share of the feedback: then it never came, or was lost with them."""
    acknowledged = int(tally.total[Kind.FEEDBACK, Outcome.ACKNOWLEDGED].sum())
    return bool(cells.path.value[-1].sum() <= share * acknowledged)


def _series(samples: Samples, group: Group) -> list[Series]:
    names = {one.name for one in group.predictors}
    return [one for one in samples.of(FEEDBACK_REQUESTS) if one.labels.get(LABEL_PREDICTOR) in names]


def _finding(subject: str, counted: int, expected: int) -> Finding:
    message = f"the wrapper counted {counted:,} feedback requests for {expected:,} acknowledged"
    if counted >= expected:
        return Finding("rewards", subject, Verdict.PASS, message, expected, counted)
    name = "rewards of zero uncounted"
    return Finding("rewards", subject, Verdict.FAIL, message, expected, counted, name, _ADVICE)
