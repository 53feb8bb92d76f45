"""How closely our open loop follows its schedule, against a trivial nginx: the achieved rate, and the lateness."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.record.ledger_file import read_ledger
from bench.clients.loads import LoadRequest
from bench.parts.generator import CONNECTIONS, one_load
from bench.servers import nginx

RATES: Final = (50, 200, 500, 1000)
SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Timed:
    """The three times of each event of a ledger, in nanoseconds since the epoch."""

    planned: NDArray[np.int64]
    sent: NDArray[np.int64]
    done: NDArray[np.int64]

    @classmethod
    def read(cls, path: Path) -> Timed:
        """Those of the ledger in ``path``."""
        events = read_ledger(path).events
        return cls(*(events.column(name).to_numpy() for name in ("planned_ns", "sent_ns", "done_ns")))

    def achieved_per_s(self, rate_per_s: float) -> float:
        """Requests answered per second, from the first one's due time to the last one's answer and a gap more."""
        span_s = int(self.done.max() - self.planned.min()) / 1e9 + 1 / rate_per_s
        return len(self.done) / span_s


def quantile_ms(durations_ns: NDArray[np.int64], share: float) -> float:
    """The smallest duration that ``share`` of them do not exceed, in milliseconds."""
    return round(float(np.quantile(durations_ns, share, method="inverted_cdf")) / 1e6, 3)


def figures(timed: Timed, rate_per_s: float, waited_share: float | None) -> dict[str, float | None]:
    """What results.json holds of one rate. ``waited_share``: of the time, for a CPU that others had."""
    achieved = timed.achieved_per_s(rate_per_s)
    lateness = timed.sent - timed.planned
    return {
        "rate": rate_per_s,
        "achieved": round(achieved, 2),
        "achieved_over_asked": round(achieved / rate_per_s, 4),
        "lateness_p50_ms": quantile_ms(lateness, 0.5),
        "lateness_p99_ms": quantile_ms(lateness, 0.99),
        "waited_share": None if waited_share is None else round(waited_share, 3),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """This part has no option of its own."""


def run(arguments: argparse.Namespace) -> list[dict[str, float | None]]:
    """The part's entry for `bench.__main__`."""
    rows = []
    with nginx.running() as server, tempfile.TemporaryDirectory(prefix="plumbline-bench-") as place:
        for rate in RATES:
            request = LoadRequest(server.url, arguments.artifacts, Path(place), CONNECTIONS, SECONDS, rate)
            done = one_load("ours", request, server)
            waited_share = done.counts["waited_share"] if done else None
            rows.append(figures(Timed.read(request.ledger), rate, waited_share))
            print(f"open_loop: {rows[-1]}", file=sys.stderr, flush=True)
    return rows
