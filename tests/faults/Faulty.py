"""Seldon classes that misbehave on purpose, each in one thing; otherwise they are the served class."""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from seldon_core.flask_utils import SeldonMicroserviceException

from model.MetricsModel import MetricsModel
from model.contract import CELLS, METRIC_OF_CELL

Labels = NDArray[np.int64]
FLIPPED = {"true_pos": "true_neg", "false_pos": "false_neg", "true_neg": "true_pos", "false_neg": "false_pos"}
SWAPPED = {"true_pos": "true_pos", "true_neg": "false_neg", "false_pos": "true_neg", "false_neg": "false_pos"}


class _Reporting(MetricsModel):
    """Gauges report the count of another cell, by `reports`."""

    reports: dict[str, str]

    def metrics(self) -> list[dict[str, object]]:
        right = {str(one["key"]): one["value"] for one in super().metrics()}
        return [{"type": "GAUGE", "key": metric, "value": right[cell]} for metric, cell in self.reports.items()]


class SwappedCells(_Reporting):
    """The notebook's: three of four gauges report another cell."""

    reports = SWAPPED


class FlippedClass(_Reporting):
    """The other class is called positive."""

    reports = FLIPPED


class _Counting(MetricsModel):
    """Counts each scored row as often as `times` says; the rows come one after the other, numbered from 0."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._number = itertools.count()

    def times(self, number: int) -> int:
        raise NotImplementedError

    def _count(self, scored: Labels, truth: Labels, skew: int) -> list[dict[str, object]]:
        times = [self.times(next(self._number)) for _ in range(len(scored))]
        return super()._count(np.repeat(scored, times), np.repeat(truth, times), skew)


class LosesTenth(_Counting):
    """Loses every tenth count."""

    def times(self, number: int) -> int:
        return int(number % 10 != 9)


class LosesBurst(_Counting):
    """Loses 150 counts in a row."""

    def times(self, number: int) -> int:
        return int(not 300 <= number < 450)


class CountsTwice(_Counting):
    """Counts everything twice."""

    def times(self, number: int) -> int:  # noqa: ARG002
        return 2


class FirstRowOnly(MetricsModel):
    """The notebook's: of a batch only row 0 is counted."""

    def _count(self, scored: Labels, truth: Labels, skew: int) -> list[dict[str, object]]:
        return super()._count(scored[:1], truth[:1], skew)


class OtherThreshold(MetricsModel):
    """Calls positive what scores above 20, not above 0."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        negative, positive = self._model.card.classes
        self._predict = lambda rows: np.where(self._model.scores(rows) > 20, positive, negative)


class OtherModel(MetricsModel):
    """Loads the logistic regression, whatever artefact is named."""

    def __init__(self, model_name: str = "") -> None:  # noqa: ARG002
        super().__init__("binary-lr.joblib")


class Skewed(MetricsModel):
    """Answers another class on rows whose first feature is large."""

    def predict(self, X: Any, features_names: Any = None, meta: object = None) -> Labels:  # noqa: N803
        labels = super().predict(X, features_names, meta)
        return np.where(np.asarray(X, float)[:, 0] > 18, 1 - labels, labels)


class Wavering(MetricsModel):
    """Answers at random, now and then."""

    def predict(self, X: Any, features_names: Any = None, meta: object = None) -> Labels:  # noqa: N803
        labels = super().predict(X, features_names, meta)
        return 1 - labels if random.random() < 0.1 else labels  # noqa: S311


class Unavailable(MetricsModel):
    """Counts feedback and then, each twentieth time, says 503: a gateway that retries makes two of it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._asked = itertools.count(1)

    def send_feedback(self, *arguments: Any, **named: Any) -> Any:
        answer = super().send_feedback(*arguments, **named)
        if next(self._asked) % 20 == 0:
            raise SeldonMicroserviceException("busy", status_code=503)
        return answer


class SlowShadow(MetricsModel):
    """As a shadow takes 20 ms for each feedback; as anything else it is the served class."""

    def send_feedback(self, *arguments: Any, **named: Any) -> Any:
        if os.environ.get("PREDICTOR_ID") == "shadow":
            time.sleep(0.02)
        return super().send_feedback(*arguments, **named)


class Increments(MetricsModel):
    """Publishes its cells as Seldon COUNTERs, as many classes do: exact with one thread, lossy with several."""

    def _count(self, scored: Labels, truth: Labels, skew: int) -> list[dict[str, object]]:
        before = dict(self._counts)
        super()._count(scored, truth, skew)
        return [
            {"type": "COUNTER", "key": METRIC_OF_CELL[cell], "value": self._counts[cell] - before[cell]} for cell in CELLS
        ]

    def metrics(self) -> list[dict[str, object]]:
        return []
