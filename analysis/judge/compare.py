"""Which model is better: primary against shadow, on distinct rows only, because replays add no information."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from analysis.evidence.evidence import Evidence
from analysis.evidence.tally import Tally
from analysis.record.arrays import Bools, Ints
from analysis.record.ledger import Outcome
from analysis.record.runfolder import PredictorSpec
from analysis.stats.average_precision import average_precisions, precisions
from analysis.stats.bootstrap import paired_difference, resampled
from analysis.stats.proportions import Paired, difference, mcnemar, rows_to_see

SIZE: Final = 0.01
"""Difference in accuracy for which the needed number of rows is stated: one percentage point."""
BINARY: Final = 2
LEVEL: Final = 0.05
"""Level of the test, and of the intervals."""


def comparison(evidence: Evidence) -> dict[str, Any] | None:
    """``comparison`` of ``result.json``: differences are the shadow's minus the primary's; None without a shadow.

    ``discordant`` holds the ids of the rows that one of the two got right and the other did not.
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
    if len(offline.classes) != BINARY:
        by_class = {
            f"recall of {label}": _newcombe(right[0][truth == of], right[1][truth == of])
            for of, label in enumerate(offline.classes)
        }
        return {"accuracy": _newcombe(*right), **by_class}
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
        "precision": _interval(
            paired_difference(lambda side, weight: precisions(called[side], positive, weight), weight, LEVEL)
        ),
        "average_precision": _interval(
            paired_difference(lambda side, weight: average_precisions(score[side], positive, weight), weight, LEVEL)
        )
        if all(side.has_scores for side in sides)
        else None,
    }


def _newcombe(first: Bools, second: Bools) -> dict[str, float] | None:
    return _interval(difference(_paired(first, second))) if len(first) else None


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


def _interval(estimate: tuple[float, float, float] | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    value, low, high = estimate
    return {"value": round(value, 9), "low": round(low, 9), "high": round(high, 9)}


def rows_of(tally: Tally) -> Ints:
    """Indices of the distinct rows whose feedback was acknowledged, and is counted, at least once."""
    return np.flatnonzero(tally.fed[Outcome.ACKNOWLEDGED].sum(axis=1))
