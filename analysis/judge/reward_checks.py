"""Check of the wrapper's own feedback counter, which the reward panel divides by."""

from __future__ import annotations

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.gateway import growth
from analysis.evidence.queries import FEEDBACK_REQUESTS, REWARDS
from analysis.evidence.samples import Samples, Series
from analysis.evidence.tally import Tally
from analysis.judge.count_checks import samples_of_other_times
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding
from model.contract import LABEL_PREDICTOR


def rewards(evidence: Evidence) -> tuple[Finding, ...]:
    """The wrapper counted every feedback request, also those with a reward of 0, and no more than were sent.

    It counts a request before the class sees it, so a request of any outcome may be counted, and so may each that the
    gateway sent again. A group whose wrapper publishes no such counter passes and says so; so does one to which no
    reward was sent, which Seldon's wrapper does not count. A partial mirror has no lower bound. There is no finding
    where the counts are not known, and none where the cells lack, or have in excess, as much: another check reports it.
    """
    tally, samples = evidence.tally, evidence.samples
    if tally is None or samples is None or evidence.span_ms is None:
        return ()
    first_ms, _ = evidence.span_ms
    expected, most = int(tally.heads.sum()), int(tally.requests[Kind.FEEDBACK].sum())
    rewarded = evidence.run.options.get("reward") != "none"
    findings: list[Finding] = []
    for group in evidence.groups:
        if group.counted is None:
            continue
        series = _series(samples, group)
        observed = sum(growth(counter, first_ms) for counter in series)
        wrong_sum = _wrong_sum(evidence, tally, samples, group)
        if wrong_sum is not None:
            findings.append(wrong_sum)
            continue
        unchecked = _why_unchecked(series, group, rewarded=rewarded or observed >= expected)
        if observed > most + (group.gateway.retries if group.gateway is not None else 0):
            if not group.counted.broken[-1].any():
                findings.append(_overcounted(group, observed, most))
        elif unchecked is not None:
            findings.append(Finding.passed(group.name, unchecked))
        elif observed < expected and (doubt := samples_of_other_times(group)) is not None:
            findings.append(Finding.unknown(group.name, doubt))
        elif observed >= expected or not _cells_lack_as_much(observed / expected, group.counted, tally):
            findings.append(_finding(group.name, observed, expected))
    return tuple(findings)


def _wrong_sum(evidence: Evidence, tally: Tally, samples: Samples, group: Group) -> Finding | None:
    """A finding if the sum of rewards cannot be that of the rewards sent; None if it can, or if that is not known.

    Without a reward it does not grow. With ``--reward correct`` it grows by 1 for each feedback on a row which the
    answer before it had right; that is known of single rows, if every prediction was acknowledged.
    """
    bounds = _rewards_sent(evidence, tally)
    if bounds is None or group.counted is None or group.counted.broken[-1].any() or not group.share.sees_all:
        return None
    names = {member.name for member in group.members}
    counters = [series for series in samples.of(REWARDS) if series.labels.get(LABEL_PREDICTOR) in names]
    if not counters or evidence.span_ms is None:
        return None
    observed = sum(growth(counter, evidence.span_ms[0]) for counter in counters)
    low, high = bounds
    again = group.gateway.retries if group.gateway is not None else 0
    if low <= observed <= high + again * (high > 0):
        return None
    message = f"the sum of rewards grew by {observed:,}, where {low if low == high else f'{low:,}..{high:,}'} were sent"
    explanation = Explanation(Diagnosis.REWARDS_DIFFER, message)
    doubt = samples_of_other_times(group)
    unsure = doubt or (explanation if observed > high > 0 and group.gateway is None else None)
    if unsure is not None:
        return Finding.unknown(group.name, unsure, expected=high, observed=observed)
    return Finding.failed(group.name, explanation, expected=high, observed=observed)


def _rewards_sent(evidence: Evidence, tally: Tally) -> tuple[int, int] | None:
    """Least and greatest sum of the rewards that were sent; None if it does not follow from the ledger."""
    options = evidence.run.options
    if options.get("reward") == "none":
        return 0, 0
    answering = [group for group in evidence.groups if not group.share.mirrored]
    predicted = tally.count(Kind.PREDICT)
    if (
        (options.get("reward"), options.get("batch"), options.get("predict_ratio")) != ("correct", 1, 1.0)
        or len(answering) != 1
        or len(answering[0].share.answers) != 1
        or predicted != tally.count(Kind.PREDICT, Outcome.ACKNOWLEDGED)
    ):
        return None
    answers = tally.axes.offline
    predicted_class = answers.answers[answering[0].share.artifacts[0]].predicted
    right = predicted_class[:, None] == np.arange(len(answers.classes))
    sent = tally.total[Kind.FEEDBACK]
    return int(sent[Outcome.ACKNOWLEDGED][right].sum()), int(sent[:, right].sum())


def _why_unchecked(series: list[Series], group: Group, *, rewarded: bool) -> str | None:
    """Why the counter has no lower bound, or None."""
    if not series:
        return "the wrapper publishes no counter of feedback requests, so rewards per request are not checked"
    if not group.share.sees_all:
        return "its mirror takes a part only, so it is not known how many feedback requests it got"
    if not rewarded:
        return "no reward was sent, and the wrapper does not count feedback without one, so its counter is not checked"
    return None


def _overcounted(group: Group, observed: int, most: int) -> Finding:
    """Proven only if the gateway says how many requests it sent again."""
    message = f"the wrapper counted {observed:,} feedback requests, where {most:,} were sent"
    if group.gateway is not None:
        message += f" and the gateway sent {group.gateway.retries:,} again"
        explanation = Explanation(Diagnosis.REWARDS_OVERCOUNTED, message)
        return Finding.failed(group.name, explanation, expected=most, observed=observed)
    message += "; it is not known whether a gateway sent some of them again"
    explanation = Explanation(Diagnosis.REWARDS_OVERCOUNTED, message)
    return Finding.unknown(group.name, explanation, expected=most, observed=observed)


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
