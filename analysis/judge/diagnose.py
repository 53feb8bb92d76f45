"""Names for what is wrong with a set of counts, by their shape over the scrapes."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

from analysis.evidence.bounds import Counted, Share
from analysis.evidence.gateway import Gateway
from analysis.evidence.tally import Tally
from analysis.judge.diagnose_model import of_models
from analysis.record.arrays import Bools
from analysis.record.runfolder import utc
from analysis.verdict import Explanation
from model.contract import CELLS, METRIC_OF_CELL

_FLIPPED: Final = tuple(CELLS.index(cell) for cell in ("tn", "fn", "tp", "fp"))
"""For each cell of `CELLS`, the cell that it becomes when the other class is called positive."""
_TELLING: Final = 3
"""Scrapes that must be wrong before two metrics are said to report one cell."""
_FEW: Final = 10
"""Fewer lost counts, or scrapes, than this have no course over time."""


def of_counts(counted: Counted, share: Share, tally: Tally, passed_on: Gateway | None = None) -> Explanation:
    """The fault whose shape these counts have; the last resort says only how far they are off."""
    return (
        _permuted(counted)
        or of_models(counted, share, tally)
        or _multiplied(counted)
        or _stale(counted)
        or _short(counted, passed_on, mirrored=share.mirrored)
        or _over(counted, tally, passed_on)
        or _differ(counted)
    )


def explains(counted: Counted) -> Bools:
    """``[metric, cell]``: whether a metric keeps the bounds of a cell at every scrape."""
    value = counted.path.value[:, :, None]
    kept = (value >= counted.low[:, None, :]) & (value <= counted.high[:, None, :])
    found: Bools = kept.all(axis=0)
    return found


def _permuted(counted: Counted) -> Explanation | None:
    """Each metric reports one cell, but not all report their own."""
    fits = explains(counted)
    sources = [[cell for cell in range(len(CELLS)) if fits[metric, cell]] for metric in range(len(CELLS))]
    sources = [[metric] if metric in found else found for metric, found in enumerate(sources)]
    if not all(sources) or all(found == [metric] for metric, found in enumerate(sources)):
        return None
    ways = list(itertools.product(*sources))
    best = _FLIPPED if _FLIPPED in ways else max(ways, key=lambda way: len(set(way)))
    if len(set(best)) < len(CELLS) and counted.broken.any(axis=1).sum() < _TELLING:
        return None  # one lost event makes one count look like another that happens to be one less
    moved = [(metric, cell) for metric, cell in enumerate(best) if metric != cell]
    order = [CELLS.index(cell) for cell in ("tp", "tn", "fp", "fn")]  # as the notebook lists its metrics
    moved.sort(key=lambda pair: order.index(pair[0]))
    told = ", ".join(f"{METRIC_OF_CELL[CELLS[metric]]} reports {CELLS[cell].upper()}" for metric, cell in moved)
    if best == _FLIPPED:
        advice = "The served class calls the other class positive: compare its positive class with the card's."
        return Explanation("positive class flipped", f"the positive class is flipped: {told}", advice)
    advice = "Mend metrics() of the served class: each metric must report its own cell."
    return Explanation("cells permuted", told, advice)


def _multiplied(counted: Counted) -> Explanation | None:
    """Every count is a whole multiple of what it may be."""
    low, high, value = counted.last
    for times in (2, 3, 4):
        if value.sum() and np.all((value >= times * low) & (value <= times * high)):
            message = f"every count is {times} times the expected: {value.sum():.0f} for {low.sum()}"
            advice = "Look for a gateway that retries feedback, a class that counts twice, or a second scrape job."
            return Explanation("counted twice" if times == 2 else f"counted {times} times", message, advice)
    return None


def _stale(counted: Counted) -> Explanation | None:
    """Right at the end, too low at some scrape before."""
    wrong = counted.broken
    if wrong[-1].any() or not wrong.any():
        return None
    at = int(np.argmax(wrong.any(axis=1)))
    below = counted.sums < counted.bounds.low
    when = utc(counted.path.time_ms[at] / 1000)
    if np.array_equal(below, wrong):
        message = f"the counts lagged behind what was acknowledged, first at {when}, and were right in the end"
        advice = (
            "The metrics endpoint serves old values: look for caching, or a store that is written after the answer."
        )
        return Explanation("stale series", message, advice)
    message = f"the counts ran ahead of what was attempted, first at {when}, and were right in the end"
    return Explanation("counted early", message, "Check the clocks of load generator and Prometheus.")


def _short(counted: Counted, passed_on: Gateway | None, *, mirrored: bool) -> Explanation | None:
    """Some counts are missing and none is over."""
    _, high, value = counted.last
    wanted = int(counted.bounds.low[-1, -1])
    if np.any(value > high) or value.sum() >= wanted:
        return None
    lost, since = int(wanted - value.sum()), _since(counted)
    if mirrored:
        message = f"the shadow counted {value.sum():,.0f} of {wanted:,} feedbacks: {lost:,} never arrived"
        message += passed_on.told() if passed_on is not None else ""
        advice = (
            "Look at the gateway's counters for the shadow (upstream_rq_pending_overflow, upstream_rq_timeout) "
            "and raise its circuit breakers, or give the shadow more workers."
        )
        return Explanation("shadow incomplete", message, advice)
    message = f"{lost:,} of {wanted:,} acknowledged feedbacks were not counted{since}{_how(counted)}"
    advice = (
        "Look for threads that share a counter (use workers), a worker that ended, or a scrape that missed a target."
    )
    return Explanation("counts lost", message, advice)


def _over(counted: Counted, tally: Tally, passed_on: Gateway | None) -> Explanation | None:
    """Some counts are over and none is missing; the gateway may know whose they are."""
    low, _, value = counted.last
    most = int(counted.bounds.high[-1, -1])
    if np.any(value < low) or value.sum() <= most:
        return None
    extra = int(value.sum() - most)
    message = f"{extra:,} more feedbacks were counted than the {most:,} attempted{_since(counted)}"
    if passed_on is not None and passed_on.retries:
        message += f"; the gateway sent {passed_on.retries:,} requests again"
        return Explanation("counted twice", message, "Turn the gateway's retries off for feedback: it is a write.")
    strange = passed_on.requests - int(tally.sent.sum()) if passed_on is not None else 0
    if strange > 0:
        message += f"; the gateway passed on {strange:,} requests that the load generator did not send"
        return Explanation("foreign traffic", message, "Keep other clients off the deployment while it is measured.")
    if passed_on is not None:
        return Explanation(
            "counted twice", message, "The served class counts some feedback more than once: look there."
        )
    advice = "Look for another client of the deployment, a gateway that retries feedback, or a class that counts twice."
    return Explanation("foreign traffic or counted twice", message, advice)


def _differ(counted: Counted) -> Explanation:
    low, high, value = counted.last
    parts = [
        f"{METRIC_OF_CELL[cell]} {value[i]:.0f} for {low[i] if low[i] == high[i] else f'{low[i]}..{high[i]}'}"
        for i, cell in enumerate(CELLS)
        if not low[i] <= value[i] <= high[i]
    ]
    message = f"counts are not the offline model's: {', '.join(parts)}"
    advice = "Check which model, threshold and positive class the deployment serves."
    return Explanation("cells differ", message, advice)


def _how(counted: Counted) -> str:
    """Whether the counts were lost at once or all along, by how much was missing at each scrape; empty of a few."""
    missing = np.maximum(counted.bounds.low[:, -1] - counted.sums[:, -1], 0)
    if missing[-1] < _FEW or len(missing) < _FEW:
        return ""
    steps = np.sort(np.diff(missing))[::-1]
    in_a_burst = steps[: max(len(steps) // 10, 1)].sum() > 0.8 * missing[-1]
    return ", most of them at once" if in_a_burst else ", all along"


def _since(counted: Counted) -> str:
    wrong = counted.broken.any(axis=1)
    return f", the first by {utc(counted.path.time_ms[int(np.argmax(wrong))] / 1000)}" if wrong.any() else ""
