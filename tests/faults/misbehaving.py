"""Seldon classes that each do one thing wrong; otherwise they are `Plain`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from seldon_core.flask_utils import SeldonMicroserviceException

from plain import OTHER, ConfusionMatrix, Labels, MetricsServer, Pairs, Plain, Rows, ScoreBuckets, card_of


class PositiveFlipped(Plain):
    """Calls the other class positive."""

    def metrics(self) -> list[dict[str, Any]]:
        other = {"true_pos": "true_neg", "true_neg": "true_pos", "false_pos": "false_neg", "false_neg": "false_pos"}
        return [metric | {"key": other[metric["key"]]} for metric in super().metrics()]


class FalsesExchanged(Plain):
    """Publishes false positives as false negatives and the other way round: accuracy stays right."""

    def metrics(self) -> list[dict[str, Any]]:
        other = {"false_pos": "false_neg", "false_neg": "false_pos"}
        return [metric | {"key": other.get(metric["key"], metric["key"])} for metric in super().metrics()]


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


class TruthOneHot(Plain):
    """Expects a truth for each class, and takes the larger one: of a label alone that is always the first."""

    def send_feedback(self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any = None) -> Any:
        rows = np.reshape(truth, (len(features), -1))
        return super().send_feedback(features, feature_names, reward, rows.argmax(axis=1))


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


class LateSeries(Plain):
    """Publishes nothing before its 260th feedback, and then all that it has counted."""

    def metrics(self) -> list[dict[str, Any]]:
        return super().metrics() if self.feedbacks > 260 else []


class RequestsTwice(Plain):
    """Adds one to the wrapper's own counter of feedback requests."""

    def metrics(self) -> list[dict[str, Any]]:
        return [*super().metrics(), {"type": "COUNTER", "key": "seldon_api_model_feedback", "value": 1}]


class RewardsAdded(Plain):
    """Adds one to the wrapper's sum of rewards with each feedback."""

    def metrics(self) -> list[dict[str, Any]]:
        return [*super().metrics(), {"type": "COUNTER", "key": "seldon_api_model_feedback_reward", "value": 1}]


class CountersTwice(Plain):
    """Publishes counters beside its cells, and adds each row of the true positives to its counter twice."""

    def metrics(self) -> list[dict[str, Any]]:
        gauges = super().metrics()
        before = getattr(self, "_told", {})
        self._told = {gauge["key"]: gauge["value"] for gauge in gauges}
        return gauges + [
            {
                "type": "COUNTER",
                "key": f"scored_{name}",
                "value": (value - before.get(name, 0)) * (2 if name == "true_pos" else 1),
            }
            for name, value in self._told.items()
        ]


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
        self.answers_total = 0

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        self.answers_total += 1
        answer = super().predict(X)
        return answer if self.answers_total % 20 else 1 - answer


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
    """Shows fifty true positives that are not there yet, for the two seconds after its first feedback.

    By time, not by count: a fast machine counts hundreds between two scrapes, and what no scrape saw is no fault.
    """

    until_s = 0.0

    def metrics(self) -> list[dict[str, Any]]:
        if self.feedbacks and not self.until_s:
            self.until_s = time.monotonic() + 2
        ahead = 50 if time.monotonic() < self.until_s else 0
        return [
            metric | {"value": metric["value"] + ahead * (metric["key"] == "true_pos")} for metric in super().metrics()
        ]


class Halves(Plain):
    """Publishes half a count more than there is."""

    def metrics(self) -> list[dict[str, Any]]:
        return [metric | {"value": metric["value"] + 0.5} for metric in super().metrics()]


class SeveralSeries(Plain):
    """Adds a label that changes, so that one worker has two series of each cell."""

    def metrics(self) -> list[dict[str, Any]]:
        return [metric | {"tags": {"turn": str(self.feedbacks % 2)}} for metric in super().metrics()]


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


class RefusesItsErrors(Plain):
    """Answers 400 to the feedback on each row that it gets wrong, uncounted."""

    def send_feedback(
        self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any = None
    ) -> list[Any]:
        predicted = self.decide(np.asarray(features, np.float64))
        if (predicted != np.ravel(truth).astype(int)).any():
            raise SeldonMicroserviceException("no feedback that looks bad")
        return super().send_feedback(features, feature_names, reward, truth, routing)


class ThirdOfFeedbackFails(Plain):
    """Answers 500 to each third feedback, counted."""

    def send_feedback(self, *args: Any, **kwargs: Any) -> list[Any]:
        answer = super().send_feedback(*args, **kwargs)
        if self.feedbacks % 3 == 0:
            raise SeldonMicroserviceException("counted, but told otherwise", status_code=500)
        return answer


class NineOfTenPredictionsFail(Plain):
    """Answers 500 to nine predictions of ten."""

    predictions = 0

    def predict(self, X: Any, _names: Any = None, meta: Any = None) -> Any:  # noqa: N803
        self.predictions += 1
        if self.predictions % 10:
            raise SeldonMicroserviceException("no prediction", status_code=500)
        return super().predict(X, _names, meta)


class ListForTags(Plain):
    """Answers with a list where Seldon's protocol has an object of tags."""

    def predict_raw(self, request: Any) -> Any:
        rows = np.asarray(request["data"]["ndarray"], np.float64)
        return {"data": {"ndarray": self.decide(rows).tolist()}, "meta": {"tags": ["a", "b"]}}


class ScoresOfAnotherScale(ScoreBuckets):
    """Sorts scores into the buckets at half their size; the four cells stay right."""

    def scores(self, rows: Rows) -> Rows:
        return super().scores(rows) / 2


class Stalled(Plain):
    """Answers nothing for the first seven seconds after the first request."""

    def decide(self, rows: Rows) -> Labels:
        self.until = getattr(self, "until", time.monotonic() + 7)
        time.sleep(max(0.0, self.until - time.monotonic()))
        return super().decide(rows)


class Transposed(ConfusionMatrix):
    """Writes the answer into the label of the truth, and the truth into that of the answer."""

    def score(self, pairs: Pairs) -> None:
        super().score((truth, predicted) for predicted, truth in pairs)


class ProbabilitiesCounted(MetricsServer):
    """The metrics server gets a probability as the answer, which ``int()`` makes 0."""

    def response(self, predicted: int) -> int:
        return int(0.97 if predicted else 0.03)
