"""The stages of ``python -m analysis`` that a run needs: the baseline before the load, the judging after it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from locustfiles.run.setup import SetupError
from model.installation import own_process


def start_judge(folder: Path) -> subprocess.Popen[str]:
    """The judging of the run to come, which imports what it needs while the baseline waits for a scrape.

    Python, Arrow and scikit-learn take a second or two to load: too long between the end of the load and a
    verdict, and far too long after a Ctrl-C. The process reads from its standard input how the run ended, and
    ends by itself when our process has ended. It has a session of its own: a Ctrl-C that reaches us is ours to handle.
    """
    command = own_process("analysis", "finish", str(folder), "--when-told")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def take_baseline(folder: Path) -> None:
    """Write what Prometheus holds before the load. Raises `SetupError` with the line that says why it cannot be."""
    command = own_process("analysis", "baseline", str(folder))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            lines = [*_told(process.stdout or ())]
        except BaseException:  # a Ctrl-C while we wait
            process.kill()
            raise
    if process.returncode:
        nothing = f"analysis baseline ended with {process.returncode} and printed nothing"
        raise SetupError((lines or [nothing])[-1])


def _told(output: Iterable[str]) -> Iterator[str]:
    """The lines of the output; those that say what is waited for are passed on as they come."""
    for line in output:
        if line.startswith("waiting for "):
            print(f"plumbline: {line.rstrip()}", file=sys.stderr, flush=True)
        if line.strip():
            yield line.rstrip()
