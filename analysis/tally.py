"""The ledger, folded in one pass into the few numbers that the judge needs.

The cost is one pass over the events and does not grow with the number of scrapes: a batch spans few
of them, so each event is put into the bin between two scrapes, and the bins are summed up afterwards.
Nothing here runs per event in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from analysis.arrays import Codes, Ints
from analysis.ledger import Kind, Outcome
from analysis.offline import Offline

KINDS: Final = len(Kind)
OUTCOMES: Final = len(Outcome)
TIMELINE_BINS: Final = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """What to count by.

    ``offline``: which rows there are, their classes, and what each artefact answers.
    ``artifacts``: the artefacts, in the order of the bits of a pattern (see `Tally.before`).
    ``starts_ns``, ``ends_ns``: when scrapes began and ended, on the ledger's clock, sorted, distinct.
    ``window_ns``: first and last moment of the timeline.
    """

    offline: Offline
    artifacts: tuple[str, ...]
    starts_ns: Ints
    ends_ns: Ints
    window_ns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tally:
    """The whole ledger as counts.

    ``events``: rows read. ``unknown``: those of a row or a truth that `Plan.offline` lacks.
    ``outcomes[kind, outcome]``: events, known or not. ``total[kind, outcome, row, truth]``: events known;
    row is an index into ``offline.rows``, truth into its classes.
    ``answers[row, predicted]``: acknowledged predictions; column ``c`` is class ``c``, the last but one an
    index outside the classes, the last an answer that named no class.
    ``before[k, pattern]``: acknowledged feedback done before ``starts_ns[k]``; ``upto[k, pattern]``: feedback
    not refused, sent at or before ``ends_ns[k]``. A pattern is ``truth * 2**A + sum(positive_a << a)``, where
    ``positive_a`` is whether artefact ``a`` of the plan calls the row positive.
    ``acknowledged[pattern]``: acknowledged feedback; ``heads[pattern]``: those of it that are the first row of their
    request. ``span_ns``: first sending and last end of any event; None of an empty ledger.
    ``latency_ns``, ``lateness_ns``: per kind and timeline bin, of requests that were not refused: from the planned
    start to the end, and from the planned start to the sending. ``sent``: requests per timeline bin.
    ``statuses``: number of requests by HTTP status.
    """

    plan: Plan
    events: int
    unknown: int
    outcomes: Ints
    total: Ints
    answers: Ints
    before: Ints
    upto: Ints
    acknowledged: Ints
    heads: Ints
    span_ns: tuple[int, int] | None
    latency_ns: tuple[tuple[Ints, ...], ...]
    lateness_ns: Ints
    sent: Ints
    statuses: dict[int, int]

    def count(self, kind: Kind, *outcomes: Outcome) -> int:
        """Events of the kind with any of the outcomes (all outcomes where none is named)."""
        return int(self.outcomes[kind, list(outcomes) or slice(None)].sum())


def patterns(plan: Plan) -> Ints:
    """``[row, truth]``: pattern of each held-out row with each truth that feedback could carry."""
    positive = np.zeros(len(plan.offline.rows), np.int64)
    for bit, name in enumerate(plan.artifacts):
        positive |= (plan.offline.answers[name].predicted == plan.offline.positive).astype(np.int64) << bit
    truths = np.arange(len(plan.offline.classes), dtype=np.int64)
    return positive[:, None] + (truths << len(plan.artifacts))[None, :]


def tally(batches: Iterable[pa.RecordBatch], plan: Plan) -> Tally:
    """Fold of the ledger's batches, in any order."""
    fold = _Fold(plan)
    for batch in batches:
        if batch.num_rows:
            fold.add({name: _column(batch, name) for name in batch.schema.names})
    return fold.tally()


class _Fold:
    """The running sums of `tally`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        rows, classes = len(plan.offline.rows), len(plan.offline.classes)
        self._classes = classes
        self._index_of_row = _lookup(plan.offline.rows)
        self._pattern = patterns(plan).ravel()
        self._patterns = classes << len(plan.artifacts)
        self._outcomes = np.zeros(KINDS * OUTCOMES, np.int64)
        self._total = np.zeros(KINDS * OUTCOMES * rows * classes, np.int64)
        self._answers = np.zeros(rows * (classes + 2), np.int64)
        self._before = np.zeros((len(plan.starts_ns) + 1, self._patterns), np.int64)
        self._upto = np.zeros((len(plan.ends_ns) + 1, self._patterns), np.int64)
        self._acknowledged = np.zeros(self._patterns, np.int64)
        self._heads = np.zeros(self._patterns, np.int64)
        self._events = self._unknown = 0
        self._span: tuple[int, int] | None = None
        self._latency: tuple[list[list[Ints]], ...] = tuple([[] for _ in range(TIMELINE_BINS)] for _ in range(KINDS))
        self._lateness: list[Ints] = []
        self._sent = np.zeros(TIMELINE_BINS, np.int64)
        self._statuses: dict[int, int] = {}

    def add(self, batch: dict[str, Any]) -> None:
        self._events += len(batch["row"])
        first, last = int(batch["sent_ns"].min()), int(batch["done_ns"].max())
        before = self._span or (first, last)
        self._span = min(first, before[0]), max(last, before[1])
        self._add_requests(batch)
        side = batch["kind"].astype(np.int64) * OUTCOMES + batch["outcome"]
        self._outcomes += np.bincount(side, minlength=KINDS * OUTCOMES)
        row = _indices(self._index_of_row, batch["row"])
        truth = batch["truth"].astype(np.int64)
        known = (row >= 0) & (truth >= 0) & (truth < self._classes)
        if not known.all():
            self._unknown += int(np.count_nonzero(~known))
            batch = {name: column[known] for name, column in batch.items()}
            row, truth, side = row[known], truth[known], side[known]
        cell = row * self._classes + truth
        width = len(self._pattern)
        self._total += np.bincount(side * width + cell, minlength=len(self._total))
        self._add_answers(batch, row)
        self._add_feedback(batch, cell)

    def _add_answers(self, batch: dict[str, Any], row: Codes) -> None:
        answered = (batch["kind"] == Kind.PREDICT) & (batch["outcome"] == Outcome.ACKNOWLEDGED)
        predicted = batch["predicted"][answered].astype(np.int64)
        predicted[predicted >= self._classes] = self._classes
        predicted[predicted < 0] = self._classes + 1
        self._answers += np.bincount(row[answered] * (self._classes + 2) + predicted, minlength=len(self._answers))

    def _add_feedback(self, batch: dict[str, Any], cell: Codes) -> None:
        feedback = batch["kind"] == Kind.FEEDBACK
        acknowledged = feedback & (batch["outcome"] == Outcome.ACKNOWLEDGED)
        attempted = feedback & (batch["outcome"] != Outcome.REFUSED)
        pattern = self._pattern[cell]
        self._acknowledged += np.bincount(pattern[acknowledged], minlength=self._patterns)
        heads = acknowledged & (batch["position"] == 0)
        self._heads += np.bincount(pattern[heads], minlength=self._patterns)
        _bin(self._before, self._plan.starts_ns, batch["done_ns"][acknowledged], pattern[acknowledged], "right")
        _bin(self._upto, self._plan.ends_ns, batch["sent_ns"][attempted], pattern[attempted], "left")

    def _add_requests(self, batch: dict[str, Any]) -> None:
        """Times of requests: a batch of rows counts once, by its first row."""
        of_request = batch["position"] == 0
        kind, outcome, status = (batch[name][of_request] for name in ("kind", "outcome", "status"))
        planned, sent, done = (batch[f"{name}_ns"][of_request] for name in ("planned", "sent", "done"))
        for code, number in zip(*np.unique(status, return_counts=True), strict=True):
            self._statuses[int(code)] = self._statuses.get(int(code), 0) + int(number)
        self._lateness.append(sent - planned)
        at = self._timeline_bin(sent)
        self._sent += np.bincount(at, minlength=TIMELINE_BINS)
        answered = outcome != Outcome.REFUSED
        for one in Kind:
            chosen = answered & (kind == one)
            _split(self._latency[one], at[chosen], (done - planned)[chosen])

    def _timeline_bin(self, sent: Ints) -> Ints:
        first, last = self._plan.window_ns
        width = max((last - first) // TIMELINE_BINS + 1, 1)
        return np.clip((sent - first) // width, 0, TIMELINE_BINS - 1)

    def tally(self) -> Tally:
        rows = len(self._plan.offline.rows)
        return Tally(
            plan=self._plan,
            events=self._events,
            unknown=self._unknown,
            outcomes=self._outcomes.reshape(KINDS, OUTCOMES),
            total=self._total.reshape(KINDS, OUTCOMES, rows, self._classes),
            answers=self._answers.reshape(rows, self._classes + 2),
            before=np.cumsum(self._before, axis=0)[:-1],
            upto=np.cumsum(self._upto, axis=0)[:-1],
            acknowledged=self._acknowledged,
            heads=self._heads,
            span_ns=self._span,
            latency_ns=tuple(tuple(_joined(one) for one in kind) for kind in self._latency),
            lateness_ns=_joined(self._lateness),
            sent=self._sent,
            statuses=dict(sorted(self._statuses.items())),
        )


def _bin(bins: Ints, edges_ns: Ints, times_ns: Ints, pattern: Codes, side: Any) -> None:
    """Count each time into the first bin whose edge is later (side right) or not earlier (side left).

    Only the edges that the times span are searched, so the search costs the same however long the run was.
    """
    if not len(times_ns):
        return
    first = int(np.searchsorted(edges_ns, times_ns.min(), side))
    last = int(np.searchsorted(edges_ns, times_ns.max(), side))
    width = bins.shape[1]
    at = np.searchsorted(edges_ns[first:last], times_ns, side)
    found = np.bincount(at * width + pattern, minlength=(last - first + 1) * width)
    bins[first : last + 1] += found.reshape(-1, width)


def _split(bins: list[list[Ints]], at: Codes, values: Ints) -> None:
    """Put each value into the list of its bin; a batch spans few bins, which lie together once sorted."""
    if not len(values):
        return
    if at[0] == at[-1] and np.all(at == at[0]):
        bins[int(at[0])].append(values)
        return
    order = np.argsort(at, kind="stable")
    at, values = at[order], values[order]
    cuts = np.flatnonzero(np.diff(at)) + 1
    for one, part in zip(at[np.r_[0, cuts]], np.split(values, cuts), strict=True):
        bins[int(one)].append(part)


def _lookup(rows: Codes) -> Ints:
    """Index into ``rows`` of each id from 0 to the largest, then -1; -1 for an id that is not there."""
    table = np.full(int(rows.max(initial=-1)) + 2, -1, np.int64)
    table[rows] = np.arange(len(rows))
    return table


def _indices(table: Ints, ids: Codes) -> Ints:
    known = (ids >= 0) & (ids < len(table) - 1)
    found: Ints = table[np.where(known, ids, len(table) - 1)]
    return found


def _column(batch: pa.RecordBatch, name: str) -> Any:
    return batch.column(name).to_numpy(zero_copy_only=False)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
