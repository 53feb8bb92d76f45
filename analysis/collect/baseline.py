"""Edge: what must be known before the load starts, as ``baseline.json``.

The baseline itself is in Prometheus: the last sample of each series before the first event. This step makes sure that
there is one: Prometheus answers, its clock is read, and the deployment's targets have been scraped since the call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from analysis.claims import metric_map
from analysis.claims.metric_map import MetricMap
from analysis.collect.prometheus import Fetch, Prometheus
from analysis.evidence import queries
from analysis.evidence.gateway import unanswered
from analysis.evidence.samples import ClockOffset, Series
from analysis.evidence.scrapes.targets import address_of
from analysis.record.instants import rfc3339
from analysis.record.runfolder import BASELINE_FILE, Run
from model.atomic import write_text

SCHEMA_VERSION: Final = 1
POLL_S: Final = 0.1
LOOK_BACK_S: Final = 300
"""As far as Prometheus itself looks back: two scrapes at any interval of at most 150 s."""
LEAST_WAIT_S: Final = 60.0
LATE_S: Final = 10.0
"""How much longer than its interval a scrape may take to be seen: the default timeout of a scrape."""
STRANGERS_WAIT_S: Final = 10.0
"""How long to wait for targets that Prometheus does not know yet: its first scrape may come 5 s after its start."""
REST_S: Final = 60.0
"""How long to wait for what is left of an earlier load. A shadow that is far behind takes longer, and is named."""
SILENCE_S: Final = 3.0
"""After this long, it is said what is waited for."""


def write(
    folder: Path,
    run: Run,
    prometheus: Prometheus,
    wait_s: float | None,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    say: Callable[[str], None] = print,
    *,
    endpoints: int = 0,
) -> str:
    """Wait for a fresh scrape, write ``baseline.json``, and return one line that says what is known.

    ``wait_s``: None for the longest scrape interval and a little, at least `LEAST_WAIT_S`. ``endpoints``: number of
    the models' metrics endpoints that can be read from here. Raises `metric_map.MetricMapError`.
    """
    chosen = metric_map.of_run(run.metrics)
    clock = prometheus.clock(now)
    configured = prometheus.scrape_intervals()
    began, silent, left = now(), True, 0
    while True:
        ups = _ups(prometheus, run, clock.prometheus_s(now()), chosen)
        fresh = [up for up in ups if _fresh(up, clock.prometheus_s(began))]
        missing = [up for up in _current(ups, configured) if not _fresh(up, clock.prometheus_s(began))]
        waited = now() - began
        if fresh and not missing:
            left = _left_of_earlier(prometheus, run, clock.prometheus_s(now()))
            if not left or waited >= REST_S:
                break
            if silent and waited >= SILENCE_S:
                say(f"waiting for the answers of {left:,} requests of an earlier load; for {REST_S:.0f} s at most")
                silent = False
            sleep(POLL_S)
            continue
        interval = longest_interval_s(ups, configured)
        limit_s = wait_s if wait_s is not None else max(LEAST_WAIT_S, (interval or 0.0) + LATE_S)
        if waited >= (limit_s if ups else min(limit_s, STRANGERS_WAIT_S)):
            break
        if silent and waited >= SILENCE_S and missing:
            say(waiting_line("a fresh scrape", [up.labels for up in missing], interval, limit_s))
            silent = False
        sleep(POLL_S)
    content = {
        "schema": SCHEMA_VERSION,
        "prometheus": prometheus.version(),
        "clock_offset_s": clock.offset_s,
        "clock_uncertainty_s": clock.uncertainty_s,
        "at": rfc3339(now()),
        "scrape_interval_s": longest_interval_s(ups, configured),
        "targets": [dict(up.labels) for up in fresh],
        "under_way": left,
        "endpoints": endpoints,
    }
    write_text(folder / BASELINE_FILE, json.dumps(content, indent=1, sort_keys=True) + "\n")
    line = _summary_line(ups, fresh, clock, waited)
    return f"{line}; the gateway still waits for {left:,} answers of an earlier load" if left else line


def _left_of_earlier(prometheus: Prometheus, run: Run, at_s: float) -> int:
    """Requests to the deployment that the gateway had under way at its last scrape; 0 where no gateway is scraped."""
    fetch = Fetch(prometheus)
    names = [predictor.name for predictor in run.predictors]
    fetch.extend(queries.gateway(run.deployment, names), round((at_s - LOOK_BACK_S) * 1000), round(at_s * 1000))
    return unanswered(fetch.series())


def waiting_line(what: str, targets: Sequence[Mapping[str, str]], interval: float | None, limit_s: float) -> str:
    """What is waited for and how long, on one line. ``targets``: their labels."""
    addresses = sorted({labels.get("instance", "a target") for labels in targets})
    number = f"{len(addresses)} target{'s' * (len(addresses) > 1)}"
    names = ", ".join(addresses[:3]) + ", ..." * (len(addresses) > 3)
    rhythm = f", one every {interval:g} s" if interval else ""
    return f"waiting for {what} of {number}{rhythm} ({names}); for {limit_s:.0f} s at most"


def _summary_line(ups: Sequence[Series], fresh: Sequence[Series], clock: ClockOffset, waited_s: float) -> str:
    if not fresh:
        known = f"{len(ups)} target(s), none of them up" if ups else "no target of the deployment"
        return (
            f"baseline: Prometheus has {known} after {waited_s:.0f} s; the run will be INCONCLUSIVE unless that changes"
        )
    return f"baseline: {len(fresh)} target(s) scraped, Prometheus' clock {clock.offset_s * 1000:+.1f} ms off"


def _ups(prometheus: Prometheus, run: Run, at_s: float, chosen: MetricMap) -> tuple[Series, ...]:
    """``up`` of the deployment's targets.

    If no target has the deployment's label: of those that its counts come from and of their jobs; if nothing was
    counted yet, of all targets that are up.
    """
    start_ms, end_ms = round((at_s - LOOK_BACK_S) * 1000), round(at_s * 1000)
    labelled = Fetch(prometheus)
    labelled.extend(queries.targets_of(run.deployment, run.namespace), start_ms, end_ms)
    if ups := _of_up(labelled):
        return ups
    everything = Fetch(prometheus)
    everything.extend(queries.UP, start_ms, end_ms)
    counts = Fetch(prometheus)
    for selector in queries.counts(chosen, run.deployment, run.namespace):
        counts.extend(selector, start_ms, end_ms)
    jobs = {series.labels.get("job") for series in counts.series()}
    ups = _of_up(everything)
    return tuple(up for up in ups if up.labels.get("job") in jobs) or tuple(up for up in ups if up.value[-1] == 1)


def _of_up(fetch: Fetch) -> tuple[Series, ...]:
    return tuple(series for series in fetch.series() if series.metric == queries.UP)


def _fresh(up: Series, since_s: float) -> bool:
    return bool(np.any((up.time_ms > since_s * 1000) & (up.value == 1)))


def _current(ups: Sequence[Series], configured: Mapping[tuple[str, str], float]) -> list[Series]:
    """Targets that are still being scraped: the last scrape is at most three of its intervals older than the latest."""
    latest = max((int(up.time_ms[-1]) for up in ups), default=0)
    return [
        up
        for up in ups
        if (interval := longest_interval_s([up], configured) or interval_s(ups)) is None
        or latest - up.time_ms[-1] <= 3000 * interval
    ]


def longest_interval_s(ups: Sequence[Series], configured: Mapping[tuple[str, str], float]) -> float | None:
    """The longest time between scrapes of a target, in seconds: as configured where that is known, else as seen."""
    intervals = [configured.get(address_of(up.labels)) or interval_s([up]) for up in ups]
    return max((interval for interval in intervals if interval), default=None)


def interval_s(ups: Sequence[Series]) -> float | None:
    """Median time between scrapes, in seconds; None if no target was scraped twice."""
    steps = np.concatenate([np.diff(up.time_ms) for up in ups]) if ups else np.empty(0)
    return float(np.median(steps)) / 1000 if len(steps) else None
