"""The metrics store: takes the place of ``seldon_core.metrics.SeldonMetrics`` behind Seldon's wrapper.

Same calls, names and labels. It differs in this: an update is atomic under threads and costs microseconds, not round
trips to a manager process; counts outlive their worker (`model.metrics.slots`); ``worker_id`` is the number of a slot,
not a pid, so that a restart makes no new series; feedback with a reward of 0 is counted, and refused feedback is not.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import has_request_context, request
from seldon_core.metrics import FEEDBACK_METRIC_METHOD_TAG, legacy_mode

from model.contract import FEEDBACK_COUNTER, LABEL_METHOD, REWARD_COUNTER
from model.metrics.exposition import CONTENT_TYPE, WIDTH, Format, Kind, Lines, lines_of, observe, render
from model.metrics.slots import Slots, SlotsError

SLOTS: Final = 64
"""Processes that can hold counts at a time, unless more are asked for."""

logger = logging.getLogger(__name__)


def reward_metrics(reward: float) -> tuple[dict[str, Any], ...]:
    """What one feedback adds to the wrapper's own counters."""
    return (
        {"type": "COUNTER", "key": FEEDBACK_COUNTER, "value": 1},
        {"type": "COUNTER", "key": REWARD_COUNTER, "value": reward},
    )


@dataclass(frozen=True, slots=True)
class _Record:
    kind: Kind
    key: str
    tags: dict[str, str]
    handle: int
    width: int
    lines: dict[Format, Lines]


class Store:
    """Counts of one server. Create it before forking.

    ``running_totals``: keys of gauges that only ever grow. There a smaller value never replaces a larger one: of two
    threads that read the total and then publish it, the one that read first may publish last. ``rewards_wait``: a
    reward is counted with the next feedback metrics of its thread. Seldon's wrapper passes it on before it calls the
    model, and if the model refuses, no metrics follow.
    """

    def __init__(self, running_totals: Collection[str] = (), *, rewards_wait: bool = True, slots: int = SLOTS) -> None:
        self._slots = Slots(slots)
        self._running = frozenset(running_totals)
        self._rewards_wait = rewards_wait
        self._waiting = threading.local()
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._owner = 0
        self._slot = 0
        self._handles: dict[object, int] = {}
        self._read: list[tuple[list[_Record], int]] = [([], 0)] * slots
        self._unpublishable: set[object] = set()
        self._full = False

    def update_reward(self, reward: float) -> None:
        """Counts one feedback and its reward, a reward of 0 too; see ``rewards_wait``."""
        if legacy_mode:
            return
        if self._rewards_wait:
            self._waiting.reward = reward
        else:
            self.update(reward_metrics(reward), FEEDBACK_METRIC_METHOD_TAG)

    def update(self, custom_metrics: Iterable[Mapping[str, Any]], method: str) -> None:
        """Adds COUNTERs, sets GAUGEs, observes TIMERs (in milliseconds); one step as this process' threads see it."""
        reward = self._waiting.__dict__.pop("reward", None) if method == FEEDBACK_METRIC_METHOD_TAG else None
        with self._writing:
            if self._owner != os.getpid():
                self._claim()
            if reward is not None:
                for counted in reward_metrics(reward):
                    self._update(counted, method)
            for metric in custom_metrics:
                self._update(metric, method)

    def count_in_buckets(
        self, key: str, tags: Mapping[str, str], edges: Sequence[float], seen: Iterable[int], method: str
    ) -> None:
        """Adds one to bucket ``i`` of a series for each ``i`` of ``seen``: above edge ``i - 1``, at most edge ``i``.

        A scrape shows them added up, as a Prometheus histogram does, a line for each edge and ``+Inf``. It is one value
        in memory that changes, not one for each edge above it. A call without rows makes a series of zeros.
        """
        tags = {**tags, LABEL_METHOD: method}
        where = _where("BUCKETS", key, tags)
        with self._writing:
            if self._owner != os.getpid():
                self._claim()
            handle = self._handles.get(where)
            if handle is None:
                handle = self._append(["BUCKETS", key, tags, list(edges)], len(edges) + 1)
                if handle is None:
                    return
                self._handles[where] = handle
            for bucket in seen:
                self._slots.values[handle + bucket] += 1

    def totals(self) -> dict[str, float]:
        """Running totals by key that this process takes over from those that held its slot before."""
        with self._writing:
            if self._owner != os.getpid():
                self._claim()
        largest: dict[str, float] = {}
        for record in self._records(self._slot):
            if record.kind == "GAUGE" and record.key in self._running:
                largest[record.key] = max(largest.get(record.key, 0.0), self._slots.values[record.handle])
        return largest

    def generate_metrics(self) -> tuple[str, str]:
        """The exposition and its content type, in the form that the present scrape asks for."""
        accept = request.headers.get("Accept", "") if has_request_context() else ""
        form: Format = "openmetrics" if "application/openmetrics-text" in accept else "text"
        values = self._slots.values
        series = [
            (record.lines[form], values[record.handle : record.handle + record.width].tolist())
            for slot in range(self._slots.count)
            for record in self._records(slot)
        ]
        return render(series, form), CONTENT_TYPE[form]

    def clear(self) -> None:
        """Nothing. The stock store forgets an ending worker's counts here."""

    def _claim(self) -> None:
        self._slot = self._slots.claim()
        self._owner = os.getpid()
        self._handles = {_where(r.kind, r.key, r.tags): r.handle for r in self._records(self._slot)}

    def _update(self, metric: Mapping[str, Any], method: str) -> None:
        kind, key, value = metric.get("type", "COUNTER"), metric["key"], metric["value"]
        tags = metric.get("tags")
        where: object = (kind, key, method)
        if tags is not None:
            tags[LABEL_METHOD] = method  # in the class's own dict, as the stock store does: the answer shows it
            where = _where(kind, key, tags)
        handle = self._handles.get(where)
        if handle is None:
            handle = self._new(kind, key, tags or {LABEL_METHOD: method})
            if handle is None:
                return
            self._handles[where] = handle
        values = self._slots.values
        if kind == "COUNTER":
            values[handle] += value
        elif kind == "TIMER":
            observe(values, handle, value / 1000)
        elif key not in self._running or value > values[handle]:
            values[handle] = value

    def _new(self, kind: Kind, key: str, tags: Mapping[str, str]) -> int | None:
        if kind not in WIDTH:
            logger.error("Unknown metrics type: %s", kind)
            return None
        if not all(isinstance(value, str) for value in tags.values()):
            raise TypeError(f"metric {key}: expected tags of strings, got {dict(tags)}")
        try:
            lines_of(kind, key, tags, self._slot, "text")
        except (ValueError, TypeError, AttributeError) as error:  # kept, it would end every worker that reads it
            if key not in self._unpublishable:  # once, not with every request
                logger.error("metric %r: expected a name to publish, got: %s. Left out.", key, error)  # noqa: TRY400
            self._unpublishable.add(key)
            return None
        return self._append([kind, key, tags], WIDTH[kind])

    def _append(self, what: list[Any], width: int) -> int | None:
        try:
            return self._slots.append(self._slot, json.dumps(what).encode(), width)
        except SlotsError as error:
            if not self._full:  # once: it would come with every request from here on
                logger.error("%s", error)  # noqa: TRY400  (a line is all there is to know)
            self._full = True
            return None

    def _records(self, slot: int) -> list[_Record]:
        """Records of a slot. What was read before is kept: a slot only grows."""
        with self._reading:
            known, seen = self._read[slot]
            new, seen = self._slots.records(slot, seen)
            if new:
                known = [*known, *(_record(slot, *record) for record in new)]
                self._read[slot] = (known, seen)
            return known


def _record(slot: int, key: bytes, handle: int, width: int) -> _Record:
    kind, name, tags, *edges = json.loads(key)
    forms: tuple[Format, ...] = ("text", "openmetrics")
    lines = {form: lines_of(kind, name, tags, slot, form, *edges) for form in forms}
    return _Record(kind, name, tags, handle, width, lines)


def _where(kind: str, key: str, tags: Mapping[str, str]) -> object:
    """Under which `Store` finds a series again; the short form for one that has no tags of its own."""
    own = tuple(sorted((name, value) for name, value in tags.items() if name != LABEL_METHOD))
    short = (kind, key, tags[LABEL_METHOD])
    return (*short, own) if own else short
