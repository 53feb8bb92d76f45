"""Replicas that show none of the series that are judged, and other counters of ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import worlds
from alterations import is_cell
from analysis.evidence.samples import Series
from analysis.verdict import Verdict
from mapped import wrong
from model.contract import CELLS, METRIC_OF_CELL
from worlds import MS, START_NS

TWO = worlds.world(worlds.load_of(120), targets=2)
BY_ONE = worlds.with_counts(TWO, "default", [replace(count, target=0) for count in TWO.counts["default"]])
"""The first replica got all feedback."""
NOT_SEEN = worlds.with_counts(TWO, "default", [count for count in TWO.counts["default"] if count.target == 0])
"""Nothing is stored of what the second one counted."""


def with_counters(stored: list[Series]) -> list[Series]:
    """Counters beside the cells; the second replica, which has counted nothing yet, shows them as 0 and no cells."""
    cell = next(filter(is_cell, stored))
    (up,) = [series for series in stored if series.metric == "up" and series.labels["instance"].startswith("10.0.0.1")]
    counters = [replace(series, metric=f"scored_{series.metric}_total") for series in stored if is_cell(series)]
    idle = [
        Series(
            f"scored_{METRIC_OF_CELL[cell_name]}_total",
            {**cell.labels, "instance": up.labels["instance"]},
            up.time_ms,
            np.zeros(len(up.time_ms)),
        )
        for cell_name in CELLS
    ]
    return stored + counters + idle


def until_the_load(stored: list[Series], later_ms: int = 0) -> list[Series]:
    """The second replica is not scraped with success since the load began, or since later."""
    altered = []
    for series in with_counters(stored):
        before = series.time_ms < START_NS // MS + later_ms
        if not series.labels["instance"].startswith("10.0.0.1"):
            altered.append(series)
        elif series.metric == "up":
            altered.append(replace(series, value=before.astype(np.float64)))
        elif series.metric != "scrape_duration_seconds":
            altered.append(replace(series, time_ms=series.time_ms[before], value=series.value[before]))
    return altered


def test_a_replica_that_has_counted_nothing_may_show_counters_only(tmp_path: Path) -> None:
    verdict, findings = worlds.judged(tmp_path, replace(BY_ONE, alter=with_counters))
    assert verdict is Verdict.PASS, wrong(findings)


def test_what_such_a_replica_counted_since_its_last_scrape_is_not_known(tmp_path: Path) -> None:
    verdict, findings = worlds.judged(tmp_path, replace(NOT_SEEN, alter=until_the_load))
    assert verdict is Verdict.INCONCLUSIVE
    assert wrong(findings)["equality"].diagnosis == "no last scrape"


def test_counts_that_keep_wide_bounds_are_not_called_a_multiple(tmp_path: Path) -> None:
    """At the last scrape, the second replica's counts are not known, so that twice the lowest is within the bounds."""
    world = replace(NOT_SEEN, alter=lambda stored: until_the_load(stored, later_ms=1000))
    _, findings = worlds.judged(tmp_path, world)
    assert wrong(findings)["bounds"].diagnosis == "stale series"
