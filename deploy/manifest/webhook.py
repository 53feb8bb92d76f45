"""What a cluster's admission would refuse in a SeldonDeployment, each in one line that begins with the field.

The rules are those of Seldon Core's validating webhook (``operator/apis/machinelearning.seldon.io/v1/
seldondeployment_webhook.go``: ``ValidateSeldonDeployment``, ``checkPredictiveUnits``, ``checkTraffic``,
``validateShadow``, ``validateKafka``), those of the CRD's types, and the enumerations that neither has: ``type: MODLE``
passes both, and then nothing works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from deploy.manifest import schema
from deploy.manifest.cluster_settings import NO_ENGINE, SVC_NAME
from deploy.manifest.schema import Document, FieldError

NODE_TYPES: Final = schema.words("MODEL ROUTER COMBINER TRANSFORMER OUTPUT_TRANSFORMER UNKNOWN_TYPE")
BOOLEANS: Final = schema.words("y yes t true on 1 n no f false off 0")
"""What the wrapper reads as a BOOL: ``distutils.util.strtobool``."""


def _boolean(value: str) -> bool:
    if value.lower() not in BOOLEANS:
        raise ValueError(value)
    return True


READERS: Final[dict[str, Callable[[str], object]]] = {
    "INT": int,
    "FLOAT": float,
    "DOUBLE": float,
    "STRING": str,
    "BOOL": _boolean,
}
"""The function by which the wrapper reads a parameter's value, by the parameter's type
(``microservice.parse_parameters``)."""

PROTOCOLS: Final = schema.words("seldon tensorflow kfserving v2")
NO_URI: Final = frozenset({"HUGGINGFACE_SERVER"})
BUILT_IN: Final = schema.words("SIMPLE_MODEL SIMPLE_ROUTER RANDOM_ABTEST AVERAGE_COMBINER UNKNOWN_IMPLEMENTATION")
KAFKA_ENV: Final = schema.words("KAFKA_BROKER KAFKA_INPUT_TOPIC KAFKA_OUTPUT_TOPIC")


def check(spec: Document) -> None:
    """Raises `FieldError` for the first rule that the ``spec`` of a SeldonDeployment breaks."""
    schema.one_of(spec.get("protocol"), PROTOCOLS, "spec.protocol", "seldon")
    transport = schema.one_of(spec.get("transport"), {"rest", "grpc", ""}, "spec.transport", "")
    schema.one_of(spec.get("serverType"), {"rpc", "kafka"}, "spec.serverType", "rpc")
    schema.strings(spec.get("annotations"), "spec.annotations")
    predictors = [
        (where, schema.known(item, schema.PREDICTOR, where))
        for where, item in schema.items(spec.get("predictors"), "spec.predictors")
    ]
    if not predictors:
        raise FieldError("spec.predictors", "expected at least one predictor, got none. Add one.")
    for where, predictor in predictors:
        _check_predictor(predictor, where, kafka=spec.get("serverType") == "kafka")
    _check_unique(predictors)
    _check_traffic(predictors)
    _check_transport(predictors, transport)


def nodes(graph: object, where: str) -> Iterator[tuple[str, Document]]:
    """Path and content of each node of a graph, the root first."""
    node = schema.known(graph, schema.GRAPH, where)
    yield where, node
    for place, child in schema.items(node.get("children"), f"{where}.children"):
        yield from nodes(child, place)


def containers(predictor: Document, where: str) -> Iterator[tuple[str, Document]]:
    """Path and content of each container of each component of a predictor."""
    for place, component in schema.items(predictor.get("componentSpecs"), f"{where}.componentSpecs"):
        pod = schema.mapping(schema.known(component, schema.COMPONENT, place).get("spec"), f"{place}.spec")
        for inner, container in schema.items(pod.get("containers"), f"{place}.spec.containers"):
            yield inner, schema.known(container, schema.CONTAINER, inner)


def container_of(predictor: Document, name: str) -> tuple[Document, Document]:
    """The component and the container that serve the graph's node ``name``; both empty if it has none of its own."""
    for component in predictor.get("componentSpecs") or []:
        for container in component["spec"]["containers"]:
            if container.get("name") == name:
                return component, container
    return {}, {}


def _check_predictor(predictor: Document, where: str, *, kafka: bool) -> None:
    schema.text(predictor.get("name"), f"{where}.name")
    schema.truth(predictor.get("shadow"), f"{where}.shadow")
    if schema.integer(predictor.get("replicas"), f"{where}.replicas", 1) < 0:
        raise FieldError(f"{where}.replicas", "expected 0 or more. Correct the number.")
    annotations = schema.strings(predictor.get("annotations"), f"{where}.annotations")
    schema.strings(predictor.get("labels"), f"{where}.labels")
    names = _check_pods(predictor, where)
    graph = list(nodes(predictor.get("graph"), f"{where}.graph"))
    if NO_ENGINE in annotations and len(graph) > 1:
        raise FieldError(
            f"{where}.annotations.{NO_ENGINE}",
            f"expected a graph of one node, got {len(graph)}. Remove the annotation or the children.",
        )
    for place, node in graph:
        _check_node(node, place, names)
    if kafka:
        variables = {variable.get("name") for variable in (predictor.get("svcOrchSpec") or {}).get("env") or []}
        if not variables >= KAFKA_ENV:
            raise FieldError(
                f"{where}.svcOrchSpec.env",
                f"expected {', '.join(sorted(KAFKA_ENV))} with serverType kafka. Add what is missing.",
            )


def _check_pods(predictor: Document, where: str) -> set[str]:
    names: set[str] = set()
    for place, component in schema.items(predictor.get("componentSpecs"), f"{where}.componentSpecs"):
        known = schema.known(component, schema.COMPONENT, place)
        schema.known(known.get("metadata"), schema.METADATA, f"{place}.metadata")
        if not schema.known(known.get("spec"), schema.POD, f"{place}.spec").get("containers"):
            raise FieldError(f"{place}.spec.containers", "expected at least one container, got none. Add one.")
        schema.integer(known.get("replicas"), f"{place}.replicas", 1)
    for place, container in containers(predictor, where):
        name = schema.text(container.get("name"), f"{place}.name")
        schema.text(container.get("image"), f"{place}.image", "")
        if name in names:
            raise FieldError(f"{place}.name", f"expected a name of its own, got {name!r} again. Rename it.")
        names.add(name)
        for spot, entry in schema.items(container.get("env"), f"{place}.env"):
            variable = schema.known(entry, schema.ENV, spot)
            schema.text(variable.get("name"), f"{spot}.name")
            schema.text(variable.get("value"), f"{spot}.value", "")
    return names


def _check_node(node: Document, where: str, containers_named: set[str]) -> None:
    name = schema.text(node.get("name"), f"{where}.name")
    kind = schema.one_of(node.get("type"), NODE_TYPES, f"{where}.type", "MODEL")
    implementation = schema.text(node.get("implementation"), f"{where}.implementation", "UNKNOWN_IMPLEMENTATION")
    endpoint = schema.known(node.get("endpoint"), schema.ENDPOINT, f"{where}.endpoint")
    schema.one_of(endpoint.get("type"), {"REST", "GRPC", ""}, f"{where}.endpoint.type", "")
    if implementation == "UNKNOWN_IMPLEMENTATION":
        if name not in containers_named:
            got = ", ".join(sorted(containers_named)) or "no container"
            raise FieldError(f"{where}.name", f"expected a container named {name!r}, got {got}. Name them alike.")
        if kind == "UNKNOWN_TYPE" and not node.get("methods"):
            raise FieldError(f"{where}.methods", "expected methods with type UNKNOWN_TYPE, got none. Give a type.")
    elif implementation not in BUILT_IN | NO_URI and not node.get("modelUri"):
        raise FieldError(f"{where}.modelUri", f"expected a URI with implementation {implementation}. Add it.")
    if node.get("logger") is not None:
        logger = schema.known(node["logger"], schema.LOGGER, f"{where}.logger")
        schema.one_of(logger.get("mode"), {"all", "request", "response"}, f"{where}.logger.mode", "")
    for place, parameter in schema.items(node.get("parameters"), f"{where}.parameters"):
        _check_parameter(schema.known(parameter, schema.PARAMETER, place), place)


def _check_parameter(parameter: Document, where: str) -> None:
    schema.text(parameter.get("name"), f"{where}.name")
    value = schema.text(parameter.get("value"), f"{where}.value")
    kind = schema.text(parameter.get("type"), f"{where}.type")
    schema.one_of(kind, READERS, f"{where}.type", kind)
    try:
        READERS[kind](value)
    except ValueError as error:
        raise FieldError(f"{where}.value", f"expected {kind}, got {value!r}. Correct the value or the type.") from error


def _check_unique(predictors: list[tuple[str, Document]]) -> None:
    for key, part in (("name", None), (f"annotations.{SVC_NAME}", "annotations")):
        seen: set[str] = set()
        for where, predictor in predictors:
            name = predictor["name"] if part is None else (predictor.get(part) or {}).get(SVC_NAME)
            if name in seen:
                raise FieldError(f"{where}.{key}", f"expected a name of its own, got {name!r} again. Rename it.")
            if name is not None:
                seen.add(name)


def _check_traffic(predictors: list[tuple[str, Document]]) -> None:
    for where, predictor in predictors:
        percent = schema.integer(predictor.get("traffic"), f"{where}.traffic", 0)
        if not 0 <= percent <= 100:
            raise FieldError(f"{where}.traffic", f"expected 0 to 100, got {percent}. Correct the number.")
    shadows = [where for where, predictor in predictors if predictor.get("shadow")]
    if len(shadows) > 1:
        raise FieldError(f"{shadows[1]}.shadow", "expected at most one shadow, got a second. Remove one.")
    if len(predictors) == len(shadows):
        raise FieldError(f"{shadows[0]}.shadow", "expected a predictor beside the shadow, got none. Add one.")
    primaries = [
        (where, predictor.get("traffic") or 0) for where, predictor in predictors if not predictor.get("shadow")
    ]
    total = sum(percent for _, percent in primaries)
    if len(primaries) > 1 and total != 100:
        raise FieldError("spec.predictors", f"expected traffic that sums to 100, got {total}. Correct the numbers.")
    if len(predictors) == 1 and total not in {0, 100}:
        raise FieldError(f"{primaries[0][0]}.traffic", f"expected 100 for a single predictor, got {total}. Correct it.")


def _check_transport(predictors: list[tuple[str, Document]], transport: str) -> None:
    place_by_type = {
        kind.lower(): f"{place}.endpoint.type"
        for where, predictor in predictors
        for place, node in nodes(predictor.get("graph"), f"{where}.graph")
        if (kind := (node.get("endpoint") or {}).get("type"))
    }
    if len(place_by_type) > 1:
        raise FieldError(
            place_by_type["grpc"], "expected one type in all graphs, got REST and GRPC. Use spec.transport."
        )
    for kind, place in place_by_type.items():
        if transport not in {"", kind}:
            raise FieldError(place, f"expected {transport} as spec.transport says, got {kind}. Remove one of them.")
