"""How long a run takes besides its load: until the stack is ready, and from the end of the load to the verdict.

Both are printed by a run of the front door, on the deployment of primary and shadow.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from bench.parts.harness import CODES
from bench.tools.errors import BenchError
from bench.tools.spread import Spread
from bench.tools.subprocesses import waited

ROUNDS: Final = 3
LOAD: Final = ("--duration", "2s", "--rate", "100")
SAID: Final = {
    "ready_s": re.compile(r"stack ready in (\d+\.\d) s"),
    "verdict_after_load_s": re.compile(r"(\d+\.\d) s from the end of the load to this verdict"),
}


def times_of(output: str) -> dict[str, float]:
    """The seconds that a run prints. `BenchError` if it does not."""
    matches = {name: pattern.search(output) for name, pattern in SAID.items()}
    missing = [name for name, match in matches.items() if match is None]
    if missing:
        raise BenchError(f"stack: expected the run to print its {missing[0]}, got {output.strip()[-200:]!r}.")
    return {name: float(match[1]) for name, match in matches.items() if match is not None}


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    rounds = []
    with tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        for number in range(arguments.rounds or ROUNDS):
            command = [sys.executable, "-m", "locustfiles", *LOAD, "--run", str(Path(place) / str(number))]
            rounds.append(times_of(waited(command, os.environ, name="stack", codes=CODES, both=True).output))
            print(f"stack: {rounds[-1]}", file=sys.stderr, flush=True)
    return {name: Spread.of([seconds[name] for seconds in rounds]).rounded() for name in SAID}
