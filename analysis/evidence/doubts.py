"""Why counts that are outside of their bounds prove nothing: what else may have made them so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.samples import Series
from analysis.evidence.scrapes.published import grown
from analysis.evidence.scrapes.targets import ScrapeTarget
from analysis.record.arrays import Bools, Floats, Ints
from analysis.verdict import Explanation

_LATER: Final = 3
"""Scrapes over which a surplus must stay the same before it is said to have come once."""


def doubt_about(evidence: Evidence, group: Group, counted: Counted) -> Explanation | None:
    """Why counts that are outside their bounds prove nothing, or None."""
    is_no_count = group.malformed is not None and group.malformed.diagnosis is Diagnosis.NOT_A_COUNT
    if is_no_count or stored_twice(group, counted):
        return None
    return (
        samples_of_other_times(group)
        or _not_yet_published(group, counted)
        or _of_no_class(evidence, group, counted)
        or _of_earlier_load(evidence, counted)
        or before_load(counted)
        or _come_once(group, counted)
    )


def _of_earlier_load(evidence: Evidence, counted: Counted) -> Explanation | None:
    """That what is too much may be of an earlier load that was still under way."""
    late = int(np.maximum(counted.path.value - counted.high, 0).sum(axis=1).max())
    if not 0 < late <= evidence.under_way or np.any(counted.path.value < counted.low):
        return None
    message = f"{late:,} counts too many, and {evidence.under_way:,} requests of an earlier load were under way"
    return Explanation(Diagnosis.EARLIER_LOAD, message)


def _come_once(group: Group, counted: Counted) -> Explanation | None:
    """That what is too much came with a series that appeared, whose first value may be older than the load."""
    surplus = surplus_since_once(counted)
    appeared = np.sum([target.appeared for target in group.targets], axis=0)
    if surplus is None or np.any(surplus > appeared) or 2 * surplus.sum() < appeared.sum():
        return None
    message = f"{int(surplus.sum()):,} counts too many came with a series that appeared, and none since"
    return Explanation(Diagnosis.COUNTS_BEFORE, message)


def _of_no_class(evidence: Evidence, group: Group, counted: Counted) -> Explanation | None:
    return in_another_spelling(evidence, [own for member in group.members for own in member.of_no_class], counted)


def in_another_spelling(evidence: Evidence, series: Sequence[Series], counted: Counted) -> Explanation | None:
    """That what is missing may be in ``series`` that name no class of the run: the same classes in another spelling."""
    missing = float(np.maximum(counted.low[-1] - counted.path.value[-1], 0).sum())
    elsewhere = grown(series, evidence.span_ms[0]) if evidence.span_ms is not None else 0.0
    if counted.is_over or not 0 < missing <= elsewhere:
        return None
    message = f"{missing:,.0f} counts are missing, and {elsewhere:,.0f} are in series that name no class of the rows"
    return Explanation(Diagnosis.COUNTS_OF_NOBODY, message, "no class")


def before_load(counted: Counted) -> Explanation | None:
    """What may have happened before the load that a scrape missed, if that makes the counts right; or None."""
    if counted.may_hold_earlier:
        return _counted_before(counted)
    if not counted.may_have_restarted:
        return None
    message = (
        "a scrape between the last whole one and the load failed or lacked a series; if a process restarted then, it "
        "began at 0 and counted every row, and if none did, as many are missing as it had counted before"
    )
    return Explanation(Diagnosis.RECYCLED, message, "before the load")


def _counted_before(counted: Counted) -> Explanation:
    """That all counts that are too many may be from before the load, because a scrape before it was not whole."""
    over = int((counted.sums - counted.bounds.high).max())
    message = (
        f"a scrape between the last whole one and the load failed or lacked a series, so {over:,} counts too many may "
        f"be from before the load"
    )
    return Explanation(Diagnosis.COUNTS_BEFORE, message, "missed scrape")


def _not_yet_published(group: Group, counted: Counted) -> Explanation | None:
    """Whether counts are too low only at scrapes that lacked a cell which was published later. Absent is not 0."""
    wrong = counted.broken.any(axis=1)
    below = (counted.sums < counted.bounds.low).any(axis=1)
    if not wrong.any() or wrong[-1] or not np.array_equal(wrong, below):
        return None
    lacks = np.logical_or.reduce([_is_partial(target, counted.path.time_ms) for target in group.targets])
    if not lacks[wrong].all():
        return None
    message = f"{int(wrong.sum())} scrapes lacked a cell that was published later, so its counts are not known there"
    return Explanation(Diagnosis.SERIES_ABSENT, message)


def _is_partial(target: ScrapeTarget, time_ms: Ints) -> Bools:
    """``[n]``: whether the target's last good scrape until each time lacked a cell that was published later.

    A sum at another target's scrape holds what this one showed last.
    """
    good = target.up & (target.absent == 0)
    last = np.searchsorted(target.time_ms[good], time_ms, "right") - 1
    partial: Bools = (last >= 0) & target.partial[good][np.maximum(last, 0)] if good.any() else last >= 0
    return partial


def samples_of_other_times(group: Group) -> Explanation | None:
    """Why no difference is proven, if the samples of a target are not of the times of its scrapes; else None."""
    instances = [target.labels.get("instance", "a target") for target in group.targets if target.own_times]
    if not instances:
        return None
    message = f"samples of {instances[0]} lie between its scrapes, and what they say is not what was sent"
    return Explanation(Diagnosis.SAMPLE_TIMES, message)


def surplus_since_once(counted: Counted) -> Floats | None:
    """``[cells]``: a surplus that came at one scrape and was the same at each of at least three later ones, or None."""
    over = counted.path.value - counted.high  # at least so much is too much
    spare = counted.path.value - counted.low  # at most so much is
    first = int(np.argmax((over > 0).any(axis=1)))
    least: Floats = np.maximum(over[first:].max(axis=0), 0)
    most = spare[first:].min(axis=0)
    if not least.any() or len(over) - first <= _LATER or np.any(least > most):
        return None
    return least


def stored_twice(group: Group, counted: Counted) -> str | None:
    """How a process of the group is stored twice, if its counts are too high; else None."""
    return next((member.scraped_twice for member in group.members if member.scraped_twice and counted.is_over), None)
