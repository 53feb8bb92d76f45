"""The card maker: from a joblib, or a file of answers, and a table to a card that the served class keeps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from seldon_core.utils import extract_request_parts_json, json_to_feedback
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from locustfiles.protocol.rest_requests import RestRequests
from model.artifact import Card, load_card
from model.atomic import write_bytes
from model.card.__main__ import main
from model.card.errors import CardError
from model.card.making import positive_of
from model.contract import CELL_OF_METRIC
from model.dataset import Heldout, load_heldout
from model.estimator import load_model
from model.installation import COMMAND
from model.MetricsModel import MetricsModel
from tests.model.serving import model_of
from tests.zoo import KINDS, ROWS, Alone, Files, files_of, is_positive, rule_files, tables, written

ROOT = Path(__file__).resolve().parents[3]
FED = 5
"""One row in so many is sent to a served class: a forest takes some milliseconds for one."""


def carded(files: Files, out: Path, *more: str) -> Path:
    """The folder with the card of the files."""
    assert main([str(files.model), f"--heldout={files.rows}", f"--out={out}", *files.options, *more]) == 0
    return out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which the command refuses."""
    assert main(arguments) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert text.startswith("plumbline: card: ")
    return text


def rows_of(folder: Path, card: Card) -> Heldout:
    return load_heldout(folder / "heldout.parquet", card.features, card.classes, card.feature_types)


def fed(model: MetricsModel, heldout: Heldout) -> dict[str, int]:
    """The four cells after each fifth held-out row was sent as our load sends it and read as Seldon's wrapper does."""
    truth = [heldout.classes[place] for place in heldout.truth_index]
    requests = RestRequests(features=heldout.rows.cells(), truth=truth, names=heldout.names, host="h", path="")
    for row in range(0, len(truth), FED):
        body = json.loads(requests.feedback((row,), None).partition(b"\r\n\r\n")[2])
        message = json_to_feedback(body)
        features = extract_request_parts_json(body["request"])[0]
        label = extract_request_parts_json(body["truth"])[0]
        model.send_feedback(features, list(message.request.data.names), 0.0, label)
    return {CELL_OF_METRIC[str(gauge["key"])]: int(str(gauge["value"])) for gauge in model.metrics()}


@pytest.mark.parametrize("name", KINDS)
def test_a_model_of_any_kind_is_served_as_its_card_says(name: str, tmp_path: Path) -> None:
    """The served class counts what the card says; scikit-learn on the table itself gives the same; no warning."""
    files, kind = files_of(name, tmp_path), KINDS[name]
    folder = carded(files, tmp_path / "out")
    card = load_card(folder / files.model.name)
    assert card.score_kind == kind.scorer
    assert card.positive_class == kind.labels[1]
    heldout = rows_of(folder, card)
    table = tables()[kind.table][ROWS:]
    estimator = joblib.load(files.model)
    truth = np.array(kind.labels)[is_positive().astype(int)][ROWS:]
    (tn, fp), (fn, tp) = confusion_matrix(truth, estimator.predict(table), labels=list(kind.labels)).tolist()
    expected = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    assert {cell: getattr(card.offline, cell) for cell in expected} == expected
    predicted = estimator.predict(table)[::FED]
    (tn, fp), (fn, tp) = confusion_matrix(truth[::FED], predicted, labels=list(kind.labels)).tolist()
    assert fed(model_of(folder / files.model.name), heldout) == {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    load_model(folder / files.model.name).check(heldout.rows)


def test_the_twin_a_model_fitted_on_the_other_class_counts_otherwise(tmp_path: Path) -> None:
    """Served in place of the first, on its card's rows, it counts more errors than there are in all of them."""
    right, wrong = files_of("mixed", tmp_path / "a"), files_of("mixed", tmp_path / "b", negated=True)
    folder, other = carded(right, tmp_path / "out"), carded(wrong, tmp_path / "other")
    card = load_card(folder / right.model.name)
    cells = fed(model_of(other / wrong.model.name), rows_of(folder, card))
    assert sum(cells.values()) == len(range(0, ROWS, FED))
    assert card.offline.accuracy is not None
    assert card.offline.accuracy > 0.8
    assert cells["fp"] + cells["fn"] > cells["tp"] + cells["tn"]


@pytest.mark.parametrize("option", ["--scorer=predict_proba", "--scorer=none", "--threshold=0.31", "--positive=bad"])
def test_what_is_chosen_is_in_the_card(option: str, tmp_path: Path) -> None:
    """Scorer, threshold and positive class; the threshold is between two scores, so that the answers are the same."""
    fitted = LogisticRegression().fit(tables()["numbers"][:ROWS], np.where(is_positive(), "good", "bad")[:ROWS])
    table = tables()["numbers"][ROWS:].assign(outcome=np.where(is_positive(), "good", "bad")[ROWS:])
    positive = () if option.startswith("--positive") else ("--positive=good",)
    files = written(fitted, table, tmp_path, "linear", ".csv", positive)
    if option.startswith("--threshold"):
        files = files_of("fixed", tmp_path)
        scores = joblib.load(files.model).predict_proba(tables()["numbers"][ROWS:])[:, 1]
        above = float(scores[scores >= 0.3].min())
        option = f"--threshold={(max(scores[scores < 0.3]) + above) / 2}"
    folder = carded(files, tmp_path / "out", option)
    card = load_card(folder / files.model.name)
    name, _, value = option.partition("=")
    field = {"--scorer": card.score_kind, "--threshold": card.decision_threshold, "--positive": card.positive_class}
    assert str(field[name]) == value
    load_model(folder / files.model.name).check(rows_of(folder, card).rows)


def test_three_classes_have_a_matrix_and_no_positive_class(tmp_path: Path) -> None:
    labels = np.where(tables()["numbers"]["age"] > 0.5, "old", np.where(is_positive(), "good", "bad"))
    fitted = LogisticRegression().fit(tables()["numbers"][:ROWS], labels[:ROWS])
    table = tables()["numbers"][ROWS:].assign(outcome=labels[ROWS:])
    files = written(fitted, table, tmp_path, "three", ".csv", ())
    card = load_card(carded(files, tmp_path / "out") / "three.joblib")
    assert (card.classes, card.positive_class, card.decision_threshold) == (("bad", "good", "old"), None, None)
    matrix = confusion_matrix(labels[ROWS:], fitted.predict(tables()["numbers"][ROWS:]))
    assert [list(row) for row in card.offline.confusion] == matrix.tolist()
    served = model_of(tmp_path / "out" / "three.joblib")
    rows = rows_of(tmp_path / "out", card).rows
    assert (
        served.predict(rows.cells(), list(rows.names)).tolist()
        == served._model.estimator.predict(rows.frame()).tolist()
    )
    assert fed(served, rows_of(tmp_path / "out", card)) == {}, "no four cells of three classes"
    model = load_model(tmp_path / "out" / "three.joblib")
    scores = model.scores(rows_of(tmp_path / "out", card).rows)
    assert scores is not None
    assert scores.shape == (ROWS, 3)


def test_a_rule_in_a_users_module_is_imported_from_the_folder_of_its_card(tmp_path: Path) -> None:
    """By another process, where nothing else knows the module; its file is not run if it was changed since."""
    out = carded_elsewhere(rule_files(tmp_path), tmp_path / "out")
    assert load_card(out / "rule.joblib").rows_as == "frame"
    serve = f"from model.estimator import load_model; load_model({str(out / 'rule.joblib')!r})"
    assert subprocess.run([sys.executable, "-c", serve], cwd=ROOT, check=False).returncode == 0
    with (out / "rules.py").open("a") as file:
        file.write("\n# changed\n")
    done = subprocess.run([sys.executable, "-c", serve], cwd=ROOT, check=False, capture_output=True, text=True)
    assert "model import: expected SHA-256" in done.stderr


def carded_elsewhere(files: Files, out: Path) -> Path:
    """As `carded`, in a process of its own."""
    command = [sys.executable, "-m", "model.card", str(files.model), f"--heldout={files.rows}", f"--out={out}"]
    subprocess.run([*command, *files.options], cwd=ROOT, check=True, capture_output=True)
    return out


@pytest.mark.parametrize("with_score", [True, False])
def test_answers_stand_in_place_of_a_model(tmp_path: Path, with_score: bool) -> None:
    """The card has their digest, no estimator, and the figures of the same model that is loaded."""
    files = files_of("fixed", tmp_path)
    table, estimator = tables()["numbers"][ROWS:], joblib.load(files.model)
    answers = pd.DataFrame({"id": range(ROWS), "predicted": estimator.predict(table)})
    if with_score:
        answers["score"] = estimator.predict_proba(table)[:, 1]
    answers.to_csv(tmp_path / "answers.csv", index=False)
    arguments = [f"--answers={tmp_path / 'answers.csv'}", f"--heldout={files.rows}", f"--out={tmp_path / 'out'}"]
    assert main([*arguments, *files.options]) == 0
    card = load_card(tmp_path / "out" / "answers.csv")
    by_model = load_card(carded(files, tmp_path / "by-model") / files.model.name)
    assert (card.estimator, card.artifact) == ("answers file", "answers.csv")
    assert card.offline == by_model.offline
    assert card.score_kind == ("predict_proba" if with_score else "none")


def test_columns_that_no_feature_needs_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of a table is left out in silence."""
    files = files_of("forest", tmp_path)
    pd.read_csv(files.rows).assign(customer="C1").to_csv(files.rows, index=False)
    carded(files, tmp_path / "out")
    assert "remark: no features of the model, and not sent: customer" in capsys.readouterr().out.splitlines()


def test_a_label_too_many_is_named_where_a_positive_class_is_chosen() -> None:
    with pytest.raises(CardError, match=r"no --positive with 3 classes \(bad, good, odd\), got 'good'"):
        positive_of(("bad", "good", "odd"), "good")


def test_the_last_line_is_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = carded(files_of("forest", tmp_path), tmp_path / "my folder")
    assert capsys.readouterr().out.splitlines()[-1] == f"  {COMMAND} loadtest --sdep M.yaml --artifacts '{out}'"


def test_a_second_time_it_writes_nothing_else_and_a_changed_file_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own files are written again if they are as it left them; a user's, and a changed one, never are."""
    files = files_of("forest", tmp_path)
    out = carded(files, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    carded(files, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    carded(files, out, "--scorer=none")
    assert load_card(out / "forest.joblib").score_kind == "none"
    (out / "forest.json").write_text("mine")
    arguments = (str(files.model), f"--heldout={files.rows}", f"--out={out}", *files.options)
    assert "did not make, or that was changed since" in refusal(capsys, *arguments)
    assert (out / "forest.json").read_text() == "mine"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "heldout.parquet").write_bytes(b"of somebody")
    assert str(mine / "heldout.parquet") in refusal(capsys, *arguments[:2], f"--out={mine}", *files.options)
    assert [path.name for path in mine.iterdir()] == ["heldout.parquet"]


Arguments = dict[str, str]


def edited(**columns: Any) -> Callable[[Files, Arguments], None]:
    """Give the table of the files other columns; None takes one away."""

    def edit(files: Files, arguments: Arguments) -> None:
        table = pd.read_csv(files.rows)
        table = table.drop(columns=[name for name, values in columns.items() if values is None])
        table = table.assign(**{name: values for name, values in columns.items() if values is not None})
        table.to_csv(files.rows, index=False)
        arguments.update({"--id": "key"} if "key" in columns else {})

    return edit


def given(**values: str | None) -> Callable[[Files, Arguments], None]:
    """Give an option another value; None takes it away."""

    def change(files: Files, arguments: Arguments) -> None:
        for name, value in values.items():
            option = name if name == "model" else f"--{name}"
            arguments.pop(option, None)
            arguments.update({} if value is None else {option: value})

    return change


def replaced(content: bytes) -> Callable[[Files, Arguments], None]:
    """Put something else in place of the model."""
    return lambda files, _: write_bytes(files.model, content)


def dumped(estimator: object) -> Callable[[Files, Arguments], None]:
    """Put another object in place of the model."""

    def dump(files: Files, arguments: Arguments) -> None:
        joblib.dump(estimator, files.model)

    return dump


def of_one_class(files: Files, arguments: Arguments) -> None:
    """A model whose answer depends on how many rows it gets."""
    dumped(Alone())(files, arguments)
    edited(outcome=1)(files, arguments)
    given(positive=None)(files, arguments)


def with_one_answer(files: Files, arguments: Arguments) -> None:
    """A file of answers that answers a single row."""
    path = files.rows.with_name("answers.csv")
    path.write_text("id,predicted\n0,good\n")
    given(model=None, answers=str(path))(files, arguments)


def without_rows(files: Files, arguments: Arguments) -> None:
    """A table of nothing but its head."""
    pd.read_csv(files.rows)[:0].to_csv(files.rows, index=False)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (given(model=None), "expected a MODEL.joblib or --answers FILE, got neither"),
        (given(answers="answers.csv"), "got both"),
        (given(model="none.joblib"), "No such file or directory"),
        (replaced(b"none"), "with --answers in place of the model"),
        (
            replaced(b"\x80\x04\x8c\x05torch\x8c\x06Module\x93."),
            "name its file with --import. Otherwise: Here are",
        ),
        (replaced(b"\x80\x04\x8c\x08__main__\x8c\x04Mine\x93."), "Define its class in a module, pickle it again, and"),
        (replaced(b"none"), f"Here are scikit-learn {sklearn.__version__} and numpy {np.__version__}. Load it where"),
        (dumped(LogisticRegression()), "without classes_: it is not fitted"),
        (edited(age=None), "got none named 'age'. Its features are income, age, debt, term, score and 1 more"),
        (given(target="result"), "expected the column of --target once, got none named 'result'"),
        (edited(outcome="neither"), "expected labels among ['bad', 'good'] in column 'outcome', got 'neither'"),
        (given(positive=None), "expected --positive, one of bad and good, got none"),
        (given(positive="best"), "expected --positive to be one of bad and good, got 'best'"),
        (given(threshold="0.99"), "whose scores give its answers at the decision_threshold 0.99"),
        (given(scorer="decision_function"), "expected --scorer to be what forest.joblib has (predict_proba), got"),
        (without_rows, "expected at least one row, got no rows"),
        (
            edited(outcome=pd.Series(["good"])),
            f"a class in each row of column 'outcome', got {ROWS - 1} empty",
        ),
        (edited(key=1), "each once, in column 'key'"),
        (edited(key="C1"), "expected whole numbers as ids in column 'key', got text"),
        (with_one_answer, f"got none for id 1 and {ROWS - 2} more"),
        (of_one_class, "expected the same answer to a row by itself as among others"),
    ],
)
def test_what_cannot_be_carded_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Files, Arguments], None], message: str
) -> None:
    """It says what was expected and found, and nothing is written."""
    files = files_of("forest", tmp_path)
    arguments = {"model": str(files.model), "--heldout": str(files.rows), "--target": "outcome", "--positive": "good"}
    spoil(files, arguments)
    words = [value if name == "model" else f"{name}={value}" for name, value in arguments.items()]
    out = tmp_path / "out"
    assert message in refusal(capsys, *words, f"--out={out}")
    assert not out.exists()


def test_labels_of_text_that_read_like_numbers_stay_text(tmp_path: Path) -> None:
    """In CSV there are no types: the classes of the model say that a label is text."""
    files = files_of("linear", tmp_path)
    assert pd.read_csv(files.rows)["outcome"].dtype == np.int64
    card = load_card(carded(files, tmp_path / "out") / files.model.name)
    assert card.classes == ("0", "1")


def test_dates_stay_text_and_an_empty_column_is_of_numbers(tmp_path: Path) -> None:
    """As pandas.read_csv has them, from which the model was fitted."""
    (tmp_path / "rows.csv").write_text("outcome,when,nothing,count\n0,2024-01-02,,1\n1,2024-01-03,,\n")
    (tmp_path / "answers.csv").write_text("id,predicted\n0,0\n1,1\n")
    arguments = [f"--answers={tmp_path / 'answers.csv'}", f"--heldout={tmp_path / 'rows.csv'}", "--target=outcome"]
    assert main([*arguments, f"--out={tmp_path / 'out'}"]) == 0
    card = load_card(tmp_path / "out" / "answers.csv")
    assert dict(zip(card.features, card.feature_types, strict=True)) == {
        "when": "text",
        "nothing": "float64",
        "count": "float64",
    }


def test_the_folder_of_a_card_can_be_moved(tmp_path: Path) -> None:
    """Nothing in it names a place."""
    files = files_of("boosted", tmp_path)
    shutil.move(carded(files, tmp_path / "out"), tmp_path / "elsewhere")
    card = load_card(tmp_path / "elsewhere" / files.model.name)
    assert str(tmp_path) not in "".join(map(str, vars_of(card)))
    load_model(tmp_path / "elsewhere" / files.model.name).check(rows_of(tmp_path / "elsewhere", card).rows)
    assert os.listdir(tmp_path / "elsewhere")  # noqa: PTH208


def vars_of(card: Card) -> list[Any]:
    return [getattr(card, name) for name in card.__dataclass_fields__]
