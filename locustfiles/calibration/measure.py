"""``python -m locustfiles.calibration.measure PATH``: measure what one generator process can send on this machine.

Reads a plan as JSON and writes a `Calibration` as JSON. All parts are those of a run: Locust's statistics, the driver
with its open loop, the connections, and the ledger's file. Only the server is another one: it answers a constant, on
loopback.

The ceiling is in requests per second of *CPU* of this process, which is what one core can give. So it is right even
while the stack, the judge and the baseline start beside it. The floor is the quickest answer to one user, for the same
reason; the median is given, too.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import gevent
from gevent.event import Event
from locust.env import Environment

from locustfiles.calibration.calibration import Calibration
from locustfiles.drive.cpu import CpuTime
from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import WorkerPlan
from locustfiles.drive.recorder import LedgerFile, Recorder
from locustfiles.load.options import LoadOptions
from model.atomic import write_text
from model.installation import own_process
from model.rows.labels import Label

ALONE_S: Final = 0.25
FULL_S: Final = 0.75
IN_FLIGHT: Final = 16
"""Enough that there is always an answer to read, and few enough that connecting does not influence the figure."""
REST_S: Final = 0.0005


@dataclass(frozen=True, slots=True)
class SaturatingArrivals:
    """Arrivals as fast as possible: one is due now while fewer than `IN_FLIGHT` are in flight.

    A fixed rate would be too low, or so high that arrivals are dropped, which costs time of its own.
    """

    start_ns: int
    requests: int
    ended: Sequence[float]

    def due(self, index: int) -> float:
        """Seconds after the start: now, or in a moment."""
        free = index - len(self.ended) / self.requests < IN_FLIGHT
        return (time.time_ns() - self.start_ns) / 1e9 + (0.0 if free else REST_S)


def calibrate(plan: WorkerPlan) -> Calibration:
    """The figures for ``plan`` on this machine, now."""
    times_ms: list[float] = []
    environment = Environment()
    environment.create_local_runner()
    plain = _plain(plan.load)
    with (
        _server(plan.load.batch, plan.classes[0]) as url,
        tempfile.TemporaryDirectory(prefix="plumbline-") as folder,
    ):
        plan = replace(plan, host=url, load=plain, worker=0, workers=1, duration_s=None)

        def note(response_time: float, **more: Any) -> None:
            times_ms.append(response_time)
            fire: Any = environment.events.request.fire
            fire(response_time=response_time, **more)

        def driver(name: str) -> Driver:
            started = replace(plan, start_ns=time.time_ns())
            return Driver(started, Recorder(0, LedgerFile(Path(folder) / name).append), note)

        alone = driver("alone")
        gevent.spawn(alone.user, Event())
        _drive(alone, ALONE_S)
        floor_ms, p50_ms = min(times_ms), statistics.median(times_ms)
        times_ms.clear()
        full = driver("full")
        before = CpuTime.read()
        full.open_loop(SaturatingArrivals(time.time_ns(), int(plain.predict_ratio + plain.feedback_ratio), times_ms))
        _drive(full, FULL_S)
        used_s = CpuTime.read().used_s - before.used_s
    return Calibration(round(len(times_ms) / used_s, 1), round(floor_ms, 4), round(p50_ms, 4))


def _plain(load: LoadOptions) -> LoadOptions:
    """The load without target and schedule; all visits are alike."""
    return replace(
        load,
        rate_per_s=0.0,
        trace="",
        shape="",
        transport="rest",
        ca_file="",
        access="",
        max_in_flight=10 * IN_FLIGHT,
        feedback_delay_s=0.0,
        think_time_s=0.0,
        predict_ratio=math.ceil(load.predict_ratio),
        feedback_ratio=math.ceil(load.feedback_ratio),
    )


def _drive(driver: Driver, seconds: float) -> None:
    gevent.sleep(seconds)
    driver.drain(1.0)


@contextmanager
def _server(rows: int, label: Label) -> Iterator[str]:
    """The trivial server; its URL."""
    with subprocess.Popen(
        own_process("locustfiles.calibration.constant_server", str(rows), json.dumps(label)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def main() -> None:
    """Write the figures to the path that is the first argument; ``null`` if there are none."""
    calibration: Calibration | None = None
    try:
        calibration = calibrate(WorkerPlan.from_dict(json.load(sys.stdin)))
    finally:
        write_text(Path(sys.argv[1]), json.dumps(calibration and asdict(calibration)) + "\n")


if __name__ == "__main__":
    main()
