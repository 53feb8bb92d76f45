"""Workers on machines whose clocks are off: one ledger, on the master's clock."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.record import ledger_rules, runfolder
from analysis.record.instants import epoch_s
from analysis.record.ledger import Kind, Outcome
from analysis.record.ledger_file import read_ledger
from events import Event, batch_of_events
from locustfiles.run.worker_clock import TIMES, UNKNOWN, ClockReading, WorkerClock

ROOT = Path(__file__).parents[3]
SINGLE = str(ROOT / "locustfiles" / "single.py")
AHEAD = """
import time
time_s, time_ns = time.time, time.time_ns
time.time = lambda: time_s() + 3
time.time_ns = lambda: time_ns() + 3 * 10**9
"""


def test_the_quickest_reading_counts() -> None:
    """The worker's clock was read at some moment between question and answer."""
    slow, quick = ClockReading(0, 3_000_000, 900_000), ClockReading(1_000_000, 4_200_000, 1_200_000)
    assert WorkerClock.of([slow, quick]) == WorkerClock(3_100_000, 100_000)


@pytest.mark.parametrize("worker_ns", [1_000_000, 1_100_000, 1_200_000])
def test_an_offset_that_may_be_nothing_moves_nothing(worker_ns: int) -> None:
    """The clocks of one machine are one; how far they may differ is kept."""
    clock = WorkerClock.of([ClockReading(1_000_000, worker_ns, 1_200_000)])
    assert clock == WorkerClock(0, 100_000 + abs(worker_ns - 1_100_000))


def test_the_times_of_events_are_corrected_and_nothing_else() -> None:
    event = Event(1, 2, 0, Kind.FEEDBACK, 3, 100, 200, 300, Outcome.ACKNOWLEDGED, 200, 1, 0, 0.5)
    before = batch_of_events([event])
    after = WorkerClock(70, 5).corrected(before)
    assert after.schema == before.schema
    changed = {name for name in before.schema.names if before.column(name) != after.column(name)}
    assert changed == set(TIMES)
    assert [after.column(name).to_pylist() for name in TIMES] == [[30], [130], [230]]
    assert WorkerClock(0, 5).corrected(before) is before


def test_a_clock_that_nobody_told_is_too_uncertain_to_judge_by() -> None:
    assert UNKNOWN.uncertainty_ns > 10**12


@pytest.mark.stack
def test_a_worker_three_seconds_ahead_records_on_the_masters_clock(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path
) -> None:
    """Every event lies within the run, in order; the report says how far the worker was off."""
    (tmp_path / "ahead").mkdir()
    (tmp_path / "ahead" / "sitecustomize.py").write_text(AHEAD, encoding="utf-8")
    server = counting("--delay", "0.01")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    master = locust(
        *("-f", SINGLE, "--host", server.url, "--prometheus-url", "http://127.0.0.1:1", "--only-summary"),
        *("--headless", "-u", "4", "-r", "100", "-t", "3s"),
        *("--master", "--expect-workers", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port),
    )
    path = os.pathsep.join([str(tmp_path / "ahead"), str(ROOT)])
    others = [
        locust("-f", SINGLE, "--worker", "--master-port", port, environment=environment)
        for environment in (None, {"PYTHONPATH": path})
    ]
    code, _, err = master.end()
    assert [code, *(other.end()[0] for other in others)] == [0, 0, 0], err
    run = runfolder.read(master.run)
    assert run.recorder is not None
    assert run.recorder.clock_offset_s == pytest.approx(3, abs=0.05)
    assert 0 < run.recorder.clock_uncertainty_s < 0.25
    assert run.ended is not None
    batches = read_ledger(master.run / "ledger.arrow").events.to_batches()
    first_ns = ledger_rules.check(batches, run)
    assert first_ns is not None
    assert epoch_s(run.started) <= first_ns / 1e9 <= epoch_s(run.ended)
    assert {worker for batch in batches for worker in batch.column("worker").to_pylist()} == {0, 1}
    assert re.search(r"the clock of worker [01] is \+(2\.9|3\.0)\d\d s off ours", err), err
