"""Classes for Seldon's wrapper that do, between them, all that it allows."""

from __future__ import annotations

from typing import Any

from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.user_model import SeldonComponent, SeldonResponse


class Notebook:
    """As the notebook's class answers: no tags, plain lists, no check of anything."""

    def __init__(self) -> None:
        self.seen = 0

    def predict(self, X: Any, features_names: Any, meta: Any = None) -> Any:  # noqa: N803
        return [len(X)]

    def send_feedback(self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any = None) -> Any:
        self.seen += len(features)
        if features.dtype.kind != "f" or truth.dtype.kind != "f":
            raise ValueError(f"{features.dtype} {truth.dtype}")
        return []

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "GAUGE", "key": "seen", "value": self.seen}]


class Odd(SeldonComponent):  # type: ignore[misc]  # seldon_core has no types
    """Answers that are not the usual ones: rows, class names, figures beyond float32, tags of all types."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:  # noqa: N803
        self.calls += 1
        return [[0.1, 2], {"a": 1}, "text", b"bytes", [["x", "y"]], SeldonResponse([1], tags={"t": [1]}), None][
            self.calls % 7
        ]

    def class_names(self) -> list[str]:
        return ["größe", "b"]

    def send_feedback(self, features: Any, names: Any, reward: float, truth: Any, routing: Any = None) -> Any:
        self.calls += 1
        answers: list[Any] = [None, [], [1.0], [[1, 2]], SeldonResponse([], tags={"reward": str(reward)}), "text"]
        return answers[self.calls % 6]

    def metrics(self) -> list[dict[str, Any]]:
        value = [0, 1, 0.1, 2**24 + 1, 1e30, -3][self.calls % 6]
        tags: dict[str, Any] = {"tags": {"a": "b"}} if self.calls % 5 == 0 else {}
        return [{"type": "COUNTER", "key": "c", "value": value, **tags}, {"type": "TIMER", "key": "t", "value": 12.5}]

    def tags(self) -> dict[str, Any]:
        return [{}, {"a": "b"}, {"n": 1, "x": None}][self.calls % 3]  # type: ignore[return-value]


class Failing:
    """Raises, each in its turn, what a class may raise."""

    def __init__(self) -> None:
        self.calls = 0

    def _fail(self) -> Any:
        self.calls += 1
        errors = [
            ValueError("a value"),
            SeldonMicroserviceException("mine", status_code=418, reason="TEAPOT"),
            KeyError("k"),
            TypeError("t"),
        ]
        raise errors[self.calls % 4]

    def predict(self, X: Any, names: Any) -> Any:  # noqa: N803
        return self._fail()

    def send_feedback(self, features: Any, names: Any, reward: float, truth: Any, routing: Any = None) -> Any:
        return self._fail()


class Raw:
    """Takes whole messages, by Seldon's raw hooks."""

    def predict_raw(self, message: Any) -> Any:
        return {"status": {"code": 202, "info": "x"}, "meta": {"metrics": [{"key": "a", "type": "GAUGE", "value": 1}]}}

    def send_feedback_raw(self, feedback: Any) -> Any:
        return feedback.request


class BadMetrics(Notebook):
    """Publishes a metric that the wrapper refuses."""

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "OTHER", "key": "a", "value": 1}]


MAKERS: dict[str, type] = {
    "notebook": Notebook,
    "odd": Odd,
    "failing": Failing,
    "raw": Raw,
    "bad metrics": BadMetrics,
}
