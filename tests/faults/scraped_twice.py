"""Run a command with a Prometheus of its own, which scrapes every model of the stack by two jobs."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import acts
import yaml

from analysis.prom import Prometheus, PrometheusError
from deploy.local.binaries import prometheus
from deploy.local.ports import Ports


def main(command: list[str]) -> int:
    """Exit code of the command."""
    stack = json.loads(Path(os.environ["PLUMBLINE_STACK"]).read_text(encoding="utf-8"))
    config = yaml.safe_load((Path(stack["logs"]) / "prometheus.yaml").read_text(encoding="utf-8"))
    config.pop("rule_files", None)
    config["scrape_configs"].append(_again(config["scrape_configs"][0]))
    with tempfile.TemporaryDirectory() as folder, Ports() as ports:
        written = Path(folder) / "prometheus.yaml"
        written.write_text(yaml.safe_dump(config), encoding="utf-8")
        address = f"127.0.0.1:{ports.take()}"
        words = [prometheus(os.environ), f"--config.file={written}", f"--storage.tsdb.path={folder}/tsdb"]
        process = subprocess.Popen([*words, f"--web.listen-address={address}", "--log.level=error"])
        try:
            acts.until(lambda: _scrapes(f"http://{address}"), "the second Prometheus did not scrape")
            return subprocess.call(command, env={**os.environ, "PROMETHEUS_URL": f"http://{address}"})
        finally:
            process.terminate()
            process.wait(10)


def _again(job: dict[str, object]) -> dict[str, object]:
    """The job under another name: a second PodMonitor on the same pods."""
    second = copy.deepcopy(job)
    second["job_name"] = "another-monitor"
    for one in second["static_configs"]:  # type: ignore[attr-defined]
        one["labels"]["job"] = "another/monitor"
    return second


def _scrapes(url: str) -> bool:
    try:
        return bool(Prometheus(url).ask("up == 1"))
    except PrometheusError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
