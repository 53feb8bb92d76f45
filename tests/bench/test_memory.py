"""The generator's memory does not grow with the number of events, and one that does is seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.clients.loads import LoadRequest
from bench.parts import memory
from bench.parts.memory import Reading, slope, watched
from bench.servers import nginx
from bench.tools.errors import BenchError
from tests.running import ROOT

MOST_BYTES = 30
"""A whole event in memory is over 500 bytes as Python has it, and 53 as the ledger has it; what the allocator does in a
run as short as this comes to a few."""


def grown(each: float, number: int = 40) -> list[Reading]:
    """Readings of a process of 80 MB that takes 10 MB once, early, and then ``each`` bytes an event of 50."""
    events = [1000 * at for at in range(1, number + 1)]
    return [Reading(50 * event, round(80e6 + 10e6 * (event > 5000) + each * event)) for event in events]


@pytest.mark.parametrize("each", [0.0, 7.5, 500.0])
def test_the_slope_is_what_each_event_leaves_behind(each: float) -> None:
    """What is taken once at the start is not in it."""
    assert slope(grown(each), 40_000) == pytest.approx(each, abs=0.01)


def test_too_few_readings_are_no_line() -> None:
    """A run that ended before its third flush says nothing of its slope."""
    with pytest.raises(BenchError, match="expected three lengths of the ledger or more, got 1"):
        slope(grown(0)[:1] * 9, 1000)
    with pytest.raises(BenchError, match="got 0"):
        slope([], 0)


@pytest.mark.stack
@pytest.mark.slow
def test_the_generator_keeps_nothing_of_an_event_and_one_that_does_is_seen(tmp_path: Path) -> None:
    """Its slope is below a fraction of an event; the twin, which keeps each, has one of hundreds of bytes."""
    with nginx.running() as server:
        both = {}
        for module in (memory.GENERATOR, "leaking"):
            place = tmp_path / module
            place.mkdir()
            request = LoadRequest(server.url, ROOT / "artifacts", place, 10, 8.0)
            paths = os.pathsep.join([str(Path(__file__).parent), str(ROOT)])
            actual = watched(request, module, {**os.environ, "PYTHONPATH": paths})
            both[module] = slope(actual.readings, actual.events)
    assert both[memory.GENERATOR] < MOST_BYTES
    assert both["leaking"] > 10 * MOST_BYTES
