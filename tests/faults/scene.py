"""What a row of the catalogue is, and what it can see and touch of the run it disturbs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from deploy.local.running.state import StackRecord
from deploy.local.running.state import read as read_state

ROOT: Final = Path(__file__).resolve().parents[2]
SINGLE: Final = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
SHADOW: Final = ROOT / "deploy" / "seldon" / "ab-test.yaml"
VARIABLES: Final = ("SDEP", "DURATION", "USERS", "RATE", "SEED", "HOST", "PROMETHEUS_URL", "NAMESPACE", "RUN", "IMAGES")

Verdict = Literal["PASS", "INCONCLUSIVE", "FAIL"]
Launcher = Literal["model.server", "model.stock"]
Edit = tuple[tuple[str | int, ...], Any]
"""A path of keys and indices in a manifest, and the value to put there."""


def environment(**more: str) -> dict[str, str]:
    """This environment without the variables that choose a run; our packages are found from any folder."""
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return plain | {"PYTHONPATH": str(ROOT)} | more


@dataclass(frozen=True, slots=True)
class Served:
    """What predictors run: a class of `misbehaving` (or ``MODULE.CLASS``), the launcher, and its options.

    ``predictors``: numbers of those in the manifest; the others run the class that the project serves.
    """

    name: str
    launcher: Launcher = "model.server"
    options: tuple[str, ...] = ()
    predictors: tuple[int, ...] = (0,)

    @property
    def command(self) -> list[str]:
        """Words of the image map."""
        name = self.name if "." in self.name else f"misbehaving.{self.name}"
        return ["python", "-m", self.launcher, name, *self.options]


@dataclass(frozen=True, slots=True)
class Scene:
    """A stack that runs, and the run that drives it. ``load`` is None until the load was started."""

    folder: Path
    host: str
    prometheus_url: str
    state: Path
    cleanup: ExitStack
    load: subprocess.Popen[str] | None = None

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    @property
    def stack(self) -> StackRecord:
        """The stack as it is now."""
        return read_state(self.state)

    def process(self, name: str) -> int:
        """Number of the stack's process of that name."""
        return next(process.pid for process in self.stack.processes if process.name == name)

    def pod(self, number: int) -> str:
        """Name of the replica with that number, in the manifest's order."""
        return self.stack.replicas[number].pod

    def python(self, *words: str, **more: str) -> None:
        """Run Python at the root of the repository, whatever its exit code (of a verdict, often not 0)."""
        command = [sys.executable, *words]
        subprocess.run(command, cwd=ROOT, env=environment(**more), check=False, capture_output=True, timeout=60)

    def analysis(self, step: str, **more: str) -> None:
        """Run a step of the analysis on the run folder."""
        self.python("-m", "analysis", step, str(self.run), **more)


Before = Callable[[Scene], Scene]
Action = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment that misbehaves, or one that does not, and what the judge must say of it.

    ``what``: for the table. ``diagnoses``: of all findings that are no PASS, each name once; (unnamed) of one without.
    ``may``: further ones, which depend on the machine. ``words``: all in the messages of those findings. ``edits``: of
    the manifest. ``deployed``: further edits, of which the load test is not told. ``stack``, ``load``: options.
    ``trace``: seconds at which visits are due. ``before``: done once the stack is up. ``during``: done ``at_s`` after
    the first event. ``after``: done on the run folder, which is then judged again.
    """

    name: str
    what: str
    verdict: Verdict
    diagnoses: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    served: Served | None = None
    manifest: Path = SINGLE
    edits: tuple[Edit, ...] = ()
    deployed: tuple[Edit, ...] = ()
    stack: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    trace: tuple[float, ...] = ()
    duration: str = "6s"
    before: Before | None = None
    during: Action | None = None
    at_s: float = 2.0
    after: Action | None = None
    may: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a row. ``verdict`` is the failure if there was no verdict. ``messages``: of what is no PASS."""

    verdict: str
    diagnoses: tuple[str, ...]
    messages: tuple[str, ...]
    seconds: float

    def is_expected(self, row: Row) -> bool:
        """Whether verdict, diagnoses and words are those of the row."""
        log = "\n".join(self.messages)
        return (
            self.verdict == row.verdict
            and set(row.diagnoses) <= set(self.diagnoses) <= {*row.diagnoses, *row.may}
            and all(word in log for word in row.words)
        )


def found_in(folder: Path, seconds: float, otherwise: str) -> Found:
    """The content of ``result.json`` of a run folder; ``otherwise`` is the verdict if there is none."""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Found(otherwise, (), (), seconds)
    wrong = [finding for finding in result["findings"] if finding["verdict"] != "PASS" and not _only_follows(finding)]
    return Found(
        str(result["verdict"]),
        tuple(sorted({str(finding["diagnosis"] or "(unnamed)") for finding in wrong})),
        tuple(
            f"{finding['check']} {finding['subject']} {finding['verdict']}: {finding['message']}" for finding in wrong
        ),
        seconds,
    )


def _only_follows(finding: dict[str, Any]) -> bool:
    """Whether a check was not made because of what another found; that one is what counts."""
    return str(finding["message"]).startswith("not judged, because of")
