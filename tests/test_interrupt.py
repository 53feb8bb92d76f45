"""Ctrl-C in the middle of a run, and a generator that is killed: nothing stays behind, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.record import ledger
from analysis.record.ledger_file import read_ledger
from tests.running import ROOT, Ended, left_of, plain_environment, tree_of

pytestmark = pytest.mark.stack

LIMIT_S = 60
STOP_S = 5
"""Within how many seconds everything has stopped after a Ctrl-C."""


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail, saying what was waited for, after `LIMIT_S`."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_S} s for {what}"
        time.sleep(0.05)


def some_events(folder: Path) -> bool:
    """Whether the ledger already holds events."""
    try:
        return bool(read_ledger(folder / "ledger.arrow").events.num_rows > 100)
    except ledger.LedgerError:
        return False


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_stops_everything_and_leaves_a_readable_inconclusive_run(processes: int, tmp_path: Path) -> None:
    """SIGINT to the foreground group: the whole tree is gone within 5 s; the ledger is judged INCONCLUSIVE."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "locustfiles", "--run", str(folder), "--duration", "60s"]
    with subprocess.Popen(
        [*command, "--processes", str(processes)],
        cwd=ROOT,
        env=plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        try:
            until(lambda: some_events(folder) or process.poll() is not None, "events in the ledger")
            tree = tree_of(process.pid)
            began = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT_S)
            took_s = time.monotonic() - began
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    run = Ended(process.returncode, out, err, folder)
    assert left_of(tree) == [], str(run)
    assert len(tree) > 5, "the tree was not seen whole"
    assert run.code == 4, str(run)
    assert run.result["verdict"] == "INCONCLUSIVE"
    assert any("interrupted" in finding["message"] for finding in run.findings("INCONCLUSIVE")), out
    assert read_ledger(folder / "ledger.arrow").cut is None
    assert (folder / "report.html").is_file()
    assert took_s < STOP_S, f"{took_s:.1f} s\n{run}"
