"""Real stacks for the tests that need one, started at once since most of their start is waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.config import binaries
from deploy.local.config.replica_record import FILE
from deploy.local.running import processes, state
from deploy.local.running.state import StackRecord

ROOT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).parent / "toy"

SIGNALLED = """
import signal, sys, time
got = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: got.append(number))
print("waiting", flush=True)
while not got:
    time.sleep(0.05)
time.sleep(0.5)  # a second one would come now
print("signals", len(got), flush=True)
sys.exit(40 + len(got))
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("waiting", flush=True)
time.sleep(600)
"""

JOBS: dict[str, list[str]] = {
    "mirrored": ["up", "mirrored.yaml"],
    "weighted": ["up", "weighted.yaml"],
    "stock": ["run", "stock.yaml", "--restarts", "1", "--", "sleep", "600"],
    "forsaken": ["run", "single.yaml", "--", "sleep", "600"],
    "signalled": ["run", "single.yaml", "--", "python", "-c", SIGNALLED],
    "stubborn": ["run", "single.yaml", "--", "python", "-c", STUBBORN],
    "finished": ["run", "single.yaml", "--env", "A=b", "--", "sh", "-c", "env; exit 7"],
}
"""Name of a fixture -> the call of ``python -m deploy.local`` that makes its stack."""


def wait_for(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What a condition gives once it holds; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not (holding := holds()):
        assert time.monotonic() < deadline, f"gave up waiting after {seconds} s"
        time.sleep(0.05)
    return holding


@pytest.fixture(scope="session", autouse=True)
def unpacked() -> None:
    """Prometheus is there before any test counts the lines of a launcher, whichever comes first on a fresh machine."""
    binaries.prometheus({name: value for name, value in os.environ.items() if name != "PROMETHEUS"})


def command_line(words: list[str], stacks: Path) -> list[str]:
    """The call, with toy manifests and images, and a state folder of its own."""
    verb, *rest = words
    options = ["--stacks", str(stacks)]
    if verb in {"up", "run"}:
        rest[0] = str(TOY / rest[0]) if "/" not in rest[0] else rest[0]
        options += ["--images", str(TOY / "images.toml")]
    return [sys.executable, "-m", "deploy.local", verb, *options, *rest]


def call(words: list[str], stacks: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """One call of ``python -m deploy.local``, waited for."""
    return subprocess.run(
        command_line(words, stacks), cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False
    )


@dataclass
class Job:
    """A call that was started, and the folder of its state."""

    process: subprocess.Popen[str]
    stacks: Path

    def record(self) -> StackRecord:
        """Its state file, once the stack is ready."""
        return wait_for(self._ready)  # type: ignore[no-any-return]

    def _ready(self) -> StackRecord | None:
        for path in self.stacks.glob(f"*/{FILE}"):
            record = state.read(path)
            if record.ready_s is not None and (record.kind == "up" or record.processes[-1].name == "command"):
                return record
        assert self.process.poll() in {None, 0}, f"ended: {self.output('err')}"
        return None

    def end(self) -> tuple[int, str, str]:
        """Exit code and outputs, once it has ended."""
        return self.process.wait(60), self.output("out"), self.output("err")

    def output(self, stream: str) -> str:
        """What it has written so far; a file, since what a killed launcher leaves would hold a pipe open."""
        return (self.stacks / stream).read_text()


def left_of(record: StackRecord) -> list[str]:
    """Names of what still runs of a stack: any process of any group of it."""
    return [process.name for process in (record.launcher, *record.processes) if state.survivors(record, process)]


def start(words: list[str], stacks: Path) -> Job:
    """One call of ``python -m deploy.local``, not waited for."""
    with (stacks / "out").open("w") as out, (stacks / "err").open("w") as err:
        process = subprocess.Popen(
            command_line(words, stacks), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True
        )
    return Job(process, stacks)


@pytest.fixture(scope="session")
def jobs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Job]]:
    """Every stack that a selected test asks for, all started at once; whatever is left is ended."""
    names = {name for item in request.session.items for name in getattr(item, "fixturenames", ())} & JOBS.keys()
    started = {name: start(JOBS[name], tmp_path_factory.mktemp(name)) for name in sorted(names)}
    yield started
    for job in started.values():
        if job.process.poll() is None:
            job.process.send_signal(signal.SIGTERM)
    for job in started.values():
        job.process.wait()
        call(["down"], job.stacks)


def _fixture(name: str) -> Callable[[dict[str, Job]], Job]:
    def fixture(jobs: dict[str, Job]) -> Job:
        return jobs[name]

    return fixture


mirrored, weighted, stock, forsaken, signalled, stubborn, finished = (
    pytest.fixture(scope="session", name=name)(_fixture(name)) for name in JOBS
)


def post(url: str, body: dict[str, Any]) -> Any:
    """The JSON that a POST of JSON gives."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def counts(record: StackRecord, metric: str) -> dict[str, float]:
    """Sum over workers and methods' maximum of a toy's gauge, of each pod, from its own metrics endpoint."""
    stacks = {}
    for replica in record.replicas:
        with urllib.request.urlopen(replica.metrics_url, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(metric + "{")]
        stacks[replica.pod] = max(values, default=0.0)
    return stacks


def group_is_empty(pid: int) -> bool:
    """Whether nothing runs in a process group."""
    return not processes.members(pid)
