"""The command that runs inside a stack: in a process group of its own, with the terminal while it lives.

The launcher does not know whether only itself got a signal (``kill``), or the whole foreground group from the terminal
(Ctrl-C). So the command has a group of its own: it gets the first kind of signal through the launcher, the second from
the terminal, and none twice. A shell runs its jobs in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from deploy.local.errors import StackError
from deploy.local.running import processes

GRACE_S: Final = 3.5
"""Time for a command to end after the signal. Together with the stop of the stack, everything ends within five
seconds."""


class Interrupted:
    """The signals that the launcher got. ``number`` is None until the first; ``wait`` returns with it."""

    def __init__(self) -> None:
        self.number: signal.Signals | None = None
        self.forward: Callable[[signal.Signals], None] = lambda _: None
        self._came = asyncio.Event()

    def listen(self) -> None:
        """Takes over SIGINT, SIGTERM and SIGHUP from the running event loop on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._take, number)

    def _take(self, number: signal.Signals) -> None:
        if self.number is None:
            self.number = number
            self._came.set()
            self.forward(number)

    async def wait(self) -> signal.Signals:
        """The first signal, once it has arrived."""
        await self._came.wait()
        assert self.number is not None  # noqa: S101  (set before the event is)
        return self.number


def exit_code(returncode: int) -> int:
    """A return code as a shell gives it: 128 plus the signal's number for a process that a signal ended."""
    return 128 - returncode if returncode < 0 else returncode


async def run(
    command: Sequence[str], env: Mapping[str, str], interrupted: Interrupted, started: Callable[[int], None]
) -> int:
    """Exit code of the command, run to its end. A signal is passed on once; after `GRACE_S` the group is killed."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env=dict(env), process_group=0)
    except OSError as error:
        raise StackError(
            f"running {command[0]}: expected a program, got: {error.strerror}. Check the command after --."
        ) from error
    started(process.pid)
    interrupted.forward = lambda number: processes.send(process.pid, number)
    if interrupted.number is not None:
        interrupted.forward(interrupted.number)
    with _terminal_for(process.pid):
        ended = asyncio.create_task(process.wait())
        signalled = asyncio.create_task(interrupted.wait())
        await asyncio.wait([ended, signalled], return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        if not ended.done():
            await asyncio.wait([ended], timeout=GRACE_S)
    processes.send(process.pid, signal.SIGKILL)  # what is left of its group, or all of it
    return exit_code(await ended)


@contextlib.contextmanager
def _terminal_for(group: int) -> Iterator[None]:
    """Makes ``group`` the terminal's foreground group, and ours again afterwards, when we have a terminal."""
    terminal = sys.stdin.fileno() if sys.stdin is not None and not sys.stdin.closed else -1
    try:
        ours = os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        ours = False
    if not ours:
        yield
        return
    before = signal.signal(
        signal.SIGTTOU, signal.SIG_IGN
    )  # otherwise a background group that sets the terminal is stopped
    try:
        with contextlib.suppress(OSError):  # it may have ended already
            os.tcsetpgrp(terminal, group)
            processes.send(group, signal.SIGCONT)  # it may have read before the terminal was its own
        awake = asyncio.create_task(_keep_awake(group))
        yield
        awake.cancel()
    finally:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(signal.SIGTTOU, before)


async def _keep_awake(group: int) -> None:
    """Undoes Ctrl-Z: no shell would learn of the stop, and a load that pauses is no load."""
    while True:
        await asyncio.sleep(0.2)
        stat = processes.stat(group)
        if stat is not None and stat.state == "T":
            processes.send(group, signal.SIGCONT)
