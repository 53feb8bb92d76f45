"""A valid manifest as YAML gives it, the parts of it, and edits of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from deploy.manifest import deployment
from deploy.manifest.deployment import Deployment

SELDON = Path(__file__).resolve().parents[3] / "deploy" / "seldon"
AB_TEST = SELDON / "ab-test.yaml"

Edit = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    """A valid manifest with two predictors, as YAML gives it."""
    found: dict[str, Any] = yaml.safe_load(AB_TEST.read_text())
    return found


def parsed(found: dict[str, Any], namespace: str | None = None) -> Deployment:
    return deployment.parse(yaml.safe_dump(found).encode(), "x.yaml", namespace)


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
