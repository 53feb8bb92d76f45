"""Settings of a manifest that change on a cluster what is sent, counted or reached: one line for each.

The annotations are those that Seldon's operator and orchestrator read (Seldon Core 1.19: ``istio.go``,
``ambassador/v1.go``, ``ambassador/v2.go`` and ``seldondeployment_engine.go`` of ``operator/controllers``,
``seldondeployment_types.go`` of ``operator/apis/machinelearning.seldon.io/v1``, ``executor/k8s/annotation.go``). Those
of a deployment are read from ``spec.annotations``, else from ``metadata.annotations``; those of a predictor from its
own ones (``GetAnnotation``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

from deploy.manifest import schema
from deploy.manifest.schema import Document

PREFIX: Final = "seldon.io/"
NO_ENGINE: Final = "seldon.io/no-engine"
SVC_NAME: Final = "seldon.io/svc-name"
ENGINE_VARIABLE: Final = "seldon.io/engine-"
LONGEST: Final = 40
"""Characters of a value that are shown."""
_AGAIN: Final = "the ingress sends a request again that failed, {} times: one feedback may be counted more than once"
_BREAKER: Final = "Ambassador turns away what is beyond {} {}, and loses what it would have mirrored"
_HEADER: Final = "Ambassador passes on only requests with the header {}: give it in --access FILE"

OF_DEPLOYMENT: Final[Mapping[str, str]] = {
    "seldon.io/rest-timeout": "ingress and orchestrator give up after {} ms: what was counted may get an error",
    "seldon.io/grpc-timeout": "the orchestrator gives up after {} ms: what was counted may get an error",
    "seldon.io/grpc-max-message-size": "the orchestrator takes gRPC messages of at most {} bytes",
    "seldon.io/istio-retries": _AGAIN,
    "seldon.io/istio-retries-timeout": "with retries, the ingress gives each try {} s and then sends the request again",
    "seldon.io/istio-gateway": "it is served by the gateway {}: HOST has to be that one's",
    "seldon.io/istio-host": "the ingress routes by the Host {}: give it as host in --access FILE",
    "seldon.io/headless-svc": "its Service is headless: a kept connection stays at one pod",
    "seldon.io/engine-separate-pod": "the orchestrator has its own pod, and the model's pods lack the label seldon-app",
    "seldon.io/executor-logger-queue-size": "the orchestrator's log of payloads holds {} entries, and drops others",
    "seldon.io/executor-logger-write-timeout-ms": "the orchestrator drops a payload from its log after {} ms",
    "seldon.io/ambassador-config": "Ambassador's mapping is written by hand: path, weights and mirror may be others",
    "seldon.io/ambassador-service-name": "Ambassador serves it under the name {} in the path",
    "seldon.io/ambassador-header": _HEADER,
    "seldon.io/ambassador-regex-header": _HEADER,
    "seldon.io/ambassador-id": "it is served by the Ambassador with the id {}: HOST has to be that one's",
    "seldon.io/ambassador-retries": _AGAIN,
    "seldon.io/ambassador-circuit-breakers-max-connections": _BREAKER.format("{}", "connections"),
    "seldon.io/ambassador-circuit-breakers-max-pending-requests": _BREAKER.format("{}", "waiting requests"),
    "seldon.io/ambassador-circuit-breakers-max-requests": _BREAKER.format("{}", "requests"),
    "seldon.io/ambassador-circuit-breakers-max-retries": "Ambassador has at most {} retries under way",
}
"""What each annotation of a deployment does on a cluster; ``{}`` is its value."""
OF_PREDICTOR: Final[Mapping[str, str]] = {
    SVC_NAME: "its Service is called {}, and so are its pods' label seldon-app and the gateway's cluster",
    "seldon.io/no-storage-initializer": "nothing fetches its modelUri",
}
"""The same for a predictor. `NO_ENGINE` is not among them: the local stack is as if it were set."""
_READ_OF_PREDICTOR: Final = (*OF_PREDICTOR, NO_ENGINE)
_KNOWN: Final = (*OF_DEPLOYMENT, *_READ_OF_PREDICTOR)


def settings_of(metadata: Document, spec: Document) -> Iterator[str]:
    """A line for each setting that a cluster obeys and the local stack does not; it begins with the field's path.

    Also for an annotation of Seldon's that stands where Seldon does not read it, or is misspelt.
    """
    deployment = schema.mapping(spec.get("annotations"), "spec.annotations")
    beside = schema.mapping(metadata.get("annotations"), "metadata.annotations")
    yield from _of_deployment("spec.annotations", deployment)
    yield from _of_deployment("metadata.annotations", {key: beside[key] for key in beside if key not in deployment})
    for where, predictor in schema.items(spec.get("predictors"), "spec.predictors"):
        content = schema.mapping(predictor, where)
        yield from _of_predictor(f"{where}.annotations", schema.mapping(content.get("annotations"), where))
        orchestrator = schema.mapping(content.get("svcOrchSpec"), f"{where}.svcOrchSpec")
        for key in ("env", "replicas", "resources"):
            if orchestrator.get(key) is not None:
                yield f"{where}.svcOrchSpec.{key}: it sets up the orchestrator, which limits what a cluster serves"


def _of_deployment(where: str, annotations: Mapping[str, object]) -> Iterator[str]:
    for key, value in annotations.items():
        field = f"{where}.{key}"
        if key in OF_DEPLOYMENT:
            yield f"{field}: {OF_DEPLOYMENT[key].format(_shown(value))}"
        elif key in _READ_OF_PREDICTOR:
            yield f"{field}: Seldon reads it from the annotations of a predictor only; here it does nothing"
        elif key.startswith(ENGINE_VARIABLE):
            name = key.removeprefix(ENGINE_VARIABLE).replace("-", "_").upper()
            yield f"{field}: the orchestrator gets {name}={_shown(value)} in its environment"
        else:
            yield from _misspelt(field, key)


def _of_predictor(where: str, annotations: Mapping[str, object]) -> Iterator[str]:
    for key, value in annotations.items():
        field = f"{where}.{key}"
        if key in OF_PREDICTOR:
            yield f"{field}: {OF_PREDICTOR[key].format(_shown(value))}"
        elif key in OF_DEPLOYMENT:
            yield f"{field}: Seldon reads it from spec.annotations only; here it does nothing"
        elif key != NO_ENGINE:
            yield from _misspelt(field, key)


def _misspelt(field: str, key: str) -> Iterator[str]:
    nearest = difflib.get_close_matches(key, _KNOWN, 1, 0.85) if key.startswith(PREFIX) else []
    if nearest:
        yield f"{field}: Seldon reads no such annotation; did you mean {nearest[0]}?"


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
