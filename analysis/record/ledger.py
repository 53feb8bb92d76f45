"""The ledger's format: one row for each scored row of each attempted request, as Arrow record batches.

An *event* is such a row. `ledger_file` has the file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 1
_VERSION_KEY: Final = "plumbline.ledger"
NO_CLASS: Final = -1
"""``predicted`` of an event whose answer named no class (feedback, a refusal, an unreadable answer)."""


class Kind(IntEnum):
    PREDICT = 0
    FEEDBACK = 1


class Outcome(IntEnum):
    """What the client can be sure of.

    ACKNOWLEDGED: a 2xx answer, read whole. REFUSED: certainly not counted (4xx, or the connection was
    refused before a byte left). INDETERMINATE: may or may not have been counted (timeout, reset, 5xx,
    an answer cut short or unreadable, a request killed in flight).
    """

    ACKNOWLEDGED = 0
    REFUSED = 1
    INDETERMINATE = 2


SCHEMA: Final = pa.schema(
    [
        pa.field("worker", pa.int16(), nullable=False),
        pa.field("request", pa.int64(), nullable=False),
        pa.field("position", pa.int16(), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("planned_ns", pa.int64(), nullable=False),
        pa.field("sent_ns", pa.int64(), nullable=False),
        pa.field("done_ns", pa.int64(), nullable=False),
        pa.field("outcome", pa.int8(), nullable=False),
        pa.field("status", pa.int16(), nullable=False),
        pa.field("predicted", pa.int16(), nullable=False),
        pa.field("truth", pa.int16(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
    ],
    metadata={_VERSION_KEY: str(SCHEMA_VERSION)},
)
"""The columns of a ledger, a row for each row of each attempted request.

``worker``: index of the load generator process. ``request``: number of the request within its worker. The rows of a
batch share it and have different ``position`` (0 for a single row). ``row``: id of the held-out row.
``planned_ns`` <= ``sent_ns`` <= ``done_ns``: nanoseconds since the epoch. Each worker's times come from one reading of
the wall clock plus the monotonic clock, so differences are durations. ``planned_ns`` equals ``sent_ns`` where nothing
was planned (closed loop). ``status``: HTTP status, 0 without one; or gRPC status, which every call has, and of which 0
is OK (``asked.transport`` in ``run.json`` says which). ``predicted``, ``truth``: index into the card's ``classes``.
``score``: decision score that the answer carried, NaN without one.
"""
COLUMNS: Final = tuple(SCHEMA.names)


class LedgerError(Exception):
    """Bytes or a file are not a ledger; the message says what was expected and what was found."""


def batch_of(columns: Sequence[Sequence[object]]) -> pa.RecordBatch:
    """Record batch of the given columns, one sequence for each name in `COLUMNS`, all of one length."""
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def to_bytes(batch: pa.RecordBatch) -> bytes:
    """The batch as a whole IPC stream: what a worker sends to its master."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def from_bytes(payload: bytes) -> pa.RecordBatch:
    """The batch that `to_bytes` packed; raises `LedgerError` on anything else."""
    try:
        with pa.ipc.open_stream(payload) as reader:
            table = reader.read_all()
    except pa.ArrowException as error:
        raise LedgerError(f"ledger batch: expected an Arrow IPC stream, got {len(payload)} bytes: {error}") from error
    check_schema(table.schema, "ledger batch")
    return table.combine_chunks().to_batches()[0] if table.num_rows else batch_of([[] for _ in COLUMNS])


def check_schema(schema: pa.Schema, where: str) -> None:
    """Raise `LedgerError` unless the schema is that of a ledger; ``where`` is what the message calls the source."""
    if not schema.equals(SCHEMA, check_metadata=True):
        expected = f"ledger schema {SCHEMA_VERSION} ({', '.join(COLUMNS)})"
        raise LedgerError(f"{where}: expected {expected}, got {_described(schema)}")


def _described(schema: pa.Schema) -> str:
    """The schema's version and its columns."""
    version = (schema.metadata or {}).get(_VERSION_KEY.encode(), b"none").decode(errors="replace")
    return f"version {version} ({', '.join(schema.names)})"
