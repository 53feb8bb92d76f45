"""Seldon's answers: which class was predicted, and by whom; whatever else comes is not read as one."""

from __future__ import annotations

import json
import math

import pytest

from analysis.record.ledger import NO_CLASS
from locustfiles.protocol.answers import AnswerError, AnswerReader, Prediction
from model.rows.labels import Label


def read(answer: object, rows: int = 1, classes: tuple[int, ...] = (0, 1)) -> Prediction:
    return AnswerReader(classes).prediction(json.dumps(answer).encode(), rows)


@pytest.mark.parametrize(
    ("data", "predicted"),
    [
        ({"ndarray": [1]}, (1,)),
        ({"ndarray": [[1]]}, (1,)),
        ({"ndarray": [1.0]}, (1,)),
        ({"tensor": {"shape": [1], "values": [0.0]}}, (0,)),
        ({"tensor": {"shape": [1, 1], "values": [1.0]}}, (1,)),
        ({"ndarray": [[0.2, 0.8]]}, (1,)),
        ({"tensor": {"shape": [1, 2], "values": [0.7, 0.3]}}, (0,)),
        ({"ndarray": [5]}, (NO_CLASS,)),
        ({"ndarray": [0.5]}, (NO_CLASS,)),
        ({"ndarray": [[1, 2, 3]]}, (NO_CLASS,)),
        ({"ndarray": [[math.nan, 0.5]]}, (NO_CLASS,)),
        ({"ndarray": [math.inf]}, (NO_CLASS,)),
    ],
)
def test_a_row_is_a_label_or_a_value_for_each_class(data: object, predicted: tuple[int, ...]) -> None:
    """In every form in which Seldon's classes give them; a label that is no class of the card is none."""
    assert read({"data": data}).predicted == predicted


def test_labels_are_indices_into_the_cards_classes() -> None:
    """Classes need not be 0 and 1, nor in order."""
    assert read({"data": {"ndarray": [4, 2, 4]}}, 3, classes=(4, 2)).predicted == (0, 1, 0)


@pytest.mark.parametrize(
    ("classes", "content", "predicted"),
    [
        (("bad", "good"), {"ndarray": ["good", "bad"]}, (1, 0)),
        (("bad", "good"), {"ndarray": [["good"], ["ugly"]]}, (1, NO_CLASS)),
        (("bad", "good"), {"ndarray": [1, 0]}, (NO_CLASS, NO_CLASS)),
        (("bad", "good"), {"names": ["t:0", "t:1"], "ndarray": [[0.2, 0.8], [0.9, 0.1]]}, (1, 0)),
        (("bad", "good"), {"names": ["good", "bad"], "ndarray": [[0.2, 0.8], [0.9, 0.1]]}, (0, 1)),
        (("0", "1"), {"ndarray": ["1", "0"]}, (1, 0)),
        ((False, True), {"ndarray": [True, False]}, (1, 0)),
        ((False, True), {"tensor": {"shape": [2], "values": [1.0, 0.0]}}, (1, 0)),
        ((-1, 1), {"ndarray": [-1, 1.0]}, (0, 1)),
        ((1, 2), {"names": ["2", "1"], "ndarray": [[0.2, 0.8], [0.9, 0.1]]}, (0, 1)),
        (("a", "b", "c"), {"ndarray": [[0.2, 0.1, 0.7], [0.5, 0.4, 0.1]]}, (2, 0)),
    ],
)
def test_labels_of_any_kind_are_read_as_the_cards_classes(
    classes: tuple[Label, ...], content: dict[str, object], predicted: tuple[int, ...]
) -> None:
    """Text, booleans, numbers; a value for each class is of the class that its name says."""
    body = json.dumps({"data": content}).encode()
    assert AnswerReader(classes).prediction(body, 2).predicted == predicted


def test_a_batch_has_an_answer_for_each_row() -> None:
    """Flat or nested; values for each class lie beside each other in a tensor."""
    assert read({"data": {"ndarray": [[0], [1]]}}, 2).predicted == (0, 1)
    assert read({"data": {"tensor": {"shape": [2, 2], "values": [0.9, 0.1, 0.2, 0.8]}}}, 2).predicted == (0, 1)


def test_a_value_for_each_class_carries_a_score_and_a_label_none() -> None:
    """The score is the last class's value, NaN if there is none."""
    assert read({"data": {"ndarray": [[0.2, 0.8]]}}).scores == (0.8,)
    assert math.isnan(read({"data": {"ndarray": [1]}}).scores[0])


def test_tags_tell_who_answered() -> None:
    """Sorted pairs of strings, so that equal tags are equal."""
    tags = read({"data": {"ndarray": [1]}, "meta": {"tags": {"b": 1, "a": "x"}}}).tags
    assert tags == (("a", "x"), ("b", "1"))
    assert read({"data": {"ndarray": [1]}}).tags == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1]",
        b"{}",
        b'{"data": 3}',
        b'{"data": {}}',
        b'{"data": {"ndarray": []}}',
        b'{"data": {"ndarray": [1, 0]}}',
        b'{"data": {"ndarray": ["a"]}}',
        b'{"data": {"tensor": {"shape": [0], "values": []}}}',
        b'{"data": {"tensor": {"shape": [2], "values": [1, 2, 3]}}}',
        b'{"data": {"tensor": [1]}}',
        b'{"data": {"ndarray": [null]}}',
        b'{"status": {"status": "FAILURE", "info": "no"}, "data": {"ndarray": [1]}}',
        b'{"data": {"ndarray": [1]}, "meta": ["x"]}',
        b'{"data": {"ndarray": [1]}, "meta": {"tags": ["a"]}}',
        b'{"data": {"ndarray": [1]}, "meta": {"tags": "a"}}',
        b'{"data": {"tensor": {"shape": [1e999], "values": [1]}}}',
        b'{"data": {"tensor": {"shape": [NaN], "values": [1]}}}',
        b'{"data": {"ndarray": [1' + b"0" * 400 + b"]}}",
        b'{"data": {"ndarray": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b"\xff\xfe",
    ],
)
def test_what_is_no_prediction_is_not_read_as_one(body: bytes) -> None:
    """HTML, another shape, too many rows, words, a failure in a 200: an error, never a class."""
    with pytest.raises(AnswerError):
        AnswerReader((0, 1)).prediction(body, 1)


def test_feedback_is_acknowledged_by_any_object_that_tells_of_no_failure() -> None:
    """Seldon answers feedback with an empty object or its meta; a page of HTML with status 200 acknowledges nothing."""
    reader = AnswerReader((0, 1))
    reader.acknowledgement(b"{}")
    reader.acknowledgement(b'{"meta": {}}')
    with pytest.raises(AnswerError, match="expected JSON, got '<html>Welcome</html>'"):
        reader.acknowledgement(b"<html>Welcome</html>")
    with pytest.raises(AnswerError, match="expected JSON, got an empty body"):
        reader.acknowledgement(b"")
    with pytest.raises(AnswerError, match="RecursionError"):
        reader.acknowledgement(b"[" * 100_000)


def test_answers_are_remembered_only_up_to_a_bound() -> None:
    """Answers that all differ (a counter in their meta) must not fill the memory of a long run."""
    reader = AnswerReader((0, 1))
    for number in range(5000):
        reader.prediction(json.dumps({"data": {"ndarray": [1]}, "meta": {"n": number}}).encode(), 1)
    assert len(reader._known) == 4096
