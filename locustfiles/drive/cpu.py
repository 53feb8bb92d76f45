"""The CPU time of this process, and how long it waited for a CPU."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCHEDSTAT: Final = Path("/proc/self/schedstat")
"""``used waited slices`` of the main thread, nanoseconds (Documentation/scheduler/sched-stats.rst); Linux only."""

SHORTEST_S: Final = 0.1
"""A shorter load has no shares: what the process used before it began would count as used in it."""


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds since the process began.

    ``used_s``: of all threads. ``waited_s``: for which the main thread, which runs all greenlets, was ready and had no
    CPU; None if the kernel does not say.
    """

    used_s: float
    waited_s: float | None

    @classmethod
    def read(cls, schedstat: Path = SCHEDSTAT) -> CpuTime:
        """The present values."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return cls(usage.ru_utime + usage.ru_stime, _waited_s(schedstat))

    def shares_until(self, later: CpuTime, wall_s: float) -> tuple[float, float | None]:
        """Of ``wall_s`` seconds between the two readings: the share used (of one core), and the share waited.

        0 and None below `SHORTEST_S`, also for a load that was to begin only after the later reading.
        """
        if wall_s < SHORTEST_S:
            return 0.0, None
        waited = None
        if self.waited_s is not None and later.waited_s is not None:
            waited = (later.waited_s - self.waited_s) / wall_s
        return (later.used_s - self.used_s) / wall_s, waited


def _waited_s(schedstat: Path) -> float | None:
    try:
        return int(schedstat.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
