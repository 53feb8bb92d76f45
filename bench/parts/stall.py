"""What our open loop and FastHttpUser report of a server that stands still for 2 s.

Both are asked for the same rate, with 10 users, in the same 10 s. Ours counts each request from the moment at which it
was due: 400 of 2,000 fall into the stall. Locust's ``constant_throughput`` does not send what becomes due while its
users wait: 10 of its 1,610 requests, one for each user, meet the stall, which is less than a hundredth.
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

from bench.clients.loads import LoadRequest, load
from bench.parts.generator import CONNECTIONS
from bench.parts.open_loop import Timed, quantile_ms
from bench.tools.paths import ROOT
from bench.tools.ports import free_ports, wait_for

RATE: Final = 200.0
STALL_S: Final = 2.0
BEFORE_S: Final = 2.0
SECONDS: Final = 10.0


@contextlib.contextmanager
def stalling() -> Iterator[str]:
    """Address of a server that will stand still, `BEFORE_S` after its first request."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "bench.servers.stalling", str(port), str(BEFORE_S), str(STALL_S)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for("stalling", command[1:], port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def latencies(name: str, artifacts: Path) -> dict[str, float]:
    """What client ``name`` reports in ms: ours from the ledger and the due times, Locust from its own table."""
    with stalling() as url, tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        request = LoadRequest(url, artifacts, Path(place), CONNECTIONS, SECONDS, RATE)
        request.write_body()
        done = load(name, request)
        if name != "ours":
            return {f"{name}_p90_ms": done.counts["p90_ms"], f"{name}_p99_ms": done.counts["p99_ms"]} if done else {}
        timed = Timed.read(request.ledger)
        response_ns = timed.done - timed.planned
        return {f"ours_p{share * 100:.0f}_ms": quantile_ms(response_ns, share) for share in (0.9, 0.99)}


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    return latencies("ours", arguments.artifacts) | latencies("fasthttpuser", arguments.artifacts)
