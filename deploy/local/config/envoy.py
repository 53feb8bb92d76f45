"""Envoy's configuration: the ingress as Istio would set it up for the same SeldonDeployment. Pure.

Sources: ``createIstioResources`` of Seldon's operator (routes, rewrite, mirror, weights, idle time-out) and Istio's
``pilot/pkg/networking/core`` (breakers, retries, mirror). One thing differs: retries are off unless asked for, because
Istio's default of two repeats feedback, which is a write, after a broken connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from deploy.local.config.plan import Replica
from deploy.manifest.deployment import Deployment, Predictor

Breakers = Literal["istio", "envoy"]
Retries = Literal["none", "istio", "istio-1.23"]

UNLIMITED: Final = 4_294_967_295
"""All thresholds of Istio. Plain Envoy has 1,024, and then a slow shadow silently loses mirrored requests."""

GRPC_PATHS: Final = ".*tensorflow.*|.*seldon.protos.*|.*inference.*"
KEPT_STATS: Final = (
    r"cluster\..*\.(upstream_rq_(\dxx|completed|total|active|pending_.*|timeout|per_try_timeout|rx_reset|tx_reset"
    r"|retry|retry_.*|cancelled|mirrored)|upstream_cx_(active|total|overflow|connect_fail|destroy.*)|membership_.*)"
    r"|http\.ingress\.downstream_(rq|cx)_(\dxx|total|active|completed|timeout|rx_reset|tx_reset).*|server\.uptime"
)
"""The statistics about how requests ended. All statistics would be ten times as many at each scrape."""

_EXTENSIONS: Final = "type.googleapis.com/envoy.extensions"


@dataclass(frozen=True, slots=True)
class Ingress:
    """How the ingress is set up. Ports are of 127.0.0.1."""

    port: int
    admin_port: int
    breakers: Breakers = "istio"
    retries: Retries = "none"


def cluster_name(deployment: Deployment, predictor: Predictor) -> str:
    """Name of the cluster that gets a predictor's REST requests: its Service's name. gRPC's ends in ``_grpc``."""
    return f"{deployment.name}-{predictor.name}"


def config(deployment: Deployment, replicas: Sequence[Replica], ingress: Ingress) -> dict[str, Any]:
    """The whole configuration, to be written as YAML."""
    clusters = [
        _cluster(deployment, predictor, replicas, ingress.breakers, grpc=grpc)
        for predictor in deployment.predictors
        for grpc in (False, True)
    ]
    return {
        "admin": {"address": _address(ingress.admin_port)},
        "stats_config": {
            "stats_matcher": {"inclusion_list": {"patterns": [{"safe_regex": {"regex": KEPT_STATS}}]}},
        },
        "static_resources": {"listeners": [_listener(deployment, ingress)], "clusters": clusters},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(deployment: Deployment, ingress: Ingress) -> dict[str, Any]:
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "stream_idle_timeout": "0s",
        "route_config": {
            "name": "ingress",
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": _routes(deployment, ingress.retries)},
            ],
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}},
        ],
    }
    return {
        "name": "ingress",
        "address": _address(ingress.port),
        "enable_reuse_port": False,  # otherwise a second Envoy could share a fixed port, and its traffic
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _routes(deployment: Deployment, retries: Retries) -> list[dict[str, Any]]:
    headers = [
        {"name": "seldon", "string_match": {"exact": deployment.name}},
        {"name": "namespace", "string_match": {"exact": deployment.namespace}},
    ]
    return [
        {
            "name": "rest",
            "match": {"prefix": f"/seldon/{deployment.namespace}/{deployment.name}/"},
            "route": {"prefix_rewrite": "/"} | _action(deployment, retries, grpc=False),
        },
        {
            "name": "grpc",
            "match": {"safe_regex": {"regex": GRPC_PATHS}, "headers": headers},
            "route": _action(deployment, retries, grpc=True),
        },
    ]


def _action(deployment: Deployment, retries: Retries, *, grpc: bool) -> dict[str, Any]:
    suffix = "_grpc" if grpc else ""
    weights = [
        {"name": cluster_name(deployment, predictor) + suffix, "weight": predictor.traffic}
        for predictor in deployment.primaries
    ]
    action: dict[str, Any] = {"timeout": "0s", "weighted_clusters": {"clusters": weights}}
    if retries != "none":
        action["retry_policy"] = _retry_policy(retries)
    if deployment.shadow is not None:
        action["request_mirror_policies"] = [
            {
                "cluster": cluster_name(deployment, deployment.shadow) + suffix,
                "runtime_fraction": {
                    "default_value": {"numerator": deployment.shadow.traffic * 10_000, "denominator": "MILLION"},
                },
                "trace_sampled": False,
                "disable_shadow_host_suffix_append": True,  # Istio 1.28 and later
            }
        ]
    return action


def _retry_policy(retries: Retries) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "num_retries": 2,
        "host_selection_retry_max_attempts": "5",
        "retry_host_predicate": [
            {
                "name": "previous_hosts",
                "typed_config": {
                    "@type": f"{_EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                },
            }
        ],
    }
    return policy | ({"retriable_status_codes": [503]} if retries == "istio-1.23" else {})


def _cluster(
    deployment: Deployment, predictor: Predictor, replicas: Sequence[Replica], breakers: Breakers, *, grpc: bool
) -> dict[str, Any]:
    """The replicas of one predictor as the endpoints of one cluster, as its Service is."""
    name = cluster_name(deployment, predictor) + ("_grpc" if grpc else "")
    endpoints = [
        {"endpoint": {"address": _address(replica.grpc_port if grpc else replica.http_port)}}
        for replica in replicas
        if replica.predictor is predictor
    ]
    protocol: dict[str, Any] = {"http2_protocol_options": {}} if grpc else {"http_protocol_options": {}}
    cluster: dict[str, Any] = {
        "name": name,
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "10s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": "60s"},  # Seldon's DestinationRule
                "explicit_http_config": protocol,
            }
        },
    }
    if breakers == "istio":
        limits = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
        thresholds = dict.fromkeys(limits, UNLIMITED) | {"track_remaining": True}
        cluster["circuit_breakers"] = {"thresholds": [thresholds]}
    return cluster
