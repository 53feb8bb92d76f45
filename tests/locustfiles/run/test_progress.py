"""The progress lines of a load, on a clock of the test's own."""

from __future__ import annotations

import io
import time

import gevent
import pytest

from locustfiles.drive.recorder import EventTotals
from locustfiles.run.progress import Progress


class Clock:
    """A clock that moves only by sleeping, and ends the greenlet that sleeps at ``end_s``."""

    def __init__(self, end_s: float) -> None:
        self.now_s = 0.0
        self._end_s = end_s

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        if self.now_s + seconds > self._end_s:
            self.now_s = self._end_s
            raise gevent.GreenletExit
        self.now_s += seconds


@pytest.mark.parametrize(
    ("total_s", "end_s", "times"),
    [
        (10.0, 10.2, ["5/10 s", "10/10 s"]),
        (12.0, 12.1, ["5/12 s", "10/12 s", "12/12 s"]),
        (10.0, 16.0, ["5/10 s", "15/10 s", "16/10 s"]),
        (None, 11.0, ["5 s", "10 s", "11 s"]),
    ],
    ids=["ends at a line", "ends between two", "drains for long", "no end is known"],
)
def test_each_moment_of_a_load_has_one_line(
    monkeypatch: pytest.MonkeyPatch, total_s: float | None, end_s: float, times: list[str]
) -> None:
    """A load that lasts a multiple of five seconds ended with two lines of the same second."""
    clock, out = Clock(end_s), io.StringIO()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    shown = Progress(lambda: EventTotals(events=7), total_s, out)
    monkeypatch.setattr(gevent, "sleep", clock.sleep)
    with pytest.raises(gevent.GreenletExit):
        shown._show()
    shown.stop()
    assert [line.strip().partition("  ")[0] for line in out.getvalue().splitlines()] == times
