"""Deadlines for many requests at once, at the price of a dictionary entry each.

All have the same timeout, so they expire in the order in which they began, and one greenlet that checks the oldest at
intervals is enough. A timer for each would cost more than parsing an answer.
"""

from __future__ import annotations

import time
from typing import Any, Final

import gevent

RESOLUTION_S: Final = 0.02
"""How often the oldest is checked: a request may last this much longer than its timeout."""


class Expired(BaseException):
    """The deadline has passed. It is thrown into the waiting greenlet, and no ``except Exception`` catches it."""


class Deadlines:
    """A greenlet that has entered and not left within ``timeout_s`` gets `Expired` thrown, once."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[int, tuple[float, Any]] = {}
        self._tickets = 0
        self._watch: gevent.Greenlet | None = None

    def enter(self) -> int:
        """A ticket for the calling greenlet, whose time begins now."""
        if self._watch is None:
            self._watch = gevent.spawn(self._look)
        self._tickets += 1
        self._waiting[self._tickets] = (time.monotonic() + self._timeout_s, gevent.getcurrent())
        return self._tickets

    def leave(self, ticket: int) -> None:
        """Give the ticket back."""
        self._waiting.pop(ticket, None)

    def close(self) -> None:
        """Stop checking."""
        if self._watch is not None:
            self._watch.kill(block=False)
            self._watch = None

    def _look(self) -> None:
        run_callback = gevent.get_hub().loop.run_callback
        while True:
            gevent.sleep(RESOLUTION_S)
            now = time.monotonic()
            for ticket, (deadline, _) in self._waiting.items():
                if deadline > now:
                    break
                run_callback(self._expire, ticket)

    def _expire(self, ticket: int) -> None:
        """Throw from the hub: a greenlet that still holds the ticket waits there, so nothing else is interrupted."""
        entry = self._waiting.pop(ticket, None)
        if entry is not None:
            entry[1].throw(Expired())
