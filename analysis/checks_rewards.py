"""Check of the wrapper's own feedback counter, which the reward panel divides by."""

from __future__ import annotations

from typing import Final

from analysis.evidence import Evidence, Group, clock_of
from analysis.gateway import growth
from analysis.queries import FEEDBACK_REQUESTS
from analysis.samples import Samples, Series
from analysis.verdict import Finding, Verdict
from model.contract import LABEL_PREDICTOR

_ADVICE: Final = (
    "Seldon's wrapper leaves out feedback whose reward is 0, so that its mean reward is always 1: "
    "serve with `python -m model.server`, or do not read that panel."
)


def rewards(evidence: Evidence) -> tuple[Finding, ...]:
    """The wrapper counted every feedback request, those with a reward of 0 too; nothing where it counts none."""
    if evidence.tally is None or evidence.tally.span_ns is None or evidence.samples is None:
        return ()
    first_ms = evidence.tally.span_ns[0] / 1e6 + clock_of(evidence).offset_s * 1000
    expected = int(evidence.tally.heads.sum())
    findings = []
    for group in evidence.groups:
        series = _series(evidence.samples, group)
        if series and group.counted is not None and group.share.sees_all:
            findings.append(_finding(group.name, sum(growth(one, first_ms) for one in series), expected))
    return tuple(findings)


def _series(samples: Samples, group: Group) -> list[Series]:
    names = {one.name for one in group.predictors}
    return [one for one in samples.of(FEEDBACK_REQUESTS) if one.labels.get(LABEL_PREDICTOR) in names]


def _finding(subject: str, counted: int, expected: int) -> Finding:
    message = f"the wrapper counted {counted:,} feedback requests for {expected:,} acknowledged"
    if counted >= expected:
        return Finding("rewards", subject, Verdict.PASS, message, expected, counted)
    name = "rewards of zero uncounted"
    return Finding("rewards", subject, Verdict.FAIL, message, expected, counted, name, _ADVICE)
