"""Checks of the counts themselves: within bounds at every scrape, and equal at the end."""

from __future__ import annotations

import numpy as np

from analysis.evidence.bounds import Counted, after_end, name_of_sum
from analysis.evidence.evidence import Evidence, Group, clock_of
from analysis.evidence.tally import Tally
from analysis.evidence.trajectories import ScrapeTarget, scraped_twice
from analysis.judge.diagnose import of_counts
from analysis.judge.endpoint_checks import placed
from analysis.record.arrays import Floats, Ints
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import utc
from analysis.verdict import Explanation, Finding, Value, Verdict
from model.contract import CELLS


def bounds(evidence: Evidence) -> tuple[Finding, ...]:
    """At every scrape each count lies between what was acknowledged before and what was attempted until then."""
    if evidence.tally is None:
        return ()
    return tuple(_bounds(evidence.tally, group, counted) for group, counted in evidence.counted())


def _bounds(tally: Tally, group: Group, counted: Counted) -> Finding:
    wrong, path = counted.broken, counted.path
    number = len(path.time_ms)
    if not wrong.any():
        kept = "within acknowledged and attempted" if group.share.sees_all else "not above what was attempted"
        return Finding("bounds", group.name, Verdict.PASS, f"{number} scrapes, every cell {kept}")
    at = int(np.argmax(wrong.any(axis=1)))
    worst = int(np.argmax(wrong[at]))
    low, high = int(counted.bounds.low[at, worst]), int(counted.bounds.high[at, worst])
    value = float(counted.sums[at, worst])
    allowed = f"where only {low:,} can be" if low == high else f"outside {low:,}..{high:,}"
    witness = f"{name_of_sum(worst)} was {value:,.0f} at {utc(path.time_ms[at] / 1000)}, {allowed}"
    why = f"{witness} ({int(wrong.any(axis=1).sum())} of {number} scrapes are wrong)"
    found = _diagnosis(tally, group, counted)
    return Finding("bounds", group.name, Verdict.FAIL, why, {"low": low, "high": high}, value, found.name, found.advice)


def equality(evidence: Evidence) -> tuple[Finding, ...]:
    """After the last event, each count equals the offline model's on the rows that were sent."""
    if evidence.tally is None:
        return ()
    return tuple(_equality(evidence, evidence.tally, group, counted) for group, counted in evidence.counted())


def _equality(evidence: Evidence, tally: Tally, group: Group, counted: Counted) -> Finding:
    if not after_end(tally, counted.path)[-1]:
        return _no_last_scrape(evidence, tally, group, counted)
    low, high, value = counted.last
    expected, observed = _expected(low, high), _by_cell(value)
    if not counted.broken[-1].any():
        return Finding("equality", group.name, Verdict.PASS, _equal_message(group, low, high), expected, observed)
    found = _diagnosis(tally, group, counted)
    where = placed(evidence, tuple(one.name for one in group.predictors))
    told = f"{found.message} ({where})" if where else found.message
    return Finding("equality", group.name, Verdict.FAIL, told, expected, observed, found.name, found.advice)


def _diagnosis(tally: Tally, group: Group, counted: Counted) -> Explanation:
    """What is wrong with the series themselves, or two jobs on one pod; else it is for the counts to tell."""
    if group.odd is not None:
        return group.odd
    twice = next((where for found in group.found.values() if (where := scraped_twice(found))), None)
    if twice is None:
        return of_counts(counted, group.share, tally, group.passed_on)
    value, wanted = counted.path.value[-1].sum(), int(counted.bounds.high[-1, -1])
    message = f"{twice} is scraped by two jobs: {value:,.0f} counts for {wanted:,}"
    return Explanation("scraped twice", message, "Remove one of the two scrape jobs (two PodMonitors on one pod?).")


def _no_last_scrape(evidence: Evidence, tally: Tally, group: Group, counted: Counted) -> Finding:
    """A shadow whose targets are down has lost what it did not count; of anything else nobody can tell."""
    _, _, value = counted.last
    ended_ms = (tally.span_ns[1] if tally.span_ns else 0) / 1e6 + clock_of(evidence).offset_s * 1000
    down = [target for every in group.found.values() for target in every if _down_after(target, ended_ms)]
    if group.share.mirrored and group.share.sees_all and down:
        wanted, since = (
            tally.count(Kind.FEEDBACK, Outcome.ACKNOWLEDGED),
            down[0].time_ms[np.flatnonzero(down[0].up)[-1]],
        )
        told = group.passed_on.told() if group.passed_on is not None else ""
        why = f"the shadow is down since {utc(since / 1000)}: it had counted {value.sum():,.0f} of {wanted:,}{told}"
        advice = "Find out why the shadow's process ended (its log, its memory limit), then run again."
        return Finding("equality", group.name, Verdict.FAIL, why, wanted, int(value.sum()), "shadow incomplete", advice)
    why = f"{down[0].labels.get('instance')} is down" if down else "not every target was scraped after the last event"
    advice = "Collect again, and see whether every target is still up."
    return Finding("equality", group.name, Verdict.INCONCLUSIVE, why, None, None, "no last scrape", advice)


def _down_after(target: ScrapeTarget, ended_ms: float) -> bool:
    """Whether the target was tried after the end, and never with success."""
    tried = target.time_ms > ended_ms
    return bool(tried.any()) and not bool(target.up[tried].any())


def _equal_message(group: Group, low: Ints, high: Ints) -> str:
    if not group.share.sees_all:
        return "no count is above what was attempted; its mirror takes a part only, so there is no lower bound"
    if np.array_equal(low, high):
        return "all four counts equal the offline model's"
    return "all four counts lie within what events of unknown outcome allow"


def _expected(low: Ints, high: Ints) -> Value:
    pairs = zip(CELLS, low.tolist(), high.tolist(), strict=True)
    return {cell: a if a == b else f"{a}..{b}" for cell, a, b in pairs}


def _by_cell(value: Floats) -> Value:
    return dict(zip(CELLS, (int(one) for one in value.tolist()), strict=True))
