"""Expected answers from a file: one for each held-out row, of the artefact in question, of the card's classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model.rows.answers_file import AnswersError, artifacts_in, has_scores, load_answers
from model.rows.labels import Label

CLASSES: tuple[Label, ...] = ("bad", "good")


def csv(folder: Path, text: str) -> Path:
    path = folder / "answers.csv"
    path.write_text(text.replace(" ", "\n"))
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_answers_are_those_of_the_rows_in_their_order(tmp_path: Path, kind: str) -> None:
    """Whatever the order in the file, and with answers to other rows in it."""
    path = csv(tmp_path, "id,predicted,score 7,good,0.9 3,bad,0.2 5,good,0.6")
    if kind == "parquet":
        path = tmp_path / "answers.parquet"
        columns: dict[str, list[Any]] = {
            "id": [7, 3, 5],
            "predicted": ["good", "bad", "good"],
            "score": [0.9, 0.2, 0.6],
        }
        pq.write_table(pa.table(columns), path)
    answers = load_answers(path, CLASSES).of_rows(np.array([3, 7]), path)
    assert answers.predicted.tolist() == [0, 1]
    assert answers.scores is not None
    assert answers.scores.tolist() == [0.2, 0.9]
    assert artifacts_in(path) is None


@pytest.mark.parametrize(
    ("classes", "predicted"),
    [((0, 1), ["0", "1"]), ((-1, 1), ["-1", "1.0"]), ((False, True), ["False", "true"]), (("0", "1"), ["0", "1"])],
)
def test_labels_are_read_as_those_of_the_card(tmp_path: Path, classes: tuple[Label, ...], predicted: list[str]) -> None:
    """A CSV file has no types: the text "1" and the number 1 are told apart by the classes."""
    path = csv(tmp_path, f"id,predicted 0,{predicted[0]} 1,{predicted[1]}")
    answers = load_answers(path, classes)
    assert answers.predicted.tolist() == [0, 1]
    assert answers.scores is None
    assert not has_scores(path)


def test_a_file_of_several_artefacts_has_the_answers_of_each(tmp_path: Path) -> None:
    path = csv(tmp_path, "artifact,id,predicted a.bin,0,good b.bin,0,bad")
    assert artifacts_in(path) == ("a.bin", "b.bin")
    assert [load_answers(path, CLASSES, name).predicted.tolist() for name in ("a.bin", "b.bin")] == [[1], [0]]


def test_more_than_two_classes_have_a_score_each(tmp_path: Path) -> None:
    path = csv(tmp_path, "id,predicted,score_a,score_b,score_c 0,c,0.1,0.2,0.7")
    answers = load_answers(path, ("a", "b", "c"))
    assert answers.scores is not None
    assert answers.scores.tolist() == [[0.1, 0.2, 0.7]]


def test_of_two_classes_the_score_is_that_of_the_positive_one(tmp_path: Path) -> None:
    """Where both have a column, and where one of them is called score."""
    path = csv(tmp_path, "id,predicted,score_bad,score_good 0,good,0.1,0.9")
    for positive, score in ((0, 0.1), (1, 0.9)):
        answers = load_answers(path, CLASSES, positive=positive)
        assert answers.scores is not None
        assert answers.scores.tolist() == [score]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,predicted 3,good", "expected an answer to each of 2 held-out rows, got none for id 7"),
        ("id,predicted 0,good", "got none for id 3 and 1 more"),
        ("id,predicted 3,good 7,bad 7,good", "expected one answer to each row, or a column artifact"),
        ("id,predicted 3,good 7,ugly", "expected predictions among the classes ['bad', 'good'], got 'ugly'"),
        ("id,predicted 3,good 7,", "expected predictions among the classes ['bad', 'good'], got None"),
        ("id,answer 3,good", "expected the columns id and predicted once, got none named 'predicted'"),
        ("id,predicted,score 3,good,0.5 7,bad,", "expected a number in each row of column 'score', got 1 empty"),
        ("id,predicted,score_bad 3,good,0.5 7,bad,0", "the scores of the positive class in a column 'score_good'"),
        ("id,predicted C3,good C7,bad", "ids, or their numbers from 0, in column 'id', got text"),
        ("artifact,id,predicted x,3,good x,7,bad", "expected answers of 'a.bin' in the column artifact, got x"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_answer_every_row_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """In one line, with the file."""
    path = csv(tmp_path, text)
    with pytest.raises(AnswersError) as caught:
        load_answers(path, CLASSES, "a.bin").of_rows(np.array([3, 7]), path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.csv", "text.parquet"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.parquet").write_text("id,predicted\n")
    with pytest.raises(AnswersError, match="expected answers: expected a"):
        load_answers(tmp_path / name, CLASSES)
