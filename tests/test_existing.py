"""An existing deployment: HOST and PROMETHEUS_URL in place of a stack of our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.running import ROOT, Ended, call

pytestmark = pytest.mark.stack

SINGLE = ROOT / "deploy" / "seldon" / "metrics-model.yaml"


def drive(folder: Path, existing: dict[str, str], *options: str) -> Ended:
    """One run against the existing deployment, which its variables name."""
    return call("-m", "locustfiles", "--run", str(folder), "--duration", "3s", *options, folder=folder, **existing)


def test_two_runs_in_a_row_pass_and_the_first_does_not_disturb_the_second(
    tmp_path: Path, existing: dict[str, str]
) -> None:
    """Counts are differences from a baseline: each run passes with as many rows as it sent itself."""
    first = drive(tmp_path / "first", existing)
    second = drive(tmp_path / "second", existing, "--seed", "7")
    for run in (first, second):
        assert run.code == 0, str(run)
        for predictor in run.result["predictors"].values():
            assert (
                sum(predictor["live"][cell] for cell in ("tp", "fp", "tn", "fn"))
                == (predictor["feedback"]["acknowledged"])
            )
        assert "stack ready" not in run.err


def test_a_prometheus_that_scrapes_something_else_is_inconclusive(tmp_path: Path, existing: dict[str, str]) -> None:
    """The deployment answers, but the Prometheus that was named holds no sample of it: nothing can be told."""
    other = tmp_path / "other"
    places = ("--stacks", str(other))
    up = call("-m", "deploy.local", "up", str(SINGLE), *places, folder=other)
    assert up.code == 0, str(up)
    try:
        strange = dict(re.findall(r"^ *(PROMETHEUS_URL)=(\S+)$", up.out, re.MULTILINE))
        run = drive(tmp_path / "run", existing | strange)
    finally:
        call("-m", "deploy.local", "down", *places, folder=other)
    assert run.code == 4, str(run)
    assert any(finding["check"] == "stored" for finding in run.findings("INCONCLUSIVE")), run.out
