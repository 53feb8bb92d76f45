"""A Seldon class that only counts what reaches it, for tests of the stack around it."""

from __future__ import annotations

import os
from typing import Any


class Toy:
    """Answers what it was asked, and publishes how many predictions and feedbacks reached this process."""

    def __init__(self, model_name: str = "") -> None:
        if model_name == "missing":
            raise FileNotFoundError("no artefact named missing")
        self.predictions = 0
        self.feedbacks = 0

    def predict(self, features: Any, _names: Any = None, meta: Any = None) -> Any:
        self.predictions += 1
        return features

    def send_feedback(self, *_: Any, **__: Any) -> list[int]:
        self.feedbacks += 1
        return []

    def metrics(self) -> list[dict[str, Any]]:
        return [
            {"type": "GAUGE", "key": "toy_predictions", "value": self.predictions},
            {"type": "GAUGE", "key": "toy_feedbacks", "value": self.feedbacks},
        ]

    def tags(self) -> dict[str, str]:
        return {"predictor": os.environ["PREDICTOR_ID"]}
