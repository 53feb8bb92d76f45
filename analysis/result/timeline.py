"""Curves over time for the report: quality per predictor, and the load. Thinned to what a page can show."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from analysis.evidence.request_times import TIMELINE_BINS
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.evidence.tally import Tally
from analysis.record.arrays import Floats, Ints
from analysis.record.instants import rfc3339
from analysis.result.fields import TOO_LARGE
from analysis.stats.confusion import RATIOS, Confusion
from analysis.stats.latency import percentiles

POINTS: Final = 300
_BINS: Final = 60


def thinned(length: int, points: int = POINTS) -> Ints:
    """Indices of at most ``points`` of ``length`` elements, evenly spread, the first and the last among them."""
    if length <= points:
        return np.arange(length)
    return np.unique(np.linspace(0, length - 1, points).round().astype(np.int64))


def quality(path: Trajectory, live: Floats, offline: Ints) -> dict[str, Any]:
    """The four ratios at scrapes; ``live`` and ``offline``, of what was acknowledged by each scrape, are [n, cells]."""
    at = thinned(len(path.time_ms))
    return {
        "time": [rfc3339(time_ms / 1000) for time_ms in path.time_ms[at].tolist()],
        "live": _ratios(live[at]),
        "offline": _ratios(offline[at]),
    }


def _ratios(counts: Ints | Floats) -> dict[str, list[float | None]]:
    are_counts = (np.abs(counts) < TOO_LARGE).all(axis=1, keepdims=True)  # of others, no ratio is defined
    cells = [Confusion.of(row) for row in np.where(are_counts, counts, 0).astype(np.int64).tolist()]
    return {name: [getattr(confusion, name) for confusion in cells] for name in RATIOS}


def load(tally: Tally) -> dict[str, list[Any]]:
    """Attempted requests per second and latency percentiles (ms, null if nothing ended), per part of the run."""
    first, last = tally.axes.window_ns
    width_ns = max((last - first) // TIMELINE_BINS + 1, 1)
    step = max(TIMELINE_BINS // _BINS, -(-(10**9) // width_ns))  # at least a second
    step = min(step, TIMELINE_BINS)
    starts = range(0, TIMELINE_BINS, step)
    parts_by_bin = [[part for kind in tally.latency_ns for part in kind[at : at + step]] for at in starts]
    both = [percentiles(parts, (0.5, 0.99)) if any(map(len, parts)) else (None, None) for parts in parts_by_bin]
    sent = [int(tally.sent[at : at + step].sum()) for at in starts]
    widths_s = [min(step, TIMELINE_BINS - at) * width_ns / 1e9 for at in starts]
    return {
        "time": [rfc3339((first + at * width_ns) / 1e9) for at in starts],
        "attempted_per_s": [round(number / width, 3) for number, width in zip(sent, widths_s, strict=True)],
        "p50_ms": [median_and_p99[0] for median_and_p99 in both],
        "p99_ms": [median_and_p99[1] for median_and_p99 in both],
    }
