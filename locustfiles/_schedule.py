"""Which schedule of visits the options ask for."""

from __future__ import annotations

from pathlib import Path

from locustfiles._options import Load
from locustfiles._pacer import Arrivals, Constant, Poisson, Trace


class ScheduleError(Exception):
    """The schedule cannot be kept; one line."""


def arrivals_of(load: Load) -> Arrivals | None:
    """The schedule of visits of an open loop, None for a closed one.

    A visit causes ``predict_ratio + feedback_ratio`` requests on average, so visits come at the rate of
    requests divided by that.
    """
    if load.trace:
        return read_trace(Path(load.trace))
    if not load.rate_per_s:
        return None
    visits_per_s = load.rate_per_s / (load.predict_ratio + load.feedback_ratio)
    return Poisson(visits_per_s, load.seed) if load.arrivals == "poisson" else Constant(visits_per_s)


def read_trace(path: Path) -> Trace:
    """The schedule in a file of ascending seconds, one on each line; raises `ScheduleError`."""
    try:
        return Trace(tuple(float(line) for line in path.read_text(encoding="utf-8").split()))
    except (OSError, ValueError) as error:
        raise ScheduleError(
            f"reading the trace: expected ascending seconds, one on each line, in {path}, got: {error}."
        ) from error
