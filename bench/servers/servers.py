"""The servers that are measured against each other: one worker, one thread, free ports of loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
READY_S: Final = 60.0
_CLASS: Final = "model.MetricsModel.MetricsModel"
_GUNICORN: Final = ("-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread", "--log-level", "error")

COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "stock": ("-m", "model.stock", _CLASS, "--service-type", "MODEL"),
    "ours": ("-m", "model.server", _CLASS, "--service-type", "MODEL"),
    "bare_flask": (*_GUNICORN, "--bind", "127.0.0.1:{port}", "bench.servers.bare:flask"),
    "bare_gunicorn": (*_GUNICORN, "--bind", "127.0.0.1:{port}", "bench.servers.bare:constant"),
}
"""Arguments of the Python that runs each: the stock launcher (but for its address), ours, and the two ends."""


class BenchError(Exception):
    """A measurement cannot be made; one line says why and what to do."""


@contextlib.contextmanager
def running(names: Sequence[str], artifact: Path) -> Iterator[dict[str, tuple[int, int]]]:
    """Ports (requests, metrics) of each named server, all ready; stopped at the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        ports = {name: free_ports(3) for name in names}
        processes = {name: stack.enter_context(_process(name, ports[name], artifact)) for name in names}
        for name, process in processes.items():
            wait_for(name, COMMANDS[name], ports[name][0], process)
        yield {name: (own[0], own[2]) for name, own in ports.items()}


def free_ports(count: int) -> list[int]:
    """Ports of loopback that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]


@contextlib.contextmanager
def _process(name: str, ports: list[int], artifact: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": str(ports[0]),
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": str(ports[1]),
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": str(ports[2]),
        "PREDICTIVE_UNIT_PARAMETERS": json.dumps(
            [{"name": "model_name", "type": "STRING", "value": str(artifact.resolve())}]
        ),
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


def wait_for(name: str, command: Sequence[str], port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once it listens. `BenchError` if it ends, or takes too long; ``command``: Python's arguments."""
    deadline = time.monotonic() + READY_S
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(
                f"server {name}: expected it to listen on 127.0.0.1:{port} within {READY_S:.0f} s, got exit code "
                f"{process.poll()}. Run `python {' '.join(command)}` to see why."
            )
        time.sleep(0.05)
