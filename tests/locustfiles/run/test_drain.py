"""Whatever ends a test, the ledger, the server's own count and Locust's table agree to the last request.

Real `locust`, as a user starts it, against a server that counts what it has read whole. Only the judge is
a stand-in.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from analysis.record import runfolder
from analysis.record.ledger import Kind, Outcome
from analysis.record.ledger_file import read_ledger
from tests.locustfiles.locust_page import Page

ROOT: Final = Path(__file__).parents[3]
SINGLE: Final = str(ROOT / "locustfiles" / "single.py")
pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Counted:
    """Requests by kind, as one witness counts them."""

    predict: int
    feedback: int


def started(url: str) -> list[str]:
    return ["-f", SINGLE, "--host", url, "--prometheus-url", "http://127.0.0.1:1", "--only-summary"]


def headless(url: str, *more: str) -> list[str]:
    return [*started(url), "--headless", "-u", "4", "-r", "100", *more]


def workers(count: int) -> list[str]:
    """`--processes` on a port of its own, since several tests may run at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return ["--processes", str(count), "--master-bind-port", port, "--master-port", port]


def recorded(run: Path) -> Counted:
    events = read_ledger(run / "ledger.arrow").events
    kinds = events["kind"].to_pylist()
    return Counted(kinds.count(Kind.PREDICT), kinds.count(Kind.FEEDBACK))


def delivered(server: Any) -> Counted:
    counts = server.counts()
    return Counted(counts["predict"], counts["feedback"])


def tabled(err: str) -> Counted:
    """What Locust's last table says."""
    numbers = {name: int(number) for name, number in re.findall(r"^POST +(\w+) +(\d+) +\d+\(", err, re.MULTILINE)}
    return Counted(numbers.get("predict", 0), numbers.get("feedback", 0))


def outcomes(run: Path) -> set[int]:
    return set(read_ledger(run / "ledger.arrow").events["outcome"].to_pylist())


def assert_all_agree(run: Path, server: Any, err: str) -> None:
    assert recorded(run) == delivered(server) == tabled(err)
    assert recorded(run).predict > 0
    assert read_ledger(run / "ledger.arrow").cut is None
    recorder = runfolder.read(run).recorder
    assert recorder is not None
    assert (recorder.events, recorder.unrecorded, recorder.workers_lost) == (
        sum((recorded(run).predict, recorded(run).feedback)),
        0,
        0,
    ), err


@pytest.mark.parametrize("delay", ["0", "0.7"], ids=["quick server", "slow server"])
@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_is_lost_when_the_run_time_is_over(
    locust: Callable[..., Any], counting: Callable[..., Any], processes: int, delay: str
) -> None:
    """Requests under way at the end of -t are waited for, and none is killed; the load lasts as long as asked."""
    server = counting("--delay", delay)
    running = locust(*headless(server.url, "-t", "2s"), *(workers(2) if processes == 2 else []))
    code, out, err = running.end()
    assert (code, out) == (0, "FAKE VERDICT finished, told finished\n"), err
    assert_all_agree(running.run, server, err)
    assert outcomes(running.run) == {Outcome.ACKNOWLEDGED}
    events = read_ledger(running.run / "ledger.arrow").events
    assert set(events["worker"].to_pylist()) == set(range(processes))
    lasted_s = (max(events["sent_ns"].to_pylist()) - min(events["sent_ns"].to_pylist())) / 1e9
    assert 1.2 < lasted_s < 2.6
    recorder = runfolder.read(running.run).recorder
    assert recorder is not None
    assert recorder.users == runfolder.read(running.run).options["users"] == 4


def test_a_load_that_ends_before_all_users_have_come_says_how_many_came(
    locust: Callable[..., Any], counting: Callable[..., Any]
) -> None:
    running = locust(*started(counting().url), "--headless", "-u", "40", "-r", "2", "-t", "2s")
    running.end()
    recorder = runfolder.read(running.run).recorder
    assert recorder is not None
    assert recorder.users is not None
    assert 1 < recorder.users < 8


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("how", ["Ctrl-C", "Ctrl-C twice", "SIGTERM"])
def test_nothing_is_lost_when_somebody_breaks_it_off(
    locust: Callable[..., Any], counting: Callable[..., Any], processes: int, how: str
) -> None:
    """Ctrl-C reaches the whole group, and perhaps twice; SIGTERM reaches the first process. Over within 5 s."""
    server = counting("--delay", "0.05")
    running = locust(*headless(server.url, "-t", "60s"), *(workers(2) if processes == 2 else []))
    running.until_loaded(20)
    began = time.monotonic()
    if how == "SIGTERM":
        running.signal(signal.SIGTERM)
    else:
        running.signal(signal.SIGINT, group=True)
        if how == "Ctrl-C twice":
            time.sleep(0.05)
            running.signal(signal.SIGINT, group=True)
    code, out, err = running.end()
    took_s = time.monotonic() - began
    assert (code, out) == (0, "FAKE VERDICT interrupted, told interrupted\n"), err
    assert took_s < 5
    assert runfolder.read(running.run).stop == "interrupted"
    assert_all_agree(running.run, server, err)
    assert "Traceback" not in err


def test_a_ctrl_c_after_the_verdict_changes_nothing(locust: Callable[..., Any], counting: Callable[..., Any]) -> None:
    """While the process ends, an impatient user presses Ctrl-C again and again: the exit code is the judge's."""
    server = counting()
    running = locust(*headless(server.url, "-t", "1s"), environment={"FAKE_FINISH": "3"})
    assert running.process.stdout.readline() == "FAKE VERDICT finished, told finished\n"
    while running.process.poll() is None:
        running.signal(signal.SIGINT, group=True)
        time.sleep(0.002)
    code, _, err = running.end()
    assert code == 3, err


def test_a_ctrl_c_during_the_judging_says_how_to_continue(
    locust: Callable[..., Any], counting: Callable[..., Any]
) -> None:
    """The wait for a slow shadow may take a minute; nobody has to sit it out, and nobody sees a traceback."""
    running = locust(*headless(counting().url, "-t", "1s"), environment={"FAKE_JUDGING": "30"})
    running.until_loaded()
    deadline = time.monotonic() + 30
    while runfolder.read(running.run).ended is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    running.signal(signal.SIGINT, group=True)
    code, out, err = running.end()
    assert code == 4, err
    assert out.startswith("INCONCLUSIVE: the judging was interrupted. To continue: ")
    assert "Traceback" not in err


def test_a_request_killed_at_the_stop_is_an_indeterminate_event(
    locust: Callable[..., Any], counting: Callable[..., Any]
) -> None:
    """A server too slow for the drain of a Ctrl-C: delivered, never answered, and in the ledger as such."""
    server = counting("--delay", "30")
    running = locust(*headless(server.url, "-t", "60s", "--timeout", "40"))
    deadline = time.monotonic() + 30
    while server.counts()["predict"] < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.signal(signal.SIGINT, group=True)
    code, _, err = running.end()
    assert code == 0
    assert recorded(running.run) == delivered(server) == tabled(err) == Counted(4, 0)
    assert outcomes(running.run) == {Outcome.INDETERMINATE}


def worker_pids(running: Any) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(running.process.pid)], capture_output=True, text=True, check=True
    )
    children = [int(pid) for pid in listed.stdout.split()]
    return [pid for pid in children if b"locust" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_worker_that_was_killed_is_noted_as_lost(locust: Callable[..., Any], counting: Callable[..., Any]) -> None:
    """Its last second of events is gone and nobody knows how many: the run says so, and goes on with the other."""
    server = counting("--delay", "0.02")
    running = locust(*headless(server.url, "-t", "8s"), *workers(2))
    running.until_loaded(50)
    os.kill(worker_pids(running)[0], signal.SIGKILL)
    running.end()
    run = runfolder.read(running.run)
    assert run.recorder is not None
    assert (run.stop, run.recorder.workers, run.recorder.workers_lost) == ("failed", 2, 1)
    assert sum((recorded(running.run).predict, recorded(running.run).feedback)) == run.recorder.events
    assert recorded(running.run).predict <= delivered(server).predict


def test_a_worker_that_is_told_to_end_says_its_last(locust: Callable[..., Any], counting: Callable[..., Any]) -> None:
    """SIGTERM to one worker: it drains, and nothing of it is missing."""
    server = counting("--delay", "0.02")
    running = locust(*headless(server.url, "-t", "5s"), *workers(2))
    running.until_loaded(50)
    os.kill(worker_pids(running)[0], signal.SIGTERM)
    code, _, err = running.end()
    assert code == 0
    assert_all_agree(running.run, server, err)


def test_a_master_and_workers_started_one_by_one_agree(
    locust: Callable[..., Any], counting: Callable[..., Any]
) -> None:
    """As on several machines: each process is started by itself, and finds the options of the master."""
    server = counting("--delay", "0.01")
    _, _, _, port, _, _ = workers(2)
    master = locust(
        *headless(server.url, "-t", "3s", "--predict-ratio", "0.5"),
        *("--master", "--expect-workers", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port),
    )
    others = [locust("-f", SINGLE, "--worker", "--master-port", port) for _ in range(2)]
    code, _, err = master.end()
    ends = [other.end() for other in others]
    assert [code, *(end[0] for end in ends)] == [0, 0, 0], "\n".join([err, *(end[2] for end in ends)])
    print(*(end[2] for end in ends), sep="\n")  # shown if a worker was lost
    assert_all_agree(master.run, server, err)
    assert recorded(master.run).predict < recorded(master.run).feedback


@pytest.mark.parametrize("processes", [1, 2])
def test_each_test_of_the_web_page_leaves_its_own_judged_run(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path, processes: int
) -> None:
    """Started and stopped from the page, twice, with other options the second time; both whole, both judged."""
    server = counting("--delay", "0.02")
    port = int(workers(1)[3])
    running = locust(*started(server.url), "--web-port", str(port), *(workers(2) if processes == 2 else []))
    page = Page(running, port)
    page.until(page.up)
    if processes == 2:
        page.until(lambda: len(json.loads(page.get("/stats/requests"))["workers"]) == 2)
    before = Counted(0, 0)
    for number, ratio in enumerate(["1.0", "0.5"], start=1):
        page.post("/swarm", user_count=4, spawn_rate=100, host=server.url, predict_ratio=ratio, seed=number)
        page.until(lambda number=number: len(list(tmp_path.glob("runs/2*/ledger.arrow"))) == number)  # type: ignore[misc]
        running.until_loaded(20)
        page.post("/stop")
        page.until((running.run / "result.json").exists)
        after = delivered(server)
        assert recorded(running.run) == Counted(after.predict - before.predict, after.feedback - before.feedback)
        run_record = runfolder.read(running.run)
        assert (run_record.stop, run_record.seed, run_record.options["predict_ratio"]) == (
            "finished",
            number,
            float(ratio),
        )
        before = after
    running.signal(signal.SIGINT, group=True)
    _, out, err = running.end()
    assert out == "FAKE VERDICT finished, told finished\n" * 2, err


def test_the_page_runs_a_shape_and_then_a_closed_loop(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path
) -> None:
    """A shape typed into the form ends by itself; the next test is not shaped by it."""
    server = counting("--delay", "0.02")
    port = int(workers(1)[3])
    running = locust(*started(server.url), "--web-port", str(port), "--no-calibration")
    page = Page(running, port)
    page.until(page.up)
    page.post("/swarm", user_count=4, spawn_rate=100, host=server.url, shape="ramp:20/s..100/s:2s")
    page.until((tmp_path / "runs" / "latest" / "result.json").exists)
    assert recorded(running.run) == delivered(server) == Counted(60, 60)
    assert runfolder.read(running.run).stop == "finished"
    page.post("/swarm", user_count=4, spawn_rate=100, host=server.url, shape="")
    page.until(lambda: len(list(tmp_path.glob("runs/2*/ledger.arrow"))) == 2)
    running.until_loaded(300)
    page.post("/stop")
    page.until((running.run / "result.json").exists)
    assert recorded(running.run).predict == delivered(server).predict - 60


def test_a_test_that_cannot_start_is_refused_on_the_page(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path
) -> None:
    """A bad option typed into the form: nothing is sent, the page shows why, and the next test may start."""
    server = counting()
    port = int(workers(1)[3])
    running = locust(*started(server.url), "--web-port", str(port))
    page = Page(running, port)
    page.until(page.up)
    page.post("/swarm", user_count=1, spawn_rate=1, host=server.url, predict_ratio="7")
    page.until(lambda: "expected 0 to 1, got 7" in page.get("/exceptions"))
    assert delivered(server) == Counted(0, 0)
    page.until(lambda: json.loads(page.get("/stats/requests"))["state"] == "stopped")
    page.post("/swarm", user_count=1, spawn_rate=1, host=server.url, predict_ratio="1")
    page.until(lambda: len(list(tmp_path.glob("runs/2*/ledger.arrow"))) == 1)
    running.signal(signal.SIGTERM)
    running.end()
    assert runfolder.read(running.run).stop == "interrupted"


def test_the_page_is_not_open_to_the_network(locust: Callable[..., Any], counting: Callable[..., Any]) -> None:
    """Locust listens on every interface unless told otherwise; ours on loopback."""
    port = int(workers(1)[3])
    running = locust(*started(counting().url), "--web-port", str(port))
    page = Page(running, port)
    page.until(page.up)
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    addresses = {line.split()[1] for line in listening.splitlines() if f":{port:04X} " in line and " 0A " in line}
    assert addresses == {f"0100007F:{port:04X}"}
