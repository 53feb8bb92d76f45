"""Process groups as ``/proc`` shows them: their members, and a reliable way to end them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Stat:
    """One process. ``started``: clock ticks between the machine's boot and its start."""

    pid: int
    state: str
    group: int
    session: int
    started: int


def boot_id() -> str:
    """The identity of the present boot of this machine; a start time means nothing without it."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def stat(pid: int) -> Stat | None:
    """The process with this number, or None when there is none, or only the zombie of one."""
    try:
        content = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = content[content.rindex(")") + 2 :].split()  # the name before it may hold anything
    process = Stat(pid, fields[0], int(fields[2]), int(fields[3]), int(fields[19]))
    return None if process.state in "ZX" else process


def members(group: int) -> list[Stat]:
    """The living processes of a group. Zombies are left out: init may keep the zombie of an orphan for a long time."""
    numbers = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [process for number in numbers if (process := stat(number)) and process.group == group]


def send(group: int, number: signal.Signals) -> None:
    """Sends a signal to every process of a group; a group that is gone is no error."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # the second: only a zombie of another session is left
        return


async def until(holds: Callable[[], bool], seconds: float, interval_s: float = 0.02) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(interval_s)
    return True


async def end_group(group: int, grace_s: float) -> None:
    """Ends a process group: SIGTERM, and SIGKILL for what is left of it after ``grace_s``."""
    if not members(group):
        return
    send(group, signal.SIGTERM)
    if not await until(lambda: not members(group), grace_s):
        send(group, signal.SIGKILL)
        await until(lambda: not members(group), 1.0)
