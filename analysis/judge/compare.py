"""Which model is better: primary against shadow, on distinct rows only, since replays add no information."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from analysis.evidence.evidence import Evidence
from analysis.evidence.tally import Tally
from analysis.record.arrays import Bools, Floats, Ints
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import PredictorSpec
from analysis.stats.proportions import Paired, difference, mcnemar, rows_to_see

RESAMPLES: Final = 2000
SIZE: Final = 0.01
"""Difference in accuracy whose number of rows is stated: one point."""
LEVEL: Final = 0.05


def comparison(evidence: Evidence) -> dict[str, Any] | None:
    """``comparison`` of ``result.json``: differences are the shadow's less the primary's; None without a shadow.

    ``discordant`` holds the id of every row that one of the two got right and the other did not.
    """
    primary = next((predictor for predictor in evidence.run.predictors if not predictor.shadow), None)
    shadow = next((predictor for predictor in evidence.run.predictors if predictor.shadow), None)
    if primary is None or shadow is None or evidence.tally is None or evidence.offline is None:
        return None
    if not {primary.artifact, shadow.artifact} <= set(evidence.offline.answers):
        return None
    return _compared(evidence.tally, primary, shadow, evidence.run.seed)


def _compared(tally: Tally, primary: PredictorSpec, shadow: PredictorSpec, seed: int) -> dict[str, Any]:
    offline = tally.axes.offline
    rows = rows_of(tally)
    truth = offline.truth[rows]
    first, second = (offline.answers[side.artifact].predicted[rows] == truth for side in (primary, shadow))
    paired = _paired(first, second)
    return {
        "primary": primary.name,
        "shadow": shadow.name,
        "rows": paired.rows,
        "both_right": paired.both,
        "only_primary": paired.only_first,
        "only_shadow": paired.only_second,
        "both_wrong": paired.neither,
        "p_value": mcnemar(paired),
        "difference": _differences(tally, primary, shadow, rows, seed),
        "discordant": {
            "only_primary": offline.rows[rows[first & ~second]].tolist(),
            "only_shadow": offline.rows[rows[second & ~first]].tolist(),
        },
        "rows_needed": _needed(paired),
        "message": _message(paired, primary.name, shadow.name),
    }


def _paired(first: Bools, second: Bools) -> Paired:
    counts = (first & second, first & ~second, second & ~first, ~first & ~second)
    return Paired(*(int(np.count_nonzero(rows)) for rows in counts))


def _differences(
    tally: Tally, primary: PredictorSpec, shadow: PredictorSpec, rows: Ints, seed: int
) -> dict[str, dict[str, float] | None]:
    offline = tally.axes.offline
    truth = offline.truth[rows]
    sides = [offline.answers[side.artifact] for side in (primary, shadow)]
    right = [side.predicted[rows] == truth for side in sides]
    called = [side.predicted[rows] == offline.positive for side in sides]
    score = [side.score[rows] for side in sides]
    positive = truth == offline.positive
    everything = np.ones(len(rows), np.bool_)
    weight = resampled(len(rows), seed)
    return {
        **{
            name: _newcombe(right[0][chosen], right[1][chosen])
            for name, chosen in (("accuracy", everything), ("recall", positive), ("specificity", ~positive))
        },
        "precision": _bootstrap(lambda side, weight: precisions(called[side], positive, weight), weight),
        "average_precision": _bootstrap(lambda side, weight: average_precisions(score[side], positive, weight), weight),
    }


def _newcombe(first: Bools, second: Bools) -> dict[str, float] | None:
    if not len(first):
        return None
    return _interval(*difference(_paired(first, second)))


def resampled(rows: int, seed: int) -> Floats:
    """``[RESAMPLES, rows]``: how often each row is drawn, in as many draws with replacement as there are rows."""
    if not rows:
        return np.ones((RESAMPLES, 0))
    random = np.random.default_rng(seed)
    return random.multinomial(rows, np.full(rows, 1 / rows), RESAMPLES).astype(np.float64)


def _bootstrap(ratio: Callable[[int, Floats], Floats], weight: Floats) -> dict[str, float] | None:
    """Paired percentile bootstrap over rows (Efron 1979); None where the ratio is undefined on most resamples.

    ``weight``: as `resampled` gives it, once for all ratios, for drawing takes longer than to judge a short run.
    """
    rows = weight.shape[1]
    if not rows:
        return None
    whole = np.ones((1, rows))
    differences = ratio(1, weight) - ratio(0, weight)
    value = float((ratio(1, whole) - ratio(0, whole))[0])
    differences = differences[np.isfinite(differences)]
    if not np.isfinite(value) or len(differences) < RESAMPLES // 2:
        return None
    low, high = np.quantile(differences, [LEVEL / 2, 1 - LEVEL / 2])
    return _interval(value, float(low), float(high))


def precisions(called: Bools, positive: Bools, weight: Floats) -> Floats:
    """``[n]``: precision under each row of ``weight`` [n, rows]; NaN where nothing is called positive."""
    with np.errstate(invalid="ignore"):
        precision: Floats = (weight @ (called & positive)) / (weight @ called)
    return precision


def average_precisions(score: Floats, positive: Bools, weight: Floats) -> Floats:
    """``[n]``: ``sklearn.metrics.average_precision_score(sample_weight=)`` under each row of ``weight`` [n, rows].

    The sum over distinct scores, from the highest down, of the gain in recall times the precision there; rows of
    one score count together. NaN where nothing is positive.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    true = np.cumsum(weight[:, order] * positive[order], axis=1)[:, ends]
    called = np.cumsum(weight[:, order], axis=1)[:, ends]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, true / called, 0.0)
        gained = np.diff(true, axis=1, prepend=0.0) / true[:, -1:]
        average: Floats = (gained * precision).sum(axis=1)
    return average


def _needed(paired: Paired) -> dict[str, float | int] | None:
    if not paired.rows:
        return None
    differing = (paired.only_first + paired.only_second) / paired.rows
    return {"difference": SIZE, "power": 0.8, "rows": rows_to_see(SIZE, differing)}


def _message(paired: Paired, primary: str, shadow: str) -> str:
    if not paired.rows:
        return "no row was answered, so nothing can be said"
    p_value, needed = mcnemar(paired), _needed(paired) or {}
    if p_value <= LEVEL:
        better = shadow if paired.only_second > paired.only_first else primary
        return f"{better} is right on more of {paired.rows} distinct rows (exact McNemar p = {p_value:.2g})"
    return (
        f"{paired.rows} distinct rows do not show that either is right more often (exact McNemar p = {p_value:.2g}); "
        f"a difference of one point would need {needed['rows']:,}"
    )


def _interval(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": round(value, 9), "low": round(low, 9), "high": round(high, 9)}


def rows_of(tally: Tally) -> Ints:
    """Indices of the distinct rows whose feedback was acknowledged at least once."""
    return np.flatnonzero(tally.total[Kind.FEEDBACK, Outcome.ACKNOWLEDGED].sum(axis=1))
