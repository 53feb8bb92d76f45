"""What is done to a stack or a run to make it go wrong: processes, Prometheus' configuration, other clients."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import pyarrow.parquet as pq

from analysis.collect.offline_answers import answers_for
from analysis.evidence import offline
from analysis.record import runfolder, seal
from model.artifact import load_card
from model.artifact_name import HELDOUT_FILE
from scene import ROOT, Action, Before, Scene

WAIT_S: Final = 30.0


def wait_until(holds: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Return once a condition holds; raises ``TimeoutError`` naming ``what`` was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)


def get(url: str) -> Any:
    """The JSON at an address of loopback, whatever proxy the environment names; None while nothing answers."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return json.loads(answer.read())
    except OSError:
        return None


# Processes


def kill(number: int) -> Action:
    """SIGKILL to all processes of a replica; the launcher starts it anew, unless told not to."""
    return lambda scene: os.killpg(scene.process(scene.pod(number)), signal.SIGKILL)


def kill_worker(number: int) -> Action:
    """SIGKILL to one gunicorn worker of a replica; its master forks another."""

    def act(scene: Scene) -> None:
        top = psutil.Process(scene.process(scene.pod(number)))
        port = urlsplit(scene.stack.replicas[number].rest_url).port
        serving = [process for process in top.children(recursive=True) if port in _listening(process)]
        next(process for process in serving if not process.children()).kill()

    return act


def _listening(process: psutil.Process) -> set[int]:
    return {
        connection.laddr.port
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def pause_generator(seconds: float) -> Action:
    """Stop the load generator for a while, as a busy machine would."""

    def act(scene: Scene) -> None:
        assert scene.load is not None
        os.kill(scene.load.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(scene.load.pid, signal.SIGCONT)

    return act


def kill_generator_process(scene: Scene) -> None:
    """SIGKILL to one of the processes that share the load."""
    assert scene.load is not None
    mine = psutil.Process(scene.load.pid).children(recursive=True)
    next(event for event in mine if "locust" in " ".join(event.cmdline()) and "analysis" not in event.cmdline()).kill()


def interrupt_generator(scene: Scene) -> None:
    """Ctrl-C to the load generator."""
    assert scene.load is not None
    os.kill(scene.load.pid, signal.SIGINT)


def busy_with(programs: int) -> Before:
    """Have so many other programs want a CPU each until the run has been judged."""

    def act(scene: Scene) -> Scene:
        for _ in range(programs):
            program = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            scene.cleanup.callback(program.wait)
            scene.cleanup.callback(program.kill)
        return scene

    return act


def starve_generator(seconds: float, others: int = 40) -> Action:
    """Leave the load generator one CPU, and have so many other programs want that one for a while."""
    work = f"import time\nuntil = time.monotonic() + {seconds}\nwhile time.monotonic() < until: pass"

    def act(scene: Scene) -> None:
        assert scene.load is not None
        whole = os.sched_getaffinity(0)
        chosen = {min(whole)}
        os.sched_setaffinity(scene.load.pid, chosen)
        os.sched_setaffinity(0, chosen)  # what is started here is bound to it too; sessions share a CPU evenly
        try:
            started = [
                subprocess.Popen([sys.executable, "-S", "-c", work], start_new_session=True) for _ in range(others)
            ]
        finally:
            os.sched_setaffinity(0, whole)
        for each in started:
            each.wait()
        os.sched_setaffinity(scene.load.pid, whole)

    return act


def fill_disk(scene: Scene) -> None:
    """No file of the load generator's may grow any more: what a full disk does."""
    assert scene.load is not None
    size = (scene.run / "ledger.arrow").stat().st_size
    resource.prlimit(scene.load.pid, resource.RLIMIT_FSIZE, (size, size))


# Other clients, and what else may happen to a run


def feedbacks(scene: Scene, number: int) -> None:
    """Send so many feedbacks that are not the load generator's, one after another."""
    table = pq.read_table(ROOT / "artifacts" / "heldout.parquet", use_threads=False).to_pylist()
    url = f"{scene.host}/seldon/{scene.stack.namespace}/{scene.stack.deployment}/api/v1.0/feedback"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for i in range(number):
        row = dict(table[i % len(table)])
        truth = row.pop("truth")
        del row["id"]
        values = {"names": list(row), "ndarray": [list(row.values())]}
        body = {"request": {"data": values}, "reward": 1, "truth": {"data": {"ndarray": [truth]}}}
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        opener.open(request, timeout=10).read()


def foreign(number: int) -> Action:
    """Another client sends feedback."""
    return lambda scene: feedbacks(scene, number)


def earlier(number: int) -> Before:
    """There was other traffic before the run."""

    def act(scene: Scene) -> Scene:
        feedbacks(scene, number)
        return scene

    return act


def restarted_after(number: int) -> Before:
    """There was other traffic, was scraped, and then the model was restarted, before the run."""

    def act(scene: Scene) -> Scene:
        feedbacks(scene, number)
        query = (
            f"{scene.prometheus_url}/api/v1/query?query=sum(true_pos)%2Bsum(true_neg)%2Bsum(false_pos)%2Bsum(false_neg)"
        )
        wait_until(lambda: _first_value(query) >= number, "the scrape of the earlier traffic")
        before = scene.process(scene.pod(0))
        os.killpg(before, signal.SIGKILL)
        ready = f"{scene.stack.replicas[0].rest_url}/health/ping"
        wait_until(lambda: scene.process(scene.pod(0)) != before and _answers(ready), "the model to be back")
        return scene

    return act


def _first_value(url: str) -> float:
    content = get(url)
    return float(content["data"]["result"][0]["value"][1]) if content and content["data"]["result"] else -1.0


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def at_once(*actions: Action) -> Before:
    """Actions done before the load."""

    def act(scene: Scene) -> Scene:
        for action in actions:
            action(scene)
        return scene

    return act


def truncated(scene: Scene) -> None:
    """The ledger lost its last bytes."""
    path = scene.run / "ledger.arrow"
    path.write_bytes(path.read_bytes()[:-2000])
    scene.analysis("judge")


def altered(name: str) -> Action:
    """A file of the run folder has another byte in its middle."""

    def act(scene: Scene) -> None:
        content = bytearray((scene.run / name).read_bytes())
        content[len(content) // 2] ^= 1
        (scene.run / name).write_bytes(content)
        scene.analysis("judge")

    return act


def gated_and_lost(gate: str) -> Action:
    """The run is judged by a gate, which is lost afterwards."""

    def act(scene: Scene) -> None:
        gated(gate)(scene)
        (scene.run / runfolder.GATES_FILE).unlink()
        scene.analysis("judge")

    return act


def unsealed(scene: Scene) -> None:
    """The run folder has no seal, as after a collection that was cut short."""
    (scene.run / runfolder.SEAL_FILE).unlink()
    scene.analysis("judge")


def _reseal(scene: Scene) -> None:
    """Seal the run folder as if the run itself had left it so."""
    (scene.run / runfolder.SEAL_FILE).unlink()
    seal.write(scene.run)


def untrained(scene: Scene) -> None:
    """The offline answers are gone, and nothing is there to make them from."""
    (scene.run / runfolder.OFFLINE_FILE).unlink()
    _reseal(scene)
    scene.analysis("judge")


def gated(gate: str) -> Action:
    """The run is judged again, by a gate."""
    return lambda scene: scene.python("-m", "analysis", "judge", str(scene.run), "--gate", gate)


def retrained(scene: Scene) -> None:
    """The offline answers are of models, and of rows, that were made anew since."""
    folder = scene.folder / "retrained"
    scene.python("-m", "model.train", "--out", str(folder), "--seed", "1")
    run = runfolder.read(scene.run)
    since = replace(
        run,
        artifacts={name: load_card(folder / name).sha256 for name in run.artifacts},
        cards={},
        heldout=str(folder / HELDOUT_FILE),
        heldout_sha256=hashlib.sha256((folder / HELDOUT_FILE).read_bytes()).hexdigest(),
    )
    offline.write(scene.run / runfolder.OFFLINE_FILE, answers_for(since, folder))
    _reseal(scene)
    scene.analysis("judge")


def busy(scene: Scene) -> None:
    """The load generator says that it used nearly all of a core, which no test can make sure of on a shared machine."""
    run = runfolder.read(scene.run)
    assert run.recorder is not None
    runfolder.write(scene.run, replace(run, recorder=replace(run.recorder, cpu_share=0.97)))
    _reseal(scene)
    scene.analysis("judge")
