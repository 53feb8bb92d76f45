"""The supervisor: what ends, and with which exit code."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.server.supervise import supervise

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def run(parts: dict[str, Callable[[], None]], may_end: set[str], then: Callable[[int], None]) -> int | None:
    """Exit code of a supervisor in a process of its own; ``then`` gets its pid while it runs."""
    process = multiprocessing.get_context("fork").Process(target=lambda: os._exit(supervise(parts, may_end)))
    process.start()
    assert process.pid is not None
    then(process.pid)
    process.join(20)
    return process.exitcode


def beat(path: Path) -> Callable[[], None]:
    """A part that runs until it is told to stop."""

    def part() -> None:
        path.write_text(str(os.getpid()))
        signal.pause()

    return part


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(path: Path) -> bool:
    """Whether the process that wrote its pid there has ended."""
    try:
        os.kill(int(path.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_every_part_and_is_exit_code_0(tmp_path: Path, number: int) -> None:
    """Both parts have ended when the supervisor has."""
    paths = [tmp_path / "a", tmp_path / "b"]

    def then(pid: int) -> None:
        wait_for(lambda: all(path.exists() and path.read_text() for path in paths))
        os.kill(pid, number)

    assert run({path.name: beat(path) for path in paths}, set(), then) == 0
    assert all(gone(path) for path in paths)


@pytest.mark.parametrize(("code", "allowed", "expected"), [(0, False, 1), (3, False, 1), (3, True, 1), (0, True, None)])
def test_a_part_that_ends_stops_the_others_unless_it_may(
    tmp_path: Path,
    code: int,
    allowed: bool,
    expected: int | None,
) -> None:
    """Exit code 1 and nothing left, except for a part that may end and ends well: then the others go on."""
    other, ended = tmp_path / "other", tmp_path / "ended"

    def part() -> None:
        wait_for(lambda: other.exists() and bool(other.read_text()))
        ended.write_text("")
        sys.exit(code)

    def then(pid: int) -> None:
        wait_for(ended.exists)
        if expected is None:
            time.sleep(0.2)  # long enough for a supervisor that is wrong to stop the other part
            assert not gone(other)
            os.kill(pid, signal.SIGTERM)

    assert run({"part": part, "other": beat(other)}, {"part"} if allowed else set(), then) == (expected or 0)
    assert gone(other)


def test_a_part_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    """SIGTERM ignored: it is gone within two seconds all the same."""
    path = tmp_path / "deaf"
    began = 0.0

    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        path.write_text(str(os.getpid()))
        while True:
            signal.pause()

    def then(pid: int) -> None:
        nonlocal began
        wait_for(lambda: path.exists() and bool(path.read_text()))
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)

    assert run({"deaf": deaf}, set(), then) == 0
    assert time.monotonic() - began < 2
    assert gone(path)


def test_hangup_reaches_the_part_that_reloads_and_ends_nothing(tmp_path: Path) -> None:
    reloading, other, reloaded = tmp_path / "reloading", tmp_path / "other", tmp_path / "reloaded"

    def part() -> None:
        signal.signal(signal.SIGHUP, lambda *_: reloaded.write_text("yes"))
        beat(reloading)()
        signal.pause()

    def supervised() -> None:
        os._exit(supervise({"reloading": part, "other": beat(other)}, reloads={"reloading"}))

    process = multiprocessing.get_context("fork").Process(target=supervised)
    process.start()
    assert process.pid is not None
    wait_for(lambda: all(path.exists() and path.read_text() for path in (reloading, other)))
    os.kill(process.pid, signal.SIGHUP)
    wait_for(reloaded.exists)
    assert not gone(other)
    os.kill(process.pid, signal.SIGTERM)
    process.join(20)
    assert process.exitcode == 0
