"""A model of another framework in a class of a user's own: no scikit-learn, no joblib, no card, no tags."""

from __future__ import annotations

from typing import Any

CELLS = {(True, True): "true_pos", (True, False): "false_pos", (False, False): "true_neg", (False, True): "false_neg"}


class Scored:
    """Calls a row bad if it is later than it is old; ``turned``: the other way round."""

    def __init__(self, turned: bool = False) -> None:
        self.turned = turned
        self.counts = dict.fromkeys(CELLS.values(), 0)

    def predict(self, X: Any, names: Any = None, meta: Any = None) -> list[str]:  # noqa: N803  (Seldon's name)
        columns = list(names)
        late, age = columns.index("late"), columns.index("age")
        return ["bad" if row[late] > row[age] else "good" for row in X]

    def send_feedback(self, features: Any, names: Any, reward: float, truth: Any, routing: Any = None) -> list[Any]:
        for predicted, label in zip(self.predict(features, names), truth, strict=True):
            self.counts[CELLS[predicted == "bad", label == "bad"]] += 1
        return []

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "GAUGE", "key": name, "value": count} for name, count in self.counts.items()]
