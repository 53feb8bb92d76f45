"""Free ports of loopback, and the wait until a program listens on one."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from bench.tools.errors import BenchError

READY_S: Final = 60.0


def free_ports(count: int) -> list[int]:
    """Ports of loopback that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in sockets]


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
