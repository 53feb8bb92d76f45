"""The lines about the load on a terminal."""

from __future__ import annotations

from typing import Any

from analysis.report.terminal_load import load_lines
from report_samples import load

SERVICE = "p50 1.9  p99 8.1  p99.9 20.4  max 31.0 ms"


def lines_of(**more: Any) -> list[str]:
    return load_lines({"requests": 12_000, **load(), **more})


def test_response_and_service_times_stand_side_by_side() -> None:
    """Each kind of request has a line with both, and the generator one with what it was late by."""
    assert lines_of() == [
        "  load: 12,000 requests, 400/s",
        f"    predict   response p50 2.1  p99 9.4  p99.9 21.8  max 33.0 ms; service {SERVICE}",
        "    feedback  response p50 2.7  p99 11.0  p99.9 25.1  max 41.2 ms",
        "    generator fit: late p50 0.0  p99 0.0  max 0.0 ms, 41% of a core",
    ]


def test_a_percentile_that_was_not_measured_is_not_said() -> None:
    """For null in result.json no number is printed: neither 0 nor the maximum."""
    few = {"p50": 1.0, "p90": None, "p99": None, "p999": None, "p9999": None, "max": 2.0}
    lines = lines_of(latency_ms={"predict": few, "feedback": None}, service_ms={"predict": few, "feedback": None})
    assert lines[1] == "    predict   response p50 1.0  max 2.0 ms"
    assert not any("feedback" in line for line in lines)


def test_a_generator_that_was_not_fit_is_said_so() -> None:
    """With the arrivals that it dropped. Without its last report there is no line about it."""
    unfit = {"verdict": "INCONCLUSIVE", "processes": 1, "cpu_share": 0.97, "waited_share": None, "dropped": 1200}
    assert lines_of(generator=unfit)[-1] == (
        "    generator not fit: late p50 0.0  p99 0.0  max 0.0 ms, 97% of a core, 1,200 arrivals dropped"
    )
    assert "generator" not in lines_of(generator=None)[-1]
