"""Rows on their way: what a file holds is, after Seldon's own parsers, what the estimator gets, to the last bit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from seldon_core.proto import prediction_pb2
from seldon_core.utils import (
    extract_feedback_request_parts,
    extract_request_parts,
    extract_request_parts_json,
    json_to_feedback,
)

from locustfiles.load.options import Payload
from locustfiles.protocol.grpc_messages import GrpcRequests
from locustfiles.protocol.payload import TruthValue
from locustfiles.protocol.rest_requests import RestRequests
from model.rows.columns import LARGEST_WHOLE, TYPES, Cell, Rows
from model.rows.labels import one_hot
from model.rows.request import RequestError, RequestRows

NAMES = tuple(f"column {place}" for place in range(len(TYPES)))
NUMBER = st.floats(allow_infinity=False, allow_nan=False)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "float64": st.floats(allow_infinity=False),
    "float32": st.floats(allow_infinity=False, width=32),
    "float16": st.floats(allow_infinity=False, width=16),
    "int64": st.integers(-LARGEST_WHOLE, LARGEST_WHOLE),
    "bool": st.none() | st.booleans(),
    "text": st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
}


@st.composite
def any_rows(draw: st.DrawFn) -> Rows:
    """One to three rows with columns of some of the types, in any order."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=6))
    number = draw(st.integers(1, 3))
    columns = tuple(column(kind, [draw(VALUES[kind]) for _ in range(number)]) for kind in types)
    return Rows(NAMES[: len(types)], tuple(types), columns)


def column(kind: str, values: list[Any]) -> NDArray[Any]:
    """A column as `Rows` holds it."""
    if kind not in {"bool", "text"}:
        return np.array(values, kind)
    objects = np.empty(len(values), object)
    objects[:] = values
    return objects.astype(np.bool_) if kind == "bool" and None not in values else objects


def same(read: Rows, sent: Rows) -> bool:
    """Whether both hold the same values of the same types; missing equals missing."""
    return (read.names, read.types) == (sent.names, sent.types) and all(
        here.dtype == there.dtype and list(map(repr, here.tolist())) == list(map(repr, there.tolist()))
        for here, there in zip(read.columns, sent.columns, strict=True)
    )


def arrays(rows: Rows, payload: Payload = "ndarray") -> dict[str, tuple[Any, list[str]]]:
    """What Seldon's wrapper hands to a class for the rows, by each of its ways, with the names."""
    cells, truth, places = rows.cells(), [0] * len(rows), tuple(range(len(rows)))
    rest = RestRequests(features=cells, truth=truth, names=rows.names, host="h", path="", payload=payload)
    grpc = GrpcRequests(features=cells, truth=truth, names=rows.names, payload=payload)
    question, feedback = (
        json.loads(request.partition(b"\r\n\r\n")[2]) for request in (rest.predict(places), rest.feedback(places, None))
    )
    message = prediction_pb2.SeldonMessage.FromString(grpc.predict(places).body)
    features, _, content, _ = extract_request_parts_json(question)
    data, scored, _, _ = extract_feedback_request_parts(json_to_feedback(feedback))
    by_grpc, _, definition, _ = extract_request_parts(message)
    return {
        "REST prediction": (features, content["names"]),
        "REST feedback": (scored, list(data.names)),
        "gRPC": (by_grpc, list(definition.names)),
    }


@settings(deadline=None, max_examples=150)
@given(any_rows())
def test_every_value_of_every_type_arrives_as_it_was(rows: Rows) -> None:
    """Numbers, text that reads like a number, true and false, and what is missing, by REST and by gRPC."""
    reader = RequestRows(rows.names, rows.types)
    for way, (array, names) in arrays(rows).items():
        assert same(reader.read(array, names), rows), way


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(allow_infinity=False, allow_nan=False), min_size=2, max_size=2), min_size=1, max_size=3)
)
def test_a_tensor_carries_numbers(values: list[tuple[float, float]]) -> None:
    rows = Rows(NAMES[:2], ("float64", "float64"), tuple(np.array(values).T))
    for way, (array, names) in arrays(rows, "tensor").items():
        assert same(RequestRows(rows.names, rows.types).read(array, names), rows), way


def test_a_tensor_carries_a_missing_number_by_grpc_only() -> None:
    """Over REST there is no NaN to be written, and null is none of a tensor's numbers."""
    rows = Rows(NAMES[:2], ("float64", "float64"), (np.array([1.0]), np.array([np.nan])))
    grpc = GrpcRequests(features=rows.cells(), truth=[0], names=rows.names, payload="tensor")
    array = extract_request_parts(prediction_pb2.SeldonMessage.FromString(grpc.predict((0,)).body))[0]
    assert same(RequestRows(rows.names, rows.types).read(array, None), rows)


def test_what_seldons_wrapper_does_to_mixed_values() -> None:
    """The reason for reading by the card: one text turns every number into text, one null keeps each as it was."""

    def read(row: list[Cell]) -> Any:
        return extract_request_parts_json({"data": {"ndarray": [row]}})[0]

    assert read([0.1, "Ulm", True]).tolist() == [["0.1", "Ulm", "True"]]
    assert read([0.1, "Ulm", None]).tolist() == [[0.1, "Ulm", None]]
    assert read([0.5, None]).dtype == object
    assert read([2.0, True]).tolist() == [[2.0, 1.0]]
    quoted = extract_request_parts_json({"data": {"tensor": {"shape": [1, 2], "values": [1.5, "NaN"]}}})[0]
    assert quoted.tolist() == [["1.5", "NaN"]], "a quoted NaN, as protobuf writes it, turns a whole tensor into text"


@pytest.mark.parametrize("payload", ["ndarray", "tensor"])
@pytest.mark.parametrize(
    ("truth", "read"),
    [([1, 2], [1, 2]), ([one_hot(0, 3), one_hot(2, 3)], [[1, 0, 0], [0, 0, 1]]), (["good", "bad"], ["good", "bad"]),
     ([True, False], [True, False])],
)  # fmt: skip
def test_truth_arrives_in_its_own_form(payload: Payload, truth: list[TruthValue], read: list[Any]) -> None:
    """A number, a one among zeros, a text, a boolean; the first two also in a tensor."""
    if payload == "tensor" and not isinstance(read[0], int | list):
        return
    cells: list[list[Cell]] = [[0.0], [1.0]]
    rest = RestRequests(features=cells, truth=truth, names=["a"], host="h", path="", payload=payload)
    grpc = GrpcRequests(features=cells, truth=truth, names=["a"], payload=payload)
    body = json.loads(rest.feedback((0, 1), None).partition(b"\r\n\r\n")[2])
    for message in (json_to_feedback(body), prediction_pb2.Feedback.FromString(grpc.feedback((0, 1), None).body)):
        assert extract_feedback_request_parts(message)[2].tolist() == read


@pytest.mark.parametrize(
    ("types", "values", "message"),
    [
        (("float64", "text"), [["x", "a"]], "expected a number or null in column 'column 0', got 'x'"),
        (("float64", "text"), [[1.0, 2.0]], "expected text or null in column 'column 1'"),
        (("float64", "bool"), [[1.0, 2.0]], "expected true, false or null in column 'column 1'"),
        (("int64", "bool"), [[1.5, 1.0]], "expected whole numbers in column 'column 0'"),
        (("int64", "text"), [[None, "a"]], "expected whole numbers in column 'column 0'"),
        (("float64", "float64"), [["1.0", "2.0"]], "rows: expected numbers, got"),
        ((), [["1.0", "2.0"]], "rows: expected numbers, got"),
        ((), [[True, None]], "expected text or null in column 'column 0'"),
        (("float64", "float32"), [[True, None]], "expected a number or null in column 'column 0', got 'True'"),
    ],
)
def test_a_value_of_another_type_is_refused(types: tuple[str, ...], values: list[list[Any]], message: str) -> None:
    """In one line that names the column."""
    with pytest.raises(RequestError) as caught:
        RequestRows(NAMES[:2], types).read(np.array(values), None)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_types_a_column_with_a_text_is_text_and_any_other_holds_numbers() -> None:
    """A card of before says no types; the held-out file of such a card is read in the same way."""
    rows = RequestRows(("a", "b"), ()).read(np.array([[1.5, "Ulm"], [2.5, "7"]]), ["a", "b"])
    assert rows.types == ("float64", "text")
    assert [column.tolist() for column in rows.columns] == [[1.5, 2.5], ["Ulm", "7"]]
