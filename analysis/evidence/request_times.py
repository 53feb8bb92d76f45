"""The part of the tally that counts requests, not rows: their times and statuses."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from analysis.record.arrays import Codes, Ints
from analysis.record.ledger import Kind, Outcome

TIMELINE_BINS: Final = 300
_MOST: Final = np.iinfo(np.uint32).max


class RequestTimes:
    """Running sums over requests. A request of several rows counts once, by its first row.

    An exact percentile needs every time, so each is kept as a whole number of nanoseconds. Most batches have no time
    above the 4.2 s that 32 bits hold, and take half of the memory so.
    """

    def __init__(self, window_ns: tuple[int, int]) -> None:
        first, last = window_ns
        width = max((last - first) // TIMELINE_BINS + 1, 1)
        self._starts = first + width * np.arange(1, TIMELINE_BINS, dtype=np.int64)  # of each bin but the first
        self._latency: tuple[list[list[Codes]], ...] = tuple([[] for _ in range(TIMELINE_BINS)] for _ in Kind)
        self._service: tuple[list[Codes], ...] = tuple([] for _ in Kind)
        self._lateness: list[Codes] = []
        self._statuses = np.zeros(0, np.int64)
        self._failed = [np.zeros(0, np.int64) for _ in Kind]
        self.sent = np.zeros(TIMELINE_BINS, np.int64)

    def add(self, batch: dict[str, Any]) -> None:
        """Count the requests of one batch of events."""
        first_rows = batch["position"] == 0
        if not first_rows.all():
            batch = {name: column[first_rows] for name, column in batch.items()}
        if not len(batch["sent_ns"]):
            return
        planned, sent = batch["planned_ns"], batch["sent_ns"]
        self._lateness.append(narrow(sent - planned))
        self._statuses = _added(self._statuses, batch["status"])
        failed = batch["outcome"] != Outcome.ACKNOWLEDGED
        if failed.any():
            for kind in Kind:
                self._failed[kind] = _added(self._failed[kind], batch["status"][failed & (batch["kind"] == kind)])
        at = self._bins(sent)
        if isinstance(at, int):
            self.sent[at] += len(sent)
        else:
            self.sent += np.bincount(at, minlength=TIMELINE_BINS)
        latency, service = narrow(batch["done_ns"] - planned), narrow(batch["done_ns"] - sent)
        answered = batch["outcome"] != Outcome.REFUSED
        for kind in Kind:
            chosen = np.flatnonzero(answered & (batch["kind"] == kind))
            split(self._latency[kind], at if isinstance(at, int) else at[chosen], latency[chosen])
            self._service[kind].append(service[chosen])

    def latency_ns(self) -> tuple[tuple[Codes, ...], ...]:
        return tuple(tuple(_joined(times) for times in bins) for bins in self._latency)

    def service_ns(self) -> tuple[tuple[Codes, ...], ...]:
        return tuple(map(tuple, self._service))

    def lateness_ns(self) -> Codes:
        return _joined(self._lateness)

    def statuses(self) -> dict[int, int]:
        """Number of requests by status."""
        return _by_code(self._statuses)

    def failed(self) -> tuple[dict[int, int], ...]:
        """For each kind the number of requests that were not acknowledged, by status."""
        return tuple(map(_by_code, self._failed))

    def _bins(self, sent: Ints) -> Ints | int:
        """Timeline bin of each time; one number if all are in the same bin, which is usual for a batch of a second."""
        first, last = (int(np.searchsorted(self._starts, time_ns, "right")) for time_ns in (sent.min(), sent.max()))
        if first == last:
            return first
        bins: Ints = np.searchsorted(self._starts[first:last], sent, "right") + first
        return bins


def _added(counts: Ints, status: Codes) -> Ints:
    more: Ints = np.bincount(status.astype(np.int64), minlength=len(counts))
    more[: len(counts)] += counts
    return more


def _by_code(counts: Ints) -> dict[int, int]:
    return {int(code): int(counts[code]) for code in np.flatnonzero(counts)}


def narrow(times_ns: Ints) -> Codes:
    """The same numbers, in 32 bits if all of them fit."""
    fit = int(times_ns.min()) >= 0 and int(times_ns.max()) <= _MOST
    return times_ns.astype(np.uint32) if fit else times_ns


def split(bins: list[list[Codes]], at: Codes | int, values: Codes) -> None:
    """Put each value into the list of its bin. A batch spans few bins; sorting brings the values of a bin together."""
    if not len(values):
        return
    if isinstance(at, int):
        bins[at].append(values)
        return
    order = np.argsort(at.astype(np.int16), kind="stable")  # 16 bits: numpy then sorts by radix
    at, values = at[order], values[order]
    cuts = np.flatnonzero(np.diff(at)) + 1
    for index, part in zip(at[np.r_[0, cuts]], np.split(values, cuts), strict=True):
        bins[int(index)].append(part)


def _joined(parts: list[Codes]) -> Codes:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
