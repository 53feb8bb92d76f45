"""What happens to a stack while it is under load. Only processes of the stack's own state file are touched."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NeverCame(Exception):
    """What was waited for did not happen."""


@dataclass(frozen=True)
class Scene:
    """Where the stack keeps its state, and the run folder of the load."""

    stacks: Path
    run: Path

    def state(self) -> dict[str, Any]:
        found = sorted(self.stacks.glob("*/state.json"))
        content: dict[str, Any] = json.loads(found[-1].read_text(encoding="utf-8")) if found else {}
        return content

    def wait_for_load(self) -> None:
        """Until events are being recorded."""
        ledger = self.run / "ledger.arrow"
        until(lambda: ledger.exists() and ledger.stat().st_size > 20_000, "the load did not begin")

    def pid(self, part: str) -> int:
        """Process whose name holds ``part``; it leads a group of its own."""
        found = [one["pid"] for one in self.state()["processes"] if part in one["name"]]
        if not found:
            raise NeverCame(f"no process like {part!r} in {[one['name'] for one in self.state()['processes']]}")
        return int(found[0])


def until(holds: Callable[[], bool], told: str, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise NeverCame(told)
        time.sleep(0.05)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The group of a process, held by SIGSTOP."""
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGCONT)


def send_strangers(scene: Scene) -> None:
    """Fifty feedbacks of another client."""
    scene.wait_for_load()
    state = scene.state()
    url = f"{state['host']}/seldon/{state['namespace']}/{state['deployment']}/api/v1.0/feedback"
    body = {"request": {"data": {"ndarray": [[1.0] * 30]}}, "reward": 1.0, "truth": {"data": {"ndarray": [1]}}}
    for _ in range(50):
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


def kill_model(scene: Scene) -> None:
    """The primary's process dies and the launcher starts it again."""
    scene.wait_for_load()
    os.killpg(scene.pid("default"), signal.SIGKILL)


def kill_shadow(scene: Scene) -> None:
    """The shadow's process dies and stays dead."""
    scene.wait_for_load()
    os.killpg(scene.pid("shadow"), signal.SIGKILL)


def pause_shadow(scene: Scene) -> None:
    """The shadow stands still for two seconds; what is mirrored meanwhile waits for it."""
    scene.wait_for_load()
    with stopped(scene.pid("shadow")):
        time.sleep(2)


def hold_prometheus(scene: Scene) -> None:
    """Prometheus stands still for 14 scrape intervals."""
    scene.wait_for_load()
    with stopped(scene.pid("prometheus")):
        time.sleep(14)


def restart_prometheus(scene: Scene) -> None:
    """Prometheus dies and the launcher starts it again on its data."""
    scene.wait_for_load()
    os.killpg(scene.pid("prometheus"), signal.SIGKILL)
