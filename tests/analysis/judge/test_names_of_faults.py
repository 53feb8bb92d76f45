"""A fault is not called by the name of another one that it resembles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import worlds
from alterations import ALONE
from analysis.evidence.gateway import REQUESTS, RETRIES
from analysis.evidence.samples import Series
from analysis.record.arrays import Floats
from analysis.verdict import Finding, Verdict
from worlds import START_NS, Count, World

ALL = ALONE.counts["default"]


def findings_of(folder: Path, world: World) -> dict[str, Finding]:
    """The finding of each check that failed."""
    _, findings = worlds.judged(folder, world)
    return {finding.check: finding for finding in findings if finding.verdict is Verdict.FAIL}


def test_one_lost_and_one_wrong_count_are_no_other_threshold(tmp_path: Path) -> None:
    """A true positive was counted as a false negative: one of sixty, as if by another threshold, and by chance."""
    at = next(number for number, count in enumerate(ALL) if count.cell == 0)
    counts = (*ALL[:at], replace(ALL[at], cell=3), *ALL[at + 1 :])
    assert findings_of(tmp_path, worlds.with_counts(ALONE, "default", counts))["equality"].diagnosis == "cells differ"


def moved_at(scrapes: slice) -> Callable[[list[Series]], list[Series]]:
    """At some scrapes, three true negatives are shown as true positives."""
    more = {"true_pos": 3, "true_neg": -3}

    def alter(stored: list[Series]) -> list[Series]:
        return [replace(series, value=_moved(series.value, more.get(series.metric, 0))) for series in stored]

    def _moved(value: Floats, by: int) -> Floats:
        chosen = np.zeros(len(value))
        chosen[scrapes] = by
        return value + chosen

    return alter


def test_counts_in_another_cell_for_a_while_were_not_counted_early(tmp_path: Path) -> None:
    """One cell is too high at some scrapes and another too low: nothing was counted before it was sent."""
    failed = findings_of(tmp_path, replace(ALONE, prior=9, alter=moved_at(slice(6, 8))))
    assert failed["bounds"].diagnosis == "cells differ"


def with_gateway(stored: list[Series]) -> list[Series]:
    """The gateway passed on what the load generator sent, and no more, until its last scrape."""
    labels = {"envoy_cluster_name": "metrics-model-default", "job": "envoy", "instance": "envoy:1"}
    times = np.array([START_NS // 10**6 - 500, START_NS // 10**6 + 10_500])
    counters = ((REQUESTS, float(len(ALONE.events))), (RETRIES, 0.0))
    return [*stored, *(Series(name, labels, times, np.array([0.0, value])) for name, value in counters)]


def test_counts_that_come_after_the_last_request_are_not_blamed_on_the_class(tmp_path: Path) -> None:
    """Another client began when the load had ended, and after the gateway's last scrape."""
    late = tuple(Count(START_NS + 11_500 * 10**6 + number, 0, 0, 0) for number in range(4))
    failed = findings_of(tmp_path, replace(worlds.with_counts(ALONE, "default", (*ALL, *late)), alter=with_gateway))
    assert failed["equality"].diagnosis == "foreign traffic or counted twice"
    assert "4 of them were counted after the last request had ended" in failed["equality"].message


def test_counts_that_came_with_the_load_are_the_classs_own(tmp_path: Path) -> None:
    """The other side: the gateway passed on no more, and all were counted with their requests."""
    twice = tuple(count for number, count in enumerate(ALL) for _ in range(1 + (number % 7 == 0)))
    failed = findings_of(tmp_path, replace(worlds.with_counts(ALONE, "default", twice), alter=with_gateway))
    assert failed["equality"].diagnosis == "counted twice"
