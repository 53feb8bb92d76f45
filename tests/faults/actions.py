"""What is done to a stack or a run to make it go wrong: processes, Prometheus' configuration, other clients."""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import pyarrow.parquet as pq
import yaml

from proxies import caching, delaying, shifting
from scene import ROOT, Action, Before, Scene

WAIT_S: Final = 30.0
MODELS: Final = "seldon-models"
"""Name of the stack's scrape job of the models."""


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
        serving = [one for one in top.children(recursive=True) if port in _listening(one)]
        next(one for one in serving if not one.children()).kill()

    return act


def _listening(process: psutil.Process) -> set[int]:
    return {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}


def end_prometheus(scene: Scene) -> None:
    """SIGTERM to Prometheus; the launcher starts it again on its data, unless told not to."""
    os.killpg(scene.process("prometheus"), signal.SIGTERM)


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
    next(one for one in mine if "locust" in " ".join(one.cmdline()) and "analysis" not in one.cmdline()).kill()


def fill_disk(scene: Scene) -> None:
    """No file of the load generator's may grow any more: what a full disk does."""
    assert scene.load is not None
    size = (scene.run / "ledger.arrow").stat().st_size
    resource.prlimit(scene.load.pid, resource.RLIMIT_FSIZE, (size, size))


# Prometheus


def reconfigured(*edits: Callable[[dict[str, Any], Scene], None]) -> Before:
    """Edit Prometheus' configuration before the load, and wait until its targets are those of the new one."""

    def act(scene: Scene) -> Scene:
        for edit in edits:
            reconfigure(scene, edit)
        return scene

    return act


def reconfigure(scene: Scene, edit: Callable[[dict[str, Any], Scene], None]) -> None:
    """Edit the configuration that Prometheus reads, have it read again, and wait until all its targets are up."""
    path = Path(scene.stack.logs) / "prometheus.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(content, scene)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    jobs = {job["job_name"]: len(_addresses(job)) for job in content["scrape_configs"]}
    os.kill(scene.process("prometheus"), signal.SIGHUP)
    wait_until(lambda: _up(scene.stack.prometheus_url) == jobs, f"the targets of {jobs}")


def _addresses(job: dict[str, Any]) -> list[str]:
    return [address for config in job["static_configs"] for address in config["targets"]]


def _up(url: str) -> dict[str, int]:
    """Number of targets that are up, by job."""
    found = get(f"{url}/api/v1/targets?state=active")
    jobs: dict[str, int] = {}
    for one in found["data"]["activeTargets"] if found else ():
        jobs[one["scrapePool"]] = jobs.get(one["scrapePool"], 0) + (one["health"] == "up")
    return jobs


def _models(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(job for job in content["scrape_configs"] if job["job_name"] == MODELS)
    return found


def second_job(content: dict[str, Any], _: Scene) -> None:
    """A second job that scrapes the models too: two PodMonitors on one pod."""
    again = json.loads(json.dumps(_models(content)))
    for config in again["static_configs"]:
        config["labels"]["job"] = "seldon/another-monitor"
    content["scrape_configs"].append(again | {"job_name": "another-monitor"})


def exchanged_on_the_way(content: dict[str, Any], _: Scene) -> None:
    """A relabelling that stores false positives as false negatives, and the other way round."""
    names = (("false_pos", "kept_aside"), ("false_neg", "false_pos"), ("kept_aside", "false_neg"))
    rules = [{"source_labels": ["__name__"], "regex": a, "target_label": "__name__", "replacement": b} for a, b in names]
    _models(content)["metric_relabel_configs"] = rules


def without_models(content: dict[str, Any], _: Scene) -> None:
    """The job that scrapes the models is gone."""
    content["scrape_configs"] = [job for job in content["scrape_configs"] if job["job_name"] != MODELS]


def without_gateway(content: dict[str, Any], _: Scene) -> None:
    """Only the models are scraped: nothing is known of the gateway."""
    content["scrape_configs"] = [_models(content)]


def through_a_cache(seconds: float) -> Callable[[dict[str, Any], Scene], None]:
    """The models are scraped through a proxy that answers with what it has, if that is not too old."""

    def edit(content: dict[str, Any], scene: Scene) -> None:
        for config in _models(content)["static_configs"]:
            config["targets"] = [caching(f"http://{address}", seconds, scene.cleanup) for address in config["targets"]]

    return edit


def dropped(seconds: float) -> Action:
    """The models' scrape job is gone for a while; it comes back only if the time is finite."""

    def act(scene: Scene) -> None:
        kept: list[dict[str, Any]] = []

        def drop(content: dict[str, Any], _: Scene) -> None:
            kept.append(_models(content))
            without_models(content, scene)

        reconfigure(scene, drop)
        if seconds < WAIT_S:
            time.sleep(seconds)
            reconfigure(scene, lambda content, _: content["scrape_configs"].append(kept[0]))

    return act


def scraped_only_now(scene: Scene) -> None:
    """Prometheus hears of the models only in the middle of the run."""

    def edit(content: dict[str, Any], _: Scene) -> None:
        targets = [
            {
                "targets": [urlsplit(one.metrics_url).netloc],
                "labels": {"seldon_deployment_id": scene.stack.deployment, "namespace": scene.stack.namespace},
            }
            for one in scene.stack.replicas
        ]
        content["scrape_configs"].append(
            {"job_name": MODELS, "metrics_path": "/prometheus", "static_configs": targets}
        )

    reconfigure(scene, edit)


def slow_prometheus(seconds: float) -> Before:
    """Each answer of Prometheus takes so much longer."""
    return lambda scene: replace(scene, prometheus_url=delaying(scene.prometheus_url, seconds, scene.cleanup))


def other_clock(ahead_s: Callable[[Scene], float]) -> Before:
    """Prometheus' clock is ahead of ours; by how much is asked at each request."""
    return lambda scene: replace(
        scene, prometheus_url=shifting(scene.prometheus_url, lambda: ahead_s(scene), scene.cleanup)
    )


def stepping(scene: Scene) -> float:
    """A clock that is set forward by five seconds when the load has run for a while."""
    return 5.0 if (scene.folder / "stepped").exists() else 0.0


def step(scene: Scene) -> None:
    """Set the clock of `stepping` forward."""
    (scene.folder / "stepped").touch()


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


def at_once(*actions: Action) -> Before:
    """Actions done before the load."""

    def act(scene: Scene) -> Scene:
        for one in actions:
            one(scene)
        return scene

    return act


def truncated(scene: Scene) -> None:
    """The ledger lost its last bytes."""
    path = scene.run / "ledger.arrow"
    path.write_bytes(path.read_bytes()[:-2000])
    scene.analysis("judge")


def retrained(scene: Scene) -> None:
    """The offline answers were made anew, by models trained since."""
    folder = scene.folder / "retrained"
    scene.python("-m", "model.train", "--out", str(folder), "--seed", "1")
    (scene.run / "offline.parquet").unlink()
    scene.analysis("finish", PLUMBLINE_ARTIFACTS=str(folder))


def in_background(action: Action) -> Action:
    """The action, while the run goes on and may end."""
    return lambda scene: threading.Thread(target=action, args=(scene,), daemon=True).start()
