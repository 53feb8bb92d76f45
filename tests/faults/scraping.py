"""What is done to Prometheus: its configuration edited and read again, its answers late or of another clock."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from actions import WAIT_S, get, wait_until
from proxies import caching, delaying, forgetting, shifting, stamping
from scene import Action, Before, Scene

MODELS: Final = "seldon-models"
"""Name of the stack's scrape job of the models."""

Edit = Callable[[dict[str, Any], Scene], None]
"""Changes a configuration of Prometheus in place."""


def end_prometheus(scene: Scene) -> None:
    """SIGTERM to Prometheus; the launcher starts it again on its data, unless told not to."""
    os.killpg(scene.process("prometheus"), signal.SIGTERM)


def reconfigured(*edits: Edit) -> Before:
    """Edit Prometheus' configuration before the load, and wait until its targets are those of the new one."""

    def act(scene: Scene) -> Scene:
        for edit in edits:
            reconfigure(scene, edit)
        return scene

    return act


def reconfigure(scene: Scene, edit: Edit) -> None:
    """Edit the configuration that Prometheus reads, have it read again, and wait until all its targets are up.

    Targets are told by pool and job: where only a label changed, the old ones would pass for the new.
    """
    path = Path(scene.stack.logs) / "prometheus.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(content, scene)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    jobs = _wanted(content)
    os.kill(scene.process("prometheus"), signal.SIGHUP)
    wait_until(lambda: _up(scene.stack.prometheus_url) == jobs, f"the targets of {jobs}")


def _wanted(content: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Number of targets that a configuration names, by pool and job."""
    number: Counter[tuple[str, str]] = Counter()
    for job in content["scrape_configs"]:
        for config in job["static_configs"]:
            name = config.get("labels", {}).get("job", job["job_name"])
            number[job["job_name"], name] += len(config["targets"])
    return number


def _up(url: str) -> Counter[tuple[str, str]]:
    """Number of targets that are up, by pool and job."""
    content = get(f"{url}/api/v1/targets?state=active")
    targets = content["data"]["activeTargets"] if content else ()
    return Counter((target["scrapePool"], target["labels"]["job"]) for target in targets if target["health"] == "up")


def _models(content: dict[str, Any]) -> dict[str, Any]:
    job_config: dict[str, Any] = next(job for job in content["scrape_configs"] if job["job_name"] == MODELS)
    return job_config


def second_job(content: dict[str, Any], _: Scene) -> None:
    """A second job that scrapes the models too: two PodMonitors on one pod."""
    again = json.loads(json.dumps(_models(content)))
    for config in again["static_configs"]:
        config["labels"]["job"] = "seldon/another-monitor"
    content["scrape_configs"].append(again | {"job_name": "another-monitor"})


def renamed(content: dict[str, Any], _: Scene) -> None:
    """The job that scrapes the models has another name: the same pods, other targets."""
    for config in _models(content)["static_configs"]:
        config["labels"]["job"] = "seldon/renamed-monitor"


def exchanged_on_the_way(content: dict[str, Any], _: Scene) -> None:
    """A relabelling that stores false positives as false negatives, and the other way round."""
    names = (("false_pos", "kept_aside"), ("false_neg", "false_pos"), ("kept_aside", "false_neg"))
    rules = [
        {"source_labels": ["__name__"], "regex": a, "target_label": "__name__", "replacement": b} for a, b in names
    ]
    _models(content)["metric_relabel_configs"] = rules


def without_models(content: dict[str, Any], _: Scene) -> None:
    """The job that scrapes the models is gone."""
    content["scrape_configs"] = [job for job in content["scrape_configs"] if job["job_name"] != MODELS]


def without_gateway(content: dict[str, Any], _: Scene) -> None:
    """Only the models are scraped: nothing is known of the gateway."""
    content["scrape_configs"] = [_models(content)]


def through_a_cache(seconds: float) -> Edit:
    """The models are scraped through a proxy that answers with what it has, if that is not too old."""
    return _through(lambda address, scene: caching(f"http://{address}", seconds, scene.cleanup))


def through_a_delay(seconds: float) -> Edit:
    """Each scrape of the models takes so much longer."""
    return _through(lambda address, scene: urlsplit(delaying(f"http://{address}", seconds, scene.cleanup)).netloc)


def with_own_times(content: dict[str, Any], scene: Scene) -> None:
    """The models' expositions give a time with each sample."""
    _through(lambda address, scene: stamping(f"http://{address}", scene.cleanup))(content, scene)


def lacking(metric: str, period: int, missing: int = 1) -> Edit:
    """So many of each ``period`` scrapes of the models lack a metric."""
    return _through(lambda address, scene: forgetting(f"http://{address}", metric, period, missing, scene.cleanup))


def _through(proxy: Callable[[str, Scene], str]) -> Edit:
    def edit(content: dict[str, Any], scene: Scene) -> None:
        for config in _models(content)["static_configs"]:
            (address,) = config["targets"]
            config["targets"] = [proxy(address, scene)]
            config["labels"]["instance"] = address  # its series go on as they were

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
                "targets": [urlsplit(replica.metrics_url).netloc],
                "labels": {"seldon_deployment_id": scene.stack.deployment, "namespace": scene.stack.namespace},
            }
            for replica in scene.stack.replicas
        ]
        content["scrape_configs"].append({"job_name": MODELS, "metrics_path": "/prometheus", "static_configs": targets})

    reconfigure(scene, edit)


def slow_prometheus(seconds: float) -> Before:
    """Each answer of Prometheus takes so much longer."""
    return lambda scene: replace(scene, prometheus_url=delaying(scene.prometheus_url, seconds, scene.cleanup))


def slow_throughout(scrape_s: float, answer_s: float) -> Before:
    """Each scrape of the models and each answer of Prometheus takes so much longer."""

    def act(scene: Scene) -> Scene:
        reconfigure(scene, through_a_delay(scrape_s))
        return slow_prometheus(answer_s)(scene)

    return act


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
