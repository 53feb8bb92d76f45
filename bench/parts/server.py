"""The served model beside the stock wrapper, a bare Flask route and a bare gunicorn handler.

All of them run at the same time, with one worker and one thread each; only one is under load at a time. In each round
each gets the same load for the same time, one after the other, so that what else the machine does falls on all alike.
A ratio is taken within a round; of the rounds the median is given, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.servers.model_servers import COMMANDS, running
from bench.tools.bare_http import drive, post
from bench.tools.errors import BenchError
from bench.tools.spread import Spread
from model.dataset import load_heldout

CONNECTIONS: Final = 4
ROWS: Final = 50
ROUNDS: Final = 7
PATHS: Final = {"feedback": "/api/v1.0/feedback", "predict": "/api/v1.0/predictions"}


def requests_of(heldout: Path) -> dict[str, list[bytes]]:
    """The load: held-out rows with their names, one a request; feedback with truth and reward."""
    rows = load_heldout(heldout)
    names = list(rows.names)
    data = [{"names": names, "ndarray": [row]} for row in rows.X[:ROWS].tolist()]
    feedback = [
        {"request": {"data": row}, "reward": 1, "truth": {"data": {"ndarray": [truth]}}}
        for row, truth in zip(data, rows.truth[:ROWS].tolist(), strict=True)
    ]
    return {
        "feedback": [post(PATHS["feedback"], json.dumps(message).encode()) for message in feedback],
        "predict": [post(PATHS["predict"], json.dumps({"data": row}).encode()) for row in data],
    }


def rate(port: int, requests: Sequence[bytes], seconds: float) -> float:
    """Acknowledged requests per second over a span. `BenchError` if one was not acknowledged."""
    deadline = time.monotonic() + seconds
    order = itertools.cycle(range(len(requests)))
    driven = drive(port, requests, order, CONNECTIONS, lambda: time.monotonic() < deadline)
    failed = driven.refused.total() + driven.indeterminate.total()
    if failed:
        raise BenchError(f"load: expected every request acknowledged, got {failed} that were not (port {port}).")
    return driven.rate


def measure(artifacts: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """What results.json holds under ``server``: ratios of ours, and the rates (requests per second and worker)."""
    load = requests_of(artifacts / "heldout.parquet")
    rates: dict[tuple[str, str], list[float]] = {(kind, name): [] for kind in PATHS for name in COMMANDS}
    with running(list(COMMANDS), artifacts / "binary-percept.joblib") as ports:
        for kind, name in rates:  # a warm-up
            rate(ports[name][0], load[kind], min(seconds, 0.3))
        for _ in range(rounds):
            for (kind, name), values in rates.items():
                values.append(rate(ports[name][0], load[kind], seconds))
    return ratios(rates)


def ratios(rates: dict[tuple[str, str], list[float]]) -> dict[str, Any]:
    """Ours over each other, round by round; ``rates`` by (kind, server) holds one rate a round."""
    summary: dict[str, Any] = {}
    for kind in PATHS:
        ours = rates[kind, "ours"]
        for other in ("stock", "bare_flask", "bare_gunicorn"):
            quotients = [a / b for a, b in zip(ours, rates[kind, other], strict=True)]
            summary[f"{kind}_over_{other}"] = Spread.of(quotients).rounded()
    summary["requests_per_s"] = {
        f"{kind}_{name}": Spread.of(values).rounded() for (kind, name), values in rates.items()
    }
    return summary


def options(parser: argparse.ArgumentParser) -> None:
    """This part's own options."""
    parser.add_argument("--seconds", type=float, default=1.0, help="load on each server a round (default %(default)s)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    return measure(arguments.artifacts, arguments.rounds or ROUNDS, arguments.seconds)
