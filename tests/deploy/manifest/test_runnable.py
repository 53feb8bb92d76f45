"""What the local stack cannot run, by the name of the field, and what it leaves out."""

from __future__ import annotations

import pytest

from deploy.manifest import deployment
from deploy.manifest.deployment import ManifestError
from tests.deploy.manifest.documents import (
    C0,
    P0,
    Edit,
    container,
    document,
    engine_children,
    parsed,
    primary,
    set_to,
    spec,
)

UNRUNNABLE: dict[str, tuple[Edit, str]] = {
    "protocol": (set_to(spec, protocol="v2"), "spec.protocol"),
    "no replicas": (lambda d: d["spec"].update(replicas=0), "spec.replicas"),
    "fewer than none": (lambda d: d["spec"].update(replicas=-1), "spec.replicas"),
    "no replicas of a component": (
        lambda d: primary(d)["componentSpecs"][0].update(replicas=0),
        f"{P0}.componentSpecs[0].replicas",
    ),
    "more replicas than one machine holds": (lambda d: d["spec"].update(replicas=10_000), "spec.replicas"),
    "more of a predictor": (set_to(primary, replicas=101), f"{P0}.replicas"),
    "more of a component": (
        lambda d: primary(d)["componentSpecs"][0].update(replicas=101),
        f"{P0}.componentSpecs[0].replicas",
    ),
    "a long name": (lambda d: d["metadata"].update(name="a" * 67), "metadata.name"),
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
    content = document()
    edit(content)
    with pytest.raises(ManifestError, match=f"^reading x.yaml: {field.replace('[', '.').replace(']', '.')}: "):
        deployment.require_runnable(parsed(content))


def test_what_is_harmless_is_left_out_with_a_remark() -> None:
    """An autoscaler gives a remark. Resources and an emptyDir give none."""
    content = document()
    component = primary(content)["componentSpecs"][0]
    component["hpaSpec"] = {"maxReplicas": 3}
    component["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    container(content).update(resources={}, volumeMounts=[{"name": "tmp", "mountPath": "/tmp"}], ports=[])  # noqa: S108
    read = parsed(content)
    deployment.require_runnable(read)
    assert read.remarks == (f"{P0}.componentSpecs[0].hpaSpec: left out, the number of replicas stays as written",)


@pytest.mark.parametrize("place", ["spec", "endpoint"])
def test_a_deployment_of_grpc_is_run_and_says_so(place: str) -> None:
    """The stack serves both; what drives it asks for ``--transport grpc``."""
    content = document()
    if place == "spec":
        content["spec"]["transport"] = "grpc"
    else:
        primary(content)["graph"]["endpoint"] = {"type": "GRPC"}
    read = parsed(content)
    deployment.require_runnable(read)
    assert read.transport == "grpc"
    assert parsed(document()).transport == "rest"
