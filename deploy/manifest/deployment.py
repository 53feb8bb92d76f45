"""A SeldonDeployment as frozen values: the one description of what runs, on a cluster and in the local stack.

Pure apart from reading the file. What a cluster's admission webhook would refuse is refused here
(`deploy.manifest.webhook`), and so is every key that the CRD does not know (`deploy.manifest.schema`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.manifest import cluster_settings, schema, webhook
from deploy.manifest.runnable import refusals, refusals_of_name, remarks, transport_of
from deploy.manifest.schema import FieldError, as_yaml

DEFAULT_NAMESPACE: Final = "seldon"
MODEL_PARAMETER: Final = "model_name"
NO_ENGINE: Final = cluster_settings.NO_ENGINE
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label: what Kubernetes demands of the names that become Services, pods and containers."""
LONG_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
"""A DNS subdomain: what it demands of a resource's own name. The operator shortens the names that it makes of it."""
MOST_BYTES: Final = 4 * 2**20
"""Of a manifest: a cluster's store takes no object above 1.5 MiB."""
MOST_VALUES: Final = 100_000
MOST_DEPTH: Final = 60


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
    ``transport``: rest or grpc, as written. ``cluster_settings``: what changes on a cluster what is sent, counted or
    reached, a line each in the same form; the local stack leaves all of it out.
    """

    name: str
    namespace: str
    predictors: tuple[Predictor, ...]
    path: str
    text: str
    sha256: str
    refusals: tuple[str, ...]
    remarks: tuple[str, ...]
    transport: str = "rest"
    cluster_settings: tuple[str, ...] = ()

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
    Raises `ManifestError` when ``namespace`` is no name of one, there is no such file, it is not one
    SeldonDeployment, or a cluster would refuse it.
    """
    if namespace:
        try:
            _name(namespace, "reading --namespace", advice="Name the deployment's namespace.")
        except FieldError as error:
            raise ManifestError(str(error)) from error
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
    document, others = _document(content)
    metadata = schema.known(document.get("metadata"), schema.METADATA, "metadata")
    name = _name(metadata.get("name"), "metadata.name", LONG_NAME)
    spec = schema.known(document.get("spec"), schema.SPEC, "spec")
    webhook.check(spec)
    return Deployment(
        name=name,
        namespace=_namespace(metadata.get("namespace"), namespace),
        predictors=_predictors(spec),
        path=path,
        text=content.decode(),
        sha256=hashlib.sha256(content).hexdigest(),
        refusals=(*refusals_of_name(name), *refusals(spec)),
        remarks=(*others, *remarks(spec)),
        transport=transport_of(spec),
        cluster_settings=tuple(cluster_settings.settings_of(metadata, spec)),
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


def _document(content: bytes) -> tuple[schema.Document, list[str]]:
    """The one SeldonDeployment of a file, and a remark for each other document beside it."""
    documents = [schema.mapping(document, "the file") for document in _documents(content)]
    ours = [document for document in documents if document.get("kind") == "SeldonDeployment"]
    if len(ours) != 1:
        if len(documents) == 1:
            kind = documents[0].get("kind")
            raise FieldError("kind", f"expected SeldonDeployment, got {as_yaml(kind)}. Name a SeldonDeployment.")
        names = ", ".join(as_yaml(schema.mapping(each.get("metadata"), "metadata").get("name")) for each in ours)
        number = f"{len(ours)} ({names})" if ours else f"none in {len(documents)} documents"
        raise FieldError("the file", f"expected one SeldonDeployment, got {number}. Name a file with one.")
    others = [f"the file: a {as_yaml(other.get('kind'))} is left out" for other in documents if other is not ours[0]]
    version = schema.text(ours[0].get("apiVersion"), "apiVersion")
    if not version.startswith("machinelearning.seldon.io/"):
        raise FieldError("apiVersion", f"expected machinelearning.seldon.io/v1, got {version!r}. Correct it.")
    return schema.known(ours[0], schema.TOP, ""), others


def _documents(content: bytes) -> list[Any]:
    """The documents of a file of YAML or JSON, which may be indented with tabs; none is larger than it looks."""
    if len(content) > MOST_BYTES:
        raise FieldError("the file", f"expected at most {MOST_BYTES:,} bytes, got {len(content):,}. Is it a manifest?")
    try:
        text = content.decode()
        if text.lstrip().startswith("{"):
            try:
                documents = [json.loads(text, object_pairs_hook=_once)]
            except json.JSONDecodeError:  # YAML may begin so, too
                documents = list(yaml.load_all(text, _Loader))
        else:
            documents = list(yaml.load_all(text, _Loader))
    except RecursionError as error:
        raise FieldError("the file", f"expected values at most {MOST_DEPTH} deep, got deeper ones.") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}" if where else "the file"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        advice = "Is it a Helm template? Then run `helm template` first." if b"{{" in content else "Correct the file."
        raise FieldError(line, f"expected YAML, got {problem}. {advice}") from error
    _measure(documents, {}, 0)
    return [document for document in documents if document is not None]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, whose keys may not be given twice."""
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise ValueError(f"key {key!r} twice")
        members[key] = value
    return members


def _measure(value: object, sizes: dict[int, int], depth: int) -> int:
    """Number of values in a document, those behind an alias each time. Raises `FieldError` if there are too many.

    YAML's aliases let a few lines stand for billions of values, or for a value that holds itself.
    """
    if depth > MOST_DEPTH:
        raise FieldError("the file", f"expected values at most {MOST_DEPTH} deep, got deeper ones.")
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if not inner:
        return 1
    if id(value) not in sizes:
        sizes[id(value)] = 1 + sum(_measure(part, sizes, depth + 1) for part in inner)
    if sizes[id(value)] > MOST_VALUES:
        raise FieldError("the file", f"expected at most {MOST_VALUES:,} values, got more by its aliases.")
    return sizes[id(value)]


def _namespace(written: object, option: str | None) -> str:
    own = schema.text(written, "metadata.namespace", "")
    if own and option and own != option:
        problem = f"expected {option!r} as --namespace says, got {own!r}. Name one of the two."
        raise FieldError("metadata.namespace", problem)
    return _name(option or own or DEFAULT_NAMESPACE, "metadata.namespace")


def _name(value: object, where: str, pattern: re.Pattern[str] = NAME, advice: str = "Rename it.") -> str:
    name = schema.text(value, where)
    if not pattern.fullmatch(name):
        most = 63 if pattern is NAME else 253
        raise FieldError(
            where, f"expected lower-case letters, digits and '-', at most {most}, got {name[:80]!r}. {advice}"
        )
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
