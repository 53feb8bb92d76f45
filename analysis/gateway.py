"""What the gateway says of the requests that it passed on to a predictor: Envoy's counters, where they are scraped.

Local stack and Istio alike: a predictor's cluster is named after its Service, ``<deployment>-<predictor>``. Sources:
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats. ``upstream_rq_total``
stays 0 for a shadow that is down, so it says nothing of loss.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.samples import Samples, Series

PREFIX: Final = "envoy_cluster_upstream_rq_"
REQUESTS: Final = PREFIX + "total"
RETRIES: Final = PREFIX + "retry"
LOST: Final = ("pending_overflow", "pending_failure_eject", "timeout", "per_try_timeout", "rx_reset")
METRICS: Final = (REQUESTS, RETRIES, *(PREFIX + reason for reason in LOST))
LABEL_CLUSTER: Final = "envoy_cluster_name"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Of one predictor, since the run began: requests passed on, retries among them, and requests lost by reason."""

    requests: int
    retries: int
    lost: Mapping[str, int]

    def told(self) -> str:
        """``, lost by the gateway: 1,803 pending_overflow``; empty where it lost nothing."""
        parts = [f"{number:,} {reason}" for reason, number in self.lost.items() if number]
        return f", lost by the gateway: {', '.join(parts)}" if parts else ""


def cluster_pattern(deployment: str, predictor: str) -> str:
    """Regular expression of the names of a predictor's cluster, plain or in Istio's form with bars and a domain."""
    name = re.escape(f"{deployment}-{predictor}").replace("\\-", "-")
    return f"(.*[|])?{name}([.].*)?"


def gateway(samples: Samples, deployment: str, predictor: str, first_ms: float) -> Gateway | None:
    """What the gateway says of a predictor; None where its counters are not stored."""
    pattern = re.compile(cluster_pattern(deployment, predictor))
    mine = [one for one in samples.of(*METRICS) if pattern.fullmatch(one.labels.get(LABEL_CLUSTER, ""))]
    if not mine:
        return None
    grown = {metric: sum(growth(one, first_ms) for one in mine if one.metric == metric) for metric in METRICS}
    return Gateway(grown[REQUESTS], grown[RETRIES], {reason: grown[PREFIX + reason] for reason in LOST})


def growth(series: Series, first_ms: float) -> int:
    """Last value less the last one before the run; Envoy's counters begin at 0 with the process."""
    before = series.value[series.time_ms < first_ms]
    base = before[-1] if len(before) else 0.0
    grown = series.value[-1] - base
    return int(grown) if np.isfinite(grown) and grown > 0 else 0
