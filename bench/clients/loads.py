"""The clients that are compared: how each is started, and what it reports."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.tools import programs
from bench.tools.errors import BenchError
from bench.tools.subprocesses import waited
from locustfiles.protocol.rest_requests import RestRequests
from model.dataset import load_heldout

NAMES: Final = ("ours", "fasthttpuser", "httpuser", "requests", "hey", "wrk")
PATH: Final = "/seldon/bench/bench/api/v1.0/predictions"
"""Our driver has the same options in `bench.clients.load_ours`."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """The same load for every client. ``place``: a folder for the body and the ledger; ``rate_per_s``: 0 is closed."""

    url: str
    artifacts: Path
    place: Path
    connections: int
    seconds: float
    rate_per_s: float = 0.0

    @property
    def body(self) -> Path:
        """The file with the body of one prediction, as our own client sends it."""
        return self.place / "body.json"

    @property
    def ledger(self) -> Path:
        """The ledger of our client."""
        return self.place / "ledger.arrow"

    def write_body(self) -> None:
        """Write the body of the first held-out row."""
        rows = load_heldout(self.artifacts / "heldout.parquet")
        bodies = RestRequests(
            features=rows.rows.cells(),
            truth=[int(label) for label in rows.truth],
            names=rows.names,
            host="bench",
            path="",
        )
        self.body.write_bytes(bodies.predict((0,)).partition(b"\r\n\r\n")[2])


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What one client did. ``cpu_s``: from the load's beginning to the process' end, user and system."""

    counted: int
    failed: int
    cpu_s: float
    counts: Mapping[str, Any]

    @property
    def per_core_s(self) -> float:
        """Requests per core-second of the client."""
        return self.counted / self.cpu_s


def load(name: str, request: LoadRequest) -> LoadFigures | None:
    """What client ``name`` did; None if there is no such program. `BenchError` if a request failed."""
    if name in ("hey", "wrk"):
        program = programs.find(name)
        if program is None:
            return None
        ended = waited([program.path, *_foreign(name, request)], program.environment, name=name)
        counts: dict[str, Any] = dict(zip(("counted", "failed"), _COUNTS[name](ended.output), strict=True))
    else:
        request.ledger.unlink(missing_ok=True)  # our client does not overwrite one
        ended = waited([sys.executable, "-m", *_python(name, request)], os.environ, name=name)
        counts = json.loads(ended.output.splitlines()[-1])
    done = LoadFigures(counts["counted"], counts["failed"], ended.cpu_s - counts.get("before_s", 0.0), counts)
    if done.failed or not done.counted:
        raise BenchError(f"{name}: expected every request acknowledged, got {done.failed} failed of {done.counted}.")
    return done


def _python(name: str, request: LoadRequest) -> list[str]:
    """The module of client ``name``, and its arguments."""
    common = ["--connections", str(request.connections), "--seconds", str(request.seconds)]
    rate = ["--rate", str(request.rate_per_s)]
    body = str(request.body)
    if name == "ours":
        files = ["--artifacts", str(request.artifacts), "--ledger", str(request.ledger)]
        return ["bench.clients.load_ours", request.url, *files, *common, *rate]
    if name == "requests":
        return ["bench.clients.load_requests", request.url + PATH, body, *common]
    return [
        "bench.clients.load_locust",
        {"fasthttpuser": "fast", "httpuser": "http"}[name],
        request.url,
        PATH,
        body,
        *common,
        *rate,
    ]


def _foreign(name: str, request: LoadRequest) -> list[str]:
    """Arguments of ``hey`` and ``wrk``."""
    span = ["-c", str(request.connections)]
    if name == "hey":
        body = ["-m", "POST", "-T", "application/json", "-D", str(request.body)]
        return ["-z", f"{request.seconds:g}s", *span, *body, request.url + PATH]
    script = request.place / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = {json.dumps(request.body.read_text(encoding="ascii"))}\n'
        'wrk.headers["Content-Type"] = "application/json"\n',
        encoding="ascii",
    )
    return ["-t", "1", "-d", f"{math.ceil(request.seconds)}s", *span, "-s", str(script), request.url + PATH]


_ANSWERS: Final = re.compile(r"^\s*\[(\d{3})\]\s+(\d+) responses", re.MULTILINE)


def counts_of_hey(output: str) -> tuple[int, int]:
    """Number of answers, and of those that were not 2xx or did not arrive, from the output of ``hey``."""
    answers = {
        int(status): int(count)
        for status, count in re.findall(r"^\s*\[(\d{3})\]\s+(\d+) responses", output, re.MULTILINE)
    }
    _, _, errors = output.partition("Error distribution:")
    failed = sum(count for status, count in answers.items() if not 200 <= status < 300)
    lost = sum(int(count) for count in re.findall(r"^\s*\[(\d+)\]", errors, re.MULTILINE))
    return sum(answers.values()) + lost, failed + lost


def counts_of_wrk(output: str) -> tuple[int, int]:
    """Number of answers, and of those that were not 2xx or 3xx or did not arrive, from the output of ``wrk``."""
    total = re.search(r"^\s*(\d+) requests in ", output, re.MULTILINE)
    if total is None:
        raise BenchError(f"wrk: expected its count of requests, got {output.strip()[-80:]!r}.")
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    failed = int(others[1]) if others else 0
    return int(total[1]), failed + (sum(map(int, errors.groups())) if errors else 0)


_COUNTS: Final = {"hey": counts_of_hey, "wrk": counts_of_wrk}
