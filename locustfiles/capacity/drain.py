"""The wait between two loads until the deployment has counted everything that it will count.

An overloaded server has a backlog. If it counts requests of one step during the next, the counts of the next step are
wrong. Counts that do not change are no proof that the backlog is gone: in one test, 50 mirrored requests waited for a
minute before they were counted. So the gateway must also report that no request is unanswered, where its metrics are
stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Final

from analysis.access.access import EndpointAccess
from analysis.claims.metric_map import MetricMap
from analysis.collect.prometheus import Prometheus, PrometheusError
from analysis.evidence import queries
from analysis.evidence.gateway import UNDER_WAY

POLL_S: Final = 0.25
TIMEOUT_S: Final = 5.0
LIMIT_S: Final = 75.0
SCRAPES: Final = 3
"""Number of scrapes in a row that must show the same counts: the first may have begun before the end of the load."""

_RESTLESS: Final = "its counts still changed, or requests were unanswered"


def drain(
    prometheus_url: str,
    metric_map: MetricMap,
    deployment: str,
    namespace: str,
    predictors: Iterable[str],
    access: EndpointAccess = EndpointAccess(),  # noqa: B008  (frozen)
) -> str | None:
    """Wait until the stored counts do not change and no request is unanswered, at most `LIMIT_S`.

    None if that was reached, else the reason why not, as part of a sentence.
    """
    try:
        prometheus = Prometheus(prometheus_url, TIMEOUT_S, access)
    except PrometheusError as error:
        return str(error)
    selectors = queries.counts(metric_map, deployment, namespace)
    passed_on = queries.gateway(deployment, predictors)
    problem = _RESTLESS
    began_s = time.monotonic()
    while (waited_s := time.monotonic() - began_s) < LIMIT_S:
        window = f"[{max(math.ceil(waited_s), 1)}s]"
        try:
            counts = [values for selector in selectors for _, values in _series(prometheus, selector + window)]
            active = [values for name, values in _series(prometheus, passed_on + window) if name in UNDER_WAY]
        except PrometheusError as error:
            problem = str(error)
        else:
            if at_rest(counts) and all_answered(active):
                return None
            problem = _RESTLESS
        time.sleep(POLL_S)
    return f"after {LIMIT_S:g} s: {problem}"


def at_rest(series: Sequence[Sequence[float]]) -> bool:
    """Whether each series has at least `SCRAPES` samples and the last of them are equal; False without a series."""
    return bool(series) and all(len(values) >= SCRAPES and len(set(values[-SCRAPES:])) == 1 for values in series)


def all_answered(active: Sequence[Sequence[float]]) -> bool:
    """Whether each of the gateway's gauges was last 0; True without a gauge, because a gateway need not be scraped."""
    return all(values[-1] == 0 for values in active)


def _series(prometheus: Prometheus, query: str) -> list[tuple[str, list[float]]]:
    """Name and values of each series of a range vector. Raises `PrometheusError`."""
    return [
        (series["metric"]["__name__"], [float(value) for _, value in series["values"]])
        for series in prometheus.ask(query)
    ]
