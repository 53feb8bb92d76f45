"""The whole of it, as a user runs it: from a manifest to a verdict, on real servers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from model.contract import CELLS
from tests.running import ROOT, Ended, LoadTest, call

pytestmark = pytest.mark.stack

SINGLE = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
SHADOW = ROOT / "deploy" / "seldon" / "ab-test.yaml"


def counts(side: dict[str, Any]) -> dict[str, int]:
    """The four cells of ``live`` or ``offline`` of a predictor."""
    return {cell: side[cell] for cell in CELLS}


def assert_clean(run: Ended) -> None:
    """PASS, with live counts equal to offline on every predictor, and as many as were acknowledged."""
    assert run.code == 0, str(run)
    assert run.result["verdict"] == "PASS"
    for name, predictor in run.result["predictors"].items():
        assert counts(predictor["live"]) == counts(predictor["offline"]), name
        assert sum(counts(predictor["live"]).values()) == predictor["feedback"]["acknowledged"] > 100, name


def with_replicas(manifest: Path, replicas: int, folder: Path) -> Path:
    """A copy of the manifest in which every predictor has as many replicas."""
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    for predictor in content["spec"]["predictors"]:
        predictor["replicas"] = replicas
    path = folder / manifest.name
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("manifest", "processes", "replicas", "workers"),
    [(SINGLE, 1, 1, 1), (SHADOW, 1, 1, 4), (SHADOW, 2, 2, 1), (SINGLE, 2, 2, 4), (SHADOW, 2, 1, 4)],
    ids=["single-1-1-1", "shadow-1-1-4", "shadow-2-2-1", "single-2-2-4", "shadow-2-1-4"],
)
def test_a_clean_stack_passes_with_live_counts_equal_to_offline(
    manifest: Path, processes: int, replicas: int, workers: int, tmp_path: Path, loadtest: LoadTest
) -> None:
    """PASS and equality for pairs of: single and shadow, generator processes 1, 2, replicas 1, 2, workers 1, 4."""
    sdep = with_replicas(manifest, replicas, tmp_path)
    options = ("--sdep", str(sdep), "--processes", str(processes), "--workers", str(workers))
    assert_clean(loadtest(*options, "--duration", "4s"))


@pytest.fixture(scope="module")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """One clean run of the shadow deployment, which several tests look at; they change copies of it only."""
    folder = tmp_path_factory.mktemp("clean") / "run"
    return call("-m", "locustfiles", "--run", str(folder), "--duration", "4s", folder=folder)


def copy_of(run: Ended, folder: Path) -> Path:
    """A copy of the run folder, somewhere else and without its result."""
    copied = folder / "copied"
    shutil.copytree(run.folder, copied)
    (copied / "result.json").unlink()
    return copied


def test_a_run_leaves_its_evidence_and_says_how_long_it_took(clean_run: Ended) -> None:
    """Printed: the report's path, the seconds to a ready stack, and those from the load's end to the verdict."""
    assert_clean(clean_run)
    printed = clean_run.out + clean_run.err
    assert re.search(r"stack ready in \d+\.\d s", printed), printed
    assert re.search(r"\d+\.\d s from the end of the load to this verdict", printed), printed
    assert str(clean_run.folder / "report.html") in printed
    left = {path.name for path in clean_run.folder.iterdir()}
    stored = {"run.json", "ledger.arrow", "baseline.json", "samples.parquet", "offline.parquet"}
    assert left >= stored | {"result.json", "report.html", "report.md", "junit.xml", "logs"}


def test_a_copied_run_folder_is_judged_again_byte_for_byte(tmp_path: Path, clean_run: Ended) -> None:
    """With every server gone, and the folder somewhere else, `judge` writes the same `result.json`."""
    copied = copy_of(clean_run, tmp_path)
    again = call("-m", "analysis", "judge", str(copied), folder=copied)
    assert again.code == 0, str(again)
    assert (copied / "result.json").read_bytes() == (clean_run.folder / "result.json").read_bytes()


def test_a_ledger_cut_short_is_inconclusive(tmp_path: Path, clean_run: Ended) -> None:
    """A clean run whose ledger lost its last bytes is not judged clean, and the reason is given."""
    copied = copy_of(clean_run, tmp_path)
    ledger = copied / "ledger.arrow"
    ledger.write_bytes(ledger.read_bytes()[:-2000])
    again = call("-m", "analysis", "judge", str(copied), folder=copied)
    assert again.code == 4, str(again)
    assert any("ledger" in finding["message"] for finding in again.findings("INCONCLUSIVE")), again.out


def test_samples_that_are_gone_are_inconclusive(tmp_path: Path, clean_run: Ended) -> None:
    """The same run without what Prometheus held: nothing can be said of the live counts."""
    copied = copy_of(clean_run, tmp_path)
    (copied / "samples.parquet").unlink()
    again = call("-m", "analysis", "judge", str(copied), folder=copied)
    assert again.code == 4, str(again)
    assert any(finding["check"] == "stored" for finding in again.findings("INCONCLUSIVE")), again.out


def test_the_notebooks_swapped_cells_fail_and_the_permutation_is_named(loadtest: LoadTest) -> None:
    """The class as the notebook published it: FAIL, and the diagnosis says which metric reports which cell."""
    images = ROOT / "tests" / "faults" / "swapped_cells" / "images.toml"
    run = loadtest("--duration", "4s", "--images", str(images))
    assert run.code == 3, str(run)
    diagnoses = " ".join(str(finding["diagnosis"]) + finding["message"] for finding in run.findings("FAIL"))
    for part in ("true_neg reports FN", "false_pos reports TN", "false_neg reports FP"):
        assert part in diagnoses, diagnoses
    assert "true_neg reports FN" in run.out


def test_a_run_on_which_nothing_was_sent_is_inconclusive(tmp_path: Path, loadtest: LoadTest) -> None:
    """An open loop whose first arrival is due after the end sends nothing: INCONCLUSIVE, exit code 4, and why."""
    trace = tmp_path / "trace.txt"
    trace.write_text("100\n", encoding="utf-8")
    run = loadtest("--duration", "2s", "--trace", str(trace))
    assert run.code == 4, str(run)
    assert run.result["load"]["attempted"] == 0
    assert any("nothing was sent" in finding["message"].lower() for finding in run.findings("INCONCLUSIVE")), run.out


def test_a_run_without_feedback_is_inconclusive(loadtest: LoadTest) -> None:
    """Predictions alone say nothing of the live counts."""
    run = loadtest("--duration", "2s", "--feedback-ratio", "0")
    assert run.code == 4, str(run)
    assert any("feedback" in finding["message"].lower() for finding in run.findings("INCONCLUSIVE")), run.out
