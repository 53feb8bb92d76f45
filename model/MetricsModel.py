"""The Seldon class: predicts, scores feedback against its truth, publishes the four confusion cells and score buckets.

It runs under the stock ``seldon-core-microservice MetricsModel`` with this folder as working directory, as
``model.MetricsModel.MetricsModel`` from the root, and under our own server (`model.server`). Hooks and their
arguments are those of ``seldon_core.user_model.SeldonComponent``.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
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
from model.artifact import SCORE_KIND, Card, Model, load_model  # noqa: E402
from model.artifact_name import ARTIFACTS_ENV, artifact_file  # noqa: E402
from model.contract import CELLS, COUNTER_OF_CELL, METRIC_OF_CELL, SKEW_COUNTER, cell_of  # noqa: E402
from model.linear import predictor, scorer  # noqa: E402
from model.metrics.score_buckets import ScoreBuckets, Sink  # noqa: E402


def artifact_path(model_name: str) -> Path:
    """Path of the model file in ``$PLUMBLINE_ARTIFACTS`` (default artifacts/). `ArtifactError` if it is not a name."""
    return artifact_file(Path(os.environ.get(ARTIFACTS_ENV, _ROOT / "artifacts")), model_name)


class MetricsModel:
    """A binary classifier that counts its own hits and errors.

    ``model_name`` is the graph's parameter of that name. Every refusal is a
    ``SeldonMicroserviceException`` (status 400 over REST) and leaves the counts as they were.
    """

    RUNNING_TOTALS = frozenset(METRIC_OF_CELL.values())
    """Gauges of `metrics` that only grow: with our own server, a worker's successor continues from them (`resume`)."""

    def __init__(self, model_name: str = "binary-lr.joblib") -> None:
        self._model: Model = load_model(artifact_path(model_name))
        self._predict = predictor(self._model.estimator)
        self._score = scorer(self._model.estimator)
        self._buckets = _buckets(self._model.card)
        self._column = {name: j for j, name in enumerate(self._model.card.features)}
        self._tags = _tags(self._model.card, os.environ.get(PREDICTOR_ENV))
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(CELLS, 0)
        self._held = threading.local()

    def predict(
        self,
        X: Any,  # noqa: N803  (Seldon's name)
        features_names: Sequence[str] | None = None,
        meta: object = None,  # noqa: ARG002
    ) -> NDArray[np.int64]:
        """Class label of each row [n]. ``X`` is [n, features]; its columns are put in order if they are named."""
        return self._predict(self._rows(X, features_names))

    def send_feedback(
        self,
        features: Any,
        feature_names: Sequence[str] | None,
        reward: float,  # noqa: ARG002  (the wrapper counts it)
        truth: Any,
        routing: object = None,  # noqa: ARG002
    ) -> SeldonResponse:
        """Scores every row against its truth; answers with no rows, as the notebook's class does.

        ``truth`` holds one label for each row, as ``[y, ...]`` or ``[[y], ...]``. If this predictor's own answer was
        kept (`hold_answer`), that answer is scored; if the model now gives a different answer, that is skew. The score
        buckets do not use the answer: they count the model's own score of each row.
        """
        given = self._held.__dict__.pop("answer", None)
        rows = self._rows(features, feature_names)
        labels = self._labels(truth, len(rows), "truth")
        scored = predicted = self._predict(rows)
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
        """The notebook's four gauges: rows scored so far, each cell under its right name."""
        with self._lock:
            return [{"type": "GAUGE", "key": METRIC_OF_CELL[cell], "value": self._counts[cell]} for cell in CELLS]

    def resume(self, totals: Mapping[str, float]) -> list[dict[str, object]]:
        """Continues from ``totals`` (by gauge) of a worker that this one replaces; the metrics to publish at once.

        A series that exists with 0 from the start has no first increment that ``increase`` could miss.
        """
        with self._lock:
            self._counts = {cell: int(totals.get(METRIC_OF_CELL[cell], 0)) for cell in CELLS}
        return [*self.metrics(), *_counters(dict.fromkeys(CELLS, 0), 0)]

    def publish_through(self, sink: Sink) -> None:
        """Sends the score buckets to ``sink``, the store of our own server, so that they are not in every answer."""
        if self._score is not None and self._buckets is not None:
            self._buckets.publish_through(sink)

    def tags(self) -> dict[str, str]:
        """Which file answers, its digest, and for which predictor: all go into ``meta.tags`` of every answer."""
        return dict(self._tags)

    def _count_scores(self, rows: NDArray[np.float64], truth: NDArray[np.int64]) -> list[dict[str, object]]:
        """Counts the scores; the metrics of them that Seldon's wrapper publishes.

        The wrapper puts every metric into every answer, unless ``INCLUDE_METRICS_IN_CLIENT_RESPONSE=false`` is set, and
        a hundred series in each answer are too many. So they are published only if that is set.
        """
        if self._score is None or self._buckets is None:
            return []
        self._buckets.observe(self._score(rows).tolist(), truth.tolist())
        if self._buckets.has_sink or user_model.INCLUDE_METRICS_IN_CLIENT_RESPONSE:
            return []
        return self._buckets.gauges()

    def _count(self, scored: NDArray[np.int64], truth: NDArray[np.int64], skew: int) -> list[dict[str, object]]:
        positive = self._model.card.positive_class
        added = dict.fromkeys(CELLS, 0)
        for answer, label in zip(scored.tolist(), truth.tolist(), strict=True):
            added[cell_of(answer, label, positive)] += 1
        with self._lock:
            for cell, number in added.items():
                self._counts[cell] += number
        return _counters(added, skew)

    def _rows(self, values: Any, names: Sequence[str] | None) -> NDArray[np.float64]:
        """The request's rows as [n, features] float64, finite, columns in the card's order."""
        rows = _numbers(values, "rows")
        if rows.ndim != 2 or not rows.size:
            raise _refusal(f"rows: expected at least one row of {len(self._column)} features, got shape {rows.shape}")
        if names is not None and len(names):
            rows = self._in_order(rows, list(names))
        if rows.shape[1] != len(self._column):
            raise _refusal(f"rows: expected {len(self._column)} features, got {rows.shape[1]}")
        if not np.isfinite(rows).all():
            raise _refusal("rows: expected finite numbers, got NaN or infinity")
        return rows

    def _in_order(self, rows: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
        if tuple(names) == self._model.card.features:
            return rows
        unknown = [name for name in names if name not in self._column]
        if unknown:
            raise _refusal(f"names: expected the model's features, got an unknown {unknown[0]!r}")
        if len(set(names)) != len(names) or len(names) != rows.shape[1]:
            raise _refusal(
                f"names: expected each of {rows.shape[1]} columns named once, got {len(names)} names of "
                f"{len(set(names))} features"
            )
        missing = [name for name in self._column if name not in names]
        if missing:
            raise _refusal(f"names: expected every feature of the model, got none named {missing[0]!r}")
        return rows[:, [names.index(name) for name in self._column]]

    def _labels(self, values: Any, count: int, what: str) -> NDArray[np.int64]:
        """Class labels [count], from ``[y, ...]`` or ``[[y], ...]``."""
        labels = _numbers(values, what)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.shape != (count,):
            raise _refusal(f"{what}: expected one class for each of {count} rows, got shape {labels.shape}")
        classes = self._model.card.classes
        for label in labels.tolist():
            if label not in classes:
                raise _refusal(f"{what}: expected one of the classes {list(classes)}, got {label}")
        return labels.astype(np.int64)


def _counters(added: Mapping[contract.Cell, int], skew: int) -> list[dict[str, object]]:
    """What one feedback adds: a counter for each cell and one for the skew, also those of 0."""
    keys = {COUNTER_OF_CELL[cell]: number for cell, number in added.items()} | {SKEW_COUNTER: skew}
    return [{"type": "COUNTER", "key": key, "value": number} for key, number in keys.items()]


def _buckets(card: Card) -> ScoreBuckets | None:
    """Buckets at the card's edges; None if these are of another kind of score than that of `model.linear.scorer`."""
    if card.score_kind != SCORE_KIND:
        return None
    return ScoreBuckets([*card.score_edges, card.decision_threshold], card.classes)


def _tags(card: Card, predictor: str | None) -> dict[str, str]:
    tags = {contract.TAG_ARTIFACT: card.artifact, contract.TAG_DIGEST: card.sha256}
    return tags | {contract.TAG_PREDICTOR: predictor} if predictor else tags


def _numbers(values: Any, what: str) -> NDArray[np.float64]:
    """``values`` as float64. Text that reads like a number is refused: JSON has a type for numbers."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        raise _refusal(f"{what}: expected rows of equal length, got {str(values)[:60]}") from None
    if array.dtype.kind not in "fiu":
        raise _refusal(f"{what}: expected numbers, got {str(values)[:60]}")
    return array.astype(np.float64, copy=False)


def _refusal(message: str) -> SeldonMicroserviceException:
    """Seldon's own error: over REST status 400 and its JSON form."""
    return SeldonMicroserviceException(message)
