"""Seldon classes as users write them, with nothing wrong: slow, with COUNTERs, or with score buckets.

They share nothing with our own class but the contract's names: what is judged here is whatever a deployment
publishes, not what ours does.
"""

from __future__ import annotations

import collections
import json
import math
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from numpy.typing import NDArray

from model.contract import CELLS, LABEL_EDGE, LABEL_TRUTH, METRIC_OF_CELL, SCORE_BUCKETS, Cell, cell_of

ARTIFACTS: Final = Path(os.environ.get("PLUMBLINE_ARTIFACTS", Path(__file__).resolve().parents[2] / "artifacts"))
POSITIVE: Final = 1
OTHER: Final = {"binary-percept.joblib": "binary-lr.joblib", "binary-lr.joblib": "binary-percept.joblib"}

Labels = NDArray[np.int64]
Rows = NDArray[np.float64]
Pairs = Iterable[tuple[int, int]]


def card_of(model_name: str) -> dict[str, Any]:
    """The card of a model."""
    card: dict[str, Any] = json.loads((ARTIFACTS / model_name).with_suffix(".json").read_text(encoding="utf-8"))
    return card


class Plain:
    """Predicts, scores every row of a feedback against its truth, publishes the four gauges. Nothing is wrong."""

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name
        self.estimator = joblib.load(ARTIFACTS / model_name)
        self.counts: dict[Cell, int] = dict.fromkeys(CELLS, 0)
        self.feedbacks = 0
        self.lock = threading.Lock()

    def decide(self, rows: Rows) -> Labels:
        labels: Labels = self.estimator.predict(rows)
        return labels

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803  (Seldon's name)
        return self.decide(np.asarray(X, np.float64))

    def send_feedback(
        self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any = None
    ) -> list[Any]:
        predicted = self.decide(np.asarray(features, np.float64)).tolist()
        with self.lock:
            self.feedbacks += 1
            self.score(zip(predicted, np.ravel(truth).astype(int).tolist(), strict=True))
        return []

    def score(self, pairs: Pairs) -> None:
        for predicted, truth in pairs:
            self.counts[cell_of(predicted, truth, POSITIVE)] += 1

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "GAUGE", "key": METRIC_OF_CELL[cell], "value": self.counts[cell]} for cell in CELLS]


class Counters(Plain):
    """Publishes each feedback's share as COUNTERs. Nothing is wrong: whether they add up is the wrapper's affair."""

    def __init__(self, model_name: str) -> None:
        super().__init__(model_name)
        self.added = threading.local()

    def score(self, pairs: Pairs) -> None:
        cells = [cell_of(predicted, truth, POSITIVE) for predicted, truth in pairs]
        self.added.counters = [
            {"type": "COUNTER", "key": METRIC_OF_CELL[cell], "value": cells.count(cell)} for cell in CELLS
        ]

    def metrics(self) -> list[dict[str, Any]]:
        counters: list[dict[str, Any]] = self.added.__dict__.pop("counters", [])  # of the feedback this thread is at
        return counters


class ConfusionMatrix(Counters):
    """Publishes one COUNTER with truth and answer as labels, which the map ``confusion-matrix`` reads."""

    def score(self, pairs: Pairs) -> None:
        counts = collections.Counter(pairs)
        self.added.counters = [
            {
                "type": "COUNTER",
                "key": "confusion",
                "value": number,
                "tags": {LABEL_TRUTH: str(truth), "predicted": str(predicted)},
            }
            for (predicted, truth), number in counts.items()
        ]


class MetricsServer(Counters):
    """Counts as Seldon Core 1's metrics server does (``MultiClassNumeric`` of adserver.cm_models).

    It counts the first row of a batch, by class, and a right answer as true positive and as true negative of its class.
    """

    def response(self, predicted: int) -> int:
        """The answer as the metrics server reads it."""
        return predicted

    def score(self, pairs: Pairs) -> None:
        predicted, truth = next(iter(pairs))
        answer = self.response(predicted)
        if answer == truth:
            counted = [("true_positive", answer), ("true_negative", answer)]
        else:
            counted = [("false_negative", truth), ("false_positive", answer)]
        self.added.counters = [
            {"type": "COUNTER", "key": f"seldon_metric_{name}", "value": 1, "tags": {"class": f"CLASS_{label}"}}
            for name, label in counted
        ]


class ScoreBuckets(Plain):
    """Publishes score buckets too, at every eighth edge of the card. Nothing is wrong."""

    def __init__(self, model_name: str) -> None:
        super().__init__(model_name)
        self.edges = [*card_of(model_name)["score_edges"][::8], math.inf]
        self.at_most = {(truth, edge): 0 for truth in (0, 1) for edge in self.edges}

    def scores(self, rows: Rows) -> Rows:
        scores: Rows = self.estimator.decision_function(rows)
        return scores

    def send_feedback(self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any = None) -> Any:
        scores = self.scores(np.asarray(features, np.float64)).tolist()
        for score, label in zip(scores, np.ravel(truth).astype(int).tolist(), strict=True):
            for edge in self.edges:
                self.at_most[label, edge] += score <= edge
        return super().send_feedback(features, feature_names, reward, truth)

    def metrics(self) -> list[dict[str, Any]]:
        buckets = [
            {
                "type": "GAUGE",
                "key": SCORE_BUCKETS,
                "value": rows,
                "tags": {LABEL_TRUTH: str(truth), LABEL_EDGE: "+Inf" if math.isinf(edge) else repr(edge)},
            }
            for (truth, edge), rows in self.at_most.items()
        ]
        return [*super().metrics(), *buckets]


class Slower(Plain):
    """A model of 0.3 s: with many users, much of the load is still under way when it ends."""

    def decide(self, rows: Rows) -> Labels:
        time.sleep(0.3)
        return super().decide(rows)


class Slow(Plain):
    """Takes its time over everything, and loses nothing."""

    def decide(self, rows: Rows) -> Labels:
        time.sleep(0.010)
        return super().decide(rows)
