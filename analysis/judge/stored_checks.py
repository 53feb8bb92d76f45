"""Checks of what Prometheus stored: that it can be read, and was written all through the run."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.evidence.evidence import Evidence, Group, clock_of
from analysis.evidence.obstacles import odd
from analysis.evidence.samples import Samples
from analysis.evidence.trajectories import ScrapeTarget, cell_series, scraped_twice, targets
from analysis.record.runfolder import SAMPLES_FILE, utc
from analysis.verdict import Finding, Verdict
from model.contract import CELLS, METRIC_OF_CELL

GAP_INTERVALS: Final = 10
"""Scrapes missed in a row that make a gap. A restart of Prometheus misses about six at one per second, which the
next scrape makes good; more than ten, and the bounds were not watched for a part of the run that matters."""
CLOCK_LIMIT_S: Final = 0.25
"""Uncertainty of the clocks above which the bounds are too wide: a quarter of the shortest scrape interval in use."""


def stored(evidence: Evidence) -> tuple[Finding, ...]:
    """Prometheus gave samples of every predictor: numbers, one series where one is meant, with a known baseline."""
    if evidence.samples is None:
        why = evidence.problems.get(SAMPLES_FILE, "there are no samples")
        return (_unknown("stored", "prometheus", why, "no samples", "Run `python -m analysis collect` on the run."),)
    found, findings = evidence.samples, []
    if found.problem:
        advice = "Check Prometheus, then collect again while it still holds the run."
        findings.append(_unknown("stored", "prometheus", found.problem, "Prometheus failed", advice))
    findings += [_stored(found, group, one.name) for group in evidence.groups for one in group.predictors]
    return tuple(findings)


def _stored(samples: Samples, group: Group, name: str) -> Finding:
    series = cell_series(samples, name)
    if not series:
        why = "Prometheus has no sample of its cells"
        advice = "Check that Prometheus scrapes the model's metrics port, and that feedback reaches the model."
        return _unknown("stored", name, why, "no samples", advice)
    why_not = odd(series) or group.why_not
    if why_not is not None:
        return _unknown("stored", name, why_not.message, why_not.name, why_not.advice)
    number = sum(len(one.time_ms) for one in series)
    return Finding("stored", name, Verdict.PASS, f"{number:,} samples of {len(series)} series, with a baseline")


def clock(evidence: Evidence) -> tuple[Finding, ...]:
    """The clocks of load generator and Prometheus are known well enough to set bounds by."""
    if evidence.samples is None:
        return ()
    found = clock_of(evidence)
    said = f"Prometheus' clock is {found.offset_s * 1000:+.1f} ms off, give or take {found.uncertainty_s * 1000:.1f} ms"
    if found.uncertainty_s <= CLOCK_LIMIT_S:
        return (Finding("clock", "prometheus", Verdict.PASS, said),)
    advice = "Synchronise the clocks, or run the load generator nearer to Prometheus."
    return (_unknown("clock", "prometheus", f"{said}: too uncertain", "clock offset too large", advice),)


def scrapes(evidence: Evidence) -> tuple[Finding, ...]:
    """Every target was scraped all through the run, one series of scrapes for each, and no count fell."""
    if evidence.samples is None or evidence.tally is None or evidence.tally.span_ns is None:
        return ()
    offset_ms = clock_of(evidence).offset_s * 1000
    first_ms, last_ms = (one / 1e6 + offset_ms for one in evidence.tally.span_ns)
    findings: list[Finding] = []
    for one in evidence.run.predictors:
        found = targets(evidence.samples, one.name)
        if found:
            findings += _scrapes(one.name, found, first_ms, last_ms)
    return tuple(findings)


def _scrapes(name: str, found: tuple[ScrapeTarget, ...], first_ms: float, last_ms: float) -> list[Finding]:
    findings = [
        finding
        for target in found
        for finding in (*_gaps(name, target, first_ms, last_ms), *_falls(name, target, first_ms))
    ]
    twice = scraped_twice(found)
    if twice:
        why = f"{twice} is scraped by two jobs, so every sum over its series doubles"
        advice = "Remove one of the two scrape jobs (two PodMonitors on one pod?)."
        findings.append(Finding("scrapes", name, Verdict.FAIL, why, 1, 2, "scraped twice", advice))
    if findings:
        return findings
    number = sum(int(np.count_nonzero(target.up)) for target in found)
    message = f"{number} scrapes of {len(found)} target{'s' * (len(found) > 1)}, no gap, no reset"
    return [Finding("scrapes", name, Verdict.PASS, message)]


def _gaps(name: str, target: ScrapeTarget, first_ms: float, last_ms: float) -> list[Finding]:
    """The longest stretch of the load in which the target was not scraped with success, if that is too long."""
    good = target.time_ms[target.up]
    inside = good[(good > first_ms) & (good < last_ms)]
    edges = np.concatenate([[max(first_ms, float(target.time_ms[0]))], inside, [last_ms]])
    interval = float(np.median(np.diff(target.time_ms))) if len(target.time_ms) > 1 else 0.0
    widest = int(np.argmax(np.diff(edges)))
    gap_ms = float(np.diff(edges)[widest])
    if not interval or gap_ms <= GAP_INTERVALS * interval:
        return []
    where = target.labels.get("instance", "a target")
    why = f"{where} was not scraped for {gap_ms / 1000:.0f} s from {utc(edges[widest] / 1000)}"
    advice = "Find out why Prometheus could not scrape it (down, too slow, Prometheus stopped), then run again."
    return [_unknown("scrapes", name, why, "scrape gap", advice)]


def _falls(name: str, target: ScrapeTarget, first_ms: float) -> list[Finding]:
    """The first scrape at which a cell's count of the target fell, since the last scrape before the load.

    What it lost before that (a restart between two runs) is in no count since then.
    """
    value, time_ms = target.value[target.up], target.time_ms[target.up]
    since = max(int(np.searchsorted(time_ms, first_ms)) - 1, 0)
    value, time_ms = value[since:], time_ms[since:]
    fell = np.argwhere(np.diff(value, axis=0) < 0)
    if not len(fell):
        return []
    at, cell = fell[0]
    where = target.labels.get("instance", "a target")
    before, after = value[at, cell], value[at + 1, cell]
    metric = METRIC_OF_CELL[CELLS[cell]]
    why = f"{metric} of {where} fell from {before:.0f} to {after:.0f} at {utc(time_ms[at + 1] / 1000)}"
    advice = "A worker or replica was recycled and took its counts along: keep totals where a restart leaves them."
    return [Finding("scrapes", name, Verdict.FAIL, why, before, after, "worker or replica recycled", advice)]


def _unknown(check: str, subject: str, why: str, diagnosis: str, advice: str) -> Finding:
    return Finding(check, subject, Verdict.INCONCLUSIVE, why, None, None, diagnosis, advice)
