"""The whole harness over wrk, on a real local deployment: what the harness costs in requests per second.

Both send the same requests, prediction and feedback in turn, byte for byte as our client makes them, over as many kept
connections, one after the other in rounds. The harness is the front door, ``python -m locustfiles``, ledger, scrapes
and judgement included; its rate is that of its acknowledged requests while the load lasts. wrk, with a script, reads
only the status of an answer and records nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from analysis.record import ledger
from analysis.record.ledger_file import read_ledger
from analysis.record.runfolder import LEDGER_FILE
from bench.clients.loads import counts_of_wrk
from bench.parts.generator import CONNECTIONS
from bench.tools import programs
from bench.tools.errors import BenchError
from bench.tools.paths import ROOT
from bench.tools.spread import Spread
from bench.tools.subprocesses import waited
from deploy.manifest import deployment
from locustfiles.protocol.rest_requests import RestRequests
from model.dataset import load_heldout

MANIFEST: Final = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
ROUNDS: Final = 4
SECONDS: Final = 4
CODES: Final = (0, 4)
"""PASS, or INCONCLUSIVE: with everything on two cores, the judge may find that the generator had too little CPU
time."""
_RATE: Final = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)


def script_of(heldout: Path, url: str, path: str) -> str:
    """A wrk script that sends what the harness sends: for each held-out row a prediction, then its feedback."""
    rows = load_heldout(heldout)
    host = url.removeprefix("http://").rstrip("/")
    truth = [int(label) for label in rows.truth]
    bodies = RestRequests(features=rows.rows.cells(), truth=truth, names=rows.names, host=host, path=path)
    requests = [
        request.decode("ascii")
        for row in range(len(truth))
        for request in (bodies.predict((row,)), bodies.feedback((row,), 1.0))
    ]
    listed = ",\n".join(json.dumps(request) for request in requests)  # JSON's escapes of these are Lua's too
    return (
        f"local all = {{\n{listed}\n}}\nlocal i = 0\nrequest = function()\n  i = i % #all + 1\n  return all[i]\nend\n"
    )


def wrk_rate(program: programs.Program, script: Path, url: str) -> float:
    """Requests per second of wrk. `BenchError` if one was not acknowledged."""
    command = [program.path, "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "-s", str(script), url]
    output = waited(command, program.environment, name="wrk").output
    counted, failed = counts_of_wrk(output)
    rate = _RATE.search(output)
    if failed or not counted or rate is None:
        raise BenchError(f"wrk: expected every request acknowledged, got {failed} failed of {counted}.")
    return float(rate[1])


def harness_rate(folder: Path) -> float:
    """Acknowledged requests per second of a run of the front door. `BenchError` if one was not."""
    users = ["--users", str(CONNECTIONS), "--duration", f"{SECONDS}s"]
    command = [sys.executable, "-m", "locustfiles", *users, "--run", str(folder)]
    waited(command, os.environ, name="harness", codes=CODES, both=True)
    events = read_ledger(folder / LEDGER_FILE).events
    sent, done, outcome = (events.column(name).to_numpy() for name in ("sent_ns", "done_ns", "outcome"))
    failed = int(np.count_nonzero(outcome != ledger.Outcome.ACKNOWLEDGED))
    if failed:
        raise BenchError(f"harness: expected every request acknowledged, got {failed} of {len(outcome)} that were not.")
    return len(done) / (int(done.max() - sent.min()) / 1e9)


def one_round(program: programs.Program, script: Path, url: str, folder: Path, ours_first: bool) -> tuple[float, float]:
    """Rates of wrk and of the harness.

    They take turns at being first, so that what grows over time does not favour one of them.
    """
    if ours_first:
        ours = harness_rate(folder)
        return wrk_rate(program, script, url), ours
    return wrk_rate(program, script, url), harness_rate(folder)


def measure_inside(heldout: Path, rounds: int) -> dict[str, float] | None:
    """The ratio, inside a stack (HOST, NAMESPACE, SDEP and PROMETHEUS_URL are set); None without wrk."""
    program = programs.find("wrk")
    if program is None:
        return None
    url, namespace, name = os.environ["HOST"], os.environ["NAMESPACE"], deployment.read(MANIFEST, None).name
    ratios = []
    with tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        script = Path(place) / "mix.lua"
        script.write_text(script_of(heldout, url, f"/seldon/{namespace}/{name}/api/v1.0"), encoding="ascii")
        for number in range(rounds):
            wrk, ours = one_round(program, script, url, Path(place) / str(number), number % 2 == 1)
            ratios.append(ours / wrk)
            rates = f"{ours:,.0f}/s, wrk {wrk:,.0f}/s"
            print(f"harness: round {number + 1} of {rounds}: {rates}", file=sys.stderr, flush=True)
    return Spread.of(ratios).rounded()


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> dict[str, float] | None:
    """The part's entry for `bench.__main__`: itself again, inside a stack of the deployment."""
    inside = [sys.executable, "-m", "bench.parts.harness", str(arguments.artifacts), str(arguments.rounds or ROUNDS)]
    stack = [sys.executable, "-m", "deploy.local", "run", str(MANIFEST), "--", *inside]
    last_line = waited(stack, os.environ, name="harness").output.splitlines()[-1]
    ready: dict[str, float] | None = json.loads(last_line)
    return ready


if __name__ == "__main__":
    try:
        print(json.dumps(measure_inside(Path(sys.argv[1]) / "heldout.parquet", int(sys.argv[2]))))
    except BenchError as failed:
        sys.exit(f"bench: {failed}")
