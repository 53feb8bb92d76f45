"""Which schedule of visits the options ask for."""

from __future__ import annotations

import bisect
from pathlib import Path

from locustfiles.load.arrivals import Arrivals, Constant, Poisson, Shaped, Trace
from locustfiles.load.options import LoadOptions, OptionsError
from locustfiles.load.shapes import RateCurve, parse_shape


class ScheduleError(Exception):
    """The schedule cannot be used; one line says why."""


def arrivals_of(load: LoadOptions) -> Arrivals | None:
    """The schedule of visits of an open loop, None for a closed one.

    A visit causes ``predict_ratio + feedback_ratio`` requests on average, so visits come at the rate of
    requests divided by that. Raises `ScheduleError` or `OptionsError`.
    """
    _check_one(load)
    if load.trace:
        return read_trace(Path(load.trace))
    if load.shape:
        requests = load.predict_ratio + load.feedback_ratio
        return Shaped(parse_shape(load.shape), requests, load.seed if load.arrivals == "poisson" else None)
    if not load.rate_per_s:
        return None
    visits_per_s = load.rate_per_s / (load.predict_ratio + load.feedback_ratio)
    return Poisson(visits_per_s, load.seed) if load.arrivals == "poisson" else Constant(visits_per_s)


def rate_curve_of(load: LoadOptions) -> RateCurve | None:
    """The rate over time of ``--shape``, None without it. Raises `OptionsError`."""
    return parse_shape(load.shape) if load.shape else None


def ends_after(load: LoadOptions, run_time_s: float | None) -> float | None:
    """How long the load lasts: as long as its shape, or ``run_time_s`` if that is shorter; None for no end."""
    curve = rate_curve_of(load)
    if curve is None:
        return run_time_s
    return curve.duration_s if run_time_s is None else min(run_time_s, curve.duration_s)


def planned_per_s(load: LoadOptions, duration_s: float | None) -> float | None:
    """Mean rate of requests that the load plans over ``duration_s``; None for a closed loop and for a trace."""
    curve = rate_curve_of(load)
    return curve.mean_per_s(duration_s) if curve else load.rate_per_s or None


def peak_per_s(load: LoadOptions) -> float | None:
    """Highest rate of requests that the load plans, for a trace over any second of it; None for a closed loop."""
    curve = rate_curve_of(load)
    if curve is not None:
        return curve.peak_per_s
    if not load.trace:
        return load.rate_per_s or None
    times_s = read_trace(Path(load.trace)).times_s
    visits = max((bisect.bisect_left(times_s, at + 1) - first for first, at in enumerate(times_s)), default=0)
    return visits * (load.predict_ratio + load.feedback_ratio) or None


def _check_one(load: LoadOptions) -> None:
    given = [
        flag for flag, value in (("--rate", load.rate_per_s), ("--trace", load.trace), ("--shape", load.shape)) if value
    ]
    if len(given) > 1:
        raise OptionsError(f"reading {' and '.join(given)}: expected one of them, got {len(given)}. Give one schedule.")


def read_trace(path: Path) -> Trace:
    """The schedule in a file of ascending seconds, one on each line; raises `ScheduleError`."""
    try:
        return Trace(tuple(float(line) for line in path.read_text(encoding="utf-8").split()))
    except (OSError, ValueError) as error:
        raise ScheduleError(
            f"reading the trace: expected ascending seconds, one on each line, in {path}, got: {error}."
        ) from error
