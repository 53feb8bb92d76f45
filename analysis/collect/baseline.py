"""Edge: what must be known before the load starts, as ``baseline.json``.

The baseline itself is in Prometheus: the last sample of each series before the first event. This step makes sure that
there is one: Prometheus answers, its clock is read, and the deployment's targets have been scraped since the call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from analysis.collect.prometheus import Fetch, Prometheus
from analysis.evidence import queries
from analysis.evidence.samples import ClockOffset, Series
from analysis.record.instants import rfc3339
from analysis.record.runfolder import BASELINE_FILE, Run
from model.atomic import write_text

SCHEMA_VERSION: Final = 1
POLL_S: Final = 0.1
LOOK_BACK_S: Final = 120
STRANGERS_WAIT_S: Final = 10.0
"""How long to wait for targets that Prometheus does not know yet: its first scrape may come 5 s after its start."""


def write(
    folder: Path,
    run: Run,
    prometheus: Prometheus,
    wait_s: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> str:
    """Wait for a fresh scrape, write ``baseline.json``, and return one line that says what is known."""
    clock = prometheus.clock(now)
    began = now()
    while True:
        ups = _ups(prometheus, run, clock.prometheus_s(now()))
        fresh = [up for up in ups if _fresh(up, clock.prometheus_s(began))]
        waited = now() - began
        if fresh and len(fresh) == len(_current(ups)):
            break
        if waited >= (wait_s if ups else min(wait_s, STRANGERS_WAIT_S)):
            break
        sleep(POLL_S)
    content = {
        "schema": SCHEMA_VERSION,
        "prometheus": prometheus.version(),
        "clock_offset_s": clock.offset_s,
        "clock_uncertainty_s": clock.uncertainty_s,
        "at": rfc3339(now()),
        "scrape_interval_s": interval_s(ups),
        "targets": [dict(up.labels) for up in fresh],
    }
    write_text(folder / BASELINE_FILE, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return _summary_line(ups, fresh, clock, waited)


def _summary_line(ups: Sequence[Series], fresh: Sequence[Series], clock: ClockOffset, waited_s: float) -> str:
    if not fresh:
        known = f"{len(ups)} target(s), none of them up" if ups else "no target of the deployment"
        return (
            f"baseline: Prometheus has {known} after {waited_s:.0f} s; the run will be INCONCLUSIVE unless that changes"
        )
    return f"baseline: {len(fresh)} target(s) scraped, Prometheus' clock {clock.offset_s * 1000:+.1f} ms off"


def _ups(prometheus: Prometheus, run: Run, at_s: float) -> tuple[Series, ...]:
    """``up`` of the deployment's targets; of all targets if none has the deployment's label."""
    for selector in (queries.targets_of(run.deployment, run.namespace), queries.UP):
        fetch = Fetch(prometheus)
        fetch.extend(selector, round((at_s - LOOK_BACK_S) * 1000), round(at_s * 1000))
        ups = tuple(series for series in fetch.series() if series.metric == queries.UP)
        if ups:
            return ups
    return ()


def _fresh(up: Series, since_s: float) -> bool:
    return bool(np.any((up.time_ms > since_s * 1000) & (up.value == 1)))


def _current(ups: Sequence[Series]) -> list[Series]:
    """Targets that are still being scraped: their last scrape is at most three intervals older than the latest."""
    latest = max((int(up.time_ms[-1]) for up in ups), default=0)
    interval = interval_s(ups)
    return [up for up in ups if interval is None or latest - up.time_ms[-1] <= 3000 * interval]


def interval_s(ups: Sequence[Series]) -> float | None:
    """Median time between scrapes, in seconds; None if no target was scraped twice."""
    steps = np.concatenate([np.diff(up.time_ms) for up in ups]) if ups else np.empty(0)
    return float(np.median(steps)) / 1000 if len(steps) else None
