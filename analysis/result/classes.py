"""Quality by class of a predictor, for ``result.json``: what follows from its claims, beside the offline answers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from analysis.claims.claim import Claims
from analysis.claims.selection import text_of
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.evidence.tally import Tally
from analysis.record.arrays import Floats, Ints
from analysis.record.instants import rfc3339
from analysis.result.fields import TOO_LARGE
from analysis.result.timeline import thinned
from analysis.stats.classification import ZERO_DIVISION, ClassCounts
from analysis.stats.confusion import RATIOS

AVERAGE = "macro"
"""Average over the classes that curves over time show."""
_ROUNDING: Final = 1e-9
"""Error of a derived coefficient, at most."""


def quality(
    tally: Tally, claims: Claims, live: Floats | None, artifact: str | None, bounds: tuple[Ints, Ints] | None
) -> dict[str, Any]:
    """``classes`` of a predictor.

    ``live`` [claims]: what was counted; ``artifact``: None without offline answers. ``bounds`` [claims], [claims]: the
    lowest and the highest counts; None if they are not known, or are not of this predictor alone.
    """
    offline = None if artifact is None else _pairs(tally, artifact, tally.counted[None])[0]
    return {
        "labels": [text_of(label) for label in tally.axes.offline.classes],
        "zero_division": ZERO_DIVISION,
        "live": None if live is None else _side(tally, _live(claims, live[None]), _matrix(claims, live)),
        "offline": None if offline is None else _side(tally, ClassCounts.of(offline), offline),
        "expected": None if bounds is None else _expected(claims, bounds),
    }


def over_time(tally: Tally, claims: Claims, path: Trajectory, artifact: str) -> dict[str, Any] | None:
    """``timeline`` of a predictor: averages over the classes at each scrape; None if the claims do not give them."""
    at = thinned(len(path.time_ms))
    offline = _pairs(tally, artifact, tally.before[np.searchsorted(tally.axes.starts_ns, path.start_ns[at])])
    live = [_live(claims, value[None]) for value in path.value[at]]
    if not all(live):
        return None
    return {
        "time": [rfc3339(time_ms / 1000) for time_ms in path.time_ms[at].tolist()],
        "average": AVERAGE,
        "live": _averages([counts for counts in live if counts is not None]),
        "offline": _averages([ClassCounts.of(matrix) for matrix in offline]),
    }


def _pairs(tally: Tally, artifact: str, patterns: Ints) -> Ints:
    """``[n, truth, answer]`` of numbers of events by pattern [n, pattern]."""
    number = len(tally.axes.offline.classes)
    return (patterns @ np.eye(number**2, dtype=np.int64)[tally.pairs[artifact]]).reshape(-1, number, number)


def _live(claims: Claims, value: Floats) -> ClassCounts | None:
    """Rows by class that ``value`` [1, claims] gives; None if it does not, or if one is too large to be a count."""
    number = claims.classes
    truth, answer = np.divmod(np.arange(number**2), number)
    of = np.arange(number)[:, None]
    goals = [(truth == of) & (answer == of), truth == of, answer == of]
    derivings = [claims.deriving(goal.T.astype(np.int64)) for goal in goals]
    if not np.all(np.abs(value) < TOO_LARGE):
        return None
    parts = [np.rint(value @ deriving)[0].astype(np.int64) for deriving in derivings if deriving is not None]
    return ClassCounts(*parts) if len(parts) == len(goals) else None


def _matrix(claims: Claims, value: Floats) -> Ints | None:
    deriving = claims.deriving(np.eye(claims.classes**2, dtype=np.int64))
    if deriving is None or not np.all(np.abs(value) < TOO_LARGE):
        return None
    matrix: Ints = np.rint(value @ deriving).astype(np.int64).reshape(claims.classes, claims.classes)
    return matrix


def _expected(claims: Claims, bounds: tuple[Ints, Ints]) -> dict[str, Any] | None:
    """The lowest and the highest matrix; None unless each pair is a claim, since bounds of differences are wider."""
    deriving = claims.deriving(np.eye(claims.classes**2, dtype=np.int64))
    if deriving is None or (deriving < -_ROUNDING).any():
        return None
    low, high = (_matrix(claims, bound.astype(np.float64)) for bound in bounds)
    return None if low is None or high is None else {"low": low.tolist(), "high": high.tolist()}


def _side(tally: Tally, counts: ClassCounts | None, matrix: Ints | None) -> dict[str, Any] | None:
    if counts is None:
        return None
    columns = (tally.axes.offline.classes, counts.precision, counts.recall, counts.f1, counts.truth.tolist())
    return {
        "accuracy": counts.accuracy,
        "macro": counts.macro,
        "weighted": counts.weighted,
        "by_class": [
            {"label": text_of(label), "precision": precision, "recall": recall, "f1": f1, "support": support}
            for label, precision, recall, f1, support in zip(*columns, strict=True)
        ],
        "matrix": None if matrix is None else matrix.tolist(),
    }


def _averages(counts: list[ClassCounts]) -> dict[str, list[float | None]]:
    """By ratio; of the classes' specificity there is no average."""
    return {
        ratio: [part.accuracy if ratio == "accuracy" else part.macro.get(ratio) for part in counts] for ratio in RATIOS
    }
