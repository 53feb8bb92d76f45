"""The capacity of deployments whose capacity is known by construction, as a user asks for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.running import ROOT, Ended, call, left_of, plain_environment, tree_of

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]

LIMIT_S = 240
STOP_S = 6
SINGLE = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
LOAD = ("--workers", "1", "--step-duration", "4s", "--warm-up", "1s", "--within", "100%", "--no-calibration")
GATES = ("--gate", "p50_predict_ms<=200", "--gate", "failures<=5%")


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """An image map under which one thread sleeps 10 ms for each request: less than 100 requests per second."""
    images = tmp_path / "images.toml"
    images.write_text(
        '["metrics_model:0.1"]\n'
        'command = ["python", "-m", "model.server", "plain.Slow"]\n'
        f'cwd = "{ROOT}"\n'
        'env = { PYTHONPATH = "tests/faults", GUNICORN_THREADS = "1", GUNICORN_KEEPALIVE = "75" }\n',
        encoding="utf-8",
    )
    return images


def command(folder: Path, images: Path, *more: str) -> tuple[str, ...]:
    options = ("--sdep", str(SINGLE), "--images", str(images), "--run", str(folder))
    return ("-m", "locustfiles.capacity", *options, *LOAD, *GATES, *more)


def search(*arguments: str, folder: Path) -> Ended:
    """As `running.call`, with the patience that several steps need."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=plain_environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr, folder)


def content(folder: Path) -> dict[str, Any]:
    """``capacity.json``."""
    record: dict[str, Any] = json.loads((folder / "capacity.json").read_text(encoding="utf-8"))
    return record


def test_a_server_of_ten_milliseconds_holds_60_and_not_120_a_second(tmp_path: Path, slow: Path) -> None:
    """Exit code 0; the interval is 60 to 120; the gate is the reason; each step is a judged run with exact counts."""
    folder = tmp_path / "capacity"
    done = search(*command(folder, slow, "--from", "60", "--to", "500"), folder=folder)
    assert done.code == 0, str(done)
    record = content(folder)
    assert (record["capacity"]["passed"], record["capacity"]["failed"]) == (60, 120), str(done)
    assert "p50_predict_ms<=200" in record["capacity"]["limited_by"]["reason"]
    assert "It holds 60/s; at 120/s it does not" in done.out
    steps = {step["run"]: step for step in record["steps"]}
    for run, step in steps.items():
        result = Ended(0, "", "", folder / run).result
        assert result["verdict"] == step["verdict"]
        assert step["live_minus_offline"] == 0, step
        assert (folder / run / "report.html").is_file()
    assert [step["attempt"] for step in record["steps"]][-2:] == [1, 2]
    assert {path.name for path in folder.iterdir()} >= {"capacity.html", "capacity.md", "logs", "steps"}


def test_a_generator_that_may_not_send_is_the_limit_and_is_named(tmp_path: Path, slow: Path) -> None:
    """One visit in flight cannot make 300 requests per second of 10 ms: exit code 4, and no failed rate is claimed."""
    folder = tmp_path / "capacity"
    options = ("--from", "300", "--to", "300", "--max-in-flight", "1")
    done = search(*command(folder, slow, *options), folder=folder)
    assert done.code == 4, str(done)
    answer = content(folder)["capacity"]
    assert (answer["passed"], answer["failed"], answer["limited_by"]["kind"]) == (None, None, "generator"), str(done)
    assert "arrivals dropped" in done.out
    assert "the generator reached its limit" in done.out


def test_ctrl_c_keeps_the_steps_and_says_the_interval_so_far(tmp_path: Path, slow: Path) -> None:
    """SIGINT to the foreground group during the second step: exit code 4 within 6 s, and nothing is left running."""
    folder = tmp_path / "capacity"
    with subprocess.Popen(
        [sys.executable, *command(folder, slow, "--from", "20", "--to", "500")],
        cwd=ROOT, env=plain_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0,
    ) as process:  # fmt: skip
        try:
            until(lambda: bool(list(folder.glob("steps/02-*/run.json"))) or process.poll() is not None)
            tree = tree_of(process.pid)
            began = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            out, _ = process.communicate(timeout=LIMIT_S)
            took_s = time.monotonic() - began
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert left_of(tree, 3) == [], out
    assert len(tree) > 5, "the tree was not seen whole"
    assert process.returncode == 4, out
    assert took_s < STOP_S, f"{took_s:.1f} s\n{out}"
    record = content(folder)
    assert (record["search"]["ended"], record["capacity"]["passed"]) == ("interrupted", 20), out
    assert "At least 20/s" in out


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail after `LIMIT_S`."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT_S} s"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--rate", "50"), "reading --rate: expected none, since the search chooses the load, got 50.0."),
        (("--shape", "hold:9/s:9s"), "reading --shape: expected none, since the search chooses the load, got"),
        (("--users", "5"), "reading --users: expected none, since the search chooses the load, got 5."),
        (("--warm-up", "1.5s"), "reading --warm-up: expected whole seconds, got '1.5s'."),
        (("--gate", "fast"), "gate: expected one like"),
        (("--from", "50", "--to", "5"), "the search: expected rates with 0 < from <= to, got 50 and 5"),
        (("--within", "little"), "reading --within: expected a share as 10%, got 'little'."),
        (("--budget", "soon"), "reading --budget: expected a time"),
        (("--sdep", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, options: tuple[str, ...], line: str) -> None:
    """Exit code 2, before anything starts and anything is made."""
    folder = tmp_path / "capacity"
    done = call("-m", "locustfiles.capacity", "--run", str(folder), *options, folder=folder)
    assert done.code == 2, str(done)
    assert line in done.err
    assert done.err.count("\n") == 1
    assert not folder.exists()
