"""Whether the generator's memory stays flat: bytes that it grows by for each event, while it drives as fast as it can.

The generator runs in a closed loop against a trivial nginx, ten to thirty times faster than a usual load, so some
seconds of it hold the events of minutes. Its resident memory is read from outside, beside the length of its ledger,
and a line is fitted to the later part: what is set up once (connections, statistics, freed memory that the allocator
keeps) is over by then. Memory that is kept for each event shows in the slope, however long the run is. Memory that
grows with time and not with events, such as Locust's history of one point every 5 s, is in the slope too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.record.ledger_file import read_ledger
from bench.clients.loads import LoadRequest
from bench.parts.generator import CONNECTIONS
from bench.servers import nginx
from bench.tools.errors import BenchError
from bench.tools.paths import ROOT

SECONDS: Final = 20.0
EACH_S: Final = 0.1
"""Between two readings."""
SETTLED: Final = 1 / 3
"""Share of the events after which the line begins."""
HOUR_EVENTS: Final = 500 * 3600
"""Events of an hour at 500 a second."""
GENERATOR: Final = "bench.clients.load_ours"


@dataclass(frozen=True, slots=True)
class Reading:
    """Of one moment: length of the ledger's file, and resident memory of the generator, both in bytes."""

    written: int
    resident: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A generator's run, from its first flush on."""

    events: int
    readings: tuple[Reading, ...]


def watched(request: LoadRequest, module: str = GENERATOR, environment: dict[str, str] | None = None) -> Watched:
    """Run the generator and read its memory until it ends. `BenchError` unless it ends well."""
    command = [sys.executable, "-m", module, request.url, "--artifacts", str(request.artifacts.resolve())]
    command += [
        "--ledger",
        str(request.ledger),
        "--connections",
        str(request.connections),
        "--seconds",
        str(request.seconds),
    ]
    readings: list[Reading] = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                readings += _reading(process.pid, request.ledger)
                time.sleep(EACH_S)
        except BaseException:  # Ctrl-C: nobody else would end it
            process.kill()
            raise
    if process.returncode:
        raise BenchError(f"memory: expected exit code 0 of {module}, got {process.returncode}.")
    return Watched(read_ledger(request.ledger).events.num_rows, tuple(readings))


def _reading(pid: int, written: Path) -> list[Reading]:
    """One reading, none before the ledger is begun or after the process has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        length = written.stat().st_size
    except OSError:
        return []
    return [Reading(length, pages * os.sysconf("SC_PAGE_SIZE"))] if pages and length else []


def slope(readings: Sequence[Reading], events: int) -> float:
    """Bytes of resident memory for each event: least squares over the readings after `SETTLED` of the events.

    `BenchError` where these are too few for a line.
    """
    last = max((reading.written for reading in readings), default=0)
    later = [reading for reading in readings if SETTLED * last <= reading.written]
    done = np.array([reading.written for reading in later], np.float64) / max(last, 1) * events
    if len(np.unique(done)) < 3:
        raise BenchError(f"memory: expected three lengths of the ledger or more, got {len(np.unique(done))}.")
    resident = np.array([reading.resident for reading in later], np.float64)
    return float(np.polyfit(done, resident, 1)[0])


def figures(run: Watched) -> dict[str, Any]:
    """What results.json holds under ``memory``."""
    each = slope(run.readings, run.events)
    return {
        "events": run.events,
        "bytes_per_event": round(each, 2),
        "mb_per_hour_at_500_per_s": round(each * HOUR_EVENTS / 1e6, 1),
        "peak_mb": round(max(reading.resident for reading in run.readings) / 1e6),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """How long to watch: the longer, the finer the slope."""
    parser.add_argument(
        "--memory-seconds", type=float, default=SECONDS, help="of the part memory (default %(default)s)"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    with nginx.running() as server, tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        request = LoadRequest(server.url, arguments.artifacts, Path(place), CONNECTIONS, arguments.memory_seconds)
        return figures(watched(request))
