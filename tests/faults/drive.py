"""Runs one row: its stack, what is done to it, the load, the verdict; and stops everything, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from actions import wait_until
from analysis.record import ledger
from analysis.record.ledger_file import read_ledger
from deploy.local.config.replica_record import FILE
from deploy.local.running import state
from scene import ROOT, Edit, Found, Row, Scene, environment, found_in

LIMIT_S: Final = 150
SERVED_IMAGE: Final = "metrics_model:0.1"
FAULTY_IMAGE: Final = "faulty:0.1"


class StageError(Exception):
    """A part of the run could not be started; the message is its last line of output."""


def run(row: Row, folder: Path) -> Found:
    """What the judge says of the row, whose files are put into a new folder."""
    began = time.monotonic()
    folder.mkdir(parents=True)
    with ExitStack() as cleanup:
        try:
            scene = _stack(row, folder, cleanup)
            code = _load(row, scene if row.before is None else row.before(scene), cleanup)
            if row.after is not None:
                row.after(scene)
        except (StageError, TimeoutError, OSError) as error:
            return Found(f"{type(error).__name__}: {error}", (), (), time.monotonic() - began)
    return found_in(folder / "run", time.monotonic() - began, f"no result, exit code {code}")


def _stack(row: Row, folder: Path, cleanup: ExitStack) -> Scene:
    """The stack of the row, up; it goes down with the cleanup."""
    places = () if row.served is None else row.served.predictors
    faulty: list[Edit] = [
        (("spec", "predictors", i, "componentSpecs", 0, "spec", "containers", 0, "image"), FAULTY_IMAGE) for i in places
    ]
    _write_manifest(row.manifest, row.edits, folder / "asked.yaml")
    _write_manifest(row.manifest, [*row.edits, *row.deployed, *faulty], folder / "deployed.yaml")
    (folder / "images.toml").write_text(_images(row), encoding="utf-8")
    up = ["up", str(folder / "deployed.yaml"), "--stacks", str(folder), "--images", str(folder / "images.toml")]
    up += ["--logs", str(folder / "logs"), "--env", f"FAULTS_FOLDER={folder}", *row.stack]
    cleanup.callback(_call, folder, "deploy.local", "down", "--stacks", str(folder))
    _call(folder, "deploy.local", *up)
    path = folder / "up" / FILE
    record = state.read(path)
    return Scene(folder, record.host, record.prometheus_url, path, cleanup)


def _write_manifest(source: Path, edits: Iterable[Edit], target: Path) -> None:
    content: Any = yaml.safe_load(source.read_text(encoding="utf-8"))
    for path, value in edits:
        place = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    target.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _images(row: Row) -> str:
    """The image map: the project's own class, and the row's."""
    commands = {SERVED_IMAGE: ["python", "-m", "model.server"]}
    if row.served is not None:
        commands[FAULTY_IMAGE] = row.served.command
    env = '{ GUNICORN_KEEPALIVE = "75", PYTHONPATH = "tests/faults:tests/faults/swapped_cells" }'
    entries = [f'["{image}"]\ncommand = {words!r}\ncwd = "{ROOT}"\nenv = {env}\n' for image, words in commands.items()]
    return "\n".join(entries)


def _load(row: Row, scene: Scene, cleanup: ExitStack) -> int:
    """Exit code of the load test, during which the row's action was done."""
    command = [sys.executable, "-m", "locustfiles", "--run", str(scene.run), "--sdep", str(scene.folder / "asked.yaml")]
    command += ["--host", scene.host, "--prometheus-url", scene.prometheus_url, "--duration", row.duration, *row.load]
    if row.trace:
        path = scene.folder / "trace.txt"
        path.write_text("".join(f"{due:g}\n" for due in row.trace), encoding="utf-8")
        command += ["--trace", str(path)]
    with (scene.folder / "load.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=scene.folder,  # so that runs/latest stays what it is
            env=environment(PLUMBLINE_STACK=str(scene.state)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    cleanup.callback(_end, process)
    if row.during is not None:
        wait_until(lambda: _has_events(scene.run) or process.poll() is not None, "the first event", LIMIT_S)
        time.sleep(row.at_s)  # a moment of the run, chosen by the row
        row.during(replace(scene, load=process))
    try:
        return process.wait(timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise StageError(f"the load test did not end within {LIMIT_S} s ({scene.folder / 'load.log'})") from error


def _has_events(folder: Path) -> bool:
    try:
        return bool(read_ledger(folder / "ledger.arrow").events.num_rows)
    except ledger.LedgerError:
        return False


def _end(process: subprocess.Popen[str]) -> None:
    """End what is left of the load test."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _call(folder: Path, module: str, *words: str) -> None:
    with (folder / "stack.log").open("a") as log:
        command = [sys.executable, "-m", module, *words]
        code = subprocess.call(command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if code:
        lines = (folder / "stack.log").read_text(encoding="utf-8").strip().splitlines()
        raise StageError(f"{module} {words[0]} ended with {code}: {lines[-1] if lines else 'nothing'}")
