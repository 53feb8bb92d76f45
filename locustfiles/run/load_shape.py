"""The end of an open loop with a length, as a Locust shape: not before its last arrival was sent.

Locust's own clock of the run time (``-t``) starts when users are requested, which is before the load begins. At its end
Locust first reads its own source (`inspect.stack` in `Runner.stop`), for 30 to 50 ms in which no request leaves. So a
`LoadTestShape` ends a headless open loop, and one with ``--shape``: the schedule ends by itself, and then the shape
ends. The number of users does not matter for such a load; it stays as it was, and each user rests.

It is set when a test starts and removed when it stops. It is not in the locustfile, where it would shape every test,
also closed loops; and a headless Locust with a shape does not react to SIGTERM until the shape ends.
"""

from __future__ import annotations

import time
from typing import Any, Final

import gevent
from locust import LoadTestShape
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner

TICK_S: Final = 1.0
"""How often Locust calls `tick`."""


class OpenLoopShape(LoadTestShape):
    """Keeps ``users`` until ``end_s`` of the monotonic clock, then ends the test."""

    abstract = True
    use_common_options = True

    def __init__(self, users: int, end_s: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.target_users = users, float(users)
        self._end_s = end_s

    def tick(self) -> tuple[int, float] | None:
        """Users and how many to start in a second; None at the end. It waits for the end if that is near."""
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
    runner.shape_last_tick = shape.target_users  # these users are being started already
    runner.shape_greenlet = gevent.spawn(_work, runner)


def _work(runner: Runner) -> None:
    """Run Locust's loop over a shape once the test runs; Locust gives up if the test is still starting."""
    while runner.state not in (STATE_SPAWNING, STATE_RUNNING):
        gevent.sleep(0.01)
    runner.shape_worker()
