"""Each rule of admission, with a manifest that breaks it."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.manifest import schema
from deploy.manifest.schema import FieldError
from tests.deploy.manifest.documents import (
    C0,
    P0,
    P1,
    Edit,
    children,
    container,
    document,
    mixed_transports,
    parameter,
    parsed,
    primary,
    same_service,
    second_shadow,
    set_to,
    shadow,
    spec,
)

BROKEN: dict[str, tuple[Edit, str]] = {
    "kind": (lambda content: content.update(kind="Deployment"), "kind: expected SeldonDeployment, got 'Deployment'"),
    "api": (lambda content: content.update(apiVersion="apps/v1"), "apiVersion: expected machinelearning.seldon.io/v1"),
    "top key": (lambda content: content.update(specs={}), "specs: no such key. Did you mean spec?"),
    "no predictors": (set_to(spec, predictors=[]), "spec.predictors: expected at least one predictor, got none"),
    "predictors no list": (set_to(spec, predictors={"a": 1}), "spec.predictors: expected a list"),
    "predictor key": (set_to(shadow, shadows=True), f"{P1}.shadows: no such key. Did you mean shadow?"),
    "line break": (set_to(shadow, **{"sha\ndow": True}), f"{P1}.sha\\ndow: no such key. Did you mean shadow?"),
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
    """The twin of every rule: the manifest that `BROKEN` edits is admitted."""
    assert parsed(document()).name == "ab-test"


@pytest.mark.parametrize("rule", BROKEN)
def test_a_manifest_that_breaks_a_rule_is_refused_by_the_name_of_the_field(rule: str) -> None:
    """Each rule of the webhook and of the schema refuses in one line that begins with the field's path."""
    edit, begins = BROKEN[rule]
    content = document()
    edit(content)
    with pytest.raises(FieldError) as error:
        parsed(content)
    assert str(error.value).startswith(begins)
    assert "\n" not in str(error.value)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(0, 100), min_size=2, max_size=5))
def test_weights_are_admitted_exactly_when_they_sum_to_100(weights: list[int]) -> None:
    """Two primaries or more are admitted if and only if their traffic sums to 100, and each keeps its own."""
    content = document()
    content["spec"]["predictors"] = [
        copy.deepcopy(primary(content)) | {"name": f"p{number}", "traffic": weight}
        for number, weight in enumerate(weights)
    ]
    if sum(weights) == 100:
        assert [predictor.traffic for predictor in parsed(content).predictors] == weights
    else:
        with pytest.raises(FieldError, match="sums to 100"):
            parsed(content)


@settings(deadline=None)  # the machine may be busy
@given(st.from_regex(r"[a-zA-Z]{1,12}", fullmatch=True).filter(lambda key: key not in schema.PREDICTOR))
def test_no_unknown_key_of_a_predictor_passes(key: str) -> None:
    """Any key that the CRD does not know is refused under its own name."""
    content = document()
    primary(content)[key] = True
    with pytest.raises(FieldError, match=rf"^spec\.predictors\[0\]\.{key}: no such key\."):
        parsed(content)
