"""Decision scores of the rows that feedback scored, counted into buckets by true class: the live curve by threshold."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import inf
from typing import Protocol

from prometheus_client.utils import floatToGoString

from model.contract import LABEL_EDGE, LABEL_TRUTH, METHOD_FEEDBACK, SCORE_BUCKETS


class Sink(Protocol):
    """The method by which our own server's store takes buckets; see `model.metrics.store.Store`."""

    def count_in_buckets(
        self, key: str, tags: Mapping[str, str], edges: Sequence[float], seen: Iterable[int], method: str
    ) -> None:
        """Adds one to each bucket of ``seen``."""


class ScoreBuckets:
    """Counts of scores by true class; a score that equals an edge is at most that edge, as ``le`` says.

    ``labels``: of the classes, in the order of their indices.

    Published in one of two ways. Through a `Sink`, which keeps the counts (`publish_through`). Or as gauges of running
    totals for Seldon's wrapper (`gauges`), which puts them all into each answer.
    """

    def __init__(self, edges: Iterable[float], labels: Sequence[str]) -> None:
        self._edges = sorted(set(edges))
        self._tags = [{LABEL_TRUTH: label} for label in labels]
        self._counts = [[0] * (len(self._edges) + 1) for _ in labels]
        self._lock = threading.Lock()
        self._sink: Sink | None = None

    @property
    def has_sink(self) -> bool:
        """Whether the counts are published through a sink."""
        return self._sink is not None

    def publish_through(self, sink: Sink) -> None:
        """Hands the counts to the sink, which keeps them from now on; every series is published at once."""
        self._sink = sink
        for truth in range(len(self._tags)):
            self._hand_over(sink, truth, [])

    def observe(self, scores: Sequence[float], truth: Sequence[int]) -> None:
        """Counts each row's score under its true class, an index."""
        seen: dict[int, list[int]] = {}
        for score, place in zip(scores, truth, strict=True):
            seen.setdefault(place, []).append(bisect_left(self._edges, score))
        for place, buckets in seen.items():
            if self._sink is not None:
                self._hand_over(self._sink, place, buckets)
                continue
            with self._lock:
                for bucket in buckets:
                    self._counts[place][bucket] += 1

    def gauges(self) -> list[dict[str, object]]:
        """Rows so far at most each edge and ``+Inf``, by true class, as metrics of Seldon's wrapper."""
        with self._lock:
            totals = [list(accumulate(counts)) for counts in self._counts]
        names = [str(floatToGoString(edge)) for edge in (*self._edges, inf)]  # type: ignore[no-untyped-call]
        return [
            {"type": "GAUGE", "key": SCORE_BUCKETS, "value": rows, "tags": {**tags, LABEL_EDGE: name}}
            for tags, at_most in zip(self._tags, totals, strict=True)
            for name, rows in zip(names, at_most, strict=True)
        ]

    def _hand_over(self, sink: Sink, truth: int, buckets: list[int]) -> None:
        sink.count_in_buckets(SCORE_BUCKETS, self._tags[truth], self._edges, buckets, METHOD_FEEDBACK)
