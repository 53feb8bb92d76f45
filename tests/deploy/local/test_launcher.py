"""The launcher: signals, crashes, what is left behind, and what it refuses before it starts anything."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from deploy.local.config.ports import Ports
from deploy.local.errors import StackError
from deploy.local.running import processes, state
from deploy.local.running.state import StackRecord
from tests.deploy.conftest import (
    ROOT,
    SIGNALLED,
    Job,
    call,
    command_line,
    group_is_empty,
    left_of,
    post,
    start,
    wait_for,
)

stack = pytest.mark.stack


@stack
def test_a_command_runs_inside_the_stack_and_its_exit_code_is_the_launchers(finished: Job) -> None:
    """The command finds where everything is in its environment; nothing is left of the stack afterwards."""
    code, out, err = finished.end()
    env = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    assert code == 7
    assert re.search(r"plumbline: stack ready in \d+\.\d s", err)
    assert [
        name for name in ("HOST", "PROMETHEUS_URL", "ENVOY_ADMIN_URL") if not env[name].startswith("http://127")
    ] == []
    assert (env["NAMESPACE"], Path(env["SDEP"]).name) == ("seldon", "single.yaml")
    assert "A" not in env  # --env is for the models
    assert not Path(env["PLUMBLINE_STACK"]).exists()


@stack
def test_a_signal_reaches_the_command_once_and_all_is_gone_within_five_seconds(signalled: Job) -> None:
    """SIGINT to the launcher: the command gets one, ends in its own way, and its exit code is kept."""
    record = signalled.record()
    wait_for(lambda: "waiting" in signalled.output("out"))
    began = time.monotonic()
    signalled.process.send_signal(signal.SIGINT)
    code, out, _ = signalled.end()
    assert time.monotonic() - began < 5
    assert (code, out.splitlines()[-1]) == (41, "signals 1")
    assert left_of(record) == []


@stack
def test_a_command_that_ignores_the_signal_is_killed_in_time(stubborn: Job) -> None:
    """SIGTERM with a command that ignores it: five seconds later nothing runs."""
    record = stubborn.record()
    wait_for(lambda: "waiting" in stubborn.output("out"))
    began = time.monotonic()
    stubborn.process.terminate()
    code, _, _ = stubborn.end()
    assert time.monotonic() - began < 5
    assert code == 128 + signal.SIGKILL
    assert left_of(record) == []


@stack
def test_what_a_killed_launcher_leaves_is_ended_by_down(forsaken: Job) -> None:
    """SIGKILL to the launcher leaves all of it running; `down` ends models, proxies and the command."""
    record = forsaken.record()
    alone = call(["down"], forsaken.stacks)
    assert "left alone" in alone.stdout  # while its launcher lives, a `run` is its launcher's business
    forsaken.process.kill()
    forsaken.process.wait()
    assert left_of(record) == ["prometheus", "single-only-0-toy-0", "envoy", "command"]
    down = call(["down"], forsaken.stacks)
    assert (down.returncode, down.stdout) == (0, "stopped single, whose launcher was gone\n")
    assert left_of(record) == []
    assert call(["down"], forsaken.stacks).stdout == "no stack was up\n"


@stack
def test_a_replica_that_crashes_is_restarted_up_to_the_limit(stock: Job) -> None:
    """With Seldon's own launcher: killed once, the replica serves again on its ports; twice, it stays down."""
    record = stock.record()
    url = f"{record.host}/seldon/seldon/stock/api/v1.0/predictions"
    assert post(url, {"data": {"ndarray": [[1.0]]}})["data"]["ndarray"] == [[1.0]]
    first = model_of(stock)
    os.killpg(first.pid, signal.SIGKILL)
    second = wait_for(lambda: (now := model_of(stock)).restarts == 1 and now)
    wait_for(lambda: serves(url))
    assert second.pid != first.pid
    os.kill(second.pid, signal.SIGKILL)  # the main process alone: its children must not keep the ports
    wait_for(lambda: group_is_empty(second.pid))
    status = wait_for(lambda: "gone" in (now := call(["status"], stock.stacks).stdout) and now)
    assert re.search(rf"stock-only-0-toy-0 +{second.pid} +gone +1 ", status)
    assert stock.process.poll() is None


def model_of(job: Job) -> state.ProcessRecord:
    return next(process for process in job.record().processes if process.name.startswith("stock-only"))


def serves(url: str) -> bool:
    try:
        return bool(post(url, {"data": {"ndarray": [[1.0]]}}))
    except OSError:
        return False


@stack
def test_a_signal_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM before the stack is ready: exit code 143, no process left, within five seconds."""
    job = start(["run", "single.yaml", "--", "true"], tmp_path)
    path = wait_for(lambda: next(tmp_path.glob("*/state.json"), None))
    record: StackRecord = wait_for(lambda: len((now := state.read(path)).processes) == 3 and now)
    began = time.monotonic()
    job.process.terminate()
    assert job.end()[0] == 143
    assert time.monotonic() - began < 5
    assert left_of(record) == []


@stack
def test_ctrl_c_on_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    """On a terminal the command is its foreground group: Ctrl-Z is undone, and Ctrl-C gives it one signal, not two."""
    ours, theirs = pty.openpty()
    words = ["run", "single.yaml", "--", "python", "-c", SIGNALLED]
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command_line(words, tmp_path)],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
    ) as launcher:  # fmt: skip
        os.close(theirs)
        seen = read_until(ours, b"waiting")
        os.write(ours, b"\x1a")
        os.write(ours, b"\x03")  # heard once it is awake again
        seen += read_until(ours, b"signals")
        assert launcher.wait(10) == 41
    os.close(ours)
    assert b"signals 1" in seen
    assert list(tmp_path.glob("*/state.json")) == []


def read_until(terminal: int, word: bytes) -> bytes:
    seen = b""
    while word + b"\r\n" not in seen and not re.search(word + rb" \d+\r\n", seen):
        seen += os.read(terminal, 4096)
    return seen


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """One line with the option and the port, exit code 2, nothing started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option in ("--ingress-port", "--prometheus-port"):
            done = call(["run", "single.yaml", option, port, "--", "true"], tmp_path)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"plumbline: {option}: expected port {port} of 127.0.0.1 free")
            assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.glob("*/state.json")) == []


REFUSED: dict[str, tuple[list[str], str]] = {
    "no manifest": (["run", "none.yaml", "--", "true"], "expected a manifest file, got No such file or directory"),
    "not for here": (["up", "tensorflow.yaml"], "spec.protocol: the local stack speaks seldon only"),
    "no command": (["run", "single.yaml"], "run: expected a command after --"),
    "no such command": (
        ["run", "single.yaml", "--", "no-such-program"],
        "run: expected a program after --, got no-such-program",
    ),
    "no image map": (
        ["run", "single.yaml", "--images", "none.toml", "--", "true"],
        "expected an image map, got No such",
    ),
    "unknown image": (
        ["run", "single.yaml", "--images", "deploy/local/images.toml", "--", "true"],
        "image toy:0.1: expected a start command",
    ),
}


@stack
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_run_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    """Exit code 2, one line that says what was expected, and nothing left running."""
    words, says = REFUSED[case]
    done = call(words, tmp_path)
    lines = [line for line in done.stderr.splitlines() if "stack ready" not in line and "without an orch" not in line]
    assert (done.returncode, len(lines)) == (2, 1)
    assert says in lines[0]
    assert list(tmp_path.glob("*/state.json")) == []


@stack
def test_a_model_that_cannot_start_is_quoted_at_once(tmp_path: Path) -> None:
    """A class that fails in its constructor: its last words in one line, exit code 2, long before any time-out."""
    text = (ROOT / "tests/deploy/toy/single.yaml").read_text()
    node = "graph: {name: toy, parameters: [{name: model_name, type: STRING, value: missing}]}"
    (tmp_path / "missing.yaml").write_text(text.replace("graph: {name: toy}", node))
    began = time.monotonic()
    done = call(["run", str(tmp_path / "missing.yaml"), "--", "true"], tmp_path)
    assert time.monotonic() - began < 20
    assert done.returncode == 2
    assert "no artefact named missing" in done.stderr.splitlines()[-1]
    assert list(tmp_path.glob("*/state.json")) == []


@stack
def test_a_server_that_others_can_reach_is_refused_unless_the_image_map_allows_it(tmp_path: Path) -> None:
    """One line names the addresses, and nothing is left; with ``any_address`` it runs."""
    text = (ROOT / "tests/deploy/toy/single.yaml").read_text()
    (tmp_path / "open.yaml").write_text(text.replace("toy:0.1", "open:0.1"))
    call_it = ["run", str(tmp_path / "open.yaml"), "--", "true"]
    done = call(call_it, tmp_path)
    assert done.returncode == 2
    assert re.search(r"expected it to listen on 127\.0\.0\.1 only, got 0\.0\.0\.0:\d+, ", done.stderr.splitlines()[-1])
    assert list(tmp_path.glob("*/state.json")) == []
    allowed = tmp_path / "allowed.toml"
    toy = str(ROOT / "tests/deploy/toy")
    content = (ROOT / "tests/deploy/toy/images.toml").read_text().replace('cwd = "."', f'cwd = "{toy}"')
    allowed.write_text(content + "any_address = true\n")
    assert call([*call_it[:2], "--images", str(allowed), *call_it[2:]], tmp_path).returncode == 0


@stack
def test_what_only_a_cluster_obeys_is_said_at_the_start(tmp_path: Path) -> None:
    """One line for each, before the stack is ready."""
    text = (ROOT / "tests/deploy/toy/single.yaml").read_text()
    manifest = tmp_path / "retries.yaml"
    manifest.write_text(text.replace("\nspec:\n", '\nspec:\n  annotations: {seldon.io/istio-retries: "3"}\n', 1))
    done = call(["run", str(manifest), "--", "true"], tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "istio-retries" in line]
    assert line.startswith("plumbline: spec.annotations.seldon.io/istio-retries: the ingress sends a request again")
    assert line.endswith("(on a cluster; the local stack leaves it out)")


def test_a_named_prometheus_that_is_none_is_refused(tmp_path: Path) -> None:
    """``$PROMETHEUS`` that is no program is not silently replaced by another."""
    done = call(["run", "single.yaml", "--", "true"], tmp_path, PROMETHEUS="/no/such/prometheus")
    assert done.returncode == 2
    assert done.stderr == (
        "plumbline: $PROMETHEUS: expected a program, got '/no/such/prometheus'. Name one, or unset it.\n"
    )


@pytest.mark.parametrize("option", ["--workers 0", "--env A", "--scrape-interval 0s", "--breakers none", "--nonsense"])
def test_a_bad_option_is_refused_by_its_name(option: str, tmp_path: Path) -> None:
    """Exit code 2 with the option in the last line."""
    done = call(["run", "single.yaml", *option.split(), "--", "true"], tmp_path)
    assert done.returncode == 2
    assert option.split(maxsplit=1)[0] in done.stderr.splitlines()[-1]


def recorded(pid: int, started: int) -> tuple[StackRecord, state.ProcessRecord]:
    process = state.ProcessRecord("one", pid, started, os.getsid(pid) if processes.stat(pid) else pid, "-")
    return StackRecord("run", "d", "n", "m", "h", "p", "e", "l", processes.boot_id(), process, (), (process,)), process


def test_a_process_is_known_by_its_start_time_as_well() -> None:
    """The recorded one is found; another under the same number, as after a recycling, is left alone."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as sleeper:
        started = state.own_record("one", sleeper.pid, Path("-")).started
        record, process = recorded(sleeper.pid, started)
        assert state.is_alive(record, process)
        assert state.survivors(record, process) == [sleeper.pid]
        record, recycled = recorded(sleeper.pid, started - 1)
        assert not state.is_alive(record, recycled)
        assert state.survivors(record, recycled) == []
        sleeper.kill()


def test_children_of_a_leader_that_is_gone_are_still_found() -> None:
    """A group whose leader ended is ours as long as its members started after it, in its session."""
    with subprocess.Popen(["sh", "-c", "sleep 60 & sleep 0.3"], start_new_session=True) as leader:
        record, process = recorded(leader.pid, state.own_record("one", leader.pid, Path("-")).started)
        leader.wait()
        left = state.survivors(record, process)
        assert len(left) == 1
        assert left != [leader.pid]
        later = recorded(leader.pid, process.started + 10_000_000)
        assert state.survivors(*later) == []
        os.killpg(leader.pid, signal.SIGKILL)
    wait_for(lambda: group_is_empty(leader.pid))


def test_a_state_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """Half a file, or another schema: one line that names the file."""
    for content in ("{", '{"schema": 2}', "[]"):
        (tmp_path / "state.json").write_text(content)
        with pytest.raises(StackError, match=r"state\.json: expected"):
            state.read(tmp_path / "state.json")


def test_a_held_port_is_given_to_nobody_else_and_can_be_listened_on() -> None:
    """A server with SO_REUSEADDR may listen on it, a second one may not, and it is never handed out as a free one."""
    with Ports() as ports:
        port = ports.take()
        with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
        others = {ports.take() for _ in range(50)}
        assert port not in others
