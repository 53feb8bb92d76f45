"""``python -m bench.tools.peak_memory MODULE [ARGUMENT ...]``: run a module and print its peak memory.

The last line of the output is the peak in MB (10**6 bytes). The process itself must say it: what the kernel tells a
parent of its child (``ru_maxrss``) starts at the memory of the parent (exec_mmap in Linux' fs/exec.c).
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.tools.subprocesses import waited


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took from its first instruction to its end.

    ``cpu_s``: user and system time of all of its threads. ``peak_mb``: most memory that was resident at once,
    pages of a file mapped into memory among it.
    """

    cpu_s: float
    peak_mb: float
    output: str


def measured(bytecode: Path, module: str, *arguments: str) -> Cost:
    """Cost of a module run in a fresh process. `BenchError` unless it exits with code 0.

    ``bytecode``: folder in which Python keeps what it compiled. Without one, where the environment forbids to write
    beside the sources (PYTHONDONTWRITEBYTECODE), each process compiles numpy again, and that is what would be measured.
    """
    command = [sys.executable, "-m", "bench.tools.peak_memory", module, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    ended = waited(command, environment, name=module)
    output, _, peak_mb = ended.output.rstrip("\n").rpartition("\n")
    return Cost(ended.cpu_s, float(peak_mb), output)


def peak_mb() -> float:
    """This process' own peak resident memory (Linux: proc(5), VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM:"))


def main(arguments: Sequence[str]) -> int:
    """Exit code of the module."""
    sys.argv = list(arguments)
    code = 0
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    print(f"{peak_mb():.1f}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
