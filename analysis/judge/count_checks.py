"""Checks of the counts themselves: within bounds at every scrape, and equal at the end."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted, after_end, name_of_sum
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.gateway import Gateway
from analysis.evidence.rounding import undecided
from analysis.evidence.samples import count_text
from analysis.evidence.tally import Tally
from analysis.evidence.targets import ScrapeTarget
from analysis.judge.compare import rows_of
from analysis.judge.diagnose import of_counts
from analysis.judge.endpoint_checks import location_of_error
from analysis.record.arrays import Bools, Floats, Ints
from analysis.record.instants import rfc3339
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding, Value
from model.contract import CELLS
from model.rows.labels import Label

_LATER: Final = 3
"""Scrapes over which a surplus must stay the same before it is said to have come once."""


def bounds(evidence: Evidence) -> tuple[Finding, ...]:
    """At every scrape, each count lies between what was acknowledged before and what was attempted until then."""
    tally = evidence.tally
    if tally is None:
        return ()
    return tuple(_bounds(evidence, tally, group, counted) for group, counted in evidence.counted())


def _bounds(evidence: Evidence, tally: Tally, group: Group, counted: Counted) -> Finding:
    undecided, stored, counted = counted.undecided, counted, counted.nearest
    broken, path = counted.broken & ~undecided, counted.path
    scrapes = len(path.time_ms)
    if undecided.any() and not broken.any():
        return Finding.unknown(group.name, _restart(stored, int(np.argmax(undecided.any(axis=1)))))
    if not broken.any():
        return Finding.passed(group.name, f"{scrapes} scrapes, {_what_was_kept(group)}")
    scrape = int(np.argmax(broken.any(axis=1)))
    cells = int(np.argmax(broken[scrape]))
    low, high = int(counted.bounds.low[scrape, cells]), int(counted.bounds.high[scrape, cells])
    value = float(counted.sums[scrape, cells])
    allowed = f"where only {low:,} can be" if low == high else f"outside {low:,}..{high:,}"
    witness = f"{name_of_sum(cells)} was {count_text(value)} at {rfc3339(path.time_ms[scrape] / 1000)}, {allowed}"
    message = f"{witness} ({int(broken.any(axis=1).sum())} of {scrapes} scrapes are wrong)"
    bound = {"low": low, "high": high}
    doubt = doubt_about(evidence, group, counted)
    if doubt is not None:
        return Finding.unknown(group.name, doubt, expected=bound, observed=value)
    cause = _explanation(tally, group, counted)
    explanation = Explanation(cause.diagnosis, message, cause.situation)
    return Finding.failed(group.name, explanation, expected=bound, observed=value)


def _what_was_kept(group: Group) -> str:
    """Which bounds every cell kept: for some groups only the last scrape has a lower one, or none has."""
    if not group.share.sees_all:
        return "every cell not above what was attempted"
    if group.share.mirrored:
        reason = "nobody acknowledges a copy"
    elif any(target.own_times for target in group.targets):
        reason = "samples may be older than their scrape"
    else:
        return "every cell within acknowledged and attempted"
    return f"every cell not above what was attempted; {reason}, so only a scrape after the end has a lower bound"


def equality(evidence: Evidence) -> tuple[Finding, ...]:
    """After the last event, each count equals the offline model's on the rows that were sent."""
    tally = evidence.tally
    if tally is None:
        return ()
    return tuple(_equality(evidence, tally, group, counted) for group, counted in evidence.counted())


def _equality(evidence: Evidence, tally: Tally, group: Group, counted: Counted) -> Finding:
    if not after_end(tally, counted.path)[-1]:
        return _no_last_scrape(evidence, tally, group, counted)
    low, high, value = counted.last
    expected, observed = _expected(low, high), _by_cell(value)
    undecided, stored, counted = counted.undecided[-1], counted, counted.nearest
    broken = counted.broken[-1] & ~undecided
    if not broken.any():
        doubt = _restart(stored, -1) if undecided.any() else _unproven(evidence, tally, group, high)
        if doubt is not None:
            return Finding.unknown(group.name, doubt, expected=expected, observed=observed)
        message = _equal_message(group, low, high, int(_undecided_rows(evidence, group).sum()))
        return Finding.passed(group.name, message, expected=expected, observed=observed)
    doubt = doubt_about(evidence, group, counted)
    if doubt is not None:
        return Finding.unknown(group.name, doubt, expected=expected, observed=observed)
    cause = _explanation(tally, group, counted)
    location = location_of_error(evidence, group)
    message = f"{cause.message} ({location})" if location else cause.message
    explanation = Explanation(cause.diagnosis, message, cause.situation)
    return Finding.failed(group.name, explanation, expected=expected, observed=observed)


def _unproven(evidence: Evidence, tally: Tally, group: Group, high: Ints) -> Explanation | None:
    """Why counts that are right prove little, or None: too many rows on the threshold, or rows of one class only."""
    mostly = _mostly_undecided(_undecided_rows(evidence, group)[rows_of(tally)])
    absent = _absent_class(tally, high)
    if mostly is not None or absent is None:
        return mostly
    message = f"the counts are right, and no row of class {absent} was sent, so nothing shows how its rows are counted"
    return Explanation(Diagnosis.ONE_CLASS_SENT, message)


def _restart(counted: Counted, scrape: int) -> Explanation:
    """That the counts at a scrape are right only if a process restarted before the load, or only if none did."""
    cells = int(np.argmax(counted.undecided[scrape]))
    low, high = int(counted.bounds.low[scrape, cells]), int(counted.bounds.high[scrape, cells])
    allowed = f"where only {low:,} can be" if low == high else f"where {low:,} to {high:,} can be"
    message = (
        f"{name_of_sum(cells)} grew by {counted.most[scrape, cells]:,.0f} if a process restarted before the first "
        f"event, and by {counted.sums[scrape, cells]:,.0f} if none did, {allowed}; nothing shows which it was"
    )
    return Explanation(Diagnosis.RECYCLED, message, "before the load")


def doubt_about(evidence: Evidence, group: Group, counted: Counted) -> Explanation | None:
    """Why counts that are outside their bounds prove nothing, or None."""
    if group.malformed is not None or _scraped_twice(group, counted):
        return None
    if (other_times := samples_of_other_times(group)) is not None:
        return other_times
    if (partial := _not_yet_published(group, counted)) is not None:
        return partial
    over = counted.path.value - counted.high
    late = int(np.maximum(over, 0).sum(axis=1).max())
    if 0 < late <= evidence.under_way and not np.any(counted.path.value < counted.low):
        message = f"{late:,} counts too many, and {evidence.under_way:,} requests of an earlier load were under way"
        return Explanation(Diagnosis.EARLIER_LOAD, message)
    surplus = surplus_since_once(counted)
    appeared = np.sum([target.appeared for target in group.targets], axis=0)
    if surplus is not None and np.all(surplus <= appeared) and 2 * surplus.sum() >= appeared.sum():
        message = f"{int(surplus.sum()):,} counts too many came with a series that appeared, and none since"
        return Explanation(Diagnosis.COUNTS_BEFORE, message)
    return None


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


def _explanation(tally: Tally, group: Group, counted: Counted) -> Explanation:
    """Why the counts are wrong: malformed series, a pod stored twice, or what the counts themselves show."""
    if group.malformed is not None:
        return group.malformed
    twice = _scraped_twice(group, counted)
    if twice is None:
        return of_counts(counted, group.share, tally, group.gateway)
    value, highest = counted.path.value[-1].sum(), int(counted.bounds.high[-1, -1])
    message = f"{twice}: {count_text(value)} counts for {highest:,}"
    return Explanation(Diagnosis.SCRAPED_TWICE, message)


def _scraped_twice(group: Group, counted: Counted) -> str | None:
    """How a process of the group is stored twice, if its counts are too high; else None."""
    return next((member.scraped_twice for member in group.members if member.scraped_twice and counted.is_over), None)


def _no_last_scrape(evidence: Evidence, tally: Tally, group: Group, counted: Counted) -> Finding:
    """That the final counts are not known. A shadow that is down has lost some if its gateway lost requests to it."""
    ended_ms = evidence.clock.prometheus_ms(tally.span_ns[1] if tally.span_ns else 0)
    down = [target for target in group.targets if _is_down_after(target, ended_ms)]
    if not down or not (group.share.mirrored and group.share.sees_all):
        message = f"{down[0].labels.get('instance')} is down" if down else _oldest(group)
        return Finding.unknown(group.name, Explanation(Diagnosis.NO_LAST_SCRAPE, message))
    acknowledged, number = tally.count(Kind.FEEDBACK, Outcome.ACKNOWLEDGED), int(counted.path.value[-1].sum())
    since_ms = down[0].time_ms[np.flatnonzero(down[0].up)[-1]]
    losses = group.gateway.losses() if group.gateway is not None else ""
    message = (
        f"{down[0].labels.get('instance')} is down since {rfc3339(since_ms / 1000)}: "
        f"the shadow had counted {number:,} of {acknowledged:,} when its targets were last scraped{losses}"
    )
    if number < acknowledged and _has_lost(group.gateway):
        explanation = Explanation(Diagnosis.SHADOW_INCOMPLETE, message, "down")
        return Finding.failed(group.name, explanation, expected=acknowledged, observed=number)
    explanation = Explanation(Diagnosis.NO_LAST_SCRAPE, message)
    return Finding.unknown(group.name, explanation, expected=acknowledged, observed=number)


def _has_lost(gateway: Gateway | None) -> bool:
    """Whether requests to a predictor certainly failed. That it does not answer scrapes says nothing of that."""
    return gateway is not None and bool(gateway.failed or any(gateway.lost.values()))


def _oldest(group: Group) -> str:
    """Which target was not scraped since the last event, and when it was scraped last."""
    last = [(int(target.time_ms[target.up][-1]), target) for target in group.awaited if target.up.any()]
    time_ms, target = min(last, key=lambda scraped: scraped[0])
    return f"{target.labels.get('instance')} was last scraped at {rfc3339(time_ms / 1000)}, before the last event ended"


def _is_down_after(target: ScrapeTarget, ended_ms: float) -> bool:
    """Whether the target was scraped after the end, and never with success."""
    after = target.time_ms > ended_ms
    return bool(after.any()) and not bool(target.up[after].any())


def _undecided_rows(evidence: Evidence, group: Group) -> Bools:
    """``[row]``: whether its class by any of the group's artefacts is a matter of rounding."""
    if evidence.offline is None:
        return np.zeros(0, np.bool_)
    answers = [evidence.offline.answers[name] for name in group.share.artifacts]
    rows: Bools = np.logical_or.reduce([undecided(given) & bool(group.share.rounded) for given in answers])
    return rows


def _mostly_undecided(rows: Bools) -> Explanation | None:
    """Why equal counts prove nothing, if more than half of the rows that were sent may be in either of two counts.

    With fewer, most counts are those of rows that can be in one cell only.
    """
    number = int(rows.sum())
    if 2 * number <= len(rows):
        return None
    message = f"{number} of {len(rows)} rows are on the threshold but for rounding, so that each may be in either count"
    return Explanation(Diagnosis.ROWS_UNDECIDED, message)


def _absent_class(tally: Tally, high: Ints) -> Label | None:
    """Label of a class of which no row can have been counted; None if both were. ``high`` [cell]: most counts."""
    most = dict(zip(CELLS, high.tolist(), strict=True))
    answers = tally.axes.offline
    if len(answers.classes) != 2 or not sum(most.values()):
        return None
    if not most["tp"] + most["fn"]:
        return answers.classes[answers.positive]
    return answers.classes[1 - answers.positive] if not most["fp"] + most["tn"] else None


def _equal_message(group: Group, low: Ints, high: Ints, undecided_rows: int) -> str:
    if not group.share.sees_all:
        return "no count is above what was attempted; its mirror takes a part only, so there is no lower bound"
    if np.array_equal(low, high):
        return "all four counts equal the offline model's"
    if undecided_rows:
        rows = f"{undecided_rows} row{'s' * (undecided_rows > 1)}"
        return f"all four counts equal the offline model's, apart from {rows} on the threshold but for rounding"
    return "all four counts lie within what events of unknown outcome allow"


def _expected(low: Ints, high: Ints) -> Value:
    bounds_by_cell = zip(CELLS, low.tolist(), high.tolist(), strict=True)
    return {cell: least if least == most else f"{least}..{most}" for cell, least, most in bounds_by_cell}


def _by_cell(value: Floats) -> Value:
    return dict(zip(CELLS, (int(count) for count in value.tolist()), strict=True))
