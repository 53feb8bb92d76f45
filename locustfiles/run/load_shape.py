"""The end of an open loop with a length, as a Locust shape: not before its last arrival was sent.

Locust's own clock of the run time (``-t``) starts when users are asked for, which is before the load begins; and
the first thing that it does is to look at its own source (`inspect.stack` in `Runner.stop`), for 30 to 50 ms in
which no request leaves. So a headless open loop, and one with ``--shape``, is carried by a `LoadTestShape`
instead: the schedule ends by itself, and then the shape does. The number of users says nothing about such a
load; it stays as it was asked for, and each user rests.

It is put in place when a test starts and taken away when it stops, and not found by Locust in the locustfile:
there it would shape every test, closed loops too, and a headless Locust with a shape does not listen to SIGTERM
until the shape ends.
"""

from __future__ import annotations

import time
from typing import Any, Final

import gevent
from locust import LoadTestShape
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner

TICK_S: Final = 1.0
"""How often Locust asks a shape."""


class OpenLoopShape(LoadTestShape):
    """Keeps ``users`` until ``end_s`` of the monotonic clock, then ends the test."""

    abstract = True
    use_common_options = True

    def __init__(self, users: int, end_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.target_users = users, float(users)
        self._end_s = end_s

    def tick(self) -> tuple[int, float] | None:
        """Users and how many to start in a second; None at the end, for which it waits where that comes soon."""
        left_s = self._end_s - time.monotonic()
        if left_s > TICK_S:
            return self.target_users
        gevent.sleep(max(left_s, 0))
        return None


def run_shape(environment: Environment, runner: Runner, name: str, start_ns: int, duration_s: float) -> None:
    """Have the test that is starting end when a load that begins at ``start_ns`` has lasted ``duration_s``.

    Locust shows ``name`` as the name of the shape.
    """
    options: Any = environment.parsed_options
    end_s = time.monotonic() + (start_ns - time.time_ns()) / 1e9 + duration_s
    kind: type[OpenLoopShape] = type(name, (OpenLoopShape,), {})
    shape = kind(int(options.num_users or 1), end_s)
    environment.shape_class = shape
    shape.runner = runner
    runner.shape_last_tick = shape.target_users  # these users are on their way already
    runner.shape_greenlet = gevent.spawn(_work, runner)


def _work(runner: Runner) -> None:
    """Locust's loop over a shape, once the test runs: it gives up when it finds one that is only about to."""
    while runner.state not in (STATE_SPAWNING, STATE_RUNNING):
        gevent.sleep(0.01)
    runner.shape_worker()
