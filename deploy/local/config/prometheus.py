"""Prometheus's configuration: static targets with the labels that a cluster's scrape would add. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.config.plan import METRICS_PATH, POD_MONITOR, Replica, target_labels
from deploy.manifest.deployment import Deployment

DURATION: Final = re.compile(r"(\d+)(ms|s|m)")
ENVOY_JOB: Final = "envoy-stats"


LONGEST_TIMEOUT: Final = "10s"
"""Prometheus' own default. A scrape that may take as long as a long interval would be seen a minute late."""


def seconds_of(duration: str) -> float:
    """Seconds of a duration such as ``500ms``, ``15s`` or ``1m``. Raises ValueError for any other text."""
    match = DURATION.fullmatch(duration)
    if not match:
        raise ValueError(f"expected a duration such as 500ms, 15s or 1m, got {duration!r}")
    return int(match[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0}[match[2]]


def timeout(interval: str) -> str:
    """The scrape timeout at an interval, which it must not exceed."""
    return min(interval, LONGEST_TIMEOUT, key=seconds_of)


def targets(deployment: Deployment, replicas: Sequence[Replica], pod_monitors: int = 1) -> list[dict[str, Any]]:
    """A static configuration for each replica and each PodMonitor that selects its pod; the first is ours."""
    return [
        {
            "targets": [f"127.0.0.1:{replica.metrics_port}"],
            "labels": target_labels(deployment, replica, POD_MONITOR + (f"-{number}" if number else "")),
        }
        for number in range(pod_monitors)
        for replica in replicas
    ]


def config(
    targets: Sequence[dict[str, Any]], admin_port: int, interval: str, rules: Sequence[Path] = ()
) -> dict[str, Any]:
    """The whole configuration, to be written as YAML. ``interval``: a Prometheus duration, such as ``1s``."""
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": timeout(interval), "evaluation_interval": interval},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {
                "job_name": "seldon-models",
                "metrics_path": METRICS_PATH,
                "static_configs": list(targets),
            },
            {
                "job_name": ENVOY_JOB,
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [f"127.0.0.1:{admin_port}"]}],
            },
        ],
    }
