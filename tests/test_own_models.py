"""Anybody's model, rows and labels on the local stack, from a joblib and a table to a verdict; and the twins that fail.

A stack serves two models of one table, as primary and shadow. A run that expects them passes. A run on the same stack
that expects another model behind each name fails, by the counts and by the answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model.card.__main__ import main as card
from tests.running import ROOT, Ended, call
from tests.zoo import Files, files_of, rule_files, several_classes

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.unhurried]

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
NAMES = ("default", "shadow")
IMAGES = ROOT / "tests" / "own_class" / "images.toml"
PREDICTOR = """\
  - name: {name}
    replicas: 1
    traffic: 100
    shadow: {shadow}
    annotations: {{seldon.io/no-engine: "true"}}
    graph: {{name: {name}-model, type: MODEL, parameters: [{parameter}]}}
    componentSpecs: [{{spec: {{containers: [{{name: {name}-model, image: "{image}"}}]}}}}]
"""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack that runs: its HOST and PROMETHEUS_URL, and the manifest that it runs."""

    places: dict[str, str]
    manifest: Path

    def run(self, folder: Path, artifacts: Path, *words: str) -> Ended:
        """A short run that expects what is in the folder of artefacts."""
        command = ["-m", "locustfiles", f"--sdep={self.manifest}", f"--artifacts={artifacts}", f"--run={folder}"]
        return call(*command, "--duration=2s", "--users=4", *words, folder=folder, **self.places, **ONE_THREAD)


@contextmanager
def deployed(folder: Path, artifacts: Path, served: dict[str, tuple[str, str]]) -> Iterator[Deployed]:
    """A stack, stopped at the end. ``served``: by predictor, the graph's parameter and the image."""
    predictors = "".join(
        PREDICTOR.format(name=name, shadow=str(name == "shadow").lower(), parameter=parameter, image=image)
        for name, (parameter, image) in served.items()
    )
    manifest = folder / "own.yaml"
    manifest.write_text(
        "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: own, namespace: own}\n"
        f"spec:\n  predictors:\n{predictors}"
    )
    places = ("--stacks", str(folder / "stacks"))
    command = ["-m", "deploy.local", "up", str(manifest), *places, "--images", str(IMAGES)]
    up = call(*command, folder=folder, PLUMBLINE_ARTIFACTS=str(artifacts), **ONE_THREAD)
    assert up.code == 0, str(up)
    try:
        yield Deployed(dict(re.findall(r"^ *(HOST|PROMETHEUS_URL)=(\S+)$", up.out, re.MULTILINE)), manifest)
    finally:
        down = call("-m", "deploy.local", "down", *places, folder=folder)
        assert down.code == 0, str(down)


def model_name(files: Files) -> str:
    """The graph's parameter that names the model."""
    return f"{{name: model_name, type: STRING, value: {files.model.name}}}"


def carded(files: Files, out: Path) -> None:
    assert card([str(files.model), f"--heldout={files.rows}", f"--out={out}", *files.options]) == 0


def assert_passes(run: Ended, curves: int) -> None:
    """PASS, with a curve by threshold of so many predictors, and no line of a warning."""
    assert run.code == 0, str(run)
    assert sum(predictor["curve"] is not None for predictor in run.result["predictors"].values()) == curves
    assert "Warning" not in run.err


def assert_fails(run: Ended, *checks: str) -> None:
    """FAIL, by each of the checks."""
    assert run.code == 3, str(run)
    assert set(checks) <= {finding["check"] for finding in run.findings("FAIL")}, run.out


PAIRS = {
    "forest and neighbours": ("forest", "neighbours", "ndarray", "label", 2),
    "calibrated and fixed": ("calibrated", "fixed", "tensor", "label", 2),
    "boosted with holes": ("boosted", "boosted otherwise", "ndarray", "onehot", 2),
    "mixed columns": ("mixed", "mixed forest", "ndarray", "label", 2),
}
"""Kinds of primary and shadow, the payload, the form of the truth, and how many of them have a curve."""


@pytest.mark.parametrize("pair", PAIRS)
def test_models_that_are_served_as_carded_pass_and_others_behind_their_names_fail(pair: str, tmp_path: Path) -> None:
    """Labels good and bad, -1 and 1, True and False; numbers, text, booleans and missing values; CSV and Parquet."""
    first, second, payload, truth, curves = PAIRS[pair]
    kinds = [files_of(name, tmp_path / "files") for name in (first, second)]
    turned = [files_of(name, tmp_path / "turned", negated=True) for name in (first, second)]
    for folder, made in (("right", kinds), ("wrong", turned)):
        for files in made:
            rows = kinds[0].rows if folder == "right" else turned[0].rows
            carded(Files(files.model, rows, files.options), tmp_path / folder)
    served = {name: (model_name(files), "metrics_model:0.1") for name, files in zip(NAMES, kinds, strict=True)}
    table = pd.read_parquet(tmp_path / "right" / "heldout.parquet")
    table.to_csv(tmp_path / "rows.csv", index=False)
    options = (f"--payload={payload}", f"--truth={truth}", f"--heldout={tmp_path / 'rows.csv'}")
    with deployed(tmp_path, tmp_path / "right", served) as stack:
        assert_passes(stack.run(tmp_path / "run", tmp_path / "right", *options), curves)
        assert_fails(stack.run(tmp_path / "twin", tmp_path / "wrong", *options), "equality", "served", "provenance")


@pytest.mark.parametrize(("name", "classes"), [("irises", 3), ("digits", 10)])
def test_models_of_several_classes_pass_and_others_behind_their_names_fail(
    name: str, classes: int, tmp_path: Path
) -> None:
    """Three classes of text and ten of numbers, as primary and shadow, by the counter of each pair."""
    for folder, exchanged in (("right", False), ("wrong", True)):
        for files in several_classes(name, tmp_path / folder / "files", exchanged=exchanged):
            carded(files, tmp_path / folder)
    first, second = several_classes(name, tmp_path / "right" / "files")
    served = {"default": (model_name(first), "metrics_model:0.1"), "shadow": (model_name(second), "metrics_model:0.1")}
    with deployed(tmp_path, tmp_path / "right", served) as stack:
        run = stack.run(tmp_path / "run", tmp_path / "right", "--batch=2")
        assert_passes(run, 0)
        for predictor in run.result["predictors"].values():
            quality = predictor["classes"]
            assert len(quality["labels"]) == classes
            assert quality["live"] == quality["offline"]
        assert f"recall of {quality['labels'][0]}" in run.result["comparison"]["difference"]
        assert_fails(stack.run(tmp_path / "twin", tmp_path / "wrong", "--batch=2"), "equality", "served", "provenance")


def test_another_framework_by_its_answers_and_a_rule_of_a_users_own_pass_and_their_opposites_fail(
    tmp_path: Path,
) -> None:
    """By gRPC. The primary's image holds a class of the user's own, without a model_name: its answers are in a file.

    The shadow is a rule in a user's module. Neither has scores of a scorer, so there is no curve, and the run is none
    the worse. The twin expects the opposite of both, from one file that says whose answers it holds.
    """
    rule = rule_files(tmp_path)
    right = tmp_path / "right"
    command = ["-m", "model.card", str(rule.model), f"--heldout={rule.rows}", f"--out={right}", *rule.options]
    assert call(*command, folder=tmp_path).code == 0, "in a process of its own, which may import the module"
    table = pd.read_csv(rule.rows)
    late = (table["late"] > table["age"]).to_numpy()
    answers = pd.DataFrame({"id": range(len(table)), "predicted": np.where(late, "bad", "good")})
    answers.to_parquet(tmp_path / "framework.parquet")
    opposite = answers.assign(predicted=np.where(late, "good", "bad"))
    both = [opposite.assign(artifact=name) for name in ("framework", rule.model.name)]
    pd.concat(both).to_csv(tmp_path / "opposite.csv", index=False)
    for file, out in (("framework.parquet", right), ("opposite.csv", tmp_path / "wrong")):
        words = [f"--answers={tmp_path / file}", f"--heldout={rule.rows}", f"--out={out}"]
        assert card([*words, "--target=outcome", "--positive=bad"]) == 0
    served = {"default": ("", "scored:1"), "shadow": (model_name(rule), "metrics_model:0.1")}
    with deployed(tmp_path, right, served) as stack:
        named = ("--transport=grpc", "--model=default=framework.parquet")
        assert_passes(stack.run(tmp_path / "run", right, *named), 0)
        expected = (f"--expected={tmp_path / 'wrong' / 'opposite.csv'}", "--model=default=framework")
        twin = stack.run(tmp_path / "twin", tmp_path / "wrong", "--transport=grpc", *expected)
        assert_fails(twin, "equality", "served")
