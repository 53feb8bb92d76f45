"""The processes that make up a deployment, as frozen values. Pure: ports, image map and environment come in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.config.images import StartCommand
from deploy.manifest.deployment import Deployment, Predictor

METRICS_PATH: Final = "/prometheus"
"""What Seldon's operator sets; the wrapper's own default is ``/metrics``."""

HEALTH_PATH: Final = "/health/ping"
"""A route that answers without the model: ``/health/status`` would call ``metrics()`` and add a third series of each
gauge."""

OURS: Final = re.compile(
    r"PREDICT(IVE_UNIT|OR)_|SELDON_|GUNICORN_|GRPC_|FLASK_|JAEGER_|(PAYLOAD_PASSTHROUGH|TRACING|MODEL_METADATA|"
    r"INCLUDE_METRICS_IN_CLIENT_RESPONSE|USE_MULTIPROCESS_PACKAGE|FILTER_METRICS_ACCESS_LOGS|BIND_HOST)$"
)
"""Variables that Seldon's wrapper reads. A container inherits none of them from its host, nor does a process."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process to start. ``ready``: URLs that all answer 200 once it serves. ``env``: all of its environment."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    ready: tuple[str, ...]
    grace_s: float
    """How long it may take to stop on SIGTERM before SIGKILL."""
    any_address: bool = False
    """Whether it may listen on other addresses than those of loopback."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica of a predictor. On a cluster it would be a pod; it has a name that it could have there."""

    predictor: Predictor
    pod: str
    http_port: int
    grpc_port: int
    metrics_port: int

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}{METRICS_PATH}"


def replicas(deployment: Deployment, ports: Iterator[int]) -> tuple[Replica, ...]:
    """Every replica of every predictor in the manifest's order, each with the next three ports."""
    return tuple(
        Replica(predictor, f"{_pods(deployment, predictor)}-{number}", next(ports), next(ports), next(ports))
        for predictor in deployment.predictors
        for number in range(predictor.replicas)
    )


def _pods(deployment: Deployment, predictor: Predictor) -> str:
    """Name of the Deployment that Seldon's operator makes: deployment, predictor, component, containers."""
    return f"{deployment.name}-{predictor.name}-0-{predictor.model}"


def microservice(
    deployment: Deployment,
    replica: Replica,
    start: StartCommand,
    inherited: Mapping[str, str],
    extra: Mapping[str, str],
) -> Process:
    """The process of one replica.

    Its environment, where later variables override earlier ones: ``inherited`` from the launcher (without `OURS`), the
    image's, the manifest's, the operator's, and ``extra`` from the command line.
    """
    written = dict(replica.predictor.env)
    env = {name: value for name, value in inherited.items() if not OURS.match(name)}
    env |= {"PYTHONUNBUFFERED": "1"} | start.env | _expanded(written)
    operators = operator_env(deployment, replica)
    env |= {name: value for name, value in operators.items() if not (name in written and name in YIELDING)}
    return Process(
        name=replica.pod,
        command=start.command,
        cwd=start.cwd,
        env=env | dict(extra),
        ready=(f"{replica.rest_url}{HEALTH_PATH}", replica.metrics_url),
        grace_s=2.0,
        any_address=start.any_address,
    )


YIELDING: Final = frozenset({"PREDICTIVE_UNIT_PARAMETERS"})
"""Variables that the operator sets only if the manifest does not."""


def operator_env(deployment: Deployment, replica: Replica) -> dict[str, str]:
    """The environment variables that Seldon's operator adds to a model's container, with this replica's ports.

    Source: ``createContainerService`` in ``operator/controllers/seldondeployment_controller.go``; JSON as Go
    writes it, without spaces, mappings sorted by key.
    """
    predictor = replica.predictor
    env = {
        "PREDICTIVE_UNIT_SERVICE_PORT": str(replica.http_port),
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(replica.http_port),
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(replica.grpc_port),
        "PREDICTIVE_UNIT_ID": predictor.model,
        "PREDICTIVE_UNIT_IMAGE": predictor.image,
        "PREDICTOR_ID": predictor.name,
        "PREDICTOR_LABELS": _json(dict(sorted(predictor.labels))),
        "SELDON_DEPLOYMENT_ID": deployment.name,
        "SELDON_EXECUTOR_ENABLED": "true",
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": str(replica.metrics_port),
        "PREDICTIVE_UNIT_METRICS_ENDPOINT": METRICS_PATH,
    }
    if predictor.parameters:
        parameters = [
            {"name": parameter.name, "value": parameter.value, "type": parameter.type}
            for parameter in predictor.parameters
        ]
        env["PREDICTIVE_UNIT_PARAMETERS"] = _json(parameters)
    return env


def target_labels(deployment: Deployment, replica: Replica, monitor: str) -> dict[str, str]:
    """The labels that a cluster's scrape adds: a PodMonitor's own, and those of its ``podTargetLabels``.

    ``job`` is the namespace and the name of the ``monitor``, as Prometheus Operator writes it.
    """
    return {
        "namespace": deployment.namespace,
        "pod": replica.pod,
        "container": replica.predictor.model,
        "endpoint": "metrics",
        "job": f"{deployment.namespace}/{monitor}",
        "seldon_app": f"{deployment.name}-{replica.predictor.name}",
        "seldon_deployment_id": deployment.name,
    }


POD_MONITOR: Final = "plumbline-seldon"
"""Name of the PodMonitor in ``deploy/kubernetes``."""


def _expanded(written: Mapping[str, str]) -> dict[str, str]:
    """``$(NAME)`` replaced by an earlier variable of the same list, ``$$`` by ``$``, as Kubernetes does."""
    done: dict[str, str] = {}
    for name, value in written.items():
        done[name] = re.sub(
            r"\$\$|\$\(([A-Za-z_.-][\w.-]*)\)",
            lambda match: "$" if match[0] == "$$" else done.get(match[1], match[0]),
            value,
        )
    return done


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
