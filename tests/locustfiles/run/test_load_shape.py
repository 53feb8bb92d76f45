"""An open loop ends when its schedule does: every arrival is sent, none of them late for Locust's sake."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from analysis.record import runfolder
from analysis.record.ledger import Kind
from analysis.record.ledger_file import read_ledger

pytestmark = pytest.mark.stack
PROMETHEUS: Final = "http://127.0.0.1:1"


def planned_s(folder: Path) -> list[float]:
    """Seconds at which the predictions were due, from the first on."""
    events = read_ledger(folder / "ledger.arrow").events
    due = sorted(
        at
        for at, kind in zip(events["planned_ns"].to_pylist(), events["kind"].to_pylist(), strict=True)
        if kind == Kind.PREDICT
    )
    return [(at - due[0]) / 1e9 for at in due]


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(
    ("schedule", "visits", "last_s", "rate"),
    [
        (["--rate", "100", "--duration", "3s"], 150, 2.98, 100.0),
        (["--shape", "ramp:20/s..100/s:2s,hold:100/s:1s"], 110, 2.98, 220 / 3),
    ],
    ids=["rate", "shape"],
)
def test_every_arrival_of_an_open_loop_is_sent(
    locust: Callable[..., Any],
    counting: Callable[..., Any],
    processes: str,
    schedule: list[str],
    visits: int,
    last_s: float,
    rate: float,
) -> None:
    """As many visits as the integral of the rate, half of its requests, the last just before the end; all recorded."""
    server = counting()
    running = locust(
        *("--host", server.url, "--prometheus-url", PROMETHEUS, "--processes", processes, "--run", "here", *schedule),
        module="locustfiles",
    )
    code, out, err = running.end()
    assert (code, out) == (0, "FAKE VERDICT finished, told finished\n"), err
    folder = running.folder / "here"
    due = planned_s(folder)
    assert (len(due), server.counts()["predict"]) == (visits, visits)
    assert due[-1] == pytest.approx(last_s, abs=0.01)
    run = runfolder.read(folder)
    assert run.rate_planned_per_s == pytest.approx(rate)
    assert (run.options["shape"], run.options["duration_s"]) == (schedule[1] if "--shape" in schedule else "", 3.0)


def test_a_shape_that_is_broken_off_ends_at_once(locust: Callable[..., Any], counting: Callable[..., Any]) -> None:
    """SIGTERM in the middle of a shape: Locust with a shape of the locustfile's would not hear it."""
    server = counting()
    running = locust(
        *("--host", server.url, "--prometheus-url", PROMETHEUS, "--shape", "hold:50/s:60s", "--run", "here"),
        module="locustfiles",
    )
    deadline = time.monotonic() + 30
    while server.counts()["predict"] < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.signal(signal.SIGTERM)
    _, out, _ = running.end(timeout_s=10)
    assert out == "FAKE VERDICT interrupted, told interrupted\n"
    assert runfolder.read(running.folder / "here").stop == "interrupted"
    events = read_ledger(running.folder / "here" / "ledger.arrow").events.num_rows
    assert events == sum(server.counts()[kind] for kind in ("predict", "feedback"))
