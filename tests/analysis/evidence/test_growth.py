"""By how much counters grew during the load: what they showed before it is known, or the growth is an interval."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.evidence.samples import Series
from analysis.evidence.scrapes.growth import Growth, growth
from analysis.evidence.scrapes.targets import ScrapeTarget
from model.contract import CELLS

LABELS = {"job": "seldon", "instance": "10.0.0.0:6000"}
FIRST_MS = 10_500.0
"""The first event is sent between the scrapes at 10 and 11 seconds."""


def target(*seconds: float, took_ms: float = 5.0) -> ScrapeTarget:
    """A target that was scraped then."""
    number = len(seconds)
    return ScrapeTarget(
        labels=LABELS,
        time_ms=np.array([round(second * 1000) for second in seconds], np.int64),
        up=np.ones(number, np.bool_),
        duration_ms=np.full(number, took_ms),
        value=np.zeros((number, len(CELLS))),
        present=np.ones(number, np.int64),
        absent=np.zeros(number, np.int64),
        renewed=np.zeros(number, np.bool_),
        partial=np.zeros(number, np.bool_),
        appeared=np.zeros(len(CELLS)),
    )


def counter(values: dict[float, float], worker: str = "0") -> Series:
    """A counter by the second of the scrape."""
    times = np.array([round(second * 1000) for second in values], np.int64)
    return Series("a_total", LABELS | {"worker_id": worker}, times, np.array(list(values.values()), np.float64))


def grown(*counters: Series, took_ms: float = 5.0, scrapes: tuple[float, ...] = (8, 9, 10, 11, 12, 13)) -> Growth:
    return growth(counters, [target(*scrapes, took_ms=took_ms)], FIRST_MS)


def test_what_was_counted_before_the_load_is_not_its_growth() -> None:
    assert grown(counter({8: 5, 9: 5, 10: 5, 11: 7, 12: 9, 13: 9})) == Growth(4.0, 4.0)


def test_a_scrape_that_was_under_way_when_the_load_began_is_no_baseline() -> None:
    """It took 0.6 s from 10 s on, so it may have seen the first events already."""
    assert grown(counter({8: 5, 9: 5, 10: 6, 11: 7, 12: 9, 13: 9}), took_ms=600) == Growth(4.0, 4.0)


def test_a_counter_that_appears_during_the_load_began_at_0() -> None:
    assert grown(counter({11: 7, 12: 9, 13: 9})) == Growth(9.0, 9.0)


def test_a_process_that_began_anew_before_the_load_began_at_0() -> None:
    """It showed 500, was missing, and shows less now. Where it shows more, it may be the same process."""
    assert grown(counter({8: 500, 11: 7, 13: 9})) == Growth(9.0, 9.0)
    unsure = grown(counter({8: 3, 11: 7, 13: 9}))
    assert (unsure.low, unsure.high) == (6, 9)
    assert "missing before the load" in (unsure.doubt or "")


def test_a_fall_about_the_time_of_the_first_event_leaves_no_upper_bound() -> None:
    fell = grown(counter({8: 500, 9: 500, 10: 500, 11: 7, 12: 9, 13: 9}))
    assert (fell.low, fell.high, fell.fault) == (9, math.inf, None)


@pytest.mark.parametrize("values", [(7, 3, 9), (7, math.nan, 9), (7, math.inf, 9), (-1, 7, 9)])
def test_what_no_counter_does_is_a_fault(values: tuple[float, ...]) -> None:
    assert grown(counter(dict(zip((11, 12, 13), values, strict=True)))).fault is not None


@pytest.mark.parametrize("values", [{10: 0, 11: 7, 12: 9}, {10: 0, 11: 7}])
def test_what_the_last_scrapes_lack_may_come_again(values: dict[float, float]) -> None:
    missing = grown(counter(values))
    assert (missing.low, missing.high, missing.doubt) == (0, math.inf, "the last scrape lacked a_total")


def test_a_worker_that_goes_on_under_another_name_leaves_a_doubt_and_no_wrong_sum() -> None:
    """The sum that a dashboard shows is 9 in the end."""
    total = grown(counter({10: 0, 11: 7}), counter({12: 9, 13: 9}, worker="1"))
    assert (total.low, total.high) == (9, math.inf)


def test_a_counter_is_of_the_target_whose_labels_it_has() -> None:
    """Two pods of one node share its address; the second was scraped for the last time a second earlier."""
    first, second = {**LABELS, "pod": "a"}, {**LABELS, "pod": "b"}
    pods = [replace(target(8, 9, 10, 11, 12, 13), labels=first), replace(target(8, 9, 10, 12), labels=second)]
    counters = [
        replace(counter({10: 1, 11: 3, 12: 5, 13: 5}), labels=first),
        replace(counter({10: 2, 12: 4}), labels=second),
    ]
    assert growth(counters, pods, FIRST_MS) == Growth(6.0, 6.0)


def test_a_fall_that_may_be_older_than_the_first_event_is_no_fault() -> None:
    """The clocks are known to 2 s only."""
    began_anew = counter({8: 5, 9: 5, 10: 5, 11: 1, 12: 2, 13: 2})
    fell = growth([began_anew], [target(8, 9, 10, 11, 12, 13)], 9_000.0, 11_000.0)
    assert (fell.low, fell.high, fell.fault) == (2, math.inf, None)


def test_without_a_scrape_before_the_load_only_a_0_is_a_baseline() -> None:
    scrapes = (11.0, 12.0)
    assert grown(counter({11: 0, 12: 9}), scrapes=scrapes) == Growth(9.0, 9.0)
    unknown = grown(counter({11: 4, 12: 9}), scrapes=scrapes)
    assert (unknown.low, unknown.high) == (5, 9)


def test_counters_of_several_targets_add_up_and_a_doubt_of_one_is_told() -> None:
    other = replace(target(10, 11), labels={"job": "seldon", "instance": "b"})
    elsewhere = counter({10: 2, 11: 3})
    total = growth(
        [counter({11: 7, 12: 9, 13: 9}), replace(elsewhere, labels={"job": "seldon", "instance": "b"})],
        [target(8, 9, 10, 11, 12, 13), other],
        FIRST_MS,
    )
    assert total == Growth(10.0, 10.0)
    assert growth([], [], FIRST_MS) == Growth(0.0, 0.0)
