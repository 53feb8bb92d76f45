"""The reader of SeldonDeployments: what is shipped, each rule with a manifest that breaks it, and any document."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy import manifest, schema
from deploy.manifest import Deployment, ManifestError, Parameter
from deploy.schema import FieldError

SELDON = Path(__file__).resolve().parents[2] / "deploy" / "seldon"
AB_TEST = SELDON / "ab-test.yaml"

Edit = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    """A valid manifest with two predictors, as YAML gives it."""
    found: dict[str, Any] = yaml.safe_load(AB_TEST.read_text())
    return found


def parsed(found: dict[str, Any], namespace: str | None = None) -> Deployment:
    return manifest.parse(yaml.safe_dump(found).encode(), "x.yaml", namespace)


def primary(found: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = found["spec"]["predictors"][0]
    return one


def shadow(found: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = found["spec"]["predictors"][1]
    return one


def container(found: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = primary(found)["componentSpecs"][0]["spec"]["containers"][0]
    return one


def parameter(found: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = primary(found)["graph"]["parameters"][0]
    return one


def set_to(part: Callable[[dict[str, Any]], dict[str, Any]], **values: Any) -> Edit:
    return lambda found: part(found).update(values)


def spec(found: dict[str, Any]) -> dict[str, Any]:
    one: dict[str, Any] = found["spec"]
    return one


def second_shadow(found: dict[str, Any]) -> None:
    spec(found)["predictors"].append(copy.deepcopy(shadow(found)) | {"name": "another"})


def children(found: dict[str, Any]) -> None:
    primary(found)["graph"]["children"] = [{"name": "percept-model", "type": "MODEL"}]


def engine_children(found: dict[str, Any]) -> None:
    children(found)
    del primary(found)["annotations"]


def mixed_transports(found: dict[str, Any]) -> None:
    primary(found)["graph"]["endpoint"] = {"type": "REST"}
    shadow(found)["graph"]["endpoint"] = {"type": "GRPC"}


def same_service(found: dict[str, Any]) -> None:
    for one in found["spec"]["predictors"]:
        one["annotations"]["seldon.io/svc-name"] = "one"


P0, P1 = "spec.predictors[0]", "spec.predictors[1]"
C0 = f"{P0}.componentSpecs[0].spec.containers[0]"

BROKEN: dict[str, tuple[Edit, str]] = {
    "kind": (lambda found: found.update(kind="Deployment"), "kind: expected SeldonDeployment, got 'Deployment'"),
    "api": (lambda found: found.update(apiVersion="apps/v1"), "apiVersion: expected machinelearning.seldon.io/v1"),
    "top key": (lambda found: found.update(specs={}), "specs: no such key. Did you mean spec?"),
    "no predictors": (set_to(spec, predictors=[]), "spec.predictors: expected at least one predictor, got none"),
    "predictors no list": (set_to(spec, predictors={"a": 1}), "spec.predictors: expected a list"),
    "predictor key": (set_to(shadow, shadows=True), f"{P1}.shadows: no such key. Did you mean shadow?"),
    "graph key": (
        lambda d: primary(d)["graph"].update(typ="MODEL"),
        f"{P0}.graph.typ: no such key. Did you mean type?",
    ),
    "container key": (set_to(container, img="x"), f"{C0}.img: no such key. Did you mean"),
    "parameter key": (set_to(parameter, val="x"), f"{P0}.graph.parameters[0].val: no such key. Did you mean value?"),
    "protocol": (set_to(spec, protocol="seldn"), "spec.protocol: expected one of"),
    "transport": (set_to(spec, transport="http"), "spec.transport: expected one of"),
    "server type": (set_to(spec, serverType="kafak"), "spec.serverType: expected one of"),
    "kafka": (set_to(spec, serverType="kafka"), f"{P0}.svcOrchSpec.env: expected KAFKA_BROKER"),
    "node type": (lambda d: primary(d)["graph"].update(type="MODLE"), f"{P0}.graph.type: expected one of"),
    "same names": (set_to(shadow, name="default"), f"{P1}.name: expected a name of its own, got 'default' again"),
    "same services": (same_service, f"{P1}.annotations.seldon.io/svc-name: expected a name of its own"),
    "no container": (set_to(container, name="other"), f"{P0}.graph.name: expected a container named 'percept-model'"),
    "no containers": (
        lambda d: primary(d)["componentSpecs"][0]["spec"].update(containers=[]),
        f"{P0}.componentSpecs[0].spec.containers: expected at least one container",
    ),
    "no methods": (
        lambda d: primary(d)["graph"].update(type="UNKNOWN_TYPE"),
        f"{P0}.graph.methods: expected methods with type UNKNOWN_TYPE",
    ),
    "no uri": (
        lambda d: primary(d)["graph"].update(implementation="SKLEARN_SERVER"),
        f"{P0}.graph.modelUri: expected a URI with implementation SKLEARN_SERVER",
    ),
    "logger": (lambda d: primary(d)["graph"].update(logger={"url": "x"}), f"{P0}.graph.logger.mode: expected one of"),
    "no engine, two nodes": (children, f"{P0}.annotations.seldon.io/no-engine: expected a graph of one node, got 2"),
    "unquoted": (set_to(primary, annotations={"seldon.io/no-engine": True}), f"{P0}.annotations.seldon.io/no-engine:"),
    "two shadows": (second_shadow, "spec.predictors[2].shadow: expected at most one shadow, got a second"),
    "shadow alone": (lambda d: spec(d)["predictors"].pop(0), f"{P0}.shadow: expected a predictor beside the shadow"),
    "shadow not true": (set_to(shadow, shadow="yes"), f"{P1}.shadow: expected true or false, got 'yes'"),
    "too much": (set_to(shadow, traffic=101), f"{P1}.traffic: expected 0 to 100, got 101"),
    "negative": (set_to(primary, traffic=-1), f"{P0}.traffic: expected 0 to 100, got -1"),
    "sum": (set_to(shadow, shadow=False, traffic=1), "spec.predictors: expected traffic that sums to 100, got 101"),
    "half of one": (
        lambda d: (spec(d)["predictors"].pop(), primary(d).update(traffic=50)),
        f"{P0}.traffic: expected 100 for a single predictor, got 50",
    ),
    "mixed transports": (mixed_transports, f"{P1}.graph.endpoint.type: expected one type in all graphs"),
    "other transport": (
        lambda d: (spec(d).update(transport="grpc"), primary(d)["graph"].update(endpoint={"type": "REST"})),
        f"{P0}.graph.endpoint.type: expected grpc as spec.transport says, got rest",
    ),
    "replicas": (set_to(primary, replicas="2"), f"{P0}.replicas: expected a whole number, got '2'"),
    "fewer than none": (set_to(primary, replicas=-1), f"{P0}.replicas: expected 0 or more"),
    "number": (set_to(parameter, value=5), f"{P0}.graph.parameters[0].value: expected text, got 5. Quote it."),
    "parameter type": (set_to(parameter, type="STR"), f"{P0}.graph.parameters[0].type: expected one of"),
    "parameter value": (set_to(parameter, type="INT"), f"{P0}.graph.parameters[0].value: expected INT, got 'binary"),
    "parameter truth": (set_to(parameter, type="BOOL"), f"{P0}.graph.parameters[0].value: expected BOOL"),
    "env value": (set_to(container, env=[{"name": "A", "value": 1}]), f"{C0}.env[0].value: expected text, got 1"),
    "env key": (set_to(container, env=[{"nam": "A"}]), f"{C0}.env[0].nam: no such key. Did you mean name?"),
    "twice": (
        lambda d: primary(d)["componentSpecs"].append(primary(d)["componentSpecs"][0]),
        f"{P0}.componentSpecs[1].spec.containers[0].name: expected a name of its own",
    ),
    "name": (lambda d: d["metadata"].update(name="AB_test"), "metadata.name: expected lower-case letters"),
    "predictor name": (set_to(primary, name="a b"), f"{P0}.name: expected lower-case letters"),
    "no name": (lambda d: d["metadata"].pop("name"), "metadata.name: expected text, got nothing"),
}
"""Each rule: an edit of a valid manifest that breaks it, and how the refusal begins."""


def test_a_valid_manifest_is_read() -> None:
    """The twin of every rule: what `BROKEN` edits is itself admitted."""
    assert parsed(document()).name == "ab-test"


@pytest.mark.parametrize("rule", BROKEN)
def test_a_manifest_that_breaks_a_rule_is_refused_by_the_name_of_the_field(rule: str) -> None:
    """Each rule of the webhook and of the schema refuses in one line that begins with the field's path."""
    edit, begins = BROKEN[rule]
    found = document()
    edit(found)
    with pytest.raises(FieldError) as error:
        parsed(found)
    assert str(error.value).startswith(begins)
    assert "\n" not in str(error.value)


def test_the_shadow_manifest_is_the_notebooks() -> None:
    """``ab-test.yaml``: the perceptron answers, the logistic regression sees everything, with the notebook's names."""
    found = manifest.read(AB_TEST)
    assert (found.name, found.namespace) == ("ab-test", "seldon")
    assert [(one.name, one.model, one.artifact, one.shadow, one.traffic, one.replicas) for one in found.predictors] == [
        ("default", "percept-model", "binary-percept.joblib", False, 100, 1),
        ("shadow", "lr-model", "binary-lr.joblib", True, 100, 1),
    ]
    assert found.refusals == ()
    assert found.sha256 == hashlib.sha256(AB_TEST.read_bytes()).hexdigest()


def test_the_single_manifest_is_the_notebooks() -> None:
    """``metrics-model.yaml``: the perceptron alone, with the notebook's names."""
    found = manifest.read(SELDON / "metrics-model.yaml")
    assert [(found.name, one.name, one.model, one.image) for one in found.predictors] == [
        ("metrics-model", "default", "binary-percept", "metrics_model:0.1")
    ]
    assert found.predictors[0].parameters == (Parameter("model_name", "binary-percept.joblib", "STRING"),)
    assert found.shadow is None
    assert found.remarks == ()


def test_the_notebooks_own_manifest_is_read_too() -> None:
    """Without ``traffic``, with ``spec.name`` and ``endpoint``: a sole primary has 100 percent, and so a shadow."""
    found = document()
    found["spec"]["name"] = "ab-test"
    for one in found["spec"]["predictors"]:
        del one["traffic"], one["annotations"]
        one["graph"] |= {"children": [], "endpoint": {"type": "REST"}}
    read = parsed(found)
    assert [one.traffic for one in read.predictors] == [100, 100]
    assert [one.labels for one in read.predictors] == [(("version", "default"),), (("version", "shadow"),)]
    assert len(read.remarks) == 2
    assert read.refusals == ()


def test_a_shadow_of_zero_percent_is_mirrored_whole() -> None:
    """Seldon's operator sets a percentage only above 0, so 0 means all, not nothing."""
    found = document()
    shadow(found)["traffic"] = 0
    assert parsed(found).predictors[1].traffic == 100


def test_replicas_come_from_the_nearest_place() -> None:
    """The component's replicas win over the predictor's, those over the deployment's."""
    found = document()
    found["spec"]["replicas"] = 2
    del primary(found)["replicas"]
    shadow(found)["componentSpecs"][0]["replicas"] = 3
    assert [one.replicas for one in parsed(found).predictors] == [2, 3]


def test_the_namespace_is_the_one_asked_for_or_written_or_seldon() -> None:
    """As ``kubectl -n``: one asked for and another written is refused."""
    found = document()
    assert parsed(found).namespace == "seldon"
    assert parsed(found, "models").namespace == "models"
    found["metadata"]["namespace"] = "models"
    assert parsed(found).namespace == "models"
    with pytest.raises(FieldError, match=r"^metadata\.namespace: expected 'seldon' as asked for, got 'models'"):
        parsed(found, "seldon")


NOT_YAML = {
    "not YAML": (b"a: [1", "line 1: expected YAML"),
    "not text": (b"\xff\xfe\x00", "the file: expected YAML"),
    "empty": (b"", "the file: expected one SeldonDeployment, got 0 documents"),
    "two": (b"a: 1\n---\nb: 1\n", "the file: expected one SeldonDeployment, got 2 documents"),
    "a list": (b"- 1\n", "the file: expected a mapping"),
    "a key twice": (b"kind: A\nkind: B\n", "line 2: expected YAML, got key 'kind' twice"),
    "a tag": (b"a: !!python/object:os.system {}\n", "line 1: expected YAML"),
}


@pytest.mark.parametrize("case", NOT_YAML)
def test_a_file_that_is_not_one_document_is_refused(case: str) -> None:
    """What is not one YAML document is refused in a line that says where."""
    content, begins = NOT_YAML[case]
    with pytest.raises(FieldError) as error:
        manifest.parse(content, "x.yaml")
    assert str(error.value).startswith(begins)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    """`read` puts the file before the field; a file that is not there, or a folder, is said to be so."""
    with pytest.raises(ManifestError, match=r"none\.yaml: expected a manifest file, got No such file"):
        manifest.read(tmp_path / "none.yaml")
    with pytest.raises(ManifestError, match="expected a manifest file, got Is a directory"):
        manifest.read(tmp_path)
    (tmp_path / "bad.yaml").write_text("kind: Pod\n")
    with pytest.raises(ManifestError, match=r"^reading .*bad.yaml: kind: expected SeldonDeployment, got 'Pod'"):
        manifest.read(tmp_path / "bad.yaml")


UNRUNNABLE: dict[str, tuple[Edit, str]] = {
    "protocol": (set_to(spec, protocol="v2"), "spec.protocol"),
    "transport": (set_to(spec, transport="grpc"), "spec.transport"),
    "explainer": (set_to(primary, explainer={"type": "AnchorTabular"}), f"{P0}.explainer"),
    "ssl": (set_to(primary, ssl={"certSecretName": "x"}), f"{P0}.ssl"),
    "none": (set_to(primary, replicas=0), f"{P0}.replicas"),
    "router": (lambda d: primary(d)["graph"].update(type="ROUTER"), f"{P0}.graph.type"),
    "children": (engine_children, f"{P0}.graph.children"),
    "prepackaged": (
        lambda d: primary(d)["graph"].update(implementation="SKLEARN_SERVER", modelUri="gs://x"),
        f"{P0}.graph.implementation",
    ),
    "uri": (lambda d: primary(d)["graph"].update(modelUri="gs://x"), f"{P0}.graph.modelUri"),
    "logger": (lambda d: primary(d)["graph"].update(logger={"mode": "all"}), f"{P0}.graph.logger"),
    "secret": (lambda d: primary(d)["graph"].update(envSecretRefName="x"), f"{P0}.graph.envSecretRefName"),
    "grpc": (lambda d: primary(d)["graph"].update(endpoint={"type": "GRPC"}), f"{P0}.graph.endpoint.type"),
    "containers": (
        lambda d: primary(d)["componentSpecs"][0]["spec"]["containers"].append({"name": "sidecar", "image": "x"}),
        f"{P0}.componentSpecs[0].spec.containers[1]",
    ),
    "no image": (lambda d: container(d).pop("image"), f"{C0}.image"),
    "command": (set_to(container, command=["sh"]), f"{C0}.command"),
    "args": (set_to(container, args=["-x"]), f"{C0}.args"),
    "env from": (set_to(container, envFrom=[{"secretRef": {"name": "x"}}]), f"{C0}.envFrom"),
    "env value from": (
        set_to(container, env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]),
        f"{C0}.env[0].valueFrom",
    ),
    "a port": (
        set_to(container, env=[{"name": "PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "value": "9000"}]),
        f"{C0}.env[0].name",
    ),
    "init": (
        lambda d: primary(d)["componentSpecs"][0]["spec"].update(initContainers=[{"name": "x"}]),
        f"{P0}.componentSpecs[0].spec.initContainers",
    ),
    "volume": (
        lambda d: primary(d)["componentSpecs"][0]["spec"].update(volumes=[{"name": "x", "secret": {}}]),
        f"{P0}.componentSpecs[0].spec.volumes[0].secret",
    ),
}


@pytest.mark.parametrize("case", UNRUNNABLE)
def test_what_the_local_stack_cannot_run_is_read_and_then_refused_by_its_field(case: str) -> None:
    """A manifest that a cluster runs and the local stack cannot is read, and `require_runnable` names the field."""
    edit, field = UNRUNNABLE[case]
    found = document()
    edit(found)
    with pytest.raises(ManifestError, match=f"^reading x.yaml: {field.replace('[', '.').replace(']', '.')}: "):
        manifest.require_runnable(parsed(found))


def test_what_is_harmless_is_left_out_with_a_remark() -> None:
    """An autoscaler is a remark, resources and an emptyDir are nothing at all."""
    found = document()
    component = primary(found)["componentSpecs"][0]
    component["hpaSpec"] = {"maxReplicas": 3}
    component["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    container(found).update(resources={}, volumeMounts=[{"name": "tmp", "mountPath": "/tmp"}], ports=[])  # noqa: S108
    read = parsed(found)
    manifest.require_runnable(read)
    assert read.remarks == (f"{P0}.componentSpecs[0].hpaSpec: left out, the number of replicas stays as written",)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=5))
def test_weights_are_admitted_exactly_when_they_sum_to_100(weights: list[int]) -> None:
    """Two primaries or more are admitted if and only if their traffic sums to 100, and each keeps its own."""
    found = document()
    found["spec"]["predictors"] = [
        copy.deepcopy(primary(found)) | {"name": f"p{number}", "traffic": weight}
        for number, weight in enumerate(weights)
    ]
    if sum(weights) == 100:
        assert [one.traffic for one in parsed(found).predictors] == weights
    else:
        with pytest.raises(FieldError, match="sums to 100"):
            parsed(found)


@given(st.from_regex(r"[a-zA-Z]{1,12}", fullmatch=True).filter(lambda key: key not in schema.PREDICTOR))
def test_no_unknown_key_of_a_predictor_passes(key: str) -> None:
    """Any key that the CRD does not know is refused under its own name."""
    found = document()
    primary(found)[key] = True
    with pytest.raises(FieldError, match=rf"^spec\.predictors\[0\]\.{key}: no such key\."):
        parsed(found)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document, the root left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in [(*path, key), *places(item, (*path, key))]]


@settings(max_examples=150)
@given(st.data())
def test_any_value_in_any_place_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    """Whatever stands in whatever place of a manifest, the reader gives a deployment or a `FieldError`, no crash."""
    found = document()
    container(found)["env"] = [{"name": "A", "value": "b"}]
    found["spec"]["predictors"][0]["graph"] |= {"endpoint": {"type": "REST"}, "children": []}
    *path, last = data.draw(st.sampled_from(places(found)))
    inner: Any = found
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(ANYTHING)
    try:
        assert isinstance(parsed(found), Deployment)
    except FieldError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
