"""Seldon classes that each do one thing wrong, and two that do nothing wrong but slowly or in another way.

All are made from `Plain`, a class as a user writes one, which shares nothing with our own class but the contract's
names: what is judged here is whatever a deployment publishes, not what ours does.
"""

from __future__ import annotations

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
from seldon_core.flask_utils import SeldonMicroserviceException

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


class PositiveFlipped(Plain):
    """Calls the other class positive."""

    def metrics(self) -> list[dict[str, Any]]:
        other = {"true_pos": "true_neg", "true_neg": "true_pos", "false_pos": "false_neg", "false_neg": "false_pos"}
        return [one | {"key": other[one["key"]]} for one in super().metrics()]


class FalsesExchanged(Plain):
    """Publishes false positives as false negatives and the other way round: accuracy stays right."""

    def metrics(self) -> list[dict[str, Any]]:
        other = {"false_pos": "false_neg", "false_neg": "false_pos"}
        return [one | {"key": other.get(one["key"], one["key"])} for one in super().metrics()]


class ThresholdShifted(Plain):
    """Calls a row positive above the score that three fifths of the training rows lie below, not above 0."""

    def decide(self, rows: Rows) -> Labels:
        edges = card_of(self.model_name)["score_edges"]
        labels: Labels = (self.estimator.decision_function(rows) > edges[len(edges) * 3 // 5]).astype(np.int64)
        return labels


class ScoringThresholdShifted(ThresholdShifted):
    """Answers rightly, but scores feedback at the shifted threshold."""

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        return Plain.decide(self, np.asarray(X, np.float64))


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


class BurstLost(Plain):
    """Forgets to count a hundred feedbacks in a row."""

    def score(self, pairs: Pairs) -> None:
        if not 300 < self.feedbacks <= 400:
            super().score(pairs)


class EveryTenthLost(Plain):
    """Forgets to count each tenth feedback."""

    def score(self, pairs: Pairs) -> None:
        if self.feedbacks % 10:
            super().score(pairs)


class CountedTwice(Plain):
    """Counts every row twice."""

    def score(self, pairs: Pairs) -> None:
        super().score([pair for pair in pairs for _ in range(2)])


class CountedThrice(Plain):
    """Counts every row three times."""

    def score(self, pairs: Pairs) -> None:
        super().score([pair for pair in pairs for _ in range(3)])


class FirstRowOnly(Plain):
    """Counts the first row of each batch, as the notebook's class does."""

    def score(self, pairs: Pairs) -> None:
        super().score(list(pairs)[:1])


class Untagged(Plain):
    """Serves the other model, and its answers do not say so."""

    def __init__(self, model_name: str) -> None:
        super().__init__(OTHER[model_name])


class ServingSkew(Plain):
    """Answers on rows whose areas are a fifth too large; scores the right ones."""

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        return self.decide(self.skewed(np.asarray(X, np.float64)))

    def skewed(self, rows: Rows) -> Rows:
        rows = rows.copy()
        rows[:, 3] *= 1.2
        return rows


class Skew(ServingSkew):
    """Answers and scores on rows whose areas are a fifth too large."""

    def decide(self, rows: Rows) -> Labels:
        return super().decide(self.skewed(rows))


class Moody(Plain):
    """Each twentieth answer is the other class."""

    def __init__(self, model_name: str) -> None:
        super().__init__(model_name)
        self.asked = 0

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        self.asked += 1
        answer = super().predict(X)
        return answer if self.asked % 20 else 1 - answer


class HalfRolledOut(Plain):
    """The first replica that starts serves its model, the others another one: an update that got stuck."""

    def __init__(self, model_name: str) -> None:
        try:
            (Path(os.environ["FAULTS_FOLDER"]) / f"first-{model_name}").touch(exist_ok=False)
        except FileExistsError:
            model_name = OTHER[model_name]
        super().__init__(model_name)


class Answers503(Plain):
    """Counts each tenth feedback and then answers 503 all the same."""

    def send_feedback(self, *args: Any, **kwargs: Any) -> list[Any]:
        answer = super().send_feedback(*args, **kwargs)
        if self.feedbacks % 10 == 0:
            raise SeldonMicroserviceException("counted, but told otherwise", status_code=503)
        return answer


class CountsAhead(Plain):
    """Shows fifty true positives that are not there yet, until it has counted five hundred."""

    def metrics(self) -> list[dict[str, Any]]:
        ahead = 50 if 0 < self.feedbacks < 500 else 0
        return [one | {"value": one["value"] + ahead * (one["key"] == "true_pos")} for one in super().metrics()]


class Halves(Plain):
    """Publishes half a count more than there is."""

    def metrics(self) -> list[dict[str, Any]]:
        return [one | {"value": one["value"] + 0.5} for one in super().metrics()]


class SeveralSeries(Plain):
    """Adds a label that changes, so that one worker has two series of each cell."""

    def metrics(self) -> list[dict[str, Any]]:
        return [one | {"tags": {"turn": str(self.feedbacks % 2)}} for one in super().metrics()]


class Probabilities(Plain):
    """Answers with a share where a class is meant."""

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        return np.full((len(X), 1), 0.73)


class PredictionFails(Plain):
    """Answers 400 to every prediction."""

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        raise SeldonMicroserviceException("no prediction")


class FeedbackFails(Plain):
    """Answers 400 to three feedbacks of four, uncounted."""

    def send_feedback(self, *args: Any, **kwargs: Any) -> list[Any]:
        self.feedbacks += 1
        if self.feedbacks % 4:
            raise SeldonMicroserviceException("no feedback")
        return super().send_feedback(*args, **kwargs)


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


class ScoresOfAnotherScale(ScoreBuckets):
    """Sorts scores into the buckets at half their size; the four cells stay right."""

    def scores(self, rows: Rows) -> Rows:
        return super().scores(rows) / 2


class Slow(Plain):
    """Takes its time over everything, and loses nothing."""

    def decide(self, rows: Rows) -> Labels:
        time.sleep(0.010)
        return super().decide(rows)


class Stalled(Plain):
    """Answers nothing for the first seven seconds after the first request."""

    def decide(self, rows: Rows) -> Labels:
        self.until = getattr(self, "until", time.monotonic() + 7)
        time.sleep(max(0.0, self.until - time.monotonic()))
        return super().decide(rows)
