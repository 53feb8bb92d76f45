"""A model whose card names no scorer: what was not asked for is not due, and nothing is made up in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, BASE, with_buckets
from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.evidence.offline import ArtifactAnswers
from analysis.judge.registry import judge
from analysis.judge.registry import verdict as verdict_of
from analysis.record import runfolder
from analysis.record.runfolder import AnswersSource
from analysis.verdict import Verdict
from model.contract import TAG_ARTIFACT, TAG_DIGEST
from worlds import PRIMARY, World


@pytest.fixture(autouse=True)
def without_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """No artefact has scores."""
    original = worlds.answers

    def answers(name: str) -> ArtifactAnswers:
        given = original(name)
        return replace(given, score=np.full(len(given.score), np.nan))

    monkeypatch.setattr(worlds, "answers", answers)


@pytest.mark.parametrize("world", [ALONE, BASE, with_buckets(0.75)], ids=["alone", "a shadow", "buckets"])
def test_there_is_no_curve_and_the_run_is_none_the_worse(tmp_path: Path, world: World) -> None:
    """It says so. Buckets that the model publishes all the same are held against nothing."""
    verdict, findings = worlds.judged(tmp_path, world)
    assert verdict is Verdict.PASS
    curves = [finding for finding in findings if finding.check == "curve"]
    assert curves
    for finding in curves:
        assert finding.message == "its card names no scorer, so there is no curve by threshold, only over time"


@pytest.mark.parametrize("source", [True, False])
def test_a_file_of_answers_says_no_digest_of_a_model(tmp_path: Path, source: bool) -> None:
    """Answers that carry a digest are then of no other model; without such a file they are."""
    world = replace(ALONE, tags=({TAG_ARTIFACT: "own.bin", TAG_DIGEST: "9" * 64},))
    worlds.put(tmp_path, world)
    if source:
        run = runfolder.read(tmp_path)
        digest = run.artifacts[PRIMARY.artifact]
        runfolder.write(tmp_path, replace(run, sources={PRIMARY.artifact: AnswersSource("answers.csv", digest)}))
        worlds.reseal(tmp_path)
    findings = judge(arrange(files.read(tmp_path, runfolder.read(tmp_path))))
    assert verdict_of(findings) is (Verdict.PASS if source else Verdict.FAIL)
    messages = [finding.message for finding in findings if finding.check == "provenance"]
    assert any("says no digest of a model" in message for message in messages) is source
