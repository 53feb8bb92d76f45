"""Counts under the deployment's name of predictors to which the run sent nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, is_cell
from analysis.evidence.samples import Series
from analysis.record.arrays import Floats
from analysis.record.runfolder import PredictorSpec
from analysis.verdict import Finding, Verdict
from worlds import PRIMARY, World

IDLE = PredictorSpec("canary", "lr-model", "lr.joblib", shadow=False, traffic=0, replicas=1)
WITH_IDLE = replace(worlds.world(ALONE.events, (PRIMARY, IDLE)), prior=7)


def wrong(folder: Path, world: World) -> tuple[Finding, ...]:
    _, findings = worlds.judged(folder, world)
    return tuple(finding for finding in findings if finding.verdict is not Verdict.PASS)


def as_idle(value: Callable[[Series], Floats]) -> World:
    """The world whose predictor without traffic shows these values."""

    def alter(series: list[Series]) -> list[Series]:
        return [
            replace(stored, value=value(stored)) if stored.labels.get("predictor_name") == IDLE.name else stored
            for stored in series
        ]

    return replace(WITH_IDLE, alter=alter)


def beside(**labels: str) -> World:
    """The world with each cell once more under other labels; an empty text takes the label away."""

    def alter(series: list[Series]) -> list[Series]:
        copies = [
            replace(cell, labels={name: text for name, text in {**cell.labels, **labels}.items() if text})
            for cell in series
            if is_cell(cell)
        ]
        return [*series, *copies]

    return replace(ALONE, alter=alter)


def test_a_predictor_without_traffic_that_counts_is_no_pass(tmp_path: Path) -> None:
    """It was sent nothing, and a dashboard shows its counts with those that were judged."""
    (finding,) = wrong(tmp_path, WITH_IDLE)
    assert (finding.check, finding.subject, finding.verdict) == ("stored", "canary", Verdict.INCONCLUSIVE)
    assert finding.diagnosis == "counts of no predictor judged"
    assert "it gets no traffic, and false_neg of it went to 17 during the run" in finding.message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_predictor_without_traffic_that_shows_no_counts_is_no_pass(tmp_path: Path, value: float) -> None:
    (finding,) = wrong(tmp_path, as_idle(lambda series: np.full(len(series.value), value)))
    assert (finding.subject, finding.verdict) == ("canary", Verdict.INCONCLUSIVE)


def test_a_predictor_without_traffic_whose_counts_stand_still_passes(tmp_path: Path) -> None:
    """They are of before the run."""
    assert wrong(tmp_path, as_idle(lambda series: np.full(len(series.value), 7.0))) == ()


@pytest.mark.parametrize("name", ["ghost", ""])
def test_a_name_that_is_not_in_the_manifest_and_counts_is_no_pass(tmp_path: Path, name: str) -> None:
    (finding,) = wrong(tmp_path, beside(predictor_name=name))
    assert (finding.check, finding.verdict) == ("stored", Verdict.INCONCLUSIVE)
    label = "the label predictor_name=ghost" if name else "no label predictor_name"
    assert finding.message.startswith(f"series with {label} are of no predictor of the manifest")
