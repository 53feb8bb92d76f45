"""Child processes and what they cost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.tools.errors import BenchError
from bench.tools.paths import ROOT


@dataclass(frozen=True, slots=True)
class EndedChild:
    """A child that ended well. ``cpu_s``: user and system time of all its threads and of its own reaped children."""

    cpu_s: float
    output: str


def waited(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    name: str,
    codes: Sequence[int] = (0,),
    both: bool = False,
) -> EndedChild:
    """The child's cost and its standard output, with ``both`` standard error among it.

    `BenchError`, with the end of what it printed, unless it exits with one of ``codes``.
    """
    errors = subprocess.STDOUT if both else None
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:
        try:
            output = process.stdout.read() if process.stdout is not None else ""
        except BaseException:  # Ctrl-C: nobody else would end it
            process.kill()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        tail = " | ".join(output.splitlines()[-5:])
        raise BenchError(f"{name}: expected exit code {codes[0]}, got {process.returncode} ({tail}).")
    return EndedChild(usage.ru_utime + usage.ru_stime, output)
