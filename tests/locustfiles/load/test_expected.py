"""What stands for each predictor: by the manifest, by --model, or by a file of answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import joblib
import pandas as pd
import pytest

from locustfiles.command.checks import INPUT_ERRORS, checked
from locustfiles.command.parser import parser
from locustfiles.run.setup import Setup
from model.card.__main__ import main as card
from tests.zoo import ROWS, files_of, tables

ROOT = Path(__file__).resolve().parents[3]
SHADOW = ROOT / "deploy" / "seldon" / "ab-test.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models' cards, and ``answers.csv`` with the answers of both, carded in ``by-file``."""
    place = tmp_path_factory.mktemp("made")
    answers = []
    for name in ("forest", "neighbours"):
        files = files_of(name, place)
        arguments = [f"--heldout={files.rows}", *files.options]
        assert card([str(files.model), f"--out={place / 'out'}", *arguments]) == 0
        predicted = joblib.load(files.model).predict(tables()["numbers"][ROWS:])
        answers.append(pd.DataFrame({"artifact": files.model.name, "id": range(ROWS), "predicted": predicted}))
    pd.concat(answers).to_csv(place / "answers.csv", index=False)
    assert card([f"--answers={place / 'answers.csv'}", f"--out={place / 'by-file'}", *arguments]) == 0
    answers[0].drop(columns="artifact").to_csv(place / "alone.csv", index=False)
    assert card([f"--answers={place / 'alone.csv'}", f"--out={place / 'alone'}", *arguments]) == 0
    return place


def setup(folder: Path, *words: str) -> Setup:
    return checked(parser().parse_args(["--sdep", str(SHADOW), "--artifacts", str(folder), *words]))


def refusal(folder: Path, *words: str) -> str:
    with pytest.raises(INPUT_ERRORS) as caught:
        setup(folder, *words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BOTH = "default=forest.joblib,shadow=neighbours.joblib"


def test_a_model_is_named_for_a_predictor(made: Path) -> None:
    """In place of the manifest's model_name, which an image or a prepackaged server does not have."""
    expected = setup(made / "out", "--model", BOTH).expected
    assert {name: given.artifact for name, given in expected.items()} == {
        "default": "forest.joblib",
        "shadow": "neighbours.joblib",
    }
    assert [given.from_file for given in expected.values()] == [False, False]


def test_answers_in_a_file_load_no_model(made: Path, tmp_path: Path) -> None:
    """Its folder has no joblib at all; each predictor has the answers of its artefact."""
    shutil.copytree(made / "by-file", tmp_path / "out")
    file = tmp_path / "out" / "answers.csv"
    expected = setup(tmp_path / "out", "--expected", str(file), "--model", BOTH).expected
    assert [given.artifact for given in expected.values()] == ["forest.joblib", "neighbours.joblib"]
    assert {given.path for given in expected.values()} == {file}
    assert not list((tmp_path / "out").glob("*.joblib"))


def test_answers_of_nobody_in_particular_stand_for_every_predictor(made: Path) -> None:
    expected = setup(made / "alone", "--expected", str(made / "alone" / "alone.csv")).expected
    assert {given.artifact for given in expected.values()} == {"alone.csv"}


def test_a_file_of_answers_is_named_like_a_model(made: Path) -> None:
    """By its name in the folder, or by a path."""
    for name in ("alone.csv", str(made / "alone" / "alone.csv")):
        expected = setup(made / "alone", "--model", f"default={name},shadow={name}").expected
        assert {given.path.name for given in expected.values()} == {"alone.csv"}
        assert all(given.from_file for given in expected.values())


@pytest.mark.parametrize(
    ("folder", "words", "message"),
    [
        ("out", ("--model", "default"), "reading --model: expected PREDICTOR=ARTIFACT_OR_FILE"),
        (
            "out",
            ("--model", "other=forest.joblib"),
            "predictors of the manifest (default, shadow), got 'other'",
        ),
        ("out", ("--model", "default=none.joblib"), "model card: expected a file"),
        ("out", ("--model", "default=/tmp/x/forest.joblib"), "expected a model in the folder of the artefacts"),
        (
            "by-file",
            ("--expected", "{}/by-file/answers.csv"),
            "those of forest.joblib, neighbours.joblib. Say which",
        ),
        ("by-file", ("--expected", "{}/by-file/forest.json"), "expected a .parquet or .csv file of answers"),
        ("by-file", ("--expected", "{}/none.csv"), "expected answers: expected a file"),
        ("out", ("--model", BOTH, "--payload", "tensor"), "expected for a tensor labels that are numbers"),
    ],
)
def test_what_stands_for_nothing_is_refused(made: Path, folder: str, words: tuple[str, ...], message: str) -> None:
    assert message in refusal(made / folder, *(word.format(made) for word in words))


def test_answers_that_were_changed_since_the_card_was_made_are_refused(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "alone", tmp_path / "alone")
    file = tmp_path / "alone" / "alone.csv"
    file.write_text(file.read_text().replace("good", "bad", 1))
    assert "answers: expected SHA-256" in refusal(tmp_path / "alone", "--expected", str(file))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decision_threshold": 0.2}, "whose scores give its answers at the decision_threshold 0.2"),
        ({"features": ["income", "age", "debt", "term", "late", "score"]}, "expected the 6 features of its card"),
        ({"classes": ["good", "bad"]}, "expected the classes ['good', 'bad'] of its card"),
        ({"score_kind": "decision_function"}, "without decision_function"),
        ({"feature_types": ["text"] * 6}, "expected text in column 'income'"),
    ],
)
def test_what_is_wrong_with_a_model_is_known_before_anything_starts(
    made: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    """Threshold, features, classes, scorer, and whatever the estimator itself does not take."""
    shutil.copytree(made / "out", tmp_path / "out")
    for name in ("forest", "neighbours"):
        path = tmp_path / "out" / f"{name}.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | change))
    assert message in refusal(tmp_path / "out", "--model", BOTH)


def test_held_out_rows_in_csv_are_those_of_the_parquet_file(made: Path, tmp_path: Path) -> None:
    """``--heldout`` takes either."""
    table = pd.read_parquet(made / "out" / "heldout.parquet")
    table.to_csv(tmp_path / "rows.csv", index=False)
    by_csv = setup(made / "out", "--model", BOTH, "--heldout", str(tmp_path / "rows.csv")).heldout
    by_parquet = setup(made / "out", "--model", BOTH).heldout
    assert list(by_csv.rows.cells()) == list(by_parquet.rows.cells())
    assert by_csv.truth.tolist() == by_parquet.truth.tolist()
