"""Single events of a ledger, from which the tests make ledgers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from analysis.record.ledger import COLUMNS, Kind, Outcome, batch_of


@dataclass(frozen=True, slots=True)
class Event:
    """One row of one attempted request; the fields are the columns of `ledger.SCHEMA`."""

    worker: int
    request: int
    position: int
    kind: Kind
    row: int
    planned_ns: int
    sent_ns: int
    done_ns: int
    outcome: Outcome
    status: int
    predicted: int
    truth: int
    score: float

    def __post_init__(self) -> None:
        if not self.planned_ns <= self.sent_ns <= self.done_ns:
            raise ValueError(
                f"event: expected planned <= sent <= done, got {self.planned_ns}, {self.sent_ns}, {self.done_ns}"
            )


def batch_of_events(events: Iterable[Event]) -> pa.RecordBatch:
    """Record batch of the given events, in their order."""
    rows = [tuple(getattr(event, name) for name in COLUMNS) for event in events]
    return batch_of([[row[i] for row in rows] for i in range(len(COLUMNS))])
