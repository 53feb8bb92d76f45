"""Stacks in the background: start one, show its status, end it from another process, and end what is left of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from deploy.local.config.replica_record import FILE
from deploy.local.errors import StackError
from deploy.local.running import processes, state
from deploy.local.running.child_process import last_error

UP: Final = "up"
LAUNCHER_S: Final = 8.0
"""How long a launcher may take to stop its stack before both are killed."""


def start(command: Sequence[str], work: Path) -> int:
    """0 once the launcher ``command`` has its stack ready; raises `StackError` with the last lines of its log."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    log = work / "launcher.log"
    with log.open("wb") as stream:
        launcher = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        while launcher.poll() is None:
            record = _read(work)
            if record is not None and record.ready_s is not None:
                print(summary(record))
                return 0
            time.sleep(0.05)
    except KeyboardInterrupt:
        launcher.terminate()
        launcher.wait()
        return 130
    raise StackError(last_error(log).removeprefix("plumbline: "))


def summary(record: state.StackRecord) -> str:
    """What a user needs to use a stack."""
    took = f"ready in {record.ready_s:.1f} s" if record.ready_s is not None else "starting"
    return (
        f"stack {took}: {record.deployment} in namespace {record.namespace}\n"
        f"  HOST={record.host}\n  PROMETHEUS_URL={record.prometheus_url}\n"
        f"  ENVOY_ADMIN_URL={record.envoy_admin_url}\n  logs in {record.logs}"
    )


async def clear(work: Path) -> None:
    """Ends what a killed launcher left in ``work``. Raises `StackError` if the stack is running."""
    record = _read(work)
    if record is None:
        return
    if state.is_alive(record, record.launcher):
        raise StackError(f"up: expected no stack, got {record.deployment} at {record.host}. Stop it with down first.")
    await _end(work, record)


async def down(stacks: Path) -> int:
    """0 once the stack that is up has ended, and what killed launchers left. A `run` that is alive is left alone."""
    ended = 0
    for work, record in _all(stacks):
        alive = state.is_alive(record, record.launcher)
        if alive and record.kind == "run":
            print(f"{record.deployment} belongs to a command that still runs ({record.launcher.pid}): left alone")
            continue
        if alive:
            os.kill(record.launcher.pid, signal.SIGTERM)
            await processes.until(lambda record=record: not state.is_alive(record, record.launcher), LAUNCHER_S)  # type: ignore[misc]
        await _end(work, record)
        print(f"stopped {record.deployment}" + ("" if alive else ", whose launcher was gone"))
        ended += 1
    if not ended:
        print("no stack was up")
    return 0


async def _end(work: Path, record: state.StackRecord) -> None:
    groups = [process.pid for process in (record.launcher, *record.processes) if state.survivors(record, process)]
    await asyncio.gather(*(processes.end_group(group, 1.0) for group in groups))
    (work / FILE).unlink(missing_ok=True)
    shutil.rmtree(work / "tsdb", ignore_errors=True)


def status(stacks: Path) -> str:
    """A table of every stack: its processes, whether they run, how often they were restarted, their logs."""
    parts = []
    for _, record in _all(stacks):
        rows = [
            (
                process.name,
                str(process.pid),
                "runs" if state.is_alive(record, process) else "gone",
                str(process.restarts),
                process.log,
            )
            for process in (record.launcher, *record.processes)
        ]
        header = ("process", "pid", "state", "restarts", "log")
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]
        ]
        parts.append("\n".join([summary(record), "", *(line.rstrip() for line in lines)]))
    return "\n\n".join(parts) or "no stack is up"


def prune(stacks: Path) -> None:
    """Removes the folders of commands that have ended: their logs are useful until the next command."""
    for work in stacks.glob("run-*"):
        if not (work / FILE).exists():
            shutil.rmtree(work, ignore_errors=True)


def _all(stacks: Path) -> Iterator[tuple[Path, state.StackRecord]]:
    for path in sorted(stacks.glob(f"*/{FILE}")):
        yield path.parent, state.read(path)


def _read(work: Path) -> state.StackRecord | None:
    return state.read(work / FILE) if (work / FILE).exists() else None
