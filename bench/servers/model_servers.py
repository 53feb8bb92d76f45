"""The servers that are measured against each other: one worker, one thread, free ports of loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.tools.paths import ROOT
from bench.tools.ports import free_ports, wait_for

_CLASS: Final = "model.MetricsModel.MetricsModel"
_GUNICORN: Final = ("-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread", "--log-level", "error")

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "stock": ("-m", "model.stock", _CLASS, "--service-type", "MODEL"),
    "ours": ("-m", "model.server", _CLASS, "--service-type", "MODEL"),
    "bare_flask": (*_GUNICORN, "--bind", "127.0.0.1:{port}", "bench.servers.bare:flask"),
    "bare_gunicorn": (*_GUNICORN, "--bind", "127.0.0.1:{port}", "bench.servers.bare:constant"),
}
"""Arguments of the Python that runs each: the stock launcher (with another address), ours, and the two ends."""


@contextlib.contextmanager
def running(names: Sequence[str], artifact: Path) -> Iterator[dict[str, tuple[int, int]]]:
    """Ports (requests, metrics) of each named server, all ready; stopped at the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        ports = {name: free_ports(3) for name in names}
        processes = {name: stack.enter_context(_process(name, ports[name], artifact)) for name in names}
        for name, process in processes.items():
            wait_for(name, COMMANDS[name], ports[name][0], process)
        yield {name: (own[0], own[2]) for name, own in ports.items()}


@contextlib.contextmanager
def _process(name: str, ports: list[int], artifact: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(ports[0]),
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(ports[1]),
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": str(ports[2]),
        "PREDICTIVE_UNIT_PARAMETERS": json.dumps([{"name": "model_name", "type": "STRING", "value": artifact.name}]),
        "PLUMBLINE_ARTIFACTS": str(artifact.resolve().parent),
        "SELDON_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(
        [sys.executable, *(part.format(port=ports[0]) for part in COMMANDS[name])],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
