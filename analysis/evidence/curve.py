"""The precision-recall curve by threshold, live and offline, as integers at every edge of the score buckets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.evidence.samples import Samples, Series, is_count
from analysis.evidence.scrapes.growth import growth
from analysis.evidence.scrapes.targets import ScrapeTarget
from analysis.evidence.tally import Tally
from analysis.record.arrays import Floats, Ints
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import PredictorSpec
from analysis.stats.average_precision import average_precision_bounds, average_precisions
from model.contract import CELLS, LABEL_EDGE, LABEL_PREDICTOR, LABEL_TRUTH, SCORE_BUCKETS
from model.rows.labels import Label
from model.threshold import margins

BINARY: Final = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts by threshold: at element i, a score above ``threshold[i]`` is called positive.

    ``threshold`` [n] increases; ``live`` and ``offline`` are [n, cells]. So are ``low`` and ``high``: what the live
    counts may be, given events of unknown outcome and scores that are a threshold but for rounding; ``rounded``: the
    number of such rows. ``exact``: average precision of the offline scores of the rows sent, without buckets; None if
    no row is positive.
    """

    threshold: Floats
    live: Ints
    offline: Ints
    low: Ints
    high: Ints
    rounded: int = 0
    exact: float | None = None

    def __post_init__(self) -> None:
        shapes = {side.shape for side in (self.live, self.offline, self.low, self.high)}
        if len(shapes) > 1 or len(self.threshold) != len(self.live):
            raise ValueError("curve: expected arrays of one length")
        if np.any(np.diff(self.threshold) <= 0):
            raise ValueError("curve: expected thresholds that increase")


class CurveError(Exception):
    """The score buckets that a predictor publishes are no counts by threshold; one line says why."""


class CurveUnknownError(Exception):
    """By how much the score buckets grew since the run began is not known; one line says why."""


def curve_of(
    samples: Samples, tally: Tally, predictor: PredictorSpec, targets: Sequence[ScrapeTarget], first_ms: float
) -> Curve | None:
    """The curve of a predictor since ``first_ms`` (Prometheus' clock, at the earliest); None without score buckets.

    None with more than two classes, too: no single score decides between them.

    ``targets``: the predictor's. Raises `CurveError` if what it publishes are no counts by threshold,
    `CurveUnknownError` if it is not known what they were before.
    """
    counts = _counts(samples, predictor.name, targets, first_ms)
    answers = tally.axes.offline
    own = answers.answers[predictor.artifact]
    if not counts or not own.has_scores or len(answers.classes) != BINARY:
        return None
    strange = sorted(counts.keys() - {_text_of(label) for label in answers.classes})
    if strange:
        raise CurveError(f"{SCORE_BUCKETS} counts rows of {strange[0]}, which is none of the classes")
    if not any(math.isfinite(edge) for by_edge in counts.values() for edge in by_edge):
        raise CurveError(f"{SCORE_BUCKETS} has no bucket with a finite threshold")
    edges = np.array(sorted({edge for by_edge in counts.values() for edge in by_edge if math.isfinite(edge)}))
    weight = tally.total[Kind.FEEDBACK, Outcome.ACKNOWLEDGED]
    unknown = tally.total[Kind.FEEDBACK, Outcome.INDETERMINATE]
    score = own.score
    live = [
        np.array([counts.get(_text_of(label), {}).get(edge, 0) for edge in [*edges.tolist(), math.inf]], np.int64)
        for label in answers.classes
    ]
    positive, margin = answers.positive, margins(score)
    offline = _cells(_by_class(score, weight, edges), positive)
    least_below, least_above = (_cells(_by_class(score + off, weight, edges), positive) for off in (margin, -margin))
    most_below, most_above = (
        _cells(_by_class(score + off, weight + unknown, edges), positive) for off in (-margin, margin)
    )
    is_below = np.array([cell in {"fn", "tn"} for cell in CELLS])
    on_edge = (np.abs(score[:, None] - edges) <= margin[:, None]).any(axis=1) & (weight + unknown).any(axis=1)
    return Curve(
        edges,
        _cells(live, positive),
        offline,
        low=np.where(is_below, least_below, least_above),
        high=np.where(is_below, most_below, most_above),
        rounded=int(on_edge.sum()),
        exact=_average_precision(score, weight, positive),
    )


def _by_class(score: Floats, weight: Ints, edges: Floats) -> list[Ints]:
    """`_at_most` of the events of each true class; ``weight`` [row, class]."""
    return [_at_most(score, weight[:, index], edges) for index in range(weight.shape[1])]


def _average_precision(score: Floats, weight: Ints, positive: int) -> float | None:
    """``sklearn.metrics.average_precision_score`` of rows that were sent ``weight[row, truth]`` times."""
    if not weight[:, positive].any():
        return None
    classes = weight.shape[1]
    is_positive = np.tile(np.arange(classes) == positive, len(score))
    return float(
        average_precisions(np.repeat(score, classes), is_positive, weight.reshape(1, -1).astype(np.float64))[0]
    )


def _counts(
    samples: Samples, predictor: str, targets: Sequence[ScrapeTarget], first_ms: float
) -> dict[str, dict[float, int]]:
    """Rows by true class, as text, and edge, summed over workers and targets."""
    buckets: dict[tuple[str, float], list[Series]] = {}
    for series in samples.of(SCORE_BUCKETS):
        if series.labels.get(LABEL_PREDICTOR) == predictor:
            buckets.setdefault(_bucket_of(series), []).append(series)
    counts: dict[str, dict[float, int]] = {}
    for (truth, edge), parts in buckets.items():
        grown = growth(parts, targets, first_ms)
        where = f"of class {truth} and threshold {edge:g}"
        if grown.fault is not None:
            raise CurveError(f"{grown.fault} ({where})")
        if grown.low < grown.high:
            raise CurveUnknownError(f"{grown.doubt} ({where})")
        counts.setdefault(truth, {})[edge] = int(grown.low)
    return counts


def _bucket_of(series: Series) -> tuple[str, float]:
    """True class and threshold of the rows that a bucket counts. Raises `CurveError` if it does not count rows."""
    labels = series.labels
    try:
        truth, edge = _text_of(labels[LABEL_TRUTH]), float(labels[LABEL_EDGE])
    except (KeyError, ValueError) as error:
        raise CurveError(f"a series of {SCORE_BUCKETS} has no class or no threshold: {dict(labels)}") from error
    if math.isnan(edge) or edge == -math.inf or not is_count(series.value).all():
        raise CurveError(f"{SCORE_BUCKETS} of class {truth} and threshold {edge:g} holds what is no count")
    return truth, edge


def _text_of(label: Label) -> str:
    """A class as the label of a series names it: a number without a fraction, whatever was published of it."""
    text = str(label)
    try:
        number = float(text)
    except ValueError:
        return text
    if math.isfinite(number) and not number.is_integer():
        raise ValueError(f"{text} is no class")
    return str(int(number)) if math.isfinite(number) else text


def _at_most(score: Floats, weight: Ints, edges: Floats) -> Ints:
    """``[edge + 1]``: number of events whose score is at most each edge; the last element counts all events."""
    order = np.argsort(score, kind="stable")
    sums = np.concatenate([[0], np.cumsum(weight[order])])
    counts: Ints = np.append(sums[np.searchsorted(score[order], edges, "right")], sums[-1])
    return counts


def _cells(at_most: list[Ints], positive: int) -> Ints:
    """``[edge, cell]`` from the counts by class of the rows at most each edge (`_at_most`)."""
    below = {
        "fn": at_most[positive][:-1],
        "tn": sum(
            (counts[:-1] for i, counts in enumerate(at_most) if i != positive), np.zeros(len(at_most[0]) - 1, np.int64)
        ),
    }
    above = {
        "tp": at_most[positive][-1] - below["fn"],
        "fp": sum(int(counts[-1]) for i, counts in enumerate(at_most) if i != positive) - below["tn"],
    }
    return np.stack([(below | above)[cell] for cell in CELLS], axis=1)


def differing(curve: Curve, *, sees_all: bool = True) -> Ints:
    """Indices of the thresholds at which any live count is not what it can be.

    ``sees_all``: whether the predictor got every event; if it did not, there is no lower bound.
    """
    low = curve.low if sees_all else np.zeros_like(curve.low)
    return np.flatnonzero(((curve.live < low) | (curve.live > curve.high)).any(axis=1))


def as_json(curve: Curve | None) -> dict[str, Any] | None:
    """``curve`` of ``result.json``."""
    if curve is None:
        return None
    low, high = average_precision_bounds(curve.live)
    return {
        "threshold": curve.threshold.tolist(),
        "live": _by_cell(curve.live),
        "offline": _by_cell(curve.offline),
        "average_precision": {"low": low, "high": high, "offline": curve.exact},
    }


def _by_cell(counts: Ints) -> Mapping[str, list[int]]:
    return {cell: counts[:, i].tolist() for i, cell in enumerate(CELLS)}
