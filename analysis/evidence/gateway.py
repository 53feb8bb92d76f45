"""What the gateway says of the requests that it passed on to a predictor: Envoy's counters, where they are scraped.

Local stack and Istio alike: a predictor's cluster is named after its Service, ``<deployment>-<predictor>``. Sources:
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats. ``upstream_rq_total``
stays 0 for a shadow that is down, so it says nothing of loss; ``upstream_rq_active`` tells what is still under way.
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
ANSWERED: Final = PREFIX + "xx"
LOST: Final = ("pending_overflow", "pending_failure_eject", "timeout", "per_try_timeout", "rx_reset", "tx_reset")
_COUNTERS: Final = (REQUESTS, RETRIES, *(PREFIX + reason for reason in LOST))
METRICS: Final = (*_COUNTERS, ACTIVE, ANSWERED)
LABEL_CLASS: Final = "envoy_response_code_class"
LABEL_CLUSTER: Final = "envoy_cluster_name"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Of one predictor, since the run began: requests passed on, retries among them, and requests lost by reason.

    ``active``: under way at the last scrape. ``failed``: answered by the predictor with a status of 5xx.
    """

    requests: int
    retries: int
    lost: Mapping[str, int]
    active: int = 0
    failed: int = 0

    def told(self) -> str:
        """``, lost by the gateway: 1,803 pending_overflow``; empty where it lost nothing and nothing is under way."""
        parts = [f"{number:,} {reason}" for reason, number in self.lost.items() if number]
        told = f", lost by the gateway: {', '.join(parts)}" if parts else ""
        told += f", answered with 5xx: {self.failed:,}" if self.failed else ""
        return told + (f", still under way: {self.active:,}" if self.active else "")


def cluster_pattern(deployment: str, predictor: str) -> str:
    """Regular expression of the names of a predictor's clusters, plain or in Istio's form with bars and a domain.

    The local stack's second one, for gRPC, ends in ``_grpc``, which no Service's name can; Istio's differ in the port.
    """
    name = re.escape(f"{deployment}-{predictor}").replace("\\-", "-")
    return f"(.*[|])?{name}(_grpc)?([.].*)?"


def gateway(samples: Samples, deployment: str, predictor: str, window_ms: tuple[float, float]) -> Gateway | None:
    """What the gateway says of a predictor; None where its counters are not stored, or not up to the last event.

    ``window_ms``: first and last event, on Prometheus' clock. A gateway whose last scrape is older than the last
    event does not know the whole run.
    """
    first_ms, last_ms = window_ms
    mine = of_cluster(samples, deployment, predictor)
    mine = [one for one in mine if len(one.time_ms) and one.time_ms[-1] >= last_ms]
    if not mine:
        return None
    grown = {metric: sum(growth(one, first_ms) for one in mine if one.metric == metric) for metric in _COUNTERS}
    failed = sum(growth(one, first_ms) for one in mine if one.metric == ANSWERED and one.labels.get(LABEL_CLASS) == "5")
    lost = {reason: grown[PREFIX + reason] for reason in LOST}
    return Gateway(grown[REQUESTS], grown[RETRIES], lost, under_way(mine), failed)


def of_cluster(samples: Samples, deployment: str, predictor: str) -> list[Series]:
    """The gateway's series of a predictor."""
    pattern = re.compile(cluster_pattern(deployment, predictor))
    return [one for one in samples.of(*METRICS) if pattern.fullmatch(one.labels.get(LABEL_CLUSTER, ""))]


def under_way(mine: Sequence[Series]) -> int:
    """Requests that the predictor had not answered yet at the gateway's last scrape."""
    last = [float(one.value[-1]) for one in mine if one.metric == ACTIVE and len(one.value)]
    return int(sum(value for value in last if np.isfinite(value) and value > 0))


def growth(series: Series, first_ms: float) -> int:
    """Last value less the last one before the run; Envoy's counters begin at 0 with the process."""
    before = series.value[series.time_ms < first_ms]
    base = before[-1] if len(before) else 0.0
    grown = series.value[-1] - base
    return int(grown) if np.isfinite(grown) and grown > 0 else 0
