"""Checks of the counts themselves: within bounds at every scrape, and equal at the end."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted, after_end, is_explained
from analysis.evidence.doubts import doubt_about, stored_twice
from analysis.evidence.evidence import Evidence, Group
from analysis.evidence.gateway import Gateway
from analysis.evidence.rounding import undecided
from analysis.evidence.samples import count_text
from analysis.evidence.scrapes.targets import ScrapeTarget
from analysis.evidence.tally import Tally
from analysis.judge.compare import rows_of
from analysis.judge.diagnose import of_counts
from analysis.judge.endpoint_checks import location_of_error
from analysis.record.arrays import Bools, Floats, Ints
from analysis.record.instants import rfc3339
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding, Value

_NUMBER: Final = {4: "four"}
_SHOWN: Final = 4
"""Counts in a message, at most."""


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
    name = counted.claims.name_of_sum(cells)
    witness = f"{name} was {count_text(value)} at {rfc3339(path.time_ms[scrape] / 1000)}, {allowed}"
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
    expected, observed = _expected(counted, low, high), _by_claim(counted, value)
    undecided, stored, counted = counted.undecided[-1], counted, counted.nearest
    broken = counted.broken[-1] & ~undecided
    if not broken.any():
        doubt = _restart(stored, -1) if undecided.any() else _unproven(evidence, tally, group)
        if doubt is not None:
            return Finding.unknown(group.name, doubt, expected=expected, observed=observed)
        contradiction = _contradiction(tally, group, counted)
        if contradiction is not None:
            is_proven = _is_proven(evidence, tally, group, counted)
            finding = Finding.failed if is_proven else Finding.unknown
            return finding(group.name, contradiction, expected=expected, observed=observed)
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


def _contradiction(tally: Tally, group: Group, counted: Counted) -> Explanation | None:
    """That counts which are all within their bounds contradict each other, or None."""
    low, high, value = counted.last
    if np.array_equal(low, high) or counted.path.doubt.any() or is_explained(tally, counted, group.share):
        return None
    parts = [f"{key} {count:,.0f}" for key, count in zip(counted.claims.keys, value.tolist(), strict=True)][:_SHOWN]
    more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
    message = f"each count is within its bounds, and no events explain all of them together: {', '.join(parts)}{more}"
    return Explanation(Diagnosis.CELLS_DIFFER, message)


def _is_proven(evidence: Evidence, tally: Tally, group: Group, counted: Counted) -> bool:
    """Whether the contradiction shows a fault: all events had ended, and nothing else makes the counts uncertain."""
    is_at_rest = not group.share.mirrored and not tally.count(Kind.FEEDBACK, Outcome.INDETERMINATE)
    is_sure = not counted.path.early.any() and not counted.path.gone
    return is_at_rest and is_sure and doubt_about(evidence, group, counted) is None


def _unproven(evidence: Evidence, tally: Tally, group: Group) -> Explanation | None:
    """Why counts that are right prove little, or None: too many rows on the threshold, or rows of one class only."""
    mostly = _mostly_undecided(_undecided_rows(evidence, group)[rows_of(tally)])
    absent = _absent_class(tally)
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
        f"{counted.claims.name_of_sum(cells)} grew by {counted.most[scrape, cells]:,.0f} if a process restarted before "
        f"the first event, and by {counted.sums[scrape, cells]:,.0f} if none did, {allowed}; nothing shows which it was"
    )
    return Explanation(Diagnosis.RECYCLED, message, "before the load")


def _explanation(tally: Tally, group: Group, counted: Counted) -> Explanation:
    """Why the counts are wrong: malformed series, a pod stored twice, or what the counts themselves show."""
    if group.malformed is not None:
        return group.malformed
    twice = stored_twice(group, counted)
    if twice is None:
        return of_counts(counted, group.share, tally, group.gateway)
    value, highest = counted.path.value[-1].sum(), int(counted.bounds.high[-1, -1])
    message = f"{twice}: {count_text(value)} counts for {highest:,}"
    return Explanation(Diagnosis.SCRAPED_TWICE, message)


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


def _absent_class(tally: Tally) -> str | None:
    """Label of a class of which no row can have been counted; None if rows of each class may have been, or of none."""
    events = tally.fed[[Outcome.ACKNOWLEDGED, Outcome.INDETERMINATE]].sum(axis=(0, 1))
    absent = np.flatnonzero(events == 0)
    return str(tally.axes.offline.classes[absent[0]]) if len(absent) and events.any() else None


def _equal_message(group: Group, low: Ints, high: Ints, undecided_rows: int) -> str:
    if not group.share.sees_all:
        return "no count is above what was attempted; its mirror takes a part only, so there is no lower bound"
    counts = f"all {_NUMBER.get(len(low), len(low))} counts"
    if np.array_equal(low, high):
        return f"{counts} equal the offline model's"
    if undecided_rows:
        rows = f"{undecided_rows} row{'s' * (undecided_rows > 1)}"
        return f"{counts} equal the offline model's, apart from {rows} on the threshold but for rounding"
    return f"{counts} lie within what events of unknown outcome allow"


def _expected(counted: Counted, low: Ints, high: Ints) -> Value:
    bounds_by_claim = zip(counted.claims.keys, low.tolist(), high.tolist(), strict=True)
    return {key: least if least == most else f"{least}..{most}" for key, least, most in bounds_by_claim}


def _by_claim(counted: Counted, value: Floats) -> Value:
    return dict(zip(counted.claims.keys, (int(count) for count in value.tolist()), strict=True))
