"""Running one case of the catalogue as a user would run it, on real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import acts
from catalogue import Case

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 180
VARIABLES = ("SDEP", "DURATION", "USERS", "RATE", "SEED", "HOST", "PROMETHEUS_URL", "NAMESPACE", "RUN", "IMAGES")


@dataclass(frozen=True)
class Outcome:
    """What was found in a case: the verdict, every diagnosis, seconds that it took, and what to read if it is wrong."""

    case: Case
    verdict: str
    diagnoses: tuple[str, ...]
    seconds: float
    printed: str

    @property
    def right(self) -> bool:
        """Whether verdict and diagnosis are those expected; of a clean case, that nothing was found."""
        wanted = not self.diagnoses if not self.case.diagnosis else self.case.diagnosis in self.diagnoses
        return self.verdict == self.case.verdict and wanted


def outcome(case: Case, seed: int = 0) -> Outcome:
    """Run the case in a folder of its own, which is removed."""
    with tempfile.TemporaryDirectory(prefix="plumbline-fault-") as folder:
        return _outcome(case, Path(folder), seed)


def _outcome(case: Case, folder: Path, seed: int) -> Outcome:
    began = time.monotonic()
    scene = acts.Scene(folder / "stacks", folder / "run")
    problems: list[str] = []
    acting = threading.Thread(target=_act, args=(case, scene, problems))
    process = subprocess.Popen(
        command(case, folder, seed),
        cwd=ROOT,
        env={name: one for name, one in os.environ.items() if name not in VARIABLES} | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    acting.start()
    try:
        printed, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.terminate()  # the launcher tears its stack down
        printed = process.communicate(timeout=30)[0] + f"\ntook more than {LIMIT_S} s"
    acting.join()
    verdict, diagnoses = read(folder / "run" / "result.json")
    if problems:
        verdict, printed = "not acted", printed + "\n" + "\n".join(problems)
    return Outcome(case, verdict, diagnoses, time.monotonic() - began, printed)


def _act(case: Case, scene: acts.Scene, problems: list[str]) -> None:
    if case.act is None:
        return
    try:
        case.act(scene)
    except (acts.NeverCame, OSError, KeyError) as error:
        problems.append(f"{case.act.__name__}: {error!r}")


def command(case: Case, folder: Path, seed: int) -> Sequence[str]:
    """The load test inside a stack whose image is the case's code."""
    images = folder / "images.toml"
    images.write_text(images_of(case), encoding="utf-8")
    stack = [sys.executable, "-m", "deploy.local", "run", case.manifest, "--images", str(images)]
    stack += ["--stacks", str(folder / "stacks"), "--logs", str(folder / "logs"), *case.stack]
    load = [sys.executable, "-m", "locustfiles", "--sdep", case.manifest, "--run", str(folder / "run")]
    load += ["--duration", f"{case.duration_s}s", "--seed", str(seed), *_users(case), *case.load]
    through = [sys.executable, *case.through] if case.through else []
    return [*stack, "--", *through, *load]


def _users(case: Case) -> list[str]:
    return [] if "--users" in case.load else ["--users", "4"]


def images_of(case: Case) -> str:
    """Image map: the class of the case, by its launcher; both find the project and the faulty classes."""
    words = ["python", "-m", case.launcher, case.serves]
    words += ["--service-type", "MODEL"] if case.launcher == "model.stock" else []
    return (
        f'["metrics_model:0.1"]\ncommand = {json.dumps(words)}\ncwd = {json.dumps(str(ROOT))}\n'
        f"env = {{ PYTHONPATH = {json.dumps(os.pathsep.join([str(ROOT), str(ROOT / 'tests' / 'faults')]))} }}\n"
    )


def read(path: Path) -> tuple[str, tuple[str, ...]]:
    """Verdict and the diagnoses of all findings that are not PASS; a finding without one goes by its check's name."""
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return "no verdict", ()
    bad = [one for one in result["findings"] if one["verdict"] != "PASS"]
    return result["verdict"], tuple(dict.fromkeys(one["diagnosis"] or one["check"] for one in bad))
