"""One reading of the wall clock, then the monotonic clock."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``anchor_ns``: wall clock minus monotonic clock at one moment, in nanoseconds since the epoch.

    Differences of two readings are durations, even if the machine's clock is set in between.
    """

    anchor_ns: int

    @classmethod
    def read(cls) -> Clock:
        """A clock anchored now."""
        return cls(time.time_ns() - time.perf_counter_ns())

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self.anchor_ns + time.perf_counter_ns()
