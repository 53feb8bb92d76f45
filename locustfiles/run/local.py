"""The load from this process alone: Locust's local runner."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from locust.env import Environment
from locust.runners import Runner

from locustfiles.calibration.calibration import cores
from locustfiles.drive.driver import Driver
from locustfiles.drive.recorder import Recorder
from locustfiles.run.generators import Drained
from locustfiles.run.judged_run import JudgedRun
from locustfiles.run.start import begin, make_driver

START_DELAY_NS: Final = 100_000_000
"""Time for Locust to create its users before the first arrival is due."""


class LocalGenerator:
    """One driver in this process; see `generators.Generators`."""

    def __init__(self, environment: Environment, runner: Runner) -> None:
        self._environment = environment
        self._runner = runner
        self._run: JudgedRun | None = None
        self.driver: Driver | None = None

    def cores(self, processes: int, *, forked: bool) -> int:
        """Processors of this machine."""
        return cores()

    def begin(self, run: JudgedRun, start_load: Callable[[], None]) -> None:
        """Start at once."""
        self._run = run
        start_load()

    def start(self) -> int:
        """Make the driver and let it go; when the load begins, in nanoseconds since the epoch."""
        assert self._run is not None  # noqa: S101 - begun before it is started
        plan = self._run.plan(0, 1)
        self.driver = make_driver(plan, Recorder(0, self._run.write), self._environment)
        start_ns = time.time_ns() + START_DELAY_NS
        begin(self.driver, plan, start_ns)
        return start_ns

    def limit_drain(self, limit_s: float) -> None:
        """Shorten the driver's drain."""
        if self.driver is not None:
            self.driver.limit_drain(limit_s)

    def drain(self, limit_s: float) -> Drained:
        """Drain the driver."""
        assert self.driver is not None  # noqa: S101 - made when the test started
        report = self.driver.drain(limit_s)
        self.driver = None
        recorded = report.recorded
        return Drained.of([report], workers=1, lost=0, events=recorded.events, unrecorded=recorded.unrecorded)

    def stop(self) -> None:
        """Stop the runner."""
        self._runner.stop()
