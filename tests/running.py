"""Running the project's own commands as a user does, for the whole-program tests."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 90
VARIABLES = ("SDEP", "DURATION", "USERS", "RATE", "SEED", "HOST", "PROMETHEUS_URL", "NAMESPACE", "RUN", "IMAGES")


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: its exit code, what it printed, and the run folder that it was to fill."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        """``result.json`` of the run."""
        content: dict[str, Any] = json.loads((self.folder / "result.json").read_text(encoding="utf-8"))
        return content

    def findings(self, verdict: str) -> list[dict[str, Any]]:
        """Findings of one verdict."""
        return [finding for finding in self.result["findings"] if finding["verdict"] == verdict]

    def __str__(self) -> str:
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def plain_environment(**more: str) -> dict[str, str]:
    """This environment without the variables that choose a run, plus ``more``."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES} | more


def call(*arguments: str, folder: Path, **environment: str) -> Ended:
    """Run ``python ARGUMENTS`` at the root of the repository and wait for its end."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=plain_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, folder)


LoadTest = Callable[..., Ended]


def tree_of(pid: int) -> dict[psutil.Process, str]:
    """The process and all that it started, directly or not, whatever session they are in; each with its command."""
    top = psutil.Process(pid)
    tree = {}
    for process in [top, *top.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            tree[process] = " ".join(process.cmdline())
    return tree


def left_of(tree: dict[psutil.Process, str], within_s: float = 0.0) -> list[str]:
    """The processes that still run after ``within_s``; a zombie does not run."""
    _, alive = psutil.wait_procs(list(tree), timeout=within_s)
    left = []
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(f"{process.pid} {tree[process]}")
    return left
