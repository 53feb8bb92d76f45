"""Runs the parts of a server as forked processes, and stops them all on a signal or when one of them ends."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Final

GRACE_S: Final = 1.5
"""Time for what is in flight after SIGTERM. What still runs after it is killed, so that a stop takes less than 2 s."""

_PR_SET_PDEATHSIG: Final = 1  # of prctl(2)


def supervise(
    parts: dict[str, Callable[[], None]], may_end: Collection[str] = (), reloads: Collection[str] = ()
) -> int:
    """Exit code: 0 if SIGTERM or SIGINT ended it, 1 if a part ended by itself (a pod that lacks a part should restart).

    ``may_end``: parts that may end with exit code 0 and leave the others running. ``reloads``: parts that SIGHUP is
    passed on to.
    """
    fork = multiprocessing.get_context("fork")
    wake, waker = os.pipe()
    signals: list[int] = []

    def stop(number: int, _: object) -> None:
        signals.append(number)
        os.write(waker, b".")

    def reload(number: int, _: object) -> None:
        for process in processes:
            if process.name in reloads and process.pid is not None and process.is_alive():
                os.kill(process.pid, number)

    supervisor = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    processes: list[BaseProcess] = [
        fork.Process(target=_run, args=(part, supervisor, before), name=name) for name, part in parts.items()
    ]
    for process in processes:
        process.start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, reload)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    running: list[BaseProcess] = list(processes)
    failed: list[BaseProcess] = []
    while not signals and not failed:
        wait([wake, *(process.sentinel for process in running)])
        gone = [process for process in running if not process.is_alive()]
        running = [process for process in running if process not in gone]
        failed = [process for process in gone if process.name not in may_end or process.exitcode != 0]
    if not signals:
        for process in failed:
            print(f"server: {process.name} ended with exit code {process.exitcode}; stopping.", file=sys.stderr)
    stop_all(processes)
    return 0 if signals else 1


def _run(part: Callable[[], None], supervisor: int, mask: set[signal.Signals]) -> None:
    """In the forked process: runs the part, with the original signals; it is stopped if the supervisor is killed."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:
            os._exit(1)
    part()


def stop_all(processes: Sequence[BaseProcess], grace_s: float = GRACE_S) -> None:
    """SIGTERM to all, SIGKILL to what is left after the grace; returns when none runs."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    deadline = time.monotonic() + grace_s
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()
