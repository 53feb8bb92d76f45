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

COUNTER_OF_CELL: Final[dict[Cell, str]] = {cell: f"scored_{metric}" for cell, metric in METRIC_OF_CELL.items()}
"""Counter of the same rows, so that windows (``increase``) work; Prometheus holds it as ``NAME_total``. It cannot be
called ``true_pos_total``: OpenMetrics refuses a counter and a gauge of one family name."""

CONFUSION_COUNTER: Final = "confusion"
"""Counter of rows by true class and answer, for more than two classes: the labels `LABEL_TRUTH` and `LABEL_PREDICTED`
hold them as text. Prometheus holds it as ``confusion_total``."""

SKEW_COUNTER: Final = "serving_skew"
"""Counter of rows whose feedback carried this predictor's own answer, and it was not what the model answers now.
Prometheus holds it as ``serving_skew_total``."""

FEEDBACK_COUNTER: Final = "seldon_api_model_feedback"
REWARD_COUNTER: Final = "seldon_api_model_feedback_reward"
"""Counters of Seldon's wrapper: feedback requests and the sum of their rewards, held with ``_total`` behind the name.
The stock wrapper leaves out requests whose reward is 0, ours does not."""

SCORE_BUCKETS: Final = "feedback_score_bucket"
LABEL_TRUTH: Final = "truth"
LABEL_PREDICTED: Final = "predicted"
LABEL_EDGE: Final = "le"
"""Series of the live precision-recall curve, in the form of a Prometheus histogram: rows scored so far whose true
class has the label ``truth`` and whose decision score is at most ``le`` (an edge of the card, or ``+Inf``). At the
threshold ``le`` a row is called positive if its score is above it, so its true positives are ``+Inf`` less ``le`` of
the positive class."""

CELL_OF_METRIC: Final[dict[str, Cell]] = {metric: cell for cell, metric in METRIC_OF_CELL.items()}

LABEL_DEPLOYMENT: Final = "deployment_name"
LABEL_PREDICTOR: Final = "predictor_name"
LABEL_WORKER: Final = "worker_id"
LABEL_METHOD: Final = "method"
METHOD_FEEDBACK: Final = "feedback"
"""``metrics()`` runs on predict and on feedback, so every gauge is two series. Only this one counts feedback."""

TAG_ARTIFACT: Final = "artifact"
TAG_DIGEST: Final = "artifact_sha256"
TAG_PREDICTOR: Final = "predictor"
"""Keys of ``meta.tags`` in an answer: which file answered, its SHA-256 in hexadecimal, and which predictor (left out
where the wrapper was not told)."""


def cell_of(predicted: int, truth: int, positive: int) -> Cell:
    """Cell that one scored row falls into.

    ``predicted`` and ``truth`` are class labels; ``positive`` is the class called positive (the card's
    ``positive_class``). The convention is that of ``sklearn.metrics.confusion_matrix``.
    """
    if predicted == positive:
        return "tp" if truth == positive else "fp"
    return "fn" if truth == positive else "tn"
