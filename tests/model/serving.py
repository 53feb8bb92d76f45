"""Real servers on free ports of loopback, for tests: started in a process group of their own, always stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from unittest import mock

import psutil
from prometheus_client.parser import text_string_to_metric_families

from model.artifact_name import ARTIFACTS_ENV
from model.MetricsModel import MetricsModel

ROOT = Path(__file__).resolve().parents[2]
OURS = ("-m", "model.server", "model.MetricsModel.MetricsModel")
STOCK = ("-m", "model.stock", "model.MetricsModel.MetricsModel")
READY_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running server and its ports."""

    process: subprocess.Popen[str]
    http: int
    grpc: int
    metrics: int

    def call(self, path: str, body: object, method: str = "POST") -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own; ``body`` is JSON unless it is bytes."""
        connection = HTTPConnection("127.0.0.1", self.http, timeout=10)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def scrape(self, accept: str = "") -> tuple[str, str]:
        """Content type and text of the metrics endpoint."""
        connection = HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        try:
            connection.request("GET", "/prometheus", headers={"Accept": accept} if accept else {})
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.headers["Content-Type"], answer.read().decode()
        finally:
            connection.close()

    def sums(self, method: str = "feedback") -> dict[str, float]:
        """Each metric's value by its sample name, added up over the workers."""
        values: dict[str, float] = {}
        for family in text_string_to_metric_families(self.scrape()[1]):
            for sample in family.samples:
                if sample.labels.get("method") == method:
                    values[sample.name] = values.get(sample.name, 0.0) + sample.value
        return values

    def stop(self, *, group: bool = False) -> float:
        """Seconds that it took to end after SIGTERM to its main process alone, or to its whole group."""
        began = time.monotonic()
        if group:
            os.killpg(self.process.pid, signal.SIGTERM)
        else:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return time.monotonic() - began

    def listening(self) -> set[tuple[str, int]]:
        """Address and port of every listening socket of the process group."""
        return {
            (connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port)
            for pid in self.group()
            for connection in psutil.Process(pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }

    def group(self) -> list[int]:
        """Pids of what runs of the process group."""
        shown = subprocess.run(
            ["ps", "-o", "pid=,stat=", "-g", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        lines = [line.split() for line in shown.stdout.splitlines()]
        return [int(pid) for pid, state in lines if not state.startswith("Z")]


def free_ports(count: int) -> list[int]:
    """Ports of loopback that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [int(socket.getsockname()[1]) for socket in sockets]


def model_of(path: Path) -> MetricsModel:
    """The class with the artefact in its folder."""
    with mock.patch.dict(os.environ, {ARTIFACTS_ENV: str(path.parent)}):
        return MetricsModel(path.name)


def operators_environment(ports: Sequence[int], artifact: Path) -> dict[str, str]:
    """What Seldon's operator sets, with ``ports`` for REST, gRPC and metrics."""
    parameters = [{"name": "model_name", "type": "STRING", "value": artifact.name}]
    return {
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(ports[0]),
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(ports[1]),
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": str(ports[2]),
        "PREDICTIVE_UNIT_METRICS_ENDPOINT": "/prometheus",
        "PREDICTIVE_UNIT_PARAMETERS": json.dumps(parameters),
        "PLUMBLINE_ARTIFACTS": str(artifact.parent),
        "PREDICTIVE_UNIT_ID": "binary-percept",
        "PREDICTIVE_UNIT_IMAGE": "metrics_model:0.1",
        "PREDICTOR_ID": "default",
        "PREDICTOR_LABELS": '{"version": "default"}',
        "SELDON_DEPLOYMENT_ID": "metrics-model",
        "SELDON_EXECUTOR_ENABLED": "true",
    }


@contextlib.contextmanager
def serving(
    artifact: Path,
    command: Sequence[str] = OURS,
    *,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """A server that answers, stopped with its whole group at the end, whatever happens."""
    ports = free_ports(3)
    merged = {**os.environ, **operators_environment(ports, artifact), **(environment or {})}
    with (log or Path(os.devnull)).open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, *command, *options],
            cwd=ROOT,
            env=merged,
            stdout=sink,
            stderr=sink,
            text=True,
            start_new_session=True,
        )
        server = Server(process, *ports)
        try:
            for port in ports if merged.get("GRPC_WORKERS") != "0" else (ports[0], ports[2]):
                wait_for(port, process)
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    """Returns when the port takes connections; fails if the process ends first or `READY_S` pass."""
    deadline = time.monotonic() + READY_S
    while True:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        assert time.monotonic() < deadline, f"no connection on port {port} after {READY_S} s"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
