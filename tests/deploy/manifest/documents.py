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
    document: dict[str, Any] = yaml.safe_load(AB_TEST.read_text())
    return document


def parsed(document: dict[str, Any], namespace: str | None = None) -> Deployment:
    return deployment.parse(yaml.safe_dump(document).encode(), "x.yaml", namespace)


def primary(document: dict[str, Any]) -> dict[str, Any]:
    predictor: dict[str, Any] = document["spec"]["predictors"][0]
    return predictor


def shadow(document: dict[str, Any]) -> dict[str, Any]:
    predictor: dict[str, Any] = document["spec"]["predictors"][1]
    return predictor


def container(document: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = primary(document)["componentSpecs"][0]["spec"]["containers"][0]
    return entry


def parameter(document: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = primary(document)["graph"]["parameters"][0]
    return entry


def set_to(part: Callable[[dict[str, Any]], dict[str, Any]], **values: Any) -> Edit:
    return lambda document: part(document).update(values)


def spec(document: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = document["spec"]
    return content


def second_shadow(document: dict[str, Any]) -> None:
    spec(document)["predictors"].append(copy.deepcopy(shadow(document)) | {"name": "another"})


def children(document: dict[str, Any]) -> None:
    primary(document)["graph"]["children"] = [{"name": "percept-model", "type": "MODEL"}]


def engine_children(document: dict[str, Any]) -> None:
    children(document)
    del primary(document)["annotations"]


def mixed_transports(document: dict[str, Any]) -> None:
    primary(document)["graph"]["endpoint"] = {"type": "REST"}
    shadow(document)["graph"]["endpoint"] = {"type": "GRPC"}


def same_service(document: dict[str, Any]) -> None:
    for predictor in document["spec"]["predictors"]:
        predictor["annotations"]["seldon.io/svc-name"] = "one"


P0, P1 = "spec.predictors[0]", "spec.predictors[1]"
C0 = f"{P0}.componentSpecs[0].spec.containers[0]"
