"""The judge beside a reading of the same ledger by pandas and scikit-learn, on made-up runs of rising length.

Each judgement is ``python -m analysis judge RUN`` in a fresh process, and all of its user and system time counts: the
start of Python, the imports (compiled by an earlier run), reading the files, every check, writing result.json. So does
all of pandas'. In each round both judge the same run, one after the other, and the judge also one with ten times the
scrapes; a ratio is taken within a round. A judgement that is not PASS, or counts other than pandas', is not measured:
it ends the benchmark.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analysis.result.file import read_result
from bench.reference import judge_world
from bench.tools.errors import BenchError
from bench.tools.peak_memory import Cost, measured
from bench.tools.spread import Spread
from model.contract import CELLS

SIZES: Final = (10**5, 10**6, 10**7)
ROUNDS: Final = 3
LONG: Final = 10**7
"""Number of events from which one round is enough: the cost that does not depend on the number of events is then
small."""
EACH_SCRAPE_MOST: Final = 10**5
"""Events up to which pandas is also tried with a confusion matrix at each scrape; ten times as many events take it 100
times as long, because there are ten times as many scrapes, too."""
WARM_UP: Final = 2000
"""Number of events of the first run, which is not reported: it only leaves compiled modules behind."""
BYTECODE: Final = "bytecode"
"""Folder beside the runs in which all processes keep these, ours and pandas' alike."""
_INTERVALS_NS: Final = {"judge": judge_world.SECOND, "judge_tenfold_scrapes": judge_world.SECOND // 10}


@dataclass(frozen=True, slots=True)
class Judged:
    """One judgement: its cost, and what it said."""

    cost: Cost
    scrapes: int
    offline: dict[str, dict[str, int]]


def judged(folder: Path, events: int) -> Judged:
    """The judgement of a run. `BenchError` unless it is a PASS on all of the events."""
    cost = measured(folder.parent / BYTECODE, "analysis", "judge", str(folder))
    result = read_result(folder)
    if (result["verdict"], result["load"]["attempted"]) != ("PASS", events):
        actual = f"{result['verdict']} on {result['load']['attempted']:,}"
        raise BenchError(f"judge: expected PASS on {events:,} events, got {actual} ({folder}).")
    offline = {
        predictor["artifact"]: {str(cell): predictor["offline"][cell] for cell in CELLS}
        for predictor in result["predictors"].values()
    }
    return Judged(cost, result["evidence"]["scrapes"], offline)


def by_pandas(folder: Path, when: str, expected: dict[str, dict[str, int]]) -> Cost:
    """Cost of pandas' reading. `BenchError` unless it comes to the judge's counts."""
    cost = measured(folder.parent / BYTECODE, "bench.reference.by_pandas", str(folder), when)
    counts = json.loads(cost.output)
    if counts != expected:
        raise BenchError(f"pandas: expected the judge's counts {expected}, got {counts} ({folder}).")
    return cost


def one_round(folders: dict[str, Path], events: int) -> tuple[dict[str, Cost], dict[str, int]]:
    """Costs of everything that is compared, and the scrapes of each run."""
    judgements = {name: judged(folder, events) for name, folder in folders.items()}
    costs = {name: judgement.cost for name, judgement in judgements.items()}
    for when in ("at_end", "each_scrape") if events <= EACH_SCRAPE_MOST else ("at_end",):
        costs[when] = by_pandas(folders["judge"], when, judgements["judge"].offline)
    return costs, {name: judgement.scrapes for name, judgement in judgements.items()}


def measure_size(place: Path, events: int, rounds: int) -> dict[str, Any]:
    """The figures of one length of run, which is written into ``place`` and removed again."""
    folders = {name: place / name for name in _INTERVALS_NS}
    _say(f"{events:,} events: writing the run")
    judge_world.put({_INTERVALS_NS[name]: folder for name, folder in folders.items()}, events)
    costs = []
    scrapes: dict[str, int] = {}
    for number in range(rounds):
        round_costs, scrapes = one_round(folders, events)
        costs.append(round_costs)
        listed = ", ".join(f"{name} {cost.cpu_s:.2f} s {cost.peak_mb:.0f} MB" for name, cost in round_costs.items())
        _say(f"{events:,} events, round {number + 1} of {rounds}: {listed}")
    for folder in folders.values():
        shutil.rmtree(folder)
    return figures(events, costs, scrapes)


def figures(events: int, rounds: Sequence[dict[str, Cost]], scrapes: dict[str, int]) -> dict[str, Any]:
    """What results.json holds of one size; ``rounds`` holds the cost of each contender, one mapping a round."""

    def over(name: str, other: str) -> dict[str, float]:
        return Spread.of([costs[name].cpu_s / costs[other].cpu_s for costs in rounds]).rounded()

    ratios = {
        "events_per_core_s": Spread.of([events / costs["judge"].cpu_s for costs in rounds]).rounded(),
        "peak_mb": round(max(costs["judge"].peak_mb for costs in rounds)),
        "over_pandas": over("at_end", "judge"),
        "pandas_peak_mb": round(max(costs["at_end"].peak_mb for costs in rounds)),
        "scrapes": scrapes["judge"],
        "tenfold_scrapes": {
            "scrapes": scrapes["judge_tenfold_scrapes"],
            "cpu_ratio": over("judge_tenfold_scrapes", "judge"),
            "peak_mb": round(max(costs["judge_tenfold_scrapes"].peak_mb for costs in rounds)),
        },
    }
    if "each_scrape" in rounds[0]:
        ratios["over_pandas_each_scrape"] = over("each_scrape", "judge")
    return ratios


def measure(sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    """What results.json holds under ``judge``, by number of events."""
    with tempfile.TemporaryDirectory(prefix="plumbline-bench-") as name:
        place = Path(name)
        measure_size(place, WARM_UP, 1)
        return {power(size): measure_size(place, size, 1 if size >= LONG else rounds) for size in sizes}


def power(size: int) -> str:
    """``1e5`` of 100,000."""
    return f"{size:.0e}".replace("e+0", "e")


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The part's entry for `bench.__main__`."""
    return measure(SIZES, arguments.rounds or ROUNDS)


def _say(line: str) -> None:
    print(f"judge: {line}", file=sys.stderr, flush=True)
