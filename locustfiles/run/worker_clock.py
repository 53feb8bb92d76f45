"""The clock of a worker against the master's: read before the load, and taken off the times of its events.

The ledger is on one clock, the master's. A worker on another machine may be seconds off, and then its events would look
counted before they were sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

TIMES: Final = ("planned_ns", "sent_ns", "done_ns")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """``worker_ns``: the worker's clock at some moment between ``asked_ns`` and ``heard_ns`` of the master's."""

    asked_ns: int
    worker_ns: int
    heard_ns: int


@dataclass(frozen=True, slots=True)
class WorkerClock:
    """A worker's clock minus the master's: ``offset_ns``, known to within ``uncertainty_ns`` either way.

    An offset that may be 0 is taken to be 0: on one machine it is, and no event is moved without need.
    """

    offset_ns: int
    uncertainty_ns: int

    @classmethod
    def of(cls, readings: Sequence[ClockReading]) -> WorkerClock:
        """By the quickest reading (Cristian's algorithm). Raises ValueError without a reading."""
        best = min(readings, key=lambda reading: reading.heard_ns - reading.asked_ns)
        offset_ns = best.worker_ns - (best.asked_ns + best.heard_ns) // 2
        uncertainty_ns = (best.heard_ns - best.asked_ns + 1) // 2
        if abs(offset_ns) <= uncertainty_ns:
            return cls(0, abs(offset_ns) + uncertainty_ns)
        return cls(offset_ns, uncertainty_ns)

    def corrected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The worker's events with the times that the master's clock showed."""
        if not self.offset_ns:
            return batch
        for name in TIMES:
            at = batch.schema.get_field_index(name)
            batch = batch.set_column(at, batch.schema.field(at), pc.subtract(batch.column(at), self.offset_ns))
        return batch


UNKNOWN: Final = WorkerClock(0, 3_600 * 10**9)
"""Of a worker that did not tell its time: an hour either way, by which nothing can be judged."""
