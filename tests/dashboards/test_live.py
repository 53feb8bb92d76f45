"""The dashboard's expressions on a real Prometheus, after a small load on the real stack."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards import build
from deploy.local.running.state import StackRecord
from model.contract import CELLS, METRIC_OF_CELL
from model.dataset import Heldout, load_heldout
from tests.deploy.conftest import ROOT, call, post, start, wait_for

pytestmark = pytest.mark.stack

ROWS = 60
EXPRESSIONS = {
    f"{panel['title']} {target['refId']}": target["expr"] for panel in build.panels() for target in panel["targets"]
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackRecord]:
    """The shadow deployment with its real models, after a prediction and a feedback for each of 60 rows."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    subprocess.run([sys.executable, "-m", "model.train", "--out", str(artifacts)], cwd=ROOT, check=True)
    stacks = tmp_path_factory.mktemp("stack")
    words = [str(ROOT / "deploy/seldon/ab-test.yaml"), "--images", "deploy/local/images.toml"]
    job = start(["run", *words, "--env", f"PLUMBLINE_ARTIFACTS={artifacts}", "--", "sleep", "600"], stacks)
    try:
        record = job.record()
        feed(record, load_heldout(artifacts / "heldout.parquet"))
        yield record
    finally:
        job.process.terminate()
        job.process.wait()
        call(["down"], stacks)


def feed(record: StackRecord, heldout: Heldout) -> None:
    """Posts the first rows, and waits until Prometheus holds all of them on both predictors."""
    base = f"{record.host}/seldon/{record.namespace}/{record.deployment}/api/v1.0"
    for row, truth in zip(heldout.X[:ROWS].tolist(), heldout.truth[:ROWS].tolist(), strict=True):
        request = {"data": {"names": list(heldout.names), "ndarray": [row]}}
        post(f"{base}/predictions", request)
        post(f"{base}/feedback", {"request": request, "reward": 1.0, "truth": {"data": {"ndarray": [truth]}}})
    total = " + ".join(f'sum by (predictor_name) ({METRIC_OF_CELL[cell]}{{method="feedback"}})' for cell in CELLS)
    wait_for(lambda: sorted(value for _, value in query(record, total)) == [ROWS, ROWS], seconds=20)


def query(record: StackRecord, expression: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each sample of an instant query."""
    address = f"{record.prometheus_url}/api/v1/query?query={urllib.parse.quote(expression)}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        actual: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return [(series["metric"], float(series["value"][1])) for series in actual]


def filled(expression: str, deployment: str = ".*") -> str:
    """An expression with Grafana's variables put in, all predictors chosen."""
    return expression.replace("$deployment", deployment).replace("$predictor", ".*").replace("$__rate_interval", "1m")


@pytest.mark.parametrize("panel", EXPRESSIONS)
def test_every_expression_gives_a_number_for_both_predictors(panel: str, record: StackRecord) -> None:
    """None of the panels is empty under load, and each has a line for the primary and one for the shadow."""
    actual = query(record, filled(EXPRESSIONS[panel]))
    assert {labels["predictor_name"] for labels, _ in actual} == {"default", "shadow"}
    assert all(value == value and value >= 0 for _, value in actual)  # noqa: PLR0124  (not a NaN)


def test_a_panel_of_a_deployment_that_is_not_there_is_empty(record: StackRecord) -> None:
    """The twin: an expression that matches nothing is seen to be empty."""
    assert query(record, filled(EXPRESSIONS["Accuracy A"], deployment="another")) == []


def test_the_recorded_ratios_are_the_panels(record: StackRecord) -> None:
    """The recording rules of ``deploy/prometheus`` give what the panels show."""
    for title in ("Accuracy", "Precision", "Recall", "Specificity"):
        panel = by_predictor(record, filled(EXPRESSIONS[f"{title} A"]))
        recorded = f"deployment_predictor:{title.lower()}:ratio"
        wait_for(lambda of=recorded, panel=panel: by_predictor(record, of) == panel, seconds=20)  # type: ignore[misc]


def by_predictor(record: StackRecord, expression: str) -> dict[str, float]:
    return {labels["predictor_name"]: value for labels, value in query(record, expression)}
