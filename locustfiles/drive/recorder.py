"""From attempts to the ledger: `Recorder` beside the users, `LedgerFile` beside the ledger's file.

Each second a recorder hands over its new events as one Arrow batch: to the ledger file of the same process or, on a
worker, as bytes to the master. Neither ever holds the whole ledger. What cannot be written is counted, and the run goes
on, so that the judge knows what is missing.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import gevent
import numpy as np
import pyarrow as pa

from analysis.record.arrow import of_numbers, to_numpy
from analysis.record.ledger import COLUMNS, SCHEMA, Kind, Outcome
from analysis.record.ledger_file import LedgerWriter
from model.contract import TAG_ARTIFACT, TAG_DIGEST

logger = logging.getLogger("plumbline")

FLUSH_S: Final = 1.0
FLUSH_EVENTS: Final = 4096
MAX_TAGS: Final = 64
MAX_FAILURES: Final = 32
_WHO_SERVED: Final = (TAG_ARTIFACT, TAG_DIGEST)

Tags = tuple[tuple[str, str], ...]
Failure = tuple[str, int, str]
"""What a failed request was: name of its kind, status, and the reason that was given."""
_CODES: Final = {"int8": "b", "int16": "h", "int32": "i", "int64": "q", "double": "d"}
_RECORD: Final = np.dtype([(field.name, "<" + _CODES[str(field.type)]) for field in SCHEMA])
_PACK: Final = struct.Struct("<" + "".join(_CODES[str(field.type)] for field in SCHEMA)).pack
"""Packs one event into the bytes of one record. That takes 0.2 us; a list for each column costs ten times as much."""


class EndedRequest(NamedTuple):
    """How one request ended; sequences have an element for each of its rows.

    ``rows``: ids of held-out rows. ``times_ns``: planned, sent, done. ``truth``, ``predicted``: indices into
    the card's classes. ``scores``: NaN without one.
    """

    kind: Kind
    rows: tuple[int, ...]
    times_ns: tuple[int, int, int]
    outcome: Outcome
    status: int
    predicted: tuple[int, ...]
    truth: tuple[int, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RecorderTotals:
    """The totals of a recorder at its end.

    ``events``: rows handed over. ``unrecorded``: rows known to be lost. ``failures``: first of each kind and status.
    """

    events: int
    batches: int
    unrecorded: int
    tags: tuple[Tags, ...]
    failures: tuple[Failure, ...] = ()


class Recorder:
    """Takes the events of one generator process, in the order in which they end.

    ``sink`` gets each batch and raises ``OSError`` if it cannot take it.
    """

    def __init__(self, worker: int, sink: Callable[[pa.RecordBatch], None]) -> None:
        self._worker = worker
        self._sink = sink
        self._packed = bytearray()
        self._requests = 0
        self._open: dict[int, int] = {}
        self._events = 0
        self._batches = 0
        self._unrecorded = 0
        self._tags: dict[Tags, None] = {}
        self._served: dict[Tags, None] = {}
        self._failures: dict[tuple[Kind, int], str] = {}
        self._flusher = gevent.spawn(self._flush_each_second)

    def begin(self, rows: int) -> int:
        """Number of a new request of ``rows`` rows, noted before a byte of it leaves."""
        request = self._requests
        self._requests += 1
        self._open[request] = rows
        return request

    def end(self, request: int, ended: EndedRequest) -> None:
        """Record how a begun request ended.

        It counts as open until all of its rows are packed. So whatever goes wrong, the request is either recorded as a
        whole or known to be missing.
        """
        count = self._open[request]
        kind, rows, times_ns, outcome, status, predicted, truth, scores = ended
        try:
            packed = [
                _PACK(
                    *(self._worker, request, place, kind, row, *times_ns),
                    *(outcome, status, predicted[place], truth[place], scores[place]),
                )
                for place, row in enumerate(rows)
            ]
        except struct.error:  # a number that the column cannot hold
            logger.exception("recording the load: expected an event that fits the ledger, got %s", ended)
            self._unrecorded += count
        else:
            self._packed += b"".join(packed)
        del self._open[request]
        if len(self._packed) >= FLUSH_EVENTS * _RECORD.itemsize:
            self.flush()

    def served_by(self, tags: Tags) -> None:
        """Note the tags of an answer; only distinct tags are kept, up to a limit.

        Tags that differ in each answer fill the limit soon. From then on only who served is kept of them, and that too
        up to the limit, so that an artefact that answers late is seen.
        """
        if tags in self._tags:
            return
        if len(self._tags) < MAX_TAGS:
            self._tags[tags] = None
            return
        if not self._served:
            logger.warning("recording the load: more than %d different tags; only who served is kept", MAX_TAGS)
        served = tuple(pair for pair in tags if pair[0] in _WHO_SERVED)
        if len(self._served) < MAX_TAGS:
            self._served[served] = None

    def failed(self, kind: Kind, status: int, reason: Callable[[], str]) -> None:
        """Note a failed request. Only of the first of its kind and status, up to a limit, ``reason`` is asked for."""
        if (kind, status) not in self._failures and len(self._failures) < MAX_FAILURES:
            self._failures[kind, status] = reason()

    def flush(self) -> None:
        """Hand over the events since the last call."""
        packed, self._packed = self._packed, bytearray()
        rows = len(packed) // _RECORD.itemsize
        if not rows:
            return
        taken = False
        try:
            self._sink(_batch_of(packed))
            taken = True
        except (OSError, pa.ArrowException) as error:
            if not self._unrecorded:
                logger.error("recording the load: expected to write %d events, got: %s.", rows, error)  # noqa: TRY400 - a full disk needs no traceback
        finally:  # also if it is killed while it waits, or fails in an unexpected way: what was not taken is counted
            self._events += rows * taken
            self._batches += taken
            self._unrecorded += rows * (not taken)

    def finish(self) -> RecorderTotals:
        """Hand over the rest. Requests that were begun and never ended count as unrecorded; there should be none."""
        self._flusher.kill()
        self.flush()
        tags = sorted({*self._tags, *(served for served in self._served if served)})
        unrecorded = self._unrecorded + sum(self._open.values())
        failures = tuple((kind.name.lower(), status, why) for (kind, status), why in sorted(self._failures.items()))
        return RecorderTotals(self._events, self._batches, unrecorded, tuple(tags), failures)

    def _flush_each_second(self) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            self.flush()


def _batch_of(packed: bytearray) -> pa.RecordBatch:
    """The packed records as a record batch, column by column."""
    records: Any = np.frombuffer(packed, dtype=_RECORD)
    columns = [of_numbers(records[name]) for name in COLUMNS]  # pa.array would import pandas, in the middle of the load
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


@dataclass(slots=True)
class EventTotals:
    """Running totals for the progress line."""

    events: int = 0
    failures: int = 0


class LedgerFile:
    """The ledger's file, on the process that controls the run.

    After the first failed write the file ends with a broken batch, so nothing more is written to it; the
    batches that come later are counted as unrecorded.
    """

    def __init__(self, path: Path) -> None:
        self._writer = LedgerWriter(path)
        self._broken: OSError | None = None
        self.counts = EventTotals()

    def append(self, batch: pa.RecordBatch) -> None:
        """Write one batch. Raises ``OSError`` if the file cannot take it, and then for each later batch."""
        if self._broken is not None:
            raise self._broken
        try:
            self._writer.append(batch)
        except OSError as error:
            self._broken = error
            raise
        self.counts.events += batch.num_rows
        acknowledged = int(np.count_nonzero(to_numpy(batch.column("outcome")) == Outcome.ACKNOWLEDGED))
        self.counts.failures += batch.num_rows - acknowledged

    def close(self) -> None:
        """End the file with its mark. If a write has failed, the mark is left out, so that the judge sees it."""
        if self._broken is None:
            self._writer.close()
        else:
            self._writer.abandon()
