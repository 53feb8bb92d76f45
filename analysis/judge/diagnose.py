"""The diagnosis of wrong counts, from their shape over the scrapes."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.claims.claim import Claims
from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted, Share, after_end
from analysis.evidence.gateway import Gateway
from analysis.evidence.tally import Tally
from analysis.judge.diagnose_model import of_models
from analysis.record.arrays import Bools
from analysis.record.instants import rfc3339
from analysis.verdict import Explanation
from model.contract import CELLS

_NAMED: Final = 6
"""Metrics of wrong claims that are named at most."""
_ENOUGH_WRONG: Final = 3
"""Scrapes that must be wrong before two metrics are said to report the same cell."""
_FEW: Final = 10
"""With fewer lost counts, or fewer scrapes, nothing is said of when they were lost."""


_MULTIPLES: Final = {
    2: Diagnosis.COUNTED_TWICE,
    3: Diagnosis.COUNTED_THREE_TIMES,
    4: Diagnosis.COUNTED_FOUR_TIMES,
}


def of_counts(counted: Counted, share: Share, tally: Tally, gateway: Gateway | None = None) -> Explanation:
    """The fault whose shape these counts have; if there is none, how far they are off."""
    return (
        _permuted(counted)
        or of_models(counted, share, tally)
        or _multiplied(counted)
        or _stale(counted)
        or _short(counted, gateway, mirrored=share.mirrored)
        or _over(counted, tally, gateway)
        or _differ(counted)
    )


def explains(counted: Counted) -> Bools:
    """``[metric, claim]``: whether a metric keeps the bounds of a claim at every scrape."""
    value = counted.path.value[:, :, None]
    kept = (value >= counted.low[:, None, :]) & (value <= counted.high[:, None, :])
    explained: Bools = kept.all(axis=0)
    return explained


def _permuted(counted: Counted) -> Explanation | None:
    """Each metric reports some claim, but not all report their own."""
    claims = counted.claims
    fits = explains(counted)
    own = np.eye(len(claims), dtype=np.bool_) & fits
    sources = np.where(own.any(axis=1)[:, None], own, fits)
    if not sources.any(axis=1).all() or own.any(axis=1).all():
        return None
    best = _reported(claims, sources)
    if len(set(best)) < len(claims) and counted.broken.any(axis=1).sum() < _ENOUGH_WRONG:
        return None  # one lost event can make a count equal to that of another cell by chance
    moved = [(metric, claim) for metric, claim in enumerate(best) if metric != claim]
    if claims.is_cells:
        order = [CELLS.index(cell) for cell in ("tp", "tn", "fp", "fn")]  # as the notebook lists its metrics
        moved.sort(key=lambda pair: order.index(pair[0]))
    parts = [f"{claims.names[metric]} reports {claims.keys[claim].upper()}" for metric, claim in moved[:_NAMED]]
    reports = ", ".join(parts) + (f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else "")
    if best == _flipped(claims):
        return Explanation(Diagnosis.POSITIVE_FLIPPED, f"the positive class is flipped: {reports}")
    if best == _transposed(claims):
        return Explanation(Diagnosis.CELLS_PERMUTED, f"truth and answer are exchanged: {reports}")
    return Explanation(Diagnosis.CELLS_PERMUTED, reports)


def _reported(claims: Claims, sources: Bools) -> tuple[int, ...]:
    """For each metric the claim that it reports, of those that explain it (``sources`` [metric, claim]).

    A well-known exchange if it explains all of them, else as many different claims as can be.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415  (heavy, and needed only if counts are permuted)
    from scipy.sparse.csgraph import maximum_bipartite_matching  # noqa: PLC0415

    metrics = np.arange(len(claims))
    for known in (_flipped(claims), _transposed(claims)):
        if known is not None and sources[metrics, list(known)].all():
            return known
    matched = maximum_bipartite_matching(csr_array(sources.astype(np.int8)), perm_type="column")
    return tuple(np.where(matched >= 0, matched, np.argmax(sources, axis=1)).tolist())


def _flipped(claims: Claims) -> tuple[int, ...] | None:
    """For each claim the one that it becomes when the other class is called positive; None of other claims."""
    if not claims.is_cells:
        return None
    return tuple(CELLS.index(cell) for cell in ("tn", "fn", "tp", "fp"))


def _transposed(claims: Claims) -> tuple[int, ...] | None:
    """For each claim the one that it becomes when truth and answer are exchanged; None if that is none of them."""
    classes = claims.classes
    exchanged = np.arange(classes**2).reshape(classes, classes).T.ravel()
    weights = [tuple(weight) for weight in claims.weight.T.tolist()]
    other = [tuple(weight) for weight in claims.weight[exchanged].T.tolist()]
    if len(set(weights)) < len(weights) or set(weights) != set(other) or weights == other:
        return None
    return tuple(weights.index(weight) for weight in other)


def _multiplied(counted: Counted) -> Explanation | None:
    """Every count is a whole multiple of what it may be."""
    low, high, value = counted.last
    if not np.any(value > high):
        return None  # bounds that leave room may hold any multiple
    for times, diagnosis in _MULTIPLES.items():
        if value.sum() and np.all((value >= times * low) & (value <= times * high)):
            events = counted.claims.events
            message = f"every count is {times} times the expected: {events(value)} for {events(low)}"
            return Explanation(diagnosis, message)
    return None


def _stale(counted: Counted) -> Explanation | None:
    """The counts are right at the end, and were wrong at some scrape before."""
    wrong = counted.broken
    if wrong[-1].any() or not wrong.any():
        return None
    first = int(np.argmax(wrong.any(axis=1)))
    below = counted.sums < counted.bounds.low
    when = rfc3339(counted.path.time_ms[first] / 1000)
    if below[first].any() and (wrong & ~below)[first].any():
        message = f"some counts were too high and others too low, first at {when}, and all were right in the end"
        return Explanation(Diagnosis.CELLS_DIFFER, message)
    if np.array_equal(below, wrong):
        message = f"the counts lagged behind what was acknowledged, first at {when}, and were right in the end"
        return Explanation(Diagnosis.STALE_SERIES, message)
    message = f"the counts ran ahead of what was attempted, first at {when}, and were right in the end"
    return Explanation(Diagnosis.COUNTED_EARLY, message)


def _short(counted: Counted, gateway: Gateway | None, *, mirrored: bool) -> Explanation | None:
    """Some counts are missing and none is over."""
    _, high, value = counted.last
    expected = int(counted.bounds.low[-1, -1])
    if np.any(value > high) or value.sum() >= expected:
        return None
    events = counted.claims.events
    rows, expected = events(value), events(counted.low[-1])
    lost, since = expected - rows, _since(counted)
    if mirrored:
        message = f"the shadow counted {rows:,} of {expected:,} feedbacks: {lost:,} never arrived"
        message += gateway.losses() if gateway is not None else ""
        return Explanation(Diagnosis.SHADOW_INCOMPLETE, message)
    message = f"{lost:,} of {expected:,} acknowledged feedbacks were not counted{since}{_when_lost(counted)}"
    return Explanation(Diagnosis.COUNTS_LOST, message)


def _over(counted: Counted, tally: Tally, gateway: Gateway | None) -> Explanation | None:
    """There are too many counts and none is missing; the gateway's counters may show where they come from."""
    low, _, value = counted.last
    most = int(counted.bounds.high[-1, -1])
    if np.any(value < low) or value.sum() <= most:
        return None
    extra, most = counted.claims.events(value - counted.high[-1]), counted.claims.events(counted.high[-1])
    message = f"{extra:,} more feedbacks were counted than the {most:,} attempted{_since(counted)}"
    if gateway is not None and gateway.retries:
        message += f"; the gateway sent {gateway.retries:,} requests again"
        return Explanation(Diagnosis.COUNTED_TWICE, message, "retries")
    late = _grown_after_end(counted, tally)
    if late:
        message += f"; {late:,} of them were counted after the last request had ended"
        return Explanation(Diagnosis.FOREIGN_OR_TWICE, message)
    foreign = gateway.requests - int(tally.sent.sum()) if gateway is not None else 0
    if foreign > 0:
        message += f"; the gateway passed on {foreign:,} requests that the load generator did not send"
        return Explanation(Diagnosis.FOREIGN_TRAFFIC, message)
    if gateway is not None:
        return Explanation(Diagnosis.COUNTED_TWICE, message, "served class")
    return Explanation(Diagnosis.FOREIGN_OR_TWICE, message)


def _grown_after_end(counted: Counted, tally: Tally) -> int:
    """By how much the counts grew from the first scrape after the last event to the last scrape.

    No request of ours was under way then, so that what the gateway had passed on before says nothing of this growth.
    """
    ended = np.flatnonzero(after_end(tally, counted.path))
    return counted.claims.events(counted.path.value[-1] - counted.path.value[ended[0]]) if len(ended) else 0


def _differ(counted: Counted) -> Explanation:
    low, high, value = counted.last
    parts = [
        f"{name} {value[i]:.0f} for {low[i] if low[i] == high[i] else f'{low[i]}..{high[i]}'}"
        for i, name in enumerate(counted.claims.names)
        if not low[i] <= value[i] <= high[i]
    ]
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    message = f"counts are not the offline model's: {', '.join(parts[:_NAMED])}{more}"
    return Explanation(Diagnosis.CELLS_DIFFER, message)


def _when_lost(counted: Counted) -> str:
    """Whether the counts were lost at once or all along, by what was missing at each scrape; empty for a few."""
    missing = np.maximum(counted.bounds.low[:, -1] - counted.sums[:, -1], 0)
    if missing[-1] < _FEW or len(missing) < _FEW:
        return ""
    steps = np.sort(np.diff(missing))[::-1]
    in_a_burst = steps[: max(len(steps) // 10, 1)].sum() > 0.8 * missing[-1]
    return ", most of them at once" if in_a_burst else ", all along"


def _since(counted: Counted) -> str:
    """When the counts were first wrong, as a part of a sentence; empty if they never were."""
    wrong = counted.broken.any(axis=1)
    return f", the first by {rfc3339(counted.path.time_ms[int(np.argmax(wrong))] / 1000)}" if wrong.any() else ""
