"""The Seldon class: predicts, scores feedback against its truth, publishes the four confusion cells and score buckets.

It runs under the stock ``seldon-core-microservice MetricsModel`` with this folder as working directory, as
``model.MetricsModel.MetricsModel`` from the root, and under our own server (`model.server`). Hooks and their
arguments are those of ``seldon_core.user_model.SeldonComponent``.
"""

from __future__ import annotations

import collections
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray
from seldon_core import user_model
from seldon_core.env_utils import ENV_PREDICTOR_NAME as PREDICTOR_ENV
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.proto.prediction_pb2 import Feedback
from seldon_core.user_model import SeldonNotImplementedError, SeldonResponse
from seldon_core.utils import grpc_datadef_to_array

_ROOT = Path(__file__).resolve().parent.parent
if str(_ROOT) not in sys.path:  # the stock launcher started in model/ has only that folder on its path
    sys.path.append(str(_ROOT))

from model import contract  # noqa: E402  (see above)
from model.artifact import NO_SCORES, Card  # noqa: E402
from model.artifact_name import ARTIFACTS_ENV, artifact_file  # noqa: E402
from model.contract import (  # noqa: E402
    CELLS,
    CONFUSION_COUNTER,
    COUNTER_OF_CELL,
    LABEL_PREDICTED,
    LABEL_TRUTH,
    METRIC_OF_CELL,
    SKEW_COUNTER,
    cell_of,
)
from model.estimator import Model, PredictionError, load_model  # noqa: E402
from model.metrics.score_buckets import ScoreBuckets, Sink  # noqa: E402
from model.rows.columns import Rows  # noqa: E402
from model.rows.labels import NO_CLASS, indices_of  # noqa: E402
from model.rows.request import RequestError, RequestRows  # noqa: E402


def artifact_path(model_name: str) -> Path:
    """Path of the model file in ``$PLUMBLINE_ARTIFACTS`` (default artifacts/). `ArtifactError` if it is not a name."""
    return artifact_file(Path(os.environ.get(ARTIFACTS_ENV, _ROOT / "artifacts")), model_name)


class MetricsModel:
    """A classifier that counts its own hits and errors: by the four cells of two classes, by pair of more.

    ``model_name`` is the graph's parameter of that name. Every refusal is a
    ``SeldonMicroserviceException`` (status 400 over REST) and leaves the counts as they were.
    """

    RUNNING_TOTALS = frozenset(METRIC_OF_CELL.values())
    """Gauges of `metrics` that only grow: with our own server, a worker's successor continues from them (`resume`)."""

    def __init__(self, model_name: str = "binary-lr.joblib") -> None:
        self._model: Model = load_model(artifact_path(model_name))
        self._requests = RequestRows(self._model.card.features, self._model.card.feature_types)
        self._buckets = _buckets(self._model.card)
        self._tags = _tags(self._model.card, os.environ.get(PREDICTOR_ENV))
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(CELLS, 0)
        self._is_binary = len(self._model.card.classes) == 2
        self._held = threading.local()

    def predict(
        self,
        X: Any,  # noqa: N803  (Seldon's name)
        features_names: Sequence[str] | None = None,
        meta: object = None,  # noqa: ARG002
    ) -> NDArray[Any]:
        """Class label of each row [n]. ``X`` is [n, features]; its columns are put in order if they are named."""
        return _answered(self._model.predict, self._rows(X, features_names))

    def class_names(self) -> list[str]:
        """The labels as text, in the order of the estimator's classes."""
        return [str(label) for label in self._model.card.classes]

    def send_feedback(
        self,
        features: Any,
        feature_names: Sequence[str] | None,
        reward: float,  # noqa: ARG002  (the wrapper counts it)
        truth: Any,
        routing: object = None,  # noqa: ARG002
    ) -> SeldonResponse:
        """Scores every row against its truth; answers with no rows, as the notebook's class does.

        ``truth`` holds one label for each row, as ``[y, ...]`` or ``[[y], ...]``, or for each row a one at its class
        among zeros. If this predictor's own answer was kept (`hold_answer`), that answer is scored; if the model now
        gives a different answer, that is skew. The score buckets do not use the answer: they count the model's own
        score of each row.
        """
        given = self._held.__dict__.pop("answer", None)
        rows = self._rows(features, feature_names)
        labels = self._labels(truth, len(rows), "truth")
        scored = predicted = _answered(self._model.indices, rows)
        if given is not None:
            scored = self._labels(given, len(rows), "response")
        buckets = self._count_scores(rows, labels)
        counters = self._count(scored, labels, skew=int((scored != predicted).sum()))
        return SeldonResponse([], metrics=[*counters, *buckets])

    def send_feedback_raw(self, feedback: Feedback) -> Never:
        """Holds the answer that the request carries, then leaves the feedback to `send_feedback`.

        Seldon's wrapper calls this hook first, in the same thread, and only this hook gets the whole request.
        """
        answer = feedback.response
        tags = {name: value.string_value for name, value in answer.meta.tags.items()}
        self.hold_answer(tags, None)
        if self._is_mine(tags) and answer.data.WhichOneof("data_oneof") in {"ndarray", "tensor"}:
            try:
                self.hold_answer(tags, grpc_datadef_to_array(answer.data))
            except ValueError:  # a tensor whose values do not fill its shape
                raise _refusal("response: expected an array, got a shape without its values") from None
        raise SeldonNotImplementedError("send_feedback_raw only looks at the request")

    def hold_answer(self, tags: Mapping[str, object], answer: Any) -> None:
        """Keeps ``answer`` (labels) for this thread's next `send_feedback`, if this predictor gave it by its ``tags``.

        Feedback is mirrored to a shadow with the primary's answer in it: scoring that would give the shadow the
        primary's figures. Without tags it is not known which predictor gave the answer.
        """
        self._held.answer = answer if self._is_mine(tags) else None

    def _is_mine(self, tags: Mapping[str, object]) -> bool:
        return all(tags.get(name) == value for name, value in self._tags.items())

    def metrics(self) -> list[dict[str, object]]:
        """The notebook's four gauges: rows scored so far, each cell under its right name; none of more classes."""
        with self._lock:
            return [
                {"type": "GAUGE", "key": METRIC_OF_CELL[cell], "value": self._counts[cell]}
                for cell in CELLS
                if self._is_binary
            ]

    def resume(self, totals: Mapping[str, float]) -> list[dict[str, object]]:
        """Continues from ``totals`` (by gauge) of a worker that this one replaces; the metrics to publish at once.

        A series that exists with 0 from the start has no first increment that ``increase`` could miss.
        """
        with self._lock:
            self._counts = {cell: int(totals.get(METRIC_OF_CELL[cell], 0)) for cell in CELLS}
        if self._is_binary:
            return [*self.metrics(), *_counters(dict.fromkeys(CELLS, 0), 0)]
        places = range(len(self._model.card.classes))
        return _pairs({(truth, answer): 0 for truth in places for answer in places}, self.class_names(), 0)

    def publish_through(self, sink: Sink) -> None:
        """Sends the score buckets to ``sink``, the store of our own server, so that they are not in every answer."""
        if self._buckets is not None:
            self._buckets.publish_through(sink)

    def tags(self) -> dict[str, str]:
        """Which file answers, its digest, and for which predictor: all go into ``meta.tags`` of every answer."""
        return dict(self._tags)

    def _count_scores(self, rows: Rows, truth: NDArray[np.int16]) -> list[dict[str, object]]:
        """Counts the scores; the metrics of them that Seldon's wrapper publishes.

        The wrapper puts every metric into every answer, unless ``INCLUDE_METRICS_IN_CLIENT_RESPONSE=false`` is set, and
        a hundred series in each answer are too many. So they are published only if that is set.
        """
        if self._buckets is None:
            return []
        scores = _answered(self._model.scores, rows)
        if scores is not None:
            self._buckets.observe(scores.tolist(), truth.tolist())
        if self._buckets.has_sink or user_model.INCLUDE_METRICS_IN_CLIENT_RESPONSE:
            return []
        return self._buckets.gauges()

    def _count(self, scored: NDArray[np.int16], truth: NDArray[np.int16], skew: int) -> list[dict[str, object]]:
        if not self._is_binary:
            pairs = collections.Counter(zip(truth.tolist(), scored.tolist(), strict=True))
            return _pairs(pairs, self.class_names(), skew)
        positive = self._model.card.positive
        added = dict.fromkeys(CELLS, 0)
        for answer, label in zip(scored.tolist(), truth.tolist(), strict=True):
            added[cell_of(answer, label, positive)] += 1
        with self._lock:
            for cell, number in added.items():
                self._counts[cell] += number
        return _counters(added, skew)

    def _rows(self, values: Any, names: Sequence[str] | None) -> Rows:
        """The request's rows in the types and the order of the card, none infinite."""
        try:
            rows = self._requests.read(values, names)
        except RequestError as error:
            raise _refusal(str(error)) from None
        if rows.infinite:
            raise _refusal("rows: expected finite numbers, got infinity")
        return rows

    def _labels(self, values: Any, count: int, what: str) -> NDArray[np.int16]:
        """Indices of the classes [count], from ``[y, ...]``, ``[[y], ...]``, or rows of zeros and a one."""
        try:
            labels = np.asarray(values)
        except ValueError:  # rows of unequal length
            raise _refusal(f"{what}: expected rows of equal length, got {str(values)[:60]}") from None
        classes = self._model.card.classes
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.shape == (count, len(classes)) and _is_one_hot(labels):
            places: NDArray[np.int16] = np.argmax(labels, axis=1).astype(np.int16)
            return places
        if labels.shape != (count,):
            raise _refusal(f"{what}: expected one class for each of {count} rows, got shape {labels.shape}")
        indices = indices_of(labels, classes)
        if (indices == NO_CLASS).any():
            strange = labels[indices == NO_CLASS].tolist()[0]
            raise _refusal(f"{what}: expected one of the classes {list(classes)}, got {str(strange)[:60]!r}")
        return indices


def _answered[T](answer: Callable[[Rows], T], rows: Rows) -> T:
    """What the model answers. What it cannot answer is refused, as any bad request is."""
    try:
        return answer(rows)
    except PredictionError as error:
        raise _refusal(f"rows: {error}") from error


def _is_one_hot(labels: NDArray[Any]) -> bool:
    """Whether each row [n, classes] holds zeros and a single one."""
    return labels.dtype.kind in "biuf" and bool(
        ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
    )


def _counters(added: Mapping[contract.Cell, int], skew: int) -> list[dict[str, object]]:
    """What one feedback adds: a counter for each cell and one for the skew, also those of 0."""
    keys = {COUNTER_OF_CELL[cell]: number for cell, number in added.items()} | {SKEW_COUNTER: skew}
    return [{"type": "COUNTER", "key": key, "value": number} for key, number in keys.items()]


def _pairs(added: Mapping[tuple[int, int], int], labels: Sequence[str], skew: int) -> list[dict[str, object]]:
    """What one feedback adds to the rows by true class and answer (indices of the labels), and to the skew."""
    counters: list[dict[str, object]] = [
        {
            "type": "COUNTER",
            "key": CONFUSION_COUNTER,
            "value": number,
            "tags": {LABEL_TRUTH: labels[truth], LABEL_PREDICTED: labels[answer]},
        }
        for (truth, answer), number in added.items()
    ]
    return [*counters, {"type": "COUNTER", "key": SKEW_COUNTER, "value": skew}]


def _buckets(card: Card) -> ScoreBuckets | None:
    """Buckets at the card's edges; None if the model gives no single score to a row."""
    if card.score_kind == NO_SCORES or len(card.classes) != 2 or card.decision_threshold is None:
        return None
    return ScoreBuckets([*card.score_edges, card.decision_threshold], [str(label) for label in card.classes])


def _tags(card: Card, predictor: str | None) -> dict[str, str]:
    tags = {contract.TAG_ARTIFACT: card.artifact, contract.TAG_DIGEST: card.sha256}
    return tags | {contract.TAG_PREDICTOR: predictor} if predictor else tags


def _refusal(message: str) -> SeldonMicroserviceException:
    """Seldon's own error: over REST status 400 and its JSON form."""
    return SeldonMicroserviceException(message)
