"""The part of ``result.json`` about how long requests took, and whether the generator was fit to measure it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind
from analysis.record.runfolder import RecorderReport
from analysis.stats.latency import NEEDS, summary
from analysis.verdict import Finding, merge


def times(tally: Tally) -> dict[str, Any]:
    """Percentiles in milliseconds of requests that were not refused, by kind.

    ``latency_ms``: response time, from when a request was due. ``service_ms``: service time, from when it was sent:
    the response time without the wait for the generator itself or for a free connection. ``lateness_ms``: from due to
    sent, of all requests. ``percentile_needs``: requests below which each is null.
    """
    return {
        "latency_ms": {kind.name.lower(): summary(tally.latency_ns[kind]) for kind in Kind},
        "service_ms": {kind.name.lower(): summary(tally.service_ns[kind]) for kind in Kind},
        "percentile_needs": dict(NEEDS),
        "lateness_ms": summary((tally.lateness_ns,), ("p50", "p99")),
    }


def generator(report: RecorderReport | None, findings: Sequence[Finding]) -> dict[str, Any] | None:
    """What the load generator reported of itself, and its verdict; None without a report."""
    if report is None:
        return None
    return {
        "verdict": merge(finding.verdict for finding in findings if finding.check == "generator").name,
        "processes": report.workers,
        "cpu_share": report.cpu_share,
        "waited_share": report.waited_share,
        "dropped": report.dropped,
    }
