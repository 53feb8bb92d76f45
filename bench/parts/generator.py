"""Our generator beside Locust's users, a loop of requests, hey and wrk, against a trivial nginx.

Each client posts predictions over the same number of kept connections, as fast as it can, and is a process of its own.
What is compared is requests per core-second of the client: its user and system time from the moment the load begins
(a start of Python and its imports are not part of it) to the end of the process. One client runs at a time; in each
round all of them, one after the other. Every client's count is held against the server's, ours and Locust's table and
the ledger to the request.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from analysis.record.ledger_file import read_ledger
from bench.clients.loads import NAMES, LoadFigures, LoadRequest, load
from bench.servers import nginx
from bench.tools.errors import BenchError
from bench.tools.spread import Spread

CONNECTIONS: Final = 10
ROUNDS: Final = 5
SECONDS: Final = 2.0


def one_load(name: str, request: LoadRequest, server: nginx.Nginx) -> LoadFigures | None:
    """What one client did. `BenchError` if its count is not the server's."""
    before = server.requests()
    done = load(name, request)
    served = server.requests() - before - 1
    if done is not None:
        ledger_rows = read_ledger(request.ledger).events.num_rows if name == "ours" else None
        check_counts(name, done.counted, ledger_rows, served, request.connections)
    return done


def check_counts(name: str, counted: int, ledger_rows: int | None, served: int, connections: int) -> None:
    """`BenchError` unless the counts are equal; with ``ledger_rows`` (ours) to the request.

    Other clients drop what is under way when their time is over, one request a connection at the most.
    """
    most = 0 if ledger_rows is not None else connections
    counts = {"server": served, name: counted} | ({} if ledger_rows is None else {"ledger": ledger_rows})
    if not 0 <= served - counted <= most or (ledger_rows is not None and ledger_rows != counted):
        listed = ", ".join(f"{where} {count:,}" for where, count in counts.items())
        raise BenchError(f"counts: expected the server's to be the client's (up to {most} more), got {listed}.")


def measure(artifacts: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """What results.json holds under ``generator``."""
    rates: dict[str, list[float]] = {name: [] for name in NAMES}
    with nginx.running() as server, tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        request = LoadRequest(server.url, artifacts, Path(place), CONNECTIONS, seconds)
        request.write_body()
        for number in range(rounds):
            for name in [name for name in NAMES if len(rates[name]) == number]:
                done = one_load(name, request, server)
                if done is not None:
                    rates[name].append(done.per_core_s)
            listed = ", ".join(f"{name} {values[-1]:,.0f}" for name, values in rates.items() if values)
            print(f"generator: round {number + 1} of {rounds}: {listed}", file=sys.stderr, flush=True)
    return figures(rates)


def figures(rates: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Ours over each other, round by round, and the rates; null where there was no such program."""
    ratios: dict[str, Any] = {}
    for name in NAMES[1:]:
        quotients = [ours / other for ours, other in zip(rates["ours"], rates[name], strict=False)]
        ratios[f"ours_over_{name}"] = Spread.of(quotients).rounded() if quotients else None
    spreads = {name: Spread.of(values).rounded() if values else None for name, values in rates.items()}
    return ratios | {"requests_per_core_s": spreads}


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    return measure(arguments.artifacts, arguments.rounds or ROUNDS, SECONDS)
