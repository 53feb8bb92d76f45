"""The PromQL that the judge's evidence is fetched with: pure text, pinned by tests.

Only raw range vectors are queried (``selector[3600000ms]`` as an instant query). A ``query_range``
evaluates at its own steps and looks back five minutes, so it invents samples between scrapes. A raw
range vector gives the samples that were stored, with the time of each scrape
(https://prometheus.io/docs/prometheus/latest/querying/basics/#range-vector-selectors).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from analysis.claims.metric_map import MetricMap
from analysis.evidence.gateway import LABEL_CLUSTER, METRICS, cluster_pattern
from model.contract import (
    FEEDBACK_COUNTER,
    LABEL_DEPLOYMENT,
    LABEL_METHOD,
    METHOD_FEEDBACK,
    REWARD_COUNTER,
    SCORE_BUCKETS,
)

UP: Final = "up"
SCRAPE_DURATION: Final = "scrape_duration_seconds"
TARGET_METRICS: Final = (UP, SCRAPE_DURATION)
LABEL_TARGET_DEPLOYMENT: Final = "seldon_deployment_id"
"""Pod label of Seldon's operator, as a scrape maps it; absent from targets of a bare PodMonitor."""
NAMESPACE_LABELS: Final = ("namespace", "kubernetes_namespace", "exported_namespace")
"""Prometheus Operator's name, that of Prometheus' own example of a Kubernetes scrape, and the name that a label of the
exposition gets where the target has one of that name (``honor_labels: false``)."""
COUNTER_SUFFIX: Final = "_total"
"""Seldon's wrapper appends this to the name of a COUNTER; a class may publish its cells so."""

_NOT_OF_THE_MODEL: Final = (
    "up|(scrape|python|process|go|prometheus|promhttp|gunicorn|flask|seldon_api|envoy|http)_.*|.*_created"
)

FEEDBACK_REQUESTS: Final = FEEDBACK_COUNTER + COUNTER_SUFFIX
REWARDS: Final = REWARD_COUNTER + COUNTER_SUFFIX


def counts(metric_map: MetricMap, deployment: str, namespace: str) -> tuple[str, ...]:
    """Selectors of every series of a deployment that counts feedback: those of the map, and the requests."""
    matchers = _of_map(metric_map, deployment)
    wrapper = (f"{LABEL_DEPLOYMENT}={_quoted(deployment)}", f"{LABEL_METHOD}={_quoted(METHOD_FEEDBACK)}")
    if set(matchers) == set(wrapper):
        names = (*metric_map.metrics, FEEDBACK_REQUESTS, REWARDS)
        return (_selector(_any_name(names), *wrapper, _namespace(namespace)),)
    return (
        _selector(_any_name(metric_map.metrics), *matchers, _namespace(namespace)),
        _selector(_any_name((FEEDBACK_REQUESTS, REWARDS)), *wrapper, _namespace(namespace)),
    )


def counts_anywhere(metric_map: MetricMap, deployment: str) -> str:
    """Selector of the map's series of the deployment's predictors in any namespace."""
    return _selector(_any_name(metric_map.metrics), *_of_map(metric_map, deployment))


def _of_map(metric_map: MetricMap, deployment: str) -> tuple[str, ...]:
    """Matchers that every series of the map has, apart from the predictor's."""
    owner = metric_map.deployment_label
    return (
        *([f"{owner}={_quoted(deployment)}"] if owner is not None else []),
        *(f"{label}={_quoted(value)}" for label, value in metric_map.fixed.items()),
    )


def buckets(deployment: str, namespace: str) -> str:
    """Selector of the score buckets of a deployment's predictors."""
    return _selector(
        f"__name__={_quoted(SCORE_BUCKETS)}",
        f"{LABEL_DEPLOYMENT}={_quoted(deployment)}",
        f"{LABEL_METHOD}={_quoted(METHOD_FEEDBACK)}",
        _namespace(namespace),
    )


def targets_of(deployment: str, namespace: str) -> str:
    """Selector of ``up`` and scrape duration of the targets that carry the operator's pod label."""
    return _selector(
        _any_name(TARGET_METRICS), f"{LABEL_TARGET_DEPLOYMENT}={_quoted(deployment)}", _namespace(namespace)
    )


def targets_at(instances: Iterable[str]) -> str:
    """Selector of ``up`` and scrape duration of the targets at the given ``host:port``."""
    return _selector(_any_name(TARGET_METRICS), f"instance=~{_quoted(_alternatives(instances))}")


def names_at(instances: Iterable[str]) -> str:
    """Query for the names of the metrics that the targets at the given ``host:port`` show, and the methods of each.

    Without those that any process or any wrapper shows. It looks back as far as Prometheus does, five minutes.
    """
    own = f"__name__!~{_quoted(_NOT_OF_THE_MODEL)}"
    return f"group by (__name__, {LABEL_METHOD}) ({_selector(own, f'instance=~{_quoted(_alternatives(instances))}')})"


def gateway(deployment: str, predictors: Iterable[str]) -> str:
    """Selector of the gateway's counters of the predictors' clusters."""
    patterns = "|".join(cluster_pattern(deployment, name) for name in predictors)
    return _selector(_any_name(METRICS), f"{LABEL_CLUSTER}=~{_quoted(patterns)}")


def window(selector: str, width_ms: int) -> str:
    """Range vector of the selector over the ``width_ms`` before the evaluation time of the query."""
    return f"{selector}[{width_ms}ms]"


def _selector(*matchers: str) -> str:
    return "{" + ",".join(matchers) + "}"


def _any_name(names: Iterable[str]) -> str:
    return f"__name__=~{_quoted('|'.join(names))}"


def _namespace(namespace: str) -> str:
    """Matchers of series of the namespace, by whatever label says it, and of series without such a label."""
    return ",".join(f"{label}=~{_quoted(_alternatives([namespace]) + '|')}" for label in NAMESPACE_LABELS)


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.sub(r"[.+*?()|\[\]{}^$\\]", lambda match: "\\" + match.group(), word) for word in sorted(words))


def _quoted(text: str) -> str:
    """The text as a double-quoted PromQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
