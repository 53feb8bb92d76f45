"""The generator's own ceiling and floor: measured beside the baseline, told before the start, kept in ``run.json``."""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Final

from locustfiles._drive import Plan
from locustfiles._options import ROOT

logger = logging.getLogger("plumbline")

SHARE: Final = 0.7
"""Of the ceiling; above it arrivals begin to wait for one another, whatever the deployment does."""
PATIENCE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """One process. ``ceiling_per_s``: requests per second of a core; ``floor_ms``, ``p50_ms``: latency of one user."""

    ceiling_per_s: float
    floor_ms: float
    p50_ms: float

    def line(self) -> str:
        """The figures, for a terminal."""
        return (
            f"generator: {self.ceiling_per_s:,.0f} requests/s at most for each process, "
            f"{self.floor_ms:.2f} ms at least for each (calibrated)"
        )

    def warning(self, peak_per_s: float, processes: int, cores: int) -> str | None:
        """One line if ``peak_per_s`` is more than `SHARE` of what ``processes`` on ``cores`` can send, else None."""
        able_per_s = self.ceiling_per_s * min(processes, cores)
        if peak_per_s <= SHARE * able_per_s:
            return None
        wanted = math.ceil(peak_per_s / (SHARE * self.ceiling_per_s))
        few = f", and a machine with more than {cores} cores" if wanted > cores else ""
        return (
            f"generator: {peak_per_s:,.0f}/s is above {SHARE:.0%} of the {able_per_s:,.0f}/s that it can send with "
            f"{processes} process{'es' if processes > 1 else ''} here, so it may be late: use --processes {wanted}{few}"
        )


class Calibrating:
    """A calibration under way, in a process of its own."""

    def __init__(self, plan: Plan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "locustfiles._calibrate"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(json.dumps(asdict(plan)))
        self._process.stdin.close()
        self._process.stdin = None

    def found(self) -> Calibration | None:
        """What it found; None, and a line in the log, if it did not come to an end. A run can do without."""
        try:
            said, _ = self._process.communicate(timeout=PATIENCE_S)
            return Calibration(**json.loads(said))
        except (subprocess.TimeoutExpired, ValueError, TypeError):
            self.abandon()
            lines = self._process.communicate()[1].strip().splitlines() or ["it said nothing"]
            logger.warning("calibrating the generator: expected figures, got none: %s.", lines[-1])
            return None

    def abandon(self) -> None:
        """End it, if it is under way."""
        if self._process.poll() is None:
            self._process.kill()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
