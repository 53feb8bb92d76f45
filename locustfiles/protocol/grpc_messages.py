"""Seldon's protobuf messages, encoded once for each row, and read back.

The schema is our own and has only what is needed. Names, numbers and types are those of Seldon's ``prediction.proto``
(a test compares them). It has a descriptor pool of its own, where it cannot clash with Seldon's. A parser skips what it
leaves out (tensors of TensorFlow, ``customData``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, struct_pb2

from locustfiles.load.options import Payload
from locustfiles.protocol.answers import AnswerError
from locustfiles.protocol.payload import TruthValue
from model.rows.columns import Cell

SERVICE: Final = "seldon.protos.Seldon"
_STRUCT: Final = "google.protobuf"
_FIELDS: Final = {
    "SeldonMessage": "status=1 Status, meta=2 Meta, data=3 DefaultData",
    "DefaultData": "names=1 string*, tensor=2 Tensor, ndarray=3 ListValue",
    "Tensor": "shape=1 int32*, values=2 double*",
    "Meta": "puid=1 string, tags=2 TagsEntry*",
    "Status": "code=1 int32, info=2 string, reason=3 string, status=4 StatusFlag",
    "Feedback": "request=1 SeldonMessage, response=2 SeldonMessage, reward=3 float, truth=4 SeldonMessage",
}
"""Fields of each message, as ``name=number type``, with ``*`` for a repeated one."""
_ONEOF: Final = {"SeldonMessage": ("data",), "DefaultData": ("tensor", "ndarray")}
_FAILURE: Final = 1


class Call(NamedTuple):
    """A request: which method of `SERVICE`, and its message."""

    method: str
    body: bytes


class GrpcRequests:
    """Requests for one deployment; ``features``, ``truth`` and ``names`` are those of `rest_requests.RestRequests`."""

    def __init__(
        self,
        *,
        features: Sequence[Sequence[Cell]],
        truth: Sequence[TruthValue],
        names: Sequence[str],
        payload: Payload = "ndarray",
    ) -> None:
        self._features = features
        self._truth = truth
        self._names = list(names)
        self._payload = payload
        self._calls: dict[tuple[str, tuple[int, ...], float | None], Call] = {}

    def predict(self, rows: tuple[int, ...]) -> Call:
        """The request that asks for a prediction of ``rows``."""
        return self._remembered("Predict", rows, None)

    def feedback(self, rows: tuple[int, ...], reward: float | None) -> Call:
        """The request that tells the truth of ``rows``.

        Without ``reward`` it is 0, because the field cannot be absent.
        """
        return self._remembered("SendFeedback", rows, reward)

    def _remembered(self, method: str, rows: tuple[int, ...], reward: float | None) -> Call:
        key = (method, rows, reward)
        call = self._calls.get(key)
        if call is None:
            seldon_message = self._question(rows) if method == "Predict" else self._feedback(rows, reward)
            call = Call(method, seldon_message.SerializeToString())
            if len(rows) == 1:  # batches hardly ever repeat
                self._calls[key] = call
        return call

    def _question(self, rows: tuple[int, ...]) -> Any:
        question = SeldonMessage()
        question.data.names.extend(self._names)
        _fill(question.data, [self._features[row] for row in rows], self._payload)
        return question

    def _feedback(self, rows: tuple[int, ...], reward: float | None) -> Any:
        feedback = Feedback(request=self._question(rows), reward=reward or 0.0)
        _fill(feedback.truth.data, [self._truth[row] for row in rows], self._payload)
        return feedback


def _fill(target: Any, rows: Sequence[TruthValue | Sequence[Cell]], payload: Payload) -> None:
    """Put rows, each a value or a sequence of values, into a ``DefaultData``."""
    if payload == "ndarray":
        for row in rows:
            _set(target.ndarray.values.add(), row)
        return
    values = [row if isinstance(row, Sequence) and not isinstance(row, str) else [row] for row in rows]
    is_flat = values[0] is not rows[0]
    target.tensor.shape.extend([len(rows)] if is_flat else [len(rows), len(values[0])])
    target.tensor.values.extend(math.nan if cell is None else cell for row in values for cell in row)


def _set(target: Any, value: Any) -> None:
    """Set a ``google.protobuf.Value``."""
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    else:
        for item in value:
            _set(target.list_value.values.add(), item)


def answer_of(body: bytes) -> dict[str, Any]:
    """The answer in ``body`` as the JSON object that Seldon's REST gives for it.

    Raises `AnswerError` if ``body`` is not a ``SeldonMessage``, or reports a failure.
    """
    try:
        answer = SeldonMessage.FromString(body)
    except message.DecodeError as error:
        shown = f"{len(body)} bytes that begin with {body[:16].hex(' ')}"
        raise AnswerError(f"expected a SeldonMessage, got {shown}") from error
    if answer.status.status == _FAILURE:
        raise AnswerError(f"Seldon reports a failure: {(answer.status.info or answer.status.reason)[:80]}")
    decoded: dict[str, Any] = {"meta": {"tags": {key: _plain(value) for key, value in answer.meta.tags.items()}}}
    form = answer.data.WhichOneof("data_oneof")
    if form == "tensor":
        decoded["data"] = {
            "tensor": {"shape": list(answer.data.tensor.shape), "values": list(answer.data.tensor.values)}
        }
    elif form == "ndarray":
        decoded["data"] = {"ndarray": [_plain(value) for value in answer.data.ndarray.values]}
    return decoded


def _plain(value: Any) -> Any:
    """A ``google.protobuf.Value`` as JSON would have it: whole numbers without a point."""
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number: float = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "struct_value":
        return {key: _plain(item) for key, item in value.struct_value.fields.items()}
    return None if kind in (None, "null_value") else getattr(value, kind)


def _schema() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="plumbline/prediction.proto", package="seldon.protos")
    file.syntax = "proto3"
    file.dependency.append("google/protobuf/struct.proto")
    for name, fields in _FIELDS.items():
        described = file.message_type.add(name=name)
        for field in fields.split(", "):
            _add_field(described, *field.replace("=", " ").split())
        if name in _ONEOF:
            described.oneof_decl.add(name="data_oneof")
    [meta] = (message_type for message_type in file.message_type if message_type.name == "Meta")
    entry = meta.nested_type.add(name="TagsEntry")
    entry.options.map_entry = True
    _add_field(entry, "key", "1", "string")
    _add_field(entry, "value", "2", "Value")
    [status] = (message_type for message_type in file.message_type if message_type.name == "Status")
    flag = status.enum_type.add(name="StatusFlag")
    flag.value.add(name="SUCCESS", number=0)
    flag.value.add(name="FAILURE", number=_FAILURE)
    return file


def _add_field(described: descriptor_pb2.DescriptorProto, name: str, number: str, kind: str) -> None:
    proto = descriptor_pb2.FieldDescriptorProto
    field = described.field.add(name=name, number=int(number))
    plain = kind.rstrip("*")
    field.label = proto.LABEL_REPEATED if kind.endswith("*") else proto.LABEL_OPTIONAL
    if plain.islower() or plain == "int32":
        field.type = proto.Type.Value(f"TYPE_{plain.upper()}")
        return
    field.type = proto.TYPE_ENUM if plain == "StatusFlag" else proto.TYPE_MESSAGE
    home = {"ListValue": _STRUCT, "Value": _STRUCT, "TagsEntry": "seldon.protos.Meta"}
    field.type_name = (
        f".{home.get(plain, 'seldon.protos.Status' if plain == 'StatusFlag' else 'seldon.protos')}.{plain}"
    )
    if name in _ONEOF.get(described.name, ()):
        field.oneof_index = 0


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_schema().SerializeToString())
    return pool


POOL: Final = _pool()


def _class_of(name: str) -> Any:
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"seldon.protos.{name}"))


SeldonMessage: Final = _class_of("SeldonMessage")
Feedback: Final = _class_of("Feedback")
