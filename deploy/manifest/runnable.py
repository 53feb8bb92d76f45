"""The fields of a valid SeldonDeployment that the local stack cannot run, or leaves out: one line for each field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deploy.manifest import cluster_settings, schema, webhook
from deploy.manifest.schema import Document

ADVICE: Final = "Run it on a cluster and point HOST and PROMETHEUS_URL at it."
MOST_REPLICAS: Final = 100
"""Of one field: each replica is a server of its own on this machine, with three ports."""
PORT_VARIABLES: Final = schema.words(
    "PREDICTIVE_UNIT_SERVICE_PORT PREDICTIVE_UNIT_HTTP_SERVICE_PORT PREDICTIVE_UNIT_GRPC_SERVICE_PORT "
    "PREDICTIVE_UNIT_METRICS_SERVICE_PORT"
)
NEEDS_A_CLUSTER: Final = {
    "command": "the start command of an image is named in the image map",
    "args": "the start command of an image is named in the image map",
    "envFrom": "there are no secrets or config maps here",
}
HARMLESS_VOLUMES: Final = frozenset({"name", "emptyDir", "downwardAPI"})
LEFT_OUT: Final = ("hpaSpec", "kedaSpec", "pdbSpec")


def refusals(spec: Document) -> Iterator[str]:
    """A line for each field that the local stack cannot run."""
    protocol = spec.get("protocol") or "seldon"
    if protocol != "seldon":
        yield f"spec.protocol: the local stack speaks seldon only, got {protocol}. {ADVICE}"
    if transport_of(spec) not in {"rest", "grpc"}:
        yield f"spec.transport: the local stack is driven over rest or grpc, got {transport_of(spec)}. {ADVICE}"
    yield from _of_replicas(spec, "spec")
    if spec.get("serverType") == "kafka":
        yield f"spec.serverType: the local stack has no Kafka. {ADVICE}"
    for where, predictor in _predictors(spec):
        yield from _of_predictor(predictor, where)


def refusals_of_name(name: str) -> Iterator[str]:
    """A line if the local stack cannot make a Service's name of the deployment's."""
    if len(name) > 63 or "." in name:
        yield f"metadata.name: the local stack takes at most 63 characters and no '.', got {len(name)}. {ADVICE}"


def transport_of(spec: Document) -> str:
    """``spec.transport``, or grpc if a predictor's endpoint says so."""
    graphs = [schema.mapping(predictor.get("graph"), where) for where, predictor in _predictors(spec)]
    if any((schema.mapping(graph.get("endpoint"), "endpoint")).get("type") == "GRPC" for graph in graphs):
        return "grpc"
    return str(spec.get("transport") or "rest")


def _of_replicas(document: Document, where: str) -> Iterator[str]:
    number = document.get("replicas")
    if isinstance(number, int) and number < 1:
        yield f"{where}.replicas: expected 1 or more, got {number}: nothing would run. {ADVICE}"
    if isinstance(number, int) and number > MOST_REPLICAS:
        yield f"{where}.replicas: the local stack runs at most {MOST_REPLICAS}, got {number}. {ADVICE}"


def remarks(spec: Document) -> Iterator[str]:
    """A line for each field that the local stack leaves out without changing what is measured."""
    for where, predictor in _predictors(spec):
        if (predictor.get("annotations") or {}).get(cluster_settings.NO_ENGINE) != "true":
            yield f'{where}.annotations: run without an orchestrator, as with {cluster_settings.NO_ENGINE}: "true"'
        for place, component in schema.items(predictor.get("componentSpecs"), f"{where}.componentSpecs"):
            for key in LEFT_OUT:
                if isinstance(component, dict) and component.get(key) is not None:
                    yield f"{place}.{key}: left out, the number of replicas stays as written"


def _predictors(spec: Document) -> Iterator[tuple[str, Document]]:
    for where, item in schema.items(spec.get("predictors"), "spec.predictors"):
        yield where, schema.mapping(item, where)


def _of_predictor(predictor: Document, where: str) -> Iterator[str]:
    if predictor.get("explainer") is not None:
        yield f"{where}.explainer: the local stack runs no explainer. {ADVICE}"
    if predictor.get("ssl") is not None:
        yield f"{where}.ssl: the local stack has no certificates. {ADVICE}"
    yield from _of_replicas(predictor, where)
    yield from _of_graph(predictor, where)
    for place, component in schema.items(predictor.get("componentSpecs"), f"{where}.componentSpecs"):
        yield from _of_replicas(schema.mapping(component, place), place)
        yield from _of_pod(schema.mapping(component, place).get("spec") or {}, f"{place}.spec")
    containers = list(webhook.containers(predictor, where))
    for place, _ in containers[1:]:
        yield f"{place}: the local stack runs one container per predictor. {ADVICE}"
    for place, container in containers[:1]:
        yield from _of_container(container, place)


def _of_graph(predictor: Document, where: str) -> Iterator[str]:
    graph = schema.mapping(predictor.get("graph"), f"{where}.graph")
    kind = graph.get("type") or "MODEL"
    if graph.get("implementation") not in {None, "UNKNOWN_IMPLEMENTATION"}:
        got = graph["implementation"]
        yield f"{where}.graph.implementation: the local stack has no prepackaged server, got {got}. {ADVICE}"
    if graph.get("children"):
        yield f"{where}.graph.children: the local stack runs a graph of one node. {ADVICE}"
    if kind != "MODEL":
        yield f"{where}.graph.type: the local stack runs a MODEL, got {kind}. {ADVICE}"
    if graph.get("modelUri"):
        yield f"{where}.graph.modelUri: the local stack fetches no models. {ADVICE}"
    if graph.get("logger") is not None:
        yield f"{where}.graph.logger: logging payloads is the orchestrator's work, which is not here. {ADVICE}"
    for key in ("envSecretRefName", "serviceAccountName"):
        if graph.get(key):
            yield f"{where}.graph.{key}: there are no secrets here. {ADVICE}"


def _of_pod(pod: Document, where: str) -> Iterator[str]:
    if pod.get("initContainers"):
        yield f"{where}.initContainers: the local stack runs no init containers. {ADVICE}"
    for place, item in schema.items(pod.get("volumes"), f"{where}.volumes"):
        for key in schema.mapping(item, place):
            if key not in HARMLESS_VOLUMES:
                yield f"{place}.{key}: the local stack mounts no volumes. {ADVICE}"


def _of_container(container: Document, where: str) -> Iterator[str]:
    if not container.get("image"):
        yield f"{where}.image: expected an image, got nothing. Name one that the image map knows."
    for key, why in NEEDS_A_CLUSTER.items():
        if container.get(key):
            yield f"{where}.{key}: {why}. {ADVICE}"
    for place, item in schema.items(container.get("env"), f"{where}.env"):
        variable = schema.mapping(item, place)
        if variable.get("valueFrom") is not None:
            yield f"{place}.valueFrom: there are no secrets or config maps here. Use value, or --env NAME=VALUE."
        if variable.get("name") in PORT_VARIABLES:
            yield f"{place}.name: {variable['name']} is the operator's, and the local stack's, to set. Remove it."
