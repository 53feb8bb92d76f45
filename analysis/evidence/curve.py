"""The precision-recall curve by threshold, live and offline, as integers at every edge of the score buckets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.evidence.gateway import growth
from analysis.evidence.samples import Samples
from analysis.evidence.tally import Tally
from analysis.judge.compare import average_precisions
from analysis.record.arrays import Floats, Ints
from analysis.record.ledger import Kind, Outcome
from model.contract import CELLS, LABEL_EDGE, LABEL_PREDICTOR, LABEL_TRUTH, SCORE_BUCKETS


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts by threshold: element i calls positive what scores above ``threshold[i]``, as ``predict`` does at 0.

    ``threshold`` [n] increases; ``live`` and ``offline`` are [n, cells]. ``exact``: average
    precision of the offline scores of the rows sent, without buckets; None where no row is positive.
    """

    threshold: Floats
    live: Ints
    offline: Ints
    exact: float | None = None

    def __post_init__(self) -> None:
        if self.live.shape != self.offline.shape or len(self.threshold) != len(self.live):
            raise ValueError("curve: expected arrays of one length")
        if np.any(np.diff(self.threshold) <= 0):
            raise ValueError("curve: expected thresholds that increase")


def curve(samples: Samples, tally: Tally, predictor: str, artifact: str, first_ms: float) -> Curve | None:
    """The curve of a predictor since ``first_ms`` (Prometheus' clock); None where it publishes no score buckets."""
    counts = _counts(samples, predictor, first_ms)
    if not counts:
        return None
    edges = np.array(sorted({edge for by_edge in counts.values() for edge in by_edge if math.isfinite(edge)}))
    answers = tally.plan.offline
    weight = tally.total[Kind.FEEDBACK, Outcome.ACKNOWLEDGED]
    score = answers.answers[artifact].score
    live, offline = [], []
    for index, label in enumerate(answers.classes):
        by_edge = counts.get(label, {})
        live.append(np.array([by_edge.get(edge, 0) for edge in [*edges.tolist(), math.inf]], np.int64))
        offline.append(_at_most(score, weight[:, index], edges))
    exact = _average_precision(score, weight, answers.positive)
    return Curve(edges, _cells(live, answers.positive), _cells(offline, answers.positive), exact)


def _average_precision(score: Floats, weight: Ints, positive: int) -> float | None:
    """``sklearn.metrics.average_precision_score`` of rows that were sent ``weight[row, truth]`` times."""
    if not weight[:, positive].any():
        return None
    classes = weight.shape[1]
    is_positive = np.tile(np.arange(classes) == positive, len(score))
    return float(
        average_precisions(np.repeat(score, classes), is_positive, weight.reshape(1, -1).astype(np.float64))[0]
    )


def _counts(samples: Samples, predictor: str, first_ms: float) -> dict[int, dict[float, int]]:
    """Rows by true class and edge, summed over workers and targets."""
    found: dict[int, dict[float, int]] = {}
    for one in samples.of(SCORE_BUCKETS):
        if one.labels.get(LABEL_PREDICTOR) == predictor:
            by_edge = found.setdefault(int(float(one.labels[LABEL_TRUTH])), {})
            edge = float(one.labels[LABEL_EDGE])
            by_edge[edge] = by_edge.get(edge, 0) + growth(one, first_ms)
    return found


def _at_most(score: Floats, weight: Ints, edges: Floats) -> Ints:
    """Events whose score is at most each edge, and then all of them."""
    order = np.argsort(score, kind="stable")
    sums = np.concatenate([[0], np.cumsum(weight[order])])
    found: Ints = np.append(sums[np.searchsorted(score[order], edges, "right")], sums[-1])
    return found


def _cells(at_most: list[Ints], positive: int) -> Ints:
    """``[edge, cell]`` of the rows at most each edge, by class; the last edge holds them all."""
    below = {
        "fn": at_most[positive][:-1],
        "tn": sum(
            (one[:-1] for i, one in enumerate(at_most) if i != positive), np.zeros(len(at_most[0]) - 1, np.int64)
        ),
    }
    above = {
        "tp": at_most[positive][-1] - below["fn"],
        "fp": sum(int(one[-1]) for i, one in enumerate(at_most) if i != positive) - below["tn"],
    }
    return np.stack([(below | above)[cell] for cell in CELLS], axis=1)


def differing(found: Curve) -> Ints:
    """Indices of the thresholds at which any live count is not the offline one."""
    return np.flatnonzero((found.live != found.offline).any(axis=1))


def as_json(found: Curve | None) -> dict[str, Any] | None:
    """``curve`` of ``result.json``."""
    if found is None:
        return None
    low, high = average_precision_bounds(found.live)
    return {
        "threshold": found.threshold.tolist(),
        "live": _by_cell(found.live),
        "offline": _by_cell(found.offline),
        "average_precision": {"low": low, "high": high, "offline": found.exact},
    }


def _by_cell(counts: Ints) -> Mapping[str, list[int]]:
    return {cell: counts[:, i].tolist() for i, cell in enumerate(CELLS)}


def average_precision_bounds(counts: Ints) -> tuple[float | None, float | None]:
    """Least and greatest ``sklearn.metrics.average_precision_score`` of rows with these counts at the thresholds.

    Within a bucket the least is that all negatives score above the positives, one by one; the greatest is that the
    positives are tied with each other above them, for scikit-learn gives each of a tie the precision at its end.
    None where no row is positive.
    """
    tp, fp = counts[::-1, CELLS.index("tp")], counts[::-1, CELLS.index("fp")]  # from the highest threshold down
    positives = int(counts[0, CELLS.index("tp")] + counts[0, CELLS.index("fn")]) if len(counts) else 0
    negatives = int(counts[0, CELLS.index("fp")] + counts[0, CELLS.index("tn")]) if len(counts) else 0
    if not positives:
        return None, None
    true, false = (np.concatenate([[0], one, [whole]]) for one, whole in ((tp, positives), (fp, negatives)))
    low = high = 0.0
    for at in range(len(true) - 1):
        more = int(true[at + 1] - true[at])
        if more:
            ranks = int(true[at]) + np.arange(1, more + 1)
            low += float((ranks / (ranks + int(false[at + 1]))).sum())
            high += more * float(true[at + 1] / (true[at + 1] + false[at]))
    return low / positives, high / positives
