"""One process of a stack: started with a log of its own, watched, restarted a few times, ended as a group."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from deploy.local.config.plan import Process
from deploy.local.errors import StackError
from deploy.local.running import probe, processes
from deploy.local.running.listening import beyond_loopback
from model.printable import printable

START_S: Final = 60.0
"""How long a process may take until it serves. If it ends before, that is found at once."""

PAUSE_S: Final = 0.3
ERROR_WORDS: Final = re.compile(r"\b(\w*error|\w*exception|critical|fatal|cannot|failed)\b", re.IGNORECASE)


def print_line(text: str) -> None:
    """A line for people, on standard error: standard output belongs to the command that runs in the stack."""
    print(f"plumbline: {printable(text)}", file=sys.stderr, flush=True)


def last_error(log: Path) -> str:
    """The last line of a log that reports an error, else its last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines[-40:] if ERROR_WORDS.search(line)]
    return (errors or lines or ["nothing in its log"])[-1][:500]


class ChildProcess:
    """A process of a plan while it runs. ``started`` is called after each start, with the process number."""

    def __init__(self, plan: Process, log: Path, started: Callable[[ChildProcess, int], None]) -> None:
        self.plan = plan
        self.log = log
        self.restarts = 0
        self._started = started
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def start(self) -> None:
        """Starts the process in a session of its own; raises `StackError` if there is no such program."""
        with self.log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self.plan.command,
                    cwd=self.plan.cwd,
                    env=dict(self.plan.env),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise StackError(
                    f"starting {self.plan.name}: expected the program {self.plan.command[0]}, got: {error.strerror}. "
                    "Check the command."
                ) from error
        self._started(self, self._process.pid)

    async def until_ready(self) -> None:
        """Returns when the process serves, on loopback alone unless it may do otherwise.

        Raises `StackError`, with the last line of its log if it does not serve.
        """
        await self.until(lambda: probe.unready(self.plan.ready))
        if self._process is None or self.plan.any_address:
            return
        addresses = await asyncio.to_thread(beyond_loopback, self._process.pid)
        if addresses:
            raise StackError(
                f"starting {self.plan.name}: expected it to listen on 127.0.0.1 only, got {', '.join(addresses)}. "
                "Give it that address, or allow others by any_address = true in the image map."
            )

    async def until(self, missing: Callable[[], Awaitable[str]], seconds: float = START_S) -> None:
        """Returns when nothing is missing; raises `StackError` when the process ended, or at the deadline."""
        deadline = time.monotonic() + seconds
        while what := await missing():
            if self._process is not None and self._process.returncode is not None:
                raise StackError(
                    f"starting {self.plan.name}: expected it to serve, but it ended with exit code "
                    f"{self._process.returncode}: {last_error(self.log)} ({self.log})"
                )
            if time.monotonic() > deadline:
                raise StackError(
                    f"starting {self.plan.name}: expected it to serve within {seconds:.0f} s, got: {what}. "
                    f"Its log says: {last_error(self.log)} ({self.log})"
                )
            await asyncio.sleep(0.05)

    async def watch(self, limit: int) -> None:
        """Starts the process anew each time it ends, up to ``limit`` times; then it stays down, and a line says so."""
        while self._process is not None:
            code = await self._process.wait()
            if self._stopping:
                return
            processes.send(self._process.pid, signal.SIGKILL)  # children that it left may still hold its ports
            if self.restarts >= limit:
                print_line(f"{self.plan.name} ended with exit code {code}: {last_error(self.log)}. It stays down.")
                return
            self.restarts += 1
            print_line(f"{self.plan.name} ended with exit code {code}, restart {self.restarts} of {limit}.")
            await asyncio.sleep(PAUSE_S)
            try:
                await self.start()
            except StackError as error:
                print_line(f"{error} It stays down.")
                return

    async def stop(self, at_most_s: float) -> None:
        """Ends the whole process group."""
        self._stopping = True
        if self._process is not None:
            await processes.end_group(self._process.pid, min(self.plan.grace_s, at_most_s))
            await self._process.wait()
