"""The progress line of a load test: rewritten in place on a terminal, printed every five seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

import gevent

from locustfiles.drive.recorder import EventTotals

PROGRESS_ENV: Final = "PLUMBLINE_PROGRESS"
"""Set by the front door, which silences Locust's own tables and shows this line in their place."""
TTY_S: Final = 0.5
LINE_S: Final = 5.0


def progress_line(elapsed_s: float, total_s: float | None, counts: EventTotals, rate_per_s: float) -> str:
    """One line: time, events so far, recent events per second, failures."""
    until = f"/{total_s:.0f} s" if total_s else " s"
    failures = f"{counts.failures:,} failed" if counts.failures else "none failed"
    return f"  {elapsed_s:3.0f}{until}  {counts.events:>9,} events  {rate_per_s:>7,.0f}/s  {failures}"


class Progress:
    """Writes the line until `stop`. ``counts`` gives the present totals."""

    def __init__(self, counts: Callable[[], EventTotals], total_s: float | None, out: TextIO = sys.stderr) -> None:
        self._counts = counts
        self._total_s = total_s
        self._out = out
        self._tty = out.isatty()
        self._began = time.monotonic()
        self._last = (self._began, 0)
        self._rate = 0.0
        self._greenlet = gevent.spawn(self._show)

    def stop(self) -> None:
        """Show the last state, and end the line."""
        self._greenlet.kill()
        self._write()
        if self._tty:
            self._out.write("\n")
            self._out.flush()

    def _show(self) -> None:
        while True:
            gevent.sleep(TTY_S if self._tty else LINE_S)
            if self._tty or not self._ends_now():
                self._write()

    def _ends_now(self) -> bool:
        """Whether the load is about to end. `stop` writes that line, with the last events."""
        return self._total_s is not None and round(time.monotonic() - self._began) == round(self._total_s)

    def _write(self) -> None:
        now, counts = time.monotonic(), self._counts()
        since, before = self._last
        if now - since >= 1.0:  # the ledger grows once a second
            self._rate = (counts.events - before) / (now - since)
            self._last = (now, counts.events)
        line = progress_line(now - self._began, self._total_s, counts, self._rate)
        self._out.write(f"\r\033[K{line}" if self._tty else f"{line}\n")
        self._out.flush()
