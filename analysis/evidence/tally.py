"""The ledger as counts: one pass over the events gives all numbers that the judge needs.

The cost does not grow with the number of scrapes. A batch spans few scrapes, so each event is put into the bin
between two of them, and the bins are summed up afterwards. No Python code runs per event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from analysis.evidence.patterns import Axes, patterns
from analysis.evidence.request_times import RequestTimes
from analysis.record.arrays import Codes, Floats, Ints
from analysis.record.arrow import to_numpy
from analysis.record.ledger import SCHEMA, Kind, Outcome

KINDS: Final = len(Kind)
OUTCOMES: Final = len(Outcome)
CHUNK: Final = 32_768
"""Events that are folded at once, at least. The load generator writes a batch each second, and a step costs the same
for a few hundred events as for some thousands, so small batches are joined. A larger batch is folded as it is."""
_COLUMNS: Final = {
    name: SCHEMA.get_field_index(name)
    for name in (
        "position", "kind", "row", "planned_ns", "sent_ns", "done_ns", "outcome", "status", "predicted", "truth",
        "score",
    )
}  # fmt: skip
"""Index of each column that is folded."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The whole ledger as counts.

    ``events``: rows read. ``unknown``: events of a row or a truth that `Axes.offline` lacks.
    ``outcomes[kind, outcome]``: all events; ``requests[kind, outcome]``: all requests.
    ``total[kind, outcome, row, truth]``: events that are not unknown;
    row is an index into ``offline.rows``, truth into its classes. ``fed[outcome, row, truth]``: the feedback among them
    that is counted (`Axes.heads_only`).
    ``answers[row, predicted]``: acknowledged predictions; column ``c`` is class ``c``; the last but one
    is an index outside the classes; the last is an answer that named no class. ``valued[row, predicted]``: those of
    them that gave a value for each class, of which the largest was taken; ``values[row]``: least and greatest of the
    values of class 1 (infinite and minus infinite without any).
    ``before[k, pattern]``: acknowledged feedback done before ``starts_ns[k]``; ``upto[k, pattern]``: feedback
    not refused, sent at or before ``ends_ns[k]``. Both are of the rows that are counted (`Axes.heads_only`).
    ``predicted_before``, ``predicted_upto``: the same of predictions, each row of a request; without any pattern unless
    `Axes.predictions`. ``pairs[artifact]`` [pattern]: as in `Patterns`.
    ``acknowledged[pattern]``: acknowledged feedback; ``heads[pattern]``: those that are the first row of their
    request. ``span_ns``: first sending and last end of any event; None of an empty ledger.
    ``latency_ns``, ``service_ns``: of requests that were not refused, from the planned start to the end (per kind and
    timeline bin), and from the sending to the end (per kind, in parts). ``lateness_ns``: of every request, from the
    planned start to the sending. All three have 32 bits if these hold all values, else 64. ``sent``: requests per
    timeline bin. ``statuses``: number of requests by HTTP or gRPC status. ``failed``: for each kind, of those
    that were not acknowledged.
    """

    axes: Axes
    pairs: Mapping[str, Ints]
    events: int
    unknown: int
    outcomes: Ints
    requests: Ints
    total: Ints
    fed: Ints
    answers: Ints
    valued: Ints
    values: Floats
    before: Ints
    upto: Ints
    predicted_before: Ints
    predicted_upto: Ints
    acknowledged: Ints
    heads: Ints
    span_ns: tuple[int, int] | None
    latency_ns: tuple[tuple[Codes, ...], ...]
    service_ns: tuple[tuple[Codes, ...], ...]
    lateness_ns: Codes
    sent: Ints
    statuses: dict[int, int]
    failed: tuple[dict[int, int], ...]

    def count(self, kind: Kind, *outcomes: Outcome) -> int:
        """Events of the kind with any of the given outcomes; with any outcome if none is given."""
        return int(self.outcomes[kind, list(outcomes) or slice(None)].sum())

    @property
    def counted(self) -> Ints:
        """``[pattern]``: acknowledged feedback that is counted: each row, or the first of each request."""
        return self.heads if self.axes.heads_only else self.acknowledged


def tally(batches: Iterable[pa.RecordBatch], axes: Axes, chunk: int = CHUNK) -> Tally:
    """The counts of the ledger's batches, which may come in any order, at least ``chunk`` events at a time."""
    fold = _Fold(axes)
    for columns in _chunks(batches, chunk):
        fold.add(columns)
    return fold.tally()


def _chunks(batches: Iterable[pa.RecordBatch], least: int) -> Iterator[dict[str, Any]]:
    """Columns of the batches; small batches are joined until they hold at least ``least`` events."""
    pending: list[dict[str, Any]] = []
    events = 0
    for batch in batches:
        if batch.num_rows:
            pending.append({name: to_numpy(batch.column(at)) for name, at in _COLUMNS.items()})
            events += batch.num_rows
        if events >= least:
            yield _joined(pending)
            pending, events = [], 0
    if pending:
        yield _joined(pending)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return parts[0] if len(parts) == 1 else {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}


class _Fold:
    """The running sums of `tally`."""

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        rows, classes = len(axes.offline.rows), len(axes.offline.classes)
        self._classes = classes
        self._index_of_row = _lookup(axes.offline.rows)
        of_rows = patterns(axes)
        self._pattern = of_rows.of_row.ravel()
        self._pairs = of_rows.pairs
        self._patterns = of_rows.number
        self._outcomes = np.zeros(KINDS * OUTCOMES, np.int64)
        self._request_outcomes = np.zeros(KINDS * OUTCOMES, np.int64)
        self._total = np.zeros(KINDS * OUTCOMES * rows * classes, np.int64)
        self._heads_total = np.zeros(OUTCOMES * rows * classes * axes.heads_only, np.int64)
        self._answers = np.zeros(rows * (classes + 2), np.int64)
        self._valued = np.zeros_like(self._answers)
        self._least, self._greatest = np.full(rows, np.inf), np.full(rows, -np.inf)
        self._before = np.zeros((len(axes.starts_ns) + 1, self._patterns), np.int64)
        self._upto = np.zeros((len(axes.ends_ns) + 1, self._patterns), np.int64)
        predictions = self._patterns if axes.predictions else 0
        self._predicted_before = np.zeros((len(axes.starts_ns) + 1, predictions), np.int64)
        self._predicted_upto = np.zeros((len(axes.ends_ns) + 1, predictions), np.int64)
        self._acknowledged = np.zeros(self._patterns, np.int64)
        self._heads = np.zeros(self._patterns, np.int64)
        self._events = self._unknown = 0
        self._span: tuple[int, int] | None = None
        self._requests = RequestTimes(axes.window_ns)

    def add(self, batch: dict[str, Any]) -> None:
        self._events += len(batch["row"])
        first, last = int(batch["sent_ns"].min()), int(batch["done_ns"].max())
        before = self._span or (first, last)
        self._span = min(first, before[0]), max(last, before[1])
        side = batch["kind"].astype(np.int64) * OUTCOMES + batch["outcome"]
        self._outcomes += np.bincount(side, minlength=KINDS * OUTCOMES)
        self._request_outcomes += np.bincount(side[batch["position"] == 0], minlength=KINDS * OUTCOMES)
        self._requests.add(batch)
        row = _indices(self._index_of_row, batch["row"])
        truth = batch["truth"]
        known = (row >= 0) & (truth >= 0) & (truth < self._classes)
        if not known.all():
            self._unknown += int(np.count_nonzero(~known))
            batch = {name: column[known] for name, column in batch.items()}
            row, truth, side = row[known], truth[known], side[known]
        cell = row * self._classes + truth
        self._total += np.bincount(side * len(self._pattern) + cell, minlength=len(self._total))
        if self._axes.heads_only:
            chosen = (batch["position"] == 0) & (side >= Kind.FEEDBACK * OUTCOMES)
            side_of_kind = side[chosen] - Kind.FEEDBACK * OUTCOMES
            at = side_of_kind * len(self._pattern) + cell[chosen]
            self._heads_total += np.bincount(at, minlength=len(self._heads_total))
        self._add_answers(batch, row, np.flatnonzero(side == Kind.PREDICT * OUTCOMES + Outcome.ACKNOWLEDGED))
        self._add_feedback(batch, self._pattern[cell], side)
        if self._axes.predictions:
            self._add_predictions(batch, self._pattern[cell], side)

    def _add_answers(self, batch: dict[str, Any], row: Codes, chosen: Codes) -> None:
        predicted = batch["predicted"][chosen].astype(np.int64)
        predicted = np.minimum(predicted, self._classes)
        predicted[predicted < 0] = self._classes + 1
        cell = row[chosen] * (self._classes + 2) + predicted
        self._answers += np.bincount(cell, minlength=len(self._answers))
        value = batch["score"][chosen]
        valued = np.flatnonzero(~np.isnan(value))
        if len(valued):
            self._valued += np.bincount(cell[valued], minlength=len(self._answers))
            np.minimum.at(self._least, row[chosen][valued], value[valued])
            np.maximum.at(self._greatest, row[chosen][valued], value[valued])

    def _add_predictions(self, batch: dict[str, Any], pattern: Codes, side: Codes) -> None:
        base = Kind.PREDICT * OUTCOMES
        acknowledged = np.flatnonzero(side == base + Outcome.ACKNOWLEDGED)
        attempted = np.concatenate([acknowledged, np.flatnonzero(side == base + Outcome.INDETERMINATE)])
        edges = self._axes.starts_ns, self._axes.ends_ns
        _bin(self._predicted_before, edges[0], batch["done_ns"][acknowledged], pattern[acknowledged], "right")
        _bin(self._predicted_upto, edges[1], batch["sent_ns"][attempted], pattern[attempted], "left")

    def _add_feedback(self, batch: dict[str, Any], pattern: Codes, side: Codes) -> None:
        base = Kind.FEEDBACK * OUTCOMES
        if self._axes.heads_only:
            side = np.where(batch["position"] == 0, side, -1)
        acknowledged = np.flatnonzero(side == base + Outcome.ACKNOWLEDGED)
        unknown = np.flatnonzero(side == base + Outcome.INDETERMINATE)
        attempted = np.concatenate([acknowledged, unknown]) if len(unknown) else acknowledged
        acknowledged_pattern = pattern[acknowledged]
        self._acknowledged += np.bincount(acknowledged_pattern, minlength=self._patterns)
        self._heads += np.bincount(acknowledged_pattern[batch["position"][acknowledged] == 0], minlength=self._patterns)
        _bin(self._before, self._axes.starts_ns, batch["done_ns"][acknowledged], acknowledged_pattern, "right")
        attempted_pattern = pattern[attempted] if len(unknown) else acknowledged_pattern
        _bin(self._upto, self._axes.ends_ns, batch["sent_ns"][attempted], attempted_pattern, "left")

    def tally(self) -> Tally:
        rows = len(self._axes.offline.rows)
        total = self._total.reshape(KINDS, OUTCOMES, rows, self._classes)
        heads = self._heads_total.reshape(-1, rows, self._classes) if self._axes.heads_only else None
        return Tally(
            axes=self._axes,
            pairs=self._pairs,
            events=self._events,
            unknown=self._unknown,
            outcomes=self._outcomes.reshape(KINDS, OUTCOMES),
            requests=self._request_outcomes.reshape(KINDS, OUTCOMES),
            total=total,
            fed=total[Kind.FEEDBACK] if heads is None else heads,
            answers=self._answers.reshape(rows, self._classes + 2),
            valued=self._valued.reshape(rows, self._classes + 2),
            values=np.stack([self._least, self._greatest], axis=1),
            before=np.cumsum(self._before, axis=0)[:-1],
            upto=np.cumsum(self._upto, axis=0)[:-1],
            predicted_before=np.cumsum(self._predicted_before, axis=0)[:-1],
            predicted_upto=np.cumsum(self._predicted_upto, axis=0)[:-1],
            acknowledged=self._acknowledged,
            heads=self._heads,
            span_ns=self._span,
            latency_ns=self._requests.latency_ns(),
            service_ns=self._requests.service_ns(),
            lateness_ns=self._requests.lateness_ns(),
            sent=self._requests.sent,
            statuses=self._requests.statuses(),
            failed=self._requests.failed(),
        )


def _bin(bins: Ints, edges_ns: Ints, times_ns: Ints, pattern: Codes, side: Any) -> None:
    """Count each time into the first bin whose edge is later (side right) or not earlier (side left).

    Only the edges that the times span are searched, so the cost does not depend on the length of the run.
    """
    if not len(times_ns):
        return
    first = int(np.searchsorted(edges_ns, times_ns.min(), side))
    last = int(np.searchsorted(edges_ns, times_ns.max(), side))
    width = bins.shape[1]
    at = np.searchsorted(edges_ns[first:last], times_ns, side)
    counts = np.bincount(at * width + pattern, minlength=(last - first + 1) * width)
    bins[first : last + 1] += counts.reshape(-1, width)


def _lookup(rows: Codes) -> Ints:
    """Index into ``rows`` of each id from 0 to the largest, -1 for an id that is missing; the last element is -1."""
    table = np.full(int(rows.max(initial=-1)) + 2, -1, np.int64)
    table[rows] = np.arange(len(rows))
    return table


def _indices(table: Ints, ids: Codes) -> Ints:
    known = (ids >= 0) & (ids < len(table) - 1)
    indices: Ints = table[np.where(known, ids, len(table) - 1)]
    return indices
