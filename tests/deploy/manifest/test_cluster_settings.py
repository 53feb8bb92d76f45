"""What only a cluster obeys is remarked on, in one line each; what is misplaced or misspelt, too."""

from __future__ import annotations

import pytest

from deploy.manifest import cluster_settings, deployment
from tests.deploy.manifest.documents import P0, document, parsed, primary


@pytest.mark.parametrize("name", cluster_settings.OF_DEPLOYMENT)
@pytest.mark.parametrize("place", ["spec", "metadata"])
def test_each_annotation_of_a_deployment_has_its_line_wherever_seldon_reads_it(name: str, place: str) -> None:
    """With its value, where it has a meaning; the manifest stays runnable."""
    content = document()
    content[place]["annotations"] = {name: "37"}
    read = parsed(content)
    deployment.require_runnable(read)
    (line,) = read.cluster_settings
    assert line.startswith(f"{place}.annotations.{name}: ")
    assert "\n" not in line
    assert ("37" in line) == ("{}" in cluster_settings.OF_DEPLOYMENT[name])


@pytest.mark.parametrize("name", cluster_settings.OF_PREDICTOR)
def test_each_annotation_of_a_predictor_has_its_line(name: str) -> None:
    content = document()
    primary(content)["annotations"] = {name: "other"}
    (line,) = parsed(content).cluster_settings
    assert line.startswith(f"{P0}.annotations.{name}: ")


def test_what_seldon_takes_from_the_spec_is_not_repeated_from_the_metadata() -> None:
    """``spec.annotations`` come first, as in Seldon's ``GetAnnotation``."""
    content = document()
    content["spec"]["annotations"] = {"seldon.io/istio-retries": "3"}
    content["metadata"]["annotations"] = {"seldon.io/istio-retries": "5"}
    (line,) = parsed(content).cluster_settings
    assert "again that failed, 3 times: one feedback may be counted more than once" in line


@pytest.mark.parametrize(
    ("place", "name", "words"),
    [
        ("spec", "seldon.io/no-engine", "reads it from the annotations of a predictor only"),
        ("metadata", "seldon.io/svc-name", "reads it from the annotations of a predictor only"),
        ("predictor", "seldon.io/istio-retries", "reads it from spec.annotations only"),
        ("spec", "seldon.io/istio-retry", "did you mean seldon.io/istio-retries?"),
        ("predictor", "seldon.io/noengine", "did you mean seldon.io/no-engine?"),
        ("spec", "seldon.io/engine-log-level", "the orchestrator gets LOG_LEVEL=1 in its environment"),
    ],
)
def test_what_is_misplaced_or_misspelt_is_said(place: str, name: str, words: str) -> None:
    content = document()
    target = primary(content) if place == "predictor" else content[place]
    target["annotations"] = {name: "1"}
    (line,) = parsed(content).cluster_settings
    assert words in line


def test_annotations_of_others_and_of_the_local_stack_give_no_line() -> None:
    """What ``kubectl apply`` leaves, what a team notes, and the orchestrator that is not wanted."""
    content = document()
    content["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "seldon.io/tempo-model": "x",
        "team": "risk",
    }
    primary(content)["annotations"] = {"seldon.io/no-engine": "true", "version": "v2"}
    assert parsed(content).cluster_settings == ()


def test_settings_of_the_orchestrator_are_said_and_long_values_are_cut() -> None:
    content = document()
    primary(content)["svcOrchSpec"] = {"replicas": 2, "resources": {}, "env": [{"name": "A", "value": "b"}]}
    content["spec"]["annotations"] = {"seldon.io/istio-host": "h" * 100}
    lines = parsed(content).cluster_settings
    assert [line.partition(": ")[0] for line in lines[1:]] == [
        f"{P0}.svcOrchSpec.{key}" for key in ("env", "replicas", "resources")
    ]
    assert "h" * 37 + "..." in lines[0]
