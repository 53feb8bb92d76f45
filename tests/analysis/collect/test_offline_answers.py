"""Offline answers: made from the artefact, its card and the rows, and made anew when any of them changes."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier

import worlds
from analysis.collect import offline_answers
from analysis.collect.offline_answers import answers_for
from analysis.evidence.offline import OfflineError
from analysis.evidence.rounding import undecided
from analysis.record.runfolder import Run
from model.artifact import card_digest, load_card
from model.artifact_name import HELDOUT_FILE
from model.dataset import load_heldout

ARTIFACT = "binary-lr.joblib"


@pytest.fixture
def folder(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the artefacts, and an empty cache."""
    monkeypatch.setattr(offline_answers, "cache_folder", lambda: tmp_path / "cache")
    shutil.copytree(trained, tmp_path / "artifacts")
    return tmp_path / "artifacts"


def run_of(folder: Path, tmp_path: Path) -> Run:
    """A run of the artefact, as it is now."""
    place = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
    place.mkdir()
    predictor = replace(worlds.PRIMARY, artifact=ARTIFACT)
    card = load_card(folder / ARTIFACT)
    heldout = folder / HELDOUT_FILE
    return replace(
        worlds.put(place, worlds.world(())),
        predictors=(predictor,),
        artifacts={ARTIFACT: hashlib.sha256((folder / ARTIFACT).read_bytes()).hexdigest()},
        cards={ARTIFACT: card_digest(card)},
        heldout=str(heldout),
        heldout_sha256=hashlib.sha256(heldout.read_bytes()).hexdigest(),
    )


def change_card(folder: Path, **changes: object) -> None:
    path = (folder / ARTIFACT).with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def test_nothing_is_kept_in_the_folder_of_the_artefacts(folder: Path, tmp_path: Path) -> None:
    """It is the user's, and may be part of a repository: what is kept lies in the cache."""
    before = sorted(path.name for path in folder.iterdir())
    answers_for(run_of(folder, tmp_path), folder)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.suffix for path in (tmp_path / "cache" / "offline").iterdir()] == [".parquet"]


def test_a_card_that_says_something_else_gives_other_answers(folder: Path, tmp_path: Path) -> None:
    """The positive class and the features' order are the card's, and what was kept under the old card is not used."""
    before = answers_for(run_of(folder, tmp_path), folder)
    assert answers_for(run_of(folder, tmp_path), folder).positive == before.positive == 1
    change_card(folder, positive_class=0)
    turned = answers_for(run_of(folder, tmp_path), folder)
    assert turned.positive == 0
    assert turned.answers[ARTIFACT].score.tolist() == (-before.answers[ARTIFACT].score).tolist(), "towards the positive"
    change_card(folder, positive_class=1)
    features = list(load_card(folder / ARTIFACT).features)
    change_card(folder, features=[features[1], features[0], *features[2:]])
    swapped = answers_for(run_of(folder, tmp_path), folder)
    assert not np.array_equal(swapped.answers[ARTIFACT].score, before.answers[ARTIFACT].score)


def test_a_card_that_was_changed_since_the_start_is_not_used(folder: Path, tmp_path: Path) -> None:
    run = run_of(folder, tmp_path)
    change_card(folder, positive_class=0)
    with pytest.raises(OfflineError, match=r"the card of binary-lr\.joblib as it was when the run was started"):
        answers_for(run, folder)
    assert answers_for(replace(run, cards={}), folder).positive == 0, "a run of an earlier version does not say"


def test_a_threshold_that_the_model_does_not_decide_at_is_refused(folder: Path, tmp_path: Path) -> None:
    change_card(folder, decision_threshold=3.0)
    with pytest.raises(
        OfflineError,
        match=r"binary-lr\.joblib: expected a model whose scores give its answers at the decision_threshold 3",
    ):
        answers_for(run_of(folder, tmp_path), folder)


def test_the_threshold_of_a_model_is_where_rounding_decides(folder: Path, tmp_path: Path) -> None:
    """A model that decides at one of its own scores: that row is undecided, and none near 0 is."""
    card = load_card(folder / ARTIFACT)
    rows = load_heldout(folder / HELDOUT_FILE, card.features, card.classes)
    plain = joblib.load(folder / ARTIFACT)
    scores = plain.decision_function(rows.X)
    threshold = float(np.sort(scores[scores > 1])[3])
    fitted = FixedThresholdClassifier(plain, threshold=threshold, response_method="decision_function")
    fitted.fit(rows.X, rows.truth)
    fitted.estimator_ = plain
    joblib.dump(fitted, folder / ARTIFACT)
    digest = hashlib.sha256((folder / ARTIFACT).read_bytes()).hexdigest()
    change_card(folder, decision_threshold=threshold, sha256=digest)
    answers = answers_for(run_of(folder, tmp_path), folder).answers[ARTIFACT]
    assert isinstance(plain, LogisticRegression) or hasattr(plain, "steps")
    assert undecided(answers).tolist() == (np.abs(answers.score - threshold) < 1e-6).tolist()
    assert undecided(answers).sum() == 1
    assert answers_for(run_of(folder, tmp_path), folder).answers[ARTIFACT].threshold == threshold, "read back"
