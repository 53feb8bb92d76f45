"""The gateway's own counters of the requests that it passed on to a predictor: Envoy's, where they are scraped.

On the local stack and with Istio alike, a predictor's cluster is named after its Service, ``<deployment>-<predictor>``.
Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats.
``upstream_rq_total`` stays 0 for a shadow that is down, so it does not show loss. ``upstream_rq_active`` is the number
of unanswered requests; those that still wait for a connection are in ``upstream_rq_pending_active``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.evidence.samples import Samples, Series

PREFIX: Final = "envoy_cluster_upstream_rq_"
REQUESTS: Final = PREFIX + "total"
RETRIES: Final = PREFIX + "retry"
ACTIVE: Final = PREFIX + "active"
PENDING: Final = PREFIX + "pending_active"
UNDER_WAY: Final = (ACTIVE, PENDING)
ANSWERED: Final = PREFIX + "xx"
LOST: Final = ("pending_overflow", "pending_failure_eject", "timeout", "per_try_timeout", "rx_reset", "tx_reset")
_COUNTERS: Final = (REQUESTS, RETRIES, *(PREFIX + reason for reason in LOST))
METRICS: Final = (*_COUNTERS, *UNDER_WAY, ANSWERED)
LABEL_CLASS: Final = "envoy_response_code_class"
LABEL_CLUSTER: Final = "envoy_cluster_name"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Counters of one predictor since the run began: requests passed on, retries among them, requests lost by reason.

    ``active``: unanswered at the last scrape. ``failed``: answered by the predictor with a status of 5xx.
    """

    requests: int
    retries: int
    lost: Mapping[str, int]
    active: int = 0
    failed: int = 0

    def losses(self) -> str:
        """Text like ``, lost by the gateway: 1,803 pending_overflow``; empty if all requests were answered well."""
        parts = [f"{number:,} {reason}" for reason, number in self.lost.items() if number]
        text = f", lost by the gateway: {', '.join(parts)}" if parts else ""
        text += f", answered with 5xx: {self.failed:,}" if self.failed else ""
        return text + (f", still under way: {self.active:,}" if self.active else "")


def cluster_pattern(deployment: str, predictor: str) -> str:
    """Regular expression of the names of a predictor's clusters, plain or in Istio's form with bars and a domain.

    The local stack has a second cluster for gRPC, whose name ends in ``_grpc``; no Service can have such a name.
    Istio's clusters differ in the port.
    """
    name = re.escape(f"{deployment}-{predictor}").replace("\\-", "-")
    return f"(.*[|])?{name}(_grpc)?([.].*)?"


def gateway(samples: Samples, deployment: str, predictor: str, window_ms: tuple[float, float]) -> Gateway | None:
    """The gateway's counters of a predictor; None if they are not stored, or not up to the last event.

    ``window_ms``: first and last event, on Prometheus' clock. A gateway whose last scrape is older than the last
    event does not know the whole run.
    """
    first_ms, last_ms = window_ms
    series = [
        counter
        for counter in of_cluster(samples, deployment, predictor)
        if len(counter.time_ms) and counter.time_ms[-1] >= last_ms
    ]
    if not series:
        return None
    increases = {
        metric: sum(growth(counter, first_ms) for counter in series if counter.metric == metric) for metric in _COUNTERS
    }
    failed = sum(
        growth(counter, first_ms)
        for counter in series
        if counter.metric == ANSWERED and counter.labels.get(LABEL_CLASS) == "5"
    )
    lost = {reason: increases[PREFIX + reason] for reason in LOST}
    return Gateway(increases[REQUESTS], increases[RETRIES], lost, unanswered(series), failed)


def of_cluster(samples: Samples, deployment: str, predictor: str) -> list[Series]:
    """The gateway's series of a predictor."""
    pattern = re.compile(cluster_pattern(deployment, predictor))
    return [series for series in samples.of(*METRICS) if pattern.fullmatch(series.labels.get(LABEL_CLUSTER, ""))]


def unanswered(series: Sequence[Series]) -> int:
    """Requests that the predictor had not answered yet at the gateway's last scrape."""
    last = [float(gauge.value[-1]) for gauge in series if gauge.metric in UNDER_WAY and len(gauge.value)]
    return int(sum(value for value in last if np.isfinite(value) and value > 0))


def growth(series: Series, first_ms: float) -> int:
    """Last value minus the last value before ``first_ms``; a counter without an earlier value began at 0."""
    before = series.value[series.time_ms < first_ms]
    base = before[-1] if len(before) else 0.0
    increase = series.value[-1] - base
    return int(increase) if np.isfinite(increase) and increase > 0 else 0
