"""The part of the fold over the ledger that is of requests, not of rows: their times and statuses."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from analysis.arrays import Codes, Ints
from analysis.ledger import Kind, Outcome

TIMELINE_BINS: Final = 300


class Requests:
    """Running sums over requests. A batch of rows counts once, by its first row.

    ``latency_ns`` by kind and timeline bin, of requests that were not refused: from the planned start to the end.
    """

    def __init__(self, window_ns: tuple[int, int]) -> None:
        first, last = window_ns
        width = max((last - first) // TIMELINE_BINS + 1, 1)
        self._starts = first + width * np.arange(1, TIMELINE_BINS, dtype=np.int64)  # of every bin but the first
        self._latency: tuple[list[list[Ints]], ...] = tuple([[] for _ in range(TIMELINE_BINS)] for _ in Kind)
        self._lateness: list[Ints] = []
        self._statuses = np.zeros(0, np.int64)
        self.sent = np.zeros(TIMELINE_BINS, np.int64)

    def add(self, batch: dict[str, Any]) -> None:
        """Count the requests of one batch of events."""
        first_rows = batch["position"] == 0
        if not first_rows.all():
            batch = {name: column[first_rows] for name, column in batch.items()}
        if not len(batch["sent_ns"]):
            return
        planned, sent = batch["planned_ns"], batch["sent_ns"]
        self._lateness.append(sent - planned)
        self._add_statuses(batch["status"])
        at = self._bins(sent)
        if isinstance(at, int):
            self.sent[at] += len(sent)
        else:
            self.sent += np.bincount(at, minlength=TIMELINE_BINS)
        took = batch["done_ns"] - planned
        answered = batch["outcome"] != Outcome.REFUSED
        for kind in Kind:
            chosen = np.flatnonzero(answered & (batch["kind"] == kind))
            split(self._latency[kind], at if isinstance(at, int) else at[chosen], took[chosen])

    def latency_ns(self) -> tuple[tuple[Ints, ...], ...]:
        return tuple(tuple(_joined(one) for one in kind) for kind in self._latency)

    def lateness_ns(self) -> Ints:
        return _joined(self._lateness)

    def statuses(self) -> dict[int, int]:
        """Number of requests by status."""
        return {int(code): int(self._statuses[code]) for code in np.flatnonzero(self._statuses)}

    def _add_statuses(self, status: Codes) -> None:
        found = np.bincount(status.astype(np.int64), minlength=len(self._statuses))
        found[: len(self._statuses)] += self._statuses
        self._statuses = found

    def _bins(self, sent: Ints) -> Ints | int:
        """Timeline bin of each time; one number where all are in one, as is usual for a batch of a second."""
        first, last = (int(np.searchsorted(self._starts, one, "right")) for one in (sent.min(), sent.max()))
        if first == last:
            return first
        found: Ints = np.searchsorted(self._starts[first:last], sent, "right") + first
        return found


def split(bins: list[list[Ints]], at: Codes | int, values: Ints) -> None:
    """Put each value into the list of its bin; a batch spans few bins, which lie together once sorted."""
    if not len(values):
        return
    if isinstance(at, int):
        bins[at].append(values)
        return
    order = np.argsort(at, kind="stable")
    at, values = at[order], values[order]
    cuts = np.flatnonzero(np.diff(at)) + 1
    for one, part in zip(at[np.r_[0, cuts]], np.split(values, cuts), strict=True):
        bins[int(one)].append(part)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
