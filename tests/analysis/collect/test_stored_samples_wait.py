"""How long a collection waits: for a last scrape, and for a shadow that is behind."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from analysis.collect.stored_samples import Patience, _wait
from analysis.evidence.samples import ClockOffset, Samples, Series
from analysis.evidence.scrapes.targets import living


class Behind:
    """A shadow that has counted 5 of 10 and answers the rest at ``done_s``; the gateway knows until ``known_s``."""

    def __init__(self, done_s: float, known_s: float) -> None:
        self.now_s = 0.0
        self._done_s, self._known_s = done_s, known_s

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def fetch(self, _: float) -> None:
        """The state follows from the time."""

    def seen_the_end(self) -> bool:
        return True

    def shadow_counts(self) -> tuple[float, ...]:
        return (10.0 if self.now_s >= self._done_s else 5.0,)

    def shadows_complete(self) -> bool:
        return self.shadow_counts() == (10.0,)

    def under_way(self) -> bool:
        return self.now_s < self._known_s

    def shadow_line(self, patience: Patience) -> str:
        return f"waiting for the shadow, {patience.settle_s:.0f} s"

    def longest_wait_s(self, asked_s: float | None) -> float:
        return asked_s or 10.0


@pytest.mark.parametrize(
    ("done_s", "known_s", "least_s", "most_s", "complete"),
    [
        (0.0, 0.0, 0.0, 0.1, True),
        (6.0, 0.0, 6.0, 6.3, True),  # gunicorn's threaded worker stands still for 5 s
        (20.0, 0.0, 8.0, 8.3, False),
        (20.0, 20.0, 20.0, 20.3, True),
        (90.0, 90.0, 30.0, 30.3, False),
    ],
    ids=["complete", "a stall", "lost", "still under way", "under way for ever"],
)
def test_a_shadow_is_waited_for_as_long_as_the_gateway_waits_for_it(
    done_s: float, known_s: float, least_s: float, most_s: float, complete: bool
) -> None:
    """Nothing is called lost while the gateway says that it is under way, up to 30 s."""
    behind = Behind(done_s, known_s)
    _wait(cast("Any", behind), Patience(), behind.now, behind.sleep, print)
    assert least_s <= behind.now_s <= most_s
    assert behind.shadows_complete() is complete


@pytest.mark.parametrize(("done_s", "lines"), [(2.0, []), (20.0, ["waiting for the shadow, 8 s"])])
def test_a_wait_for_a_shadow_is_said_once_if_it_is_long(done_s: float, lines: list[str]) -> None:
    behind, progress = Behind(done_s, done_s), list[str]()
    _wait(cast("Any", behind), Patience(), behind.now, behind.sleep, progress.append)
    assert progress == lines


def up(instance: str, *times_ms: int) -> Series:
    return Series("up", {"job": "seldon", "instance": instance}, np.array(times_ms), np.ones(len(times_ms)))


def test_a_target_that_was_gone_before_the_first_event_had_no_part_in_the_run() -> None:
    """A renamed job leaves its old series behind for five minutes; with nothing else left they are all there is."""
    old, new = up("a:1", 10, 20), up("b:1", 20, 30)
    stored = Samples((old, new), ClockOffset(0.0, 0.0))
    assert living(stored, 25).series == (new,)
    assert living(stored, 20).series == (old, new)
    assert living(stored, 40).series == (old, new)
