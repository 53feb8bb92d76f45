"""What a server that stands still for 2 s looks like, from our open loop and from a FastHttpUser's.

Both are asked for the same rate. Ours counts each request from the moment at which it was due. Locust's
``constant_throughput`` holds back what is due while its users wait, and forgets it: of the hundreds of requests that
came into the stall as a user of the service would have sent them, it sees one for each of its users.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.child import ROOT
from bench.clients import Asked, load
from bench.generator import CONNECTIONS
from bench.open_loop import Timed, quantile_ms
from bench.servers import free_ports, wait_for

RATE: Final = 200.0
STALL_S: Final = 2.0
BEFORE_S: Final = 2.0
SECONDS: Final = 6.0


@contextlib.contextmanager
def stalling() -> Iterator[str]:
    """Address of a server that will stand still, `BEFORE_S` after its first request."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "bench.stalling", str(port), str(BEFORE_S), str(STALL_S)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for("stalling", command[1:], port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def p99_ms(name: str, artifacts: Path) -> float:
    """p99 that client ``name`` reports: ours from the ledger and the due times, the others' their own word."""
    with stalling() as url, tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        asked = Asked(url, artifacts, Path(place), CONNECTIONS, SECONDS, RATE)
        asked.write_body()
        done = load(name, asked)
        if name != "ours":
            return float(done.said["p99_ms"]) if done else 0.0
        timed = Timed.read(asked.ledger)
        return quantile_ms(timed.done - timed.planned, 0.99)


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    return {f"{name}_p99_ms": p99_ms(name, arguments.artifacts) for name in ("ours", "fasthttpuser")}
