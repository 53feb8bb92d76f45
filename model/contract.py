"""The only place that names a metric or a label.

The served class publishes under these names, the judge queries them, the rules and the dashboards
use them. Labels are those of Seldon's Python wrapper (``seldon_core.metrics.DEFAULT_LABELS`` plus
``method`` and ``worker_id``); nothing here relies on ``seldon_app``, which exists only where a scrape
maps pod labels.
"""

from typing import Final, Literal

Cell = Literal["tp", "fp", "tn", "fn"]

CELLS: Final[tuple[Cell, ...]] = ("tp", "fp", "tn", "fn")
"""The four cells of a binary confusion matrix, in the order in which every array of ours holds them."""

METRIC_OF_CELL: Final[dict[Cell, str]] = {
    "tp": "true_pos",
    "fp": "false_pos",
    "tn": "true_neg",
    "fn": "false_neg",
}
"""Gauge that a served model publishes for each cell: the notebook's names, with the right cells behind them."""

CELL_OF_METRIC: Final[dict[str, Cell]] = {metric: cell for cell, metric in METRIC_OF_CELL.items()}

LABEL_DEPLOYMENT: Final = "deployment_name"
LABEL_PREDICTOR: Final = "predictor_name"
LABEL_MODEL: Final = "model_name"
LABEL_WORKER: Final = "worker_id"
LABEL_METHOD: Final = "method"
METHOD_FEEDBACK: Final = "feedback"
"""``metrics()`` runs on predict and on feedback, so every gauge is two series. Only this one counts feedback."""

TAG_ARTIFACT: Final = "artifact"
TAG_DIGEST: Final = "artifact_sha256"
"""Keys of ``meta.tags`` in an answer: which file answered, and its SHA-256 in hexadecimal."""


def cell_of(predicted: int, truth: int, positive: int) -> Cell:
    """Cell that one scored row falls into.

    ``predicted`` and ``truth`` are class labels; ``positive`` is the class called positive (the card's
    ``positive_class``). The convention is that of ``sklearn.metrics.confusion_matrix``.
    """
    if predicted == positive:
        return "tp" if truth == positive else "fp"
    return "fn" if truth == positive else "tn"
