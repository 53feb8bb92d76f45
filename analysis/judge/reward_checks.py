"""Check of the wrapper's own feedback counter, which the reward panel divides by."""

from __future__ import annotations

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted, after_end
from analysis.evidence.doubts import samples_of_other_times
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.queries import FEEDBACK_REQUESTS, REWARDS
from analysis.evidence.samples import Samples, Series
from analysis.evidence.scrapes.growth import Growth, growth
from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding
from model.contract import LABEL_PREDICTOR


def rewards(evidence: Evidence) -> tuple[Finding, ...]:
    """The wrapper counted every feedback request, also those with a reward of 0, and no more than were sent.

    It counts a request before the class sees it, so a request of any outcome may be counted, and so may each that the
    gateway sent again. A group whose wrapper publishes no such counter passes and says so. Without a reward Seldon's
    wrapper counts none. A partial mirror has no lower bound. There is no finding where the counts are not known, and
    none where the cells lack, or have in excess, as much: another check reports it.
    """
    tally, samples = evidence.tally, evidence.samples
    if tally is None or samples is None or evidence.first_span_ms is None:
        return ()
    findings: list[Finding] = []
    for group in evidence.groups:
        if group.counted is None:
            continue
        counters = _series(samples, group, FEEDBACK_REQUESTS)
        grown = growth(counters, group.awaited, *evidence.first_span_ms)
        finding = _wrong_sum(evidence, tally, samples, group) or _of_requests(evidence, tally, group, counters, grown)
        if finding is not None:
            findings.append(finding)
    return tuple(findings)


def _of_requests(
    evidence: Evidence, tally: Tally, group: Group, counters: list[Series], grown: Growth
) -> Finding | None:
    """The finding on the counter of feedback requests; None if another check reports as much, or if it is not known."""
    assert group.counted is not None  # noqa: S101 - the caller looked
    expected, most = int(tally.heads.sum()), int(tally.requests[Kind.FEEDBACK].sum())
    retries = group.gateway.retries if group.gateway is not None else 0
    if grown.fault is not None:
        return _faulty(group, grown, grown.fault)
    if grown.low > most + retries:
        if group.counted.broken[-1].any():
            return None
        return _overcounted(group, int(grown.low), most, under_way=evidence.under_way)
    unchecked = _why_unchecked(evidence, group, counters, grown)
    if unchecked is not None:
        return Finding.passed(group.name, unchecked)
    if grown.low < expected:
        return _too_few(tally, group, grown, expected, is_none_sent=evidence.run.options.get("reward") == "none")
    return _finding(group.name, int(grown.low), expected)


def _why_unchecked(evidence: Evidence, group: Group, counters: list[Series], grown: Growth) -> str | None:
    """Why the counter has no lower bound, or None."""
    if not counters:
        return "the wrapper publishes no counter of feedback requests, so rewards per request are not checked"
    if not group.share.sees_all:
        return "its mirror takes a part only, so it is not known how many feedback requests it got"
    if evidence.run.options.get("reward") == "none" and not grown.high:
        return "no reward was sent, and the wrapper does not count feedback without one, so its counter is not checked"
    return None


def _too_few(tally: Tally, group: Group, grown: Growth, expected: int, *, is_none_sent: bool) -> Finding | None:
    """The finding if fewer requests were counted, or may have been, than were acknowledged."""
    assert group.counted is not None  # noqa: S101 - the caller looked
    if not after_end(tally, group.counted.path)[-1]:
        return None
    doubt = samples_of_other_times(group) or _doubt(grown, expected)
    if doubt is not None:
        return Finding.unknown(group.name, doubt)
    if _cells_lack_as_much(grown.high / expected, group.counted, tally):
        return None
    if is_none_sent:
        message = (
            f"the wrapper counted {grown.high:,.0f} of {expected:,} feedback requests: neither all, nor none, as it "
            "does without rewards"
        )
        return Finding.unknown(group.name, Explanation(Diagnosis.REWARDS_DIFFER, message))
    return _finding(group.name, int(grown.high), expected)


def _doubt(grown: Growth, expected: float) -> Explanation | None:
    """Why it is not certain that counters grew by less than expected, or None."""
    if grown.doubt is None or grown.high < expected:
        return None
    return Explanation(Diagnosis.COUNTS_BEFORE, grown.doubt)


def _faulty(group: Group, grown: Growth, fault: str) -> Finding | None:
    """A counter that is none: proven, unless samples are not of the times of scrapes.

    None if the cells of a target fell as well, as they do with the process: another check reports that.
    """
    if grown.fell and any((np.diff(target.value[target.up], axis=0) < 0).any() for target in group.targets):
        return None
    doubt = samples_of_other_times(group)
    if doubt is None and not grown.fell:
        doubt = Explanation(Diagnosis.NOT_A_COUNT, fault)
    if doubt is not None:
        return Finding.unknown(group.name, doubt)
    return Finding.failed(group.name, Explanation(Diagnosis.REWARDS_DIFFER, fault))


def _wrong_sum(evidence: Evidence, tally: Tally, samples: Samples, group: Group) -> Finding | None:
    """A finding if the sum of rewards cannot be that of the rewards sent; None if it can, or if that is not known.

    Without a reward it does not grow. With ``--reward correct`` it grows by 1 for each feedback on a row which the
    answer before it had right; that is known of single rows, if every prediction was acknowledged.
    """
    bounds, counted = _rewards_sent(evidence, tally), group.counted
    counters = _series(samples, group, REWARDS)
    if counted is None or not counters or evidence.first_span_ms is None:
        return None
    grown = growth(counters, group.awaited, *evidence.first_span_ms)
    if grown.fault is not None:
        return _faulty(group, grown, grown.fault)
    if bounds is None or counted.broken[-1].any() or not group.share.sees_all:
        return None
    return _sum_differs(tally, group, grown, bounds)


def _sum_differs(tally: Tally, group: Group, grown: Growth, bounds: tuple[int, int]) -> Finding | None:
    """``bounds``: least and greatest sum of the rewards that were sent."""
    low, high = bounds
    again = (group.gateway.retries if group.gateway is not None else 0) * (high > 0)
    is_over = grown.low > high + again + _rounding(high)
    is_to_the_end = group.counted is not None and bool(after_end(tally, group.counted.path)[-1])
    if not is_over and (grown.low >= low - _rounding(low) or not is_to_the_end):
        return None
    observed = grown.low if is_over else grown.high
    range_sent = low if low == high else f"{low:,}..{high:,}"
    message = f"the sum of rewards grew by {observed:,.15g}, where {range_sent} were sent"
    explanation = Explanation(Diagnosis.REWARDS_DIFFER, message)
    doubt = samples_of_other_times(group) or (None if is_over else _doubt(grown, low - _rounding(low)))
    unsure = doubt or (explanation if is_over and high > 0 and group.gateway is None else None)
    if unsure is not None:
        return Finding.unknown(group.name, unsure, expected=high)
    return Finding.failed(group.name, explanation, expected=high, observed=observed)


def _rounding(total: int) -> float:
    """How far a sum of so many rewards may be off by rounding."""
    return 1e-9 * max(total, 1)


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


def _overcounted(group: Group, observed: int, most: int, *, under_way: int) -> Finding:
    """Proven only if the gateway says how many requests it sent again."""
    message = f"the wrapper counted {observed:,} feedback requests, where {most:,} were sent"
    if under_way:
        message += f"; {under_way:,} requests of an earlier load were under way when this one began"
        return Finding.unknown(
            group.name, Explanation(Diagnosis.EARLIER_LOAD, message), expected=most, observed=observed
        )
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


def _series(samples: Samples, group: Group, metric: str) -> list[Series]:
    names = {member.name for member in group.members}
    return [series for series in samples.of(metric) if series.labels.get(LABEL_PREDICTOR) in names]


def _finding(subject: str, observed: int, expected: int) -> Finding:
    message = f"the wrapper counted {observed:,} feedback requests for {expected:,} acknowledged"
    if observed >= expected:
        return Finding.passed(subject, message, expected=expected, observed=observed)
    explanation = Explanation(Diagnosis.REWARDS_UNCOUNTED, message)
    return Finding.failed(subject, explanation, expected=expected, observed=observed)
