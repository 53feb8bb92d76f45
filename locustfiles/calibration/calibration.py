"""The generator's own limits: measured while the baseline is taken, printed before the start, kept in ``run.json``."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from locustfiles.drive.plan import WorkerPlan
from model.installation import own_process

logger = logging.getLogger("plumbline")

SHARE: Final = 0.7
"""Share of the ceiling above which arrivals begin to wait for one another, whatever the deployment does."""
PATIENCE_S: Final = 15.0
CALIBRATING_ENV: Final = "PLUMBLINE_CALIBRATING"
"""Set by the front door to the path at which a calibration will leave its figures."""
CALIBRATION_FILE: Final = "calibration.json"
"""Among the logs of a run; its figures are also in ``run.json``."""


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
        needed = math.ceil(peak_per_s / (SHARE * self.ceiling_per_s))
        few = f", and a machine with more than {cores} cores" if needed > cores else ""
        return (
            f"generator: {peak_per_s:,.0f}/s is above {SHARE:.0%} of the {able_per_s:,.0f}/s that it can send with "
            f"{processes} process{'es' if processes > 1 else ''} here, so it may be late: use --processes {needed}{few}"
        )


class CalibrationProcess:
    """A calibration that leaves its figures at ``path``.

    The front door begins it before the stack: importing Locust and measuring take two seconds, which have passed when
    the stack is ready. The front door then becomes another program, so the figures are passed on in a file.
    """

    def __init__(self, path: Path, process: subprocess.Popen[str] | None = None) -> None:
        self._path = path
        self._process = process

    @classmethod
    def begin(cls, plan: WorkerPlan, path: Path) -> CalibrationProcess:
        """Start the process for the load of ``plan``; its errors go to a log beside ``path``."""
        with path.with_suffix(".log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                own_process("locustfiles.calibration.measure", str(path)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
            )
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        with process.stdin as sink:
            json.dump(asdict(plan), sink)
        return cls(path, process)

    def result(self) -> Calibration | None:
        """The figures; None, and a line in the log, if they do not arrive. A run can do without them."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.end()
        try:
            figures = json.loads(self._path.read_text(encoding="utf-8"))
            return Calibration(**figures)
        except (OSError, ValueError, TypeError):
            log = self._path.with_suffix(".log")
            logger.warning("calibrating the generator: expected figures in %s, got none. See %s.", self._path, log)
            return None

    def end(self) -> None:
        """End the process, if we began it."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)
            self._process.kill()
            self._process.wait()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
