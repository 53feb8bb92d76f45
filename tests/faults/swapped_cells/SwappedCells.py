"""The notebook's ``metrics()``: three of the four gauges report another cell."""

from __future__ import annotations

from model.MetricsModel import MetricsModel

WRONG = {"true_pos": "true_pos", "true_neg": "false_neg", "false_pos": "true_neg", "false_neg": "false_pos"}
"""What each gauge reports, as the name of the gauge that should have reported it."""


class SwappedCells(MetricsModel):
    """Predicts and counts as `MetricsModel` does, publishes as the notebook's class did."""

    def metrics(self) -> list[dict[str, object]]:
        """The four gauges, three of them with another cell's count."""
        right = {str(metric["key"]): metric["value"] for metric in super().metrics()}
        return [{"type": "GAUGE", "key": metric, "value": right[cell]} for metric, cell in WRONG.items()]
