"""The generator processes of one test, behind one interface: this process alone, or Locust's workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from analysis.record.runfolder import FirstFailure, RecorderReport
from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import DriverReport
from locustfiles.run.judged_run import JudgedRun

INTERRUPTED_DRAIN_S: Final = 1.0
"""How long requests in flight may take after a Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What was recorded in a test.

    ``tags``: the distinct tags of answers, sorted. ``failures``: one failed request of each kind and status, sorted.
    """

    recorder: RecorderReport
    tags: Sequence[tuple[tuple[str, str], ...]]
    failures: tuple[FirstFailure, ...]

    @classmethod
    def of(cls, reports: Sequence[DriverReport], *, workers: int, lost: int, events: int, unrecorded: int) -> Drained:
        """The sum of what the processes reported. ``lost``: workers without a report."""
        waited = [report.waited_share for report in reports if report.waited_share is not None]
        recorder = RecorderReport(
            events=events,
            unrecorded=unrecorded,
            workers=workers,
            workers_lost=lost,
            cpu_share=round(max((report.cpu_share for report in reports), default=0.0), 4),
            dropped=sum(report.dropped for report in reports),
            waited_share=round(max(waited), 4) if waited else None,
            broken_off=sum(report.broken_off for report in reports),
            users=sum(report.users for report in reports),
        )
        tags = sorted({tags for report in reports for tags in report.recorded.tags})
        failures = {(kind, status): why for report in reports for kind, status, why in report.recorded.failures}
        return cls(recorder, tags, tuple(FirstFailure(*key, why) for key, why in sorted(failures.items())))


class Generators(Protocol):
    """What a test needs of the processes that make its load."""

    @property
    def driver(self) -> Driver | None:
        """The driver on which Locust's users of this process run; None if they run elsewhere, or between tests."""

    def cores(self, processes: int, *, forked: bool) -> int:
        """Processors that ``processes`` generator processes may use. ``forked``: whether they are on this machine."""

    def begin(self, run: JudgedRun, start_load: Callable[[], None]) -> None:
        """Give each process its part of ``run``, and call ``start_load`` as soon as the processes can be started."""

    def start(self) -> int:
        """Start the load of the run that was begun; when it begins, in nanoseconds since the epoch."""

    def limit_drain(self, limit_s: float) -> None:
        """Bring the end of a drain that is under way forward to ``limit_s`` from now."""

    def drain(self, limit_s: float) -> Drained:
        """End the load: begin no other request, give those in flight ``limit_s`` seconds, record everything."""

    def stop(self) -> None:
        """Have Locust stop the test, at the end of the process."""
