"""One step of a capacity search, made with the real load test: a warm-up, a drain, and a judged run at the rate."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analysis.access.access_file import read_access
from analysis.capacity.step import Step, StepRun, disturbed, step_of, without_result
from analysis.record import runfolder
from analysis.result.fields import ReportError
from analysis.result.file import read_result
from locustfiles.capacity.drain import drain
from locustfiles.run.progress import PROGRESS_ENV
from locustfiles.run.setup import Setup
from model.atomic import write_text

CONSOLE_FILE: Final = "console.log"
WARM_UP: Final = "warm-up"
SLACK_S: Final = 180.0
"""Time beyond its load that a run may take to start, to drain and to be judged. After that it is ended."""
STOPPING_S: Final = 2.0
"""Time that a run may take to end after a Ctrl-C. The launcher waits for 3.5 s."""
_CHOSEN: Final = ("RATE", "DURATION", "RUN", "PLUMBLINE_SHAPE", "PLUMBLINE_TRACE", "USERS")
"""Variables that would override the choices of the search."""


@dataclass(frozen=True, slots=True)
class StepRunner:
    """Makes steps. ``command``: gives Locust's command for options, a setup and a run folder."""

    parsed: argparse.Namespace
    setup: Setup
    folder: Path
    gates: Sequence[str]
    warm_up_s: float
    command: Callable[[argparse.Namespace, Setup, Path], list[str]]

    def make(self, number: int, rate: float, attempt: int, length_s: float) -> Step:
        """Warm up, drain, drive, judge; the resulting step."""
        began = time.monotonic()
        run = self.folder / "steps" / f"{number:02d}-{rate:g}"
        if self.warm_up_s:
            self._run(run / WARM_UP, rate, self.warm_up_s, judged=False)
        # before the first load there is nothing that could still be counted
        still_moving = self._drain() if self.warm_up_s or number > 1 else None
        code = self._run(run, rate, length_s, judged=True)
        step_run = StepRun(
            rate, attempt, length_s, round(time.monotonic() - began, 3), str(run.relative_to(self.folder))
        )
        try:
            step = step_of(step_run, read_result(run))
        except ReportError:
            return without_result(step_run, _last_line(run, code))
        return step if still_moving is None else disturbed(step, still_moving)

    def _drain(self) -> str | None:
        deployment = self.setup.deployment
        names = [predictor.name for predictor in deployment.predictors]
        access = read_access(self.setup.load.access, self.setup.load.ca_file).prometheus
        chosen = self.setup.metrics
        return drain(self.parsed.prometheus_url, chosen, deployment.name, deployment.namespace, names, access)

    def _run(self, folder: Path, rate: float, length_s: float, *, judged: bool) -> int:
        """Exit code of one run of Locust in a process group of its own; a Ctrl-C of ours is passed on once."""
        logs = folder / runfolder.LOGS_FOLDER
        logs.mkdir(parents=True, exist_ok=True)
        write_text(folder / runfolder.GATES_FILE, json.dumps(list(self.gates), indent=1) + "\n")
        chosen = argparse.Namespace(**vars(self.parsed) | {"rate": rate, "duration_s": length_s, "run": str(folder)})
        chosen.no_calibration |= not judged
        chosen.no_judge = not judged
        env = {name: value for name, value in os.environ.items() if name not in _CHOSEN} | {PROGRESS_ENV: "1"}
        with (
            (logs / CONSOLE_FILE).open("w", encoding="utf-8") as console,
            subprocess.Popen(
                self.command(chosen, self.setup, folder),
                env=env, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, process_group=0,
            ) as process,
        ):  # fmt: skip
            try:
                return process.wait(length_s + SLACK_S)
            except subprocess.TimeoutExpired:
                _end(process, signal.SIGKILL)
                return process.wait()
            except KeyboardInterrupt:
                _end(process, signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOPPING_S)
                _end(process, signal.SIGKILL)
                raise


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to what is left of a run's process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _last_line(run: Path, code: int) -> str:
    """Why there is no result: the last line that the run printed."""
    lines = (run / runfolder.LOGS_FOLDER / CONSOLE_FILE).read_text(encoding="utf-8", errors="replace").split("\n")
    nonblank = [line.strip() for line in lines if line.strip()]
    return f"the run ended with {code} and no result: {nonblank[-1] if nonblank else 'it printed nothing'}"
