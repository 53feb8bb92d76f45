"""Our schema of Seldon's messages against Seldon's own, and what is read back."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2

from locustfiles.load.options import Payload
from locustfiles.protocol.answers import AnswerError, AnswerReader
from locustfiles.protocol.grpc_messages import POOL, GrpcRequests, SeldonMessage, answer_of
from locustfiles.protocol.rest_requests import RestRequests

ROWS: Final[dict[str, Any]] = {
    "features": [[1.5, 2.25, 1e-17], [3.0, -4.0, 0.1]],
    "truth": [1, 0],
    "names": ["a", "b", "ü"],
}
OURS: Final = ("SeldonMessage", "DefaultData", "Tensor", "Meta", "Status", "Feedback")


def fields_of(pool: Any, name: str) -> dict[str, tuple[object, ...]]:
    """Number, kind, message and choice of each field of a message."""
    described = pool.FindMessageTypeByName(f"seldon.protos.{name}")
    return {
        field.name: (
            field.number,
            field.type,
            field.label,
            field.message_type and field.message_type.full_name,
            field.enum_type and [(value.name, value.number) for value in field.enum_type.values],
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in described.fields
    }


@pytest.mark.parametrize("name", OURS)
def test_each_field_is_as_in_seldons_schema(name: str) -> None:
    """Full names, numbers, kinds and choices of the fields that we know are those of ``prediction.proto``."""
    ours, theirs = fields_of(POOL, name), fields_of(prediction_pb2.DESCRIPTOR.pool, name)
    assert ours == {field: theirs[field] for field in ours}
    assert ours


def test_the_methods_are_those_of_seldons_service() -> None:
    """``seldon.protos.Seldon`` has both methods, for the messages that we send and read."""
    service = prediction_pb2.DESCRIPTOR.services_by_name["Seldon"]
    methods = {
        name: (method.input_type.full_name, method.output_type.full_name)
        for name, method in service.methods_by_name.items()
    }
    assert methods["Predict"] == ("seldon.protos.SeldonMessage", "seldon.protos.SeldonMessage")
    assert methods["SendFeedback"] == ("seldon.protos.Feedback", "seldon.protos.SeldonMessage")


@pytest.mark.parametrize("payload", ["ndarray", "tensor"])
@pytest.mark.parametrize("rows", [(0,), (1, 0)])
def test_seldon_reads_the_same_from_both_transports(payload: Payload, rows: tuple[int, ...]) -> None:
    """Seldon's own parsers find the same message in a REST body and in a gRPC one, to the last bit of each number."""
    rest = RestRequests(host="h", path="/p", payload=payload, **ROWS)
    grpc = GrpcRequests(payload=payload, **ROWS)
    by_rest = json.loads(rest.predict(rows).partition(b"\r\n\r\n")[2])
    assert prediction_pb2.SeldonMessage.FromString(grpc.predict(rows).body) == json_format.ParseDict(
        by_rest, prediction_pb2.SeldonMessage()
    )
    for reward in (None, 0.0, 0.5):
        by_rest = json.loads(rest.feedback(rows, reward).partition(b"\r\n\r\n")[2])
        assert prediction_pb2.Feedback.FromString(grpc.feedback(rows, reward).body) == json_format.ParseDict(
            by_rest, prediction_pb2.Feedback()
        )


def test_a_row_is_encoded_once() -> None:
    """The same request again is the same object, for each row and reward."""
    messages = GrpcRequests(**ROWS)
    assert messages.predict((0,)) is messages.predict((0,))
    assert messages.feedback((0,), 1.0) is messages.feedback((0,), 1.0)
    assert messages.feedback((0,), 1.0) != messages.feedback((0,), 0.0)


ANSWERS: Final = (
    {"data": {"names": ["t:0"], "ndarray": [1]}, "meta": {"tags": {"artifact": "a", "n": 2, "half": 0.5, "on": True}}},
    {"data": {"ndarray": [[0.25, 0.75]]}, "meta": {"puid": "p", "tags": {"list": [1, "a"], "none": None}}},
    {"data": {"tensor": {"shape": [1, 2], "values": [0.75, 0.25]}}},
    {"data": {"tensor": {"shape": [1], "values": [1]}}, "meta": {"metrics": [{"key": "k", "value": 1.5}]}},
)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_says_the_same_by_both_transports(answer: dict[str, Any]) -> None:
    """Class, score and tags (who served it) are read alike from JSON and from protobuf."""
    packed = json_format.ParseDict(answer, prediction_pb2.SeldonMessage()).SerializeToString()
    by_rest = AnswerReader((0, 1)).prediction(json.dumps(answer).encode(), 1)
    assert AnswerReader((0, 1), answer_of).prediction(packed, 1) == by_rest


def failure() -> bytes:
    """What Seldon says of a failure inside an answer."""
    return SeldonMessage(status={"status": "FAILURE", "info": "no such model"}).SerializeToString()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"\xff\xff garbage", "expected a SeldonMessage, got 10 bytes that begin with ff ff 20 67"),
        (b"", "expected data in the answer, got none"),
        (prediction_pb2.SeldonMessage(strData="1").SerializeToString(), "expected data in the answer, got none"),
        (SeldonMessage(data={"tensor": {"shape": [2], "values": [1, 0]}}).SerializeToString(), "expected 1 rows"),
        (failure(), "Seldon reports a failure: no such model"),
    ],
    ids=["garbage", "empty", "text", "rows", "failure"],
)
def test_an_answer_without_the_prediction_is_refused(body: bytes, line: str) -> None:
    """What is no prediction for the rows asked is no acknowledgement."""
    with pytest.raises(AnswerError, match=line):
        AnswerReader((0, 1), answer_of).prediction(body, 1)


def test_feedback_is_acknowledged_by_an_empty_message_only_if_it_tells_of_no_failure() -> None:
    """Seldon's answer to feedback holds nothing, or its tags."""
    reader = AnswerReader((0, 1), answer_of)
    reader.acknowledgement(b"")
    with pytest.raises(AnswerError, match="failure"):
        reader.acknowledgement(failure())
    with pytest.raises(AnswerError, match="expected a SeldonMessage"):
        reader.acknowledgement(b"\x0a\xffx")
