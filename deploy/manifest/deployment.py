"""A SeldonDeployment as frozen values: the one description of what runs, on a cluster and in the local stack.

Pure apart from reading the file. What a cluster's admission webhook would refuse is refused here
(`deploy.manifest.webhook`), and so is every key that the CRD does not know (`deploy.manifest.schema`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.manifest import schema, webhook
from deploy.manifest.runnable import refusals, remarks
from deploy.manifest.schema import FieldError, as_yaml

DEFAULT_NAMESPACE: Final = "seldon"
MODEL_PARAMETER: Final = "model_name"
NO_ENGINE: Final = webhook.NO_ENGINE
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label: what Kubernetes demands of the names that become Services, pods and containers."""


class ManifestError(Exception):
    """One line: the file, the path of the field, what was expected there and what to do."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a graph node; the wrapper gives it to the class's constructor. ``value`` is always text."""

    name: str
    value: str
    type: str


@dataclass(frozen=True, slots=True)
class Predictor:
    """One predictor of a deployment; each of its replicas is a pod.

    ``model``: name of the graph's node, which is the container's and the label ``model_name`` too. ``artifact``: the
    parameter ``model_name``, or "" if there is none. ``traffic``: percent of live traffic, or the mirrored percent of a
    shadow. It is never 0 by omission: a sole primary has 100, and so has a shadow that names no percentage (or 0), as
    with Istio. ``labels``: with the ``version`` that the webhook adds.
    """

    name: str
    model: str
    artifact: str
    image: str
    shadow: bool
    traffic: int
    replicas: int
    parameters: tuple[Parameter, ...]
    env: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A SeldonDeployment that a cluster would admit.

    ``text``, ``sha256``: the file as it was read, and its digest in hexadecimal.
    ``refusals``: why the local stack cannot run it, a line each that begins with the field's path.
    ``remarks``: what the local stack leaves out without harm, in the same form.
    """

    name: str
    namespace: str
    predictors: tuple[Predictor, ...]
    path: str
    text: str
    sha256: str
    refusals: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def primaries(self) -> tuple[Predictor, ...]:
        """The predictors whose answers a client gets."""
        return tuple(predictor for predictor in self.predictors if not predictor.shadow)

    @property
    def shadow(self) -> Predictor | None:
        """The predictor that gets copies of the requests, when there is one."""
        return next((predictor for predictor in self.predictors if predictor.shadow), None)


def read(path: Path | str, namespace: str | None = None) -> Deployment:
    """The deployment in a manifest file.

    ``namespace``: as ``kubectl -n``; without it the manifest's own, else `DEFAULT_NAMESPACE`.
    Raises `ManifestError` when there is no such file, it is not one SeldonDeployment, or a cluster would
    refuse it.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ManifestError(
            f"reading {path}: expected a manifest file, got {error.strerror}. Check the path."
        ) from error
    try:
        return parse(content, str(path), namespace)
    except FieldError as error:
        raise ManifestError(f"reading {path}: {error}") from error


def require_runnable(deployment: Deployment) -> None:
    """Raises `ManifestError` naming the first field that the local stack cannot run."""
    if deployment.refusals:
        raise ManifestError(f"reading {deployment.path}: {deployment.refusals[0]}")


def parse(content: bytes, path: str, namespace: str | None = None) -> Deployment:
    """The deployment in the bytes of a manifest; raises `FieldError`."""
    document = _document(content)
    metadata = schema.known(document.get("metadata"), schema.METADATA, "metadata")
    spec = schema.known(document.get("spec"), schema.SPEC, "spec")
    webhook.check(spec)
    return Deployment(
        name=_name(metadata.get("name"), "metadata.name"),
        namespace=_namespace(metadata.get("namespace"), namespace),
        predictors=_predictors(spec),
        path=path,
        text=content.decode(),
        sha256=hashlib.sha256(content).hexdigest(),
        refusals=tuple(refusals(spec)),
        remarks=tuple(remarks(spec)),
    )


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses a key that is given twice: the second would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _document(content: bytes) -> schema.Document:
    try:
        documents = [document for document in yaml.load_all(content.decode(), _Loader) if document is not None]
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}" if where else "the file"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FieldError(line, f"expected YAML, got {problem}. Correct the file.") from error
    if len(documents) != 1:
        raise FieldError(
            "the file", f"expected one SeldonDeployment, got {len(documents)} documents. Name a file with one."
        )
    document = schema.mapping(documents[0], "the file")
    kind = document.get("kind")
    if kind != "SeldonDeployment":
        raise FieldError("kind", f"expected SeldonDeployment, got {as_yaml(kind)}. Name a SeldonDeployment.")
    version = schema.text(document.get("apiVersion"), "apiVersion")
    if not version.startswith("machinelearning.seldon.io/"):
        raise FieldError("apiVersion", f"expected machinelearning.seldon.io/v1, got {version!r}. Correct it.")
    return schema.known(document, schema.TOP, "")


def _namespace(written: object, option: str | None) -> str:
    own = schema.text(written, "metadata.namespace", "")
    if own and option and own != option:
        raise FieldError("metadata.namespace", f"expected {option!r} as asked for, got {own!r}. Name one of the two.")
    return _name(option or own or DEFAULT_NAMESPACE, "metadata.namespace")


def _name(value: object, where: str) -> str:
    name = schema.text(value, where)
    if not NAME.fullmatch(name):
        raise FieldError(where, f"expected lower-case letters, digits and '-', at most 63, got {name!r}. Rename it.")
    return name


def _predictors(spec: schema.Document) -> tuple[Predictor, ...]:
    predictors = list(schema.items(spec.get("predictors"), "spec.predictors"))
    documents = [schema.mapping(item, where) for where, item in predictors]
    sole = sum(not document.get("shadow") for document in documents) == 1
    replicas = schema.integer(spec.get("replicas"), "spec.replicas", 1)
    return tuple(
        _predictor(document, where, replicas, sole)
        for (where, _), document in zip(predictors, documents, strict=True)
    )  # fmt: skip


def _predictor(document: schema.Document, where: str, replicas: int, sole: bool) -> Predictor:
    name = _name(document.get("name"), f"{where}.name")
    graph = schema.mapping(document.get("graph"), f"{where}.graph")
    model = _name(graph.get("name"), f"{where}.graph.name")
    parameters = tuple(
        Parameter(parameter["name"], parameter["value"], parameter["type"])
        for _, parameter in schema.items(graph.get("parameters"), f"{where}.graph.parameters")
        if isinstance(parameter, dict)
    )
    component, container = webhook.container_of(document, model)
    shadow = bool(document.get("shadow"))
    traffic = int(document.get("traffic") or 0)
    replicas = schema.integer(document.get("replicas"), f"{where}.replicas", replicas)
    labels = schema.strings(document.get("labels"), f"{where}.labels")
    return Predictor(
        name=name,
        model=model,
        artifact=next((parameter.value for parameter in parameters if parameter.name == MODEL_PARAMETER), ""),
        image=container.get("image") or "",
        shadow=shadow,
        traffic=100 if (shadow and traffic == 0) or (sole and not shadow) else traffic,
        replicas=schema.integer(component.get("replicas"), f"{where}.componentSpecs[0].replicas", replicas),
        parameters=parameters,
        env=tuple((variable["name"], variable.get("value") or "") for variable in container.get("env") or []),
        annotations=tuple(schema.strings(document.get("annotations"), f"{where}.annotations").items()),
        labels=tuple(({"version": name} | labels).items()),
    )
