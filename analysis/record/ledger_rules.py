"""The rules that every true ledger keeps. A ledger that breaks one is damaged, and nothing is judged by it.

The format (`record.ledger`) says what the columns mean. A batch can be well formed and still hold what no load
generator writes: an event of a kind that does not exist, sent before the run began, recorded twice, or with an outcome
that does not follow from its status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from analysis.record.arrays import Bools, Ints
from analysis.record.arrow import to_numpy
from analysis.record.instants import epoch_s
from analysis.record.ledger import COLUMNS, SCHEMA, Kind, LedgerError, Outcome
from analysis.record.runfolder import Run

SLACK_NS: Final = 10**9
"""How far outside the run an event may lie: the clocks of generator processes differ by less, or are wrong."""
_LAST_STATUS: Final = 999
"""Largest status that HTTP has room for; gRPC's are below 20."""
_GRPC: Final = "grpc"
_OF_REQUEST: Final = ("kind", "planned_ns", "sent_ns", "done_ns", "outcome", "status")
"""Columns that are of a request as a whole, and so the same in each of its rows."""
_REQUESTS: Final = 2**33
_POSITIONS: Final = 2**15
"""Upper limits of a request's number and of a position, so that both fit into 64 bits with the worker's index."""


def check(batches: Iterable[pa.RecordBatch], run: Run) -> int | None:
    """When the first event was sent, on the ledger's clock; None for a ledger without events.

    Raises `LedgerError` for the first event that breaks a rule: it says which event, and what is wrong with it. Needs
    8 bytes an event for the time of the call.
    """
    within, is_grpc = _span_of(run), run.options.get("transport") == _GRPC
    firsts, keys, number = [], [], 0
    previous: dict[str, int] = {}
    for batch in batches:
        if not batch.num_rows:
            continue
        _check_nulls(batch, number)
        columns = {name: to_numpy(batch.column(at)) for at, name in enumerate(COLUMNS)}
        rules = _rules(columns, *within) | _rules_of_status(columns, is_grpc=is_grpc)
        for message, is_wrong in (rules | _rules_of_requests(columns, previous)).items():
            if is_wrong.any():
                at = int(np.argmax(is_wrong))
                raise LedgerError(f"{_named(columns, at, number)} {message.format(**_values(columns, at))}")
        firsts.append(int(columns["sent_ns"].min()))
        keys.append(_key(columns))
        previous = _values(columns, -1)
        number += batch.num_rows
    _check_distinct(keys)
    return min(firsts, default=None)


def _span_of(run: Run) -> tuple[int, int]:
    """The earliest and the latest time that an event of the run may carry, in nanoseconds."""
    started = round(epoch_s(run.started) * 1e9) - SLACK_NS
    ended = round(epoch_s(run.ended) * 1e9) + SLACK_NS if run.ended is not None else np.iinfo(np.int64).max
    return started, int(ended)


def _rules(columns: Mapping[str, Any], earliest: int, latest: int) -> dict[str, Bools]:
    """For each rule, what to say of an event that breaks it, and which events of the batch do."""
    planned, sent, done = columns["planned_ns"], columns["sent_ns"], columns["done_ns"]
    kind, outcome, request = columns["kind"], columns["outcome"], columns["request"]
    return {
        "has kind {kind}, which does not exist": (kind < 0) | (kind >= len(Kind)),
        "has outcome {outcome}, which does not exist": (outcome < 0) | (outcome >= len(Outcome)),
        "has status {status}, which does not exist": (columns["status"] < 0) | (columns["status"] > _LAST_STATUS),
        "has a worker, request or position that cannot be": (
            (columns["worker"] < 0) | (columns["position"] < 0) | (request < 0) | (request >= _REQUESTS)
        ),
        "was sent ({sent_ns}) before it was planned ({planned_ns})": planned > sent,
        "ended ({done_ns}) before it was sent ({sent_ns})": sent > done,
        "was planned at {planned_ns}, before the run began": planned < earliest,
        "ended at {done_ns}, after the run had ended": done > latest,
    }


def _rules_of_status(columns: Mapping[str, Any], *, is_grpc: bool) -> dict[str, Bools]:
    """As `_rules`: that an outcome follows from the status, as far as it does.

    An answer of any status can be cut short or unreadable, so a request of unknown outcome may have each of them. One
    that never reached a server was refused without a status of HTTP.
    """
    status, outcome = columns["status"], columns["outcome"]
    if is_grpc:
        is_good, is_refusal = status == 0, status != 0
    else:
        is_good, is_refusal = status // 100 == 2, (status == 0) | (status // 100 == 4)
    return {
        "was acknowledged with status {status}, which is no success": (outcome == Outcome.ACKNOWLEDGED) & ~is_good,
        "was refused with status {status}, which is no refusal": (outcome == Outcome.REFUSED) & ~is_refusal,
    }


def _rules_of_requests(columns: Mapping[str, Any], previous: Mapping[str, int]) -> dict[str, Bools]:
    """As `_rules`: that the rows of a request stand together, and say the same of it.

    ``previous``: the event before the first one of the batch, by column; empty if there is none.
    """
    position = columns["position"]
    if not position.any():
        return {}

    def differs(name: str) -> Bools:
        """Which events have another value than the event before."""
        different = np.ones(len(position), np.bool_)
        different[1:] = columns[name][1:] != columns[name][:-1]
        different[0] = not previous or columns[name][0] != previous[name]
        return different

    before = np.concatenate([[previous.get("position", -1)], position[:-1]])
    is_apart = differs("worker") | differs("request") | (position != before + 1)
    is_other = np.logical_or.reduce([differs(name) for name in _OF_REQUEST])
    return {
        "does not follow the row before it of its request": (position > 0) & is_apart,
        "has another time, outcome or status than the row before it of its request": (position > 0) & is_other,
    }


def _check_nulls(batch: pa.RecordBatch, before: int) -> None:
    empty = [name for at, name in enumerate(SCHEMA.names) if batch.column(at).null_count]
    if empty:
        raise LedgerError(f"events {before + 1} to {before + batch.num_rows} lack a value of {empty[0]}")


def _key(columns: Mapping[str, Any]) -> Ints:
    """One number for worker, request and position of each event."""
    key: Ints = (columns["worker"].astype(np.int64) * _POSITIONS + columns["position"]) * _REQUESTS + columns["request"]
    return key


def _check_distinct(keys: list[Ints]) -> None:
    if not keys:
        return
    key = np.concatenate(keys)
    key.sort()
    twice = np.flatnonzero(key[1:] == key[:-1])
    if len(twice):
        rest, request = divmod(int(key[twice[0]]), _REQUESTS)
        worker, position = divmod(rest, _POSITIONS)
        raise LedgerError(
            f"the event of worker {worker}, request {request}, position {position} is in the ledger more than once"
        )


def _named(columns: Mapping[str, Any], at: int, before: int) -> str:
    values = _values(columns, at)
    place = "worker {worker}, request {request}, position {position}".format(**values)
    return f"event {before + at + 1} ({place})"


def _values(columns: Mapping[str, Any], at: int) -> dict[str, int]:
    return {name: int(columns[name][at]) for name in COLUMNS if name != "score"}
