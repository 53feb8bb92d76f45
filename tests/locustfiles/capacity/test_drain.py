"""Whether the stored counts have stopped to change."""

from __future__ import annotations

import pytest

from analysis.claims import metric_map
from locustfiles.capacity import drain as module
from locustfiles.capacity.drain import all_answered, at_rest, drain

MAP = metric_map.load(metric_map.DEFAULT)


@pytest.mark.parametrize(
    "series",
    [[[5.0, 5.0, 5.0]], [[1.0, 2.0, 5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]],
)
def test_three_scrapes_of_the_same_counts_are_rest(series: list[list[float]]) -> None:
    """Of every series, and only the last three of each."""
    assert at_rest(series)


@pytest.mark.parametrize(
    "series",
    [[], [[5.0, 5.0]], [[5.0, 5.0, 6.0]], [[5.0, 5.0, 5.0], [1.0, 2.0, 2.0]], [[5.0, 5.0, 5.0], [7.0]]],
    ids=["no answer", "two scrapes", "moved at the last", "another moves", "another was seen once"],
)
def test_counts_that_moved_or_were_not_seen_thrice_are_not_rest(series: list[list[float]]) -> None:
    """The twin: one count later, one scrape fewer, or no series at all."""
    assert not at_rest(series)


def test_requests_under_way_at_the_gateway_are_no_rest() -> None:
    """The last value of each gauge counts; twin: one request is enough. A gateway that is not scraped says nothing."""
    assert all_answered([[50.0, 0.0], [0.0]])
    assert not all_answered([[0.0, 0.0], [0.0, 1.0]])
    assert all_answered([])


def test_a_prometheus_that_cannot_be_queried_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure is reported with its cause, not taken for a deployment that is still counting."""
    monkeypatch.setattr(module, "LIMIT_S", 0.3)
    still_moving = drain("http://127.0.0.1:9", MAP, "ab-test", "seldon", ["default"])
    assert still_moving is not None
    assert "asking Prometheus at http://127.0.0.1:9" in still_moving
    assert "Connection refused" in still_moving


def test_an_address_that_is_none_is_the_reason() -> None:
    """At once, without waiting."""
    assert "expected an address like" in (drain("nowhere", MAP, "ab-test", "seldon", ["default"]) or "")
