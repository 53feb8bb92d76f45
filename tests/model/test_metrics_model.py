"""The Seldon class: the right cells, every row, nothing counted that is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.proto.prediction_pb2 import Feedback
from seldon_core.user_model import SeldonNotImplementedError
from seldon_core.utils import json_to_feedback
from sklearn.metrics import confusion_matrix

from model import artifact, artifact_name, contract, dataset
from model.MetricsModel import MetricsModel
from tests.model.serving import model_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def heldout(trained: Path) -> dataset.Heldout:
    return dataset.load_heldout(trained / "heldout.parquet")


@pytest.fixture
def model(trained: Path) -> MetricsModel:
    return model_of(trained / "binary-percept.joblib")


def cells(model: MetricsModel) -> dict[str, int]:
    """The four gauges by cell."""
    gauges = [m for m in model.metrics() if m["type"] == "GAUGE"]
    return {contract.CELL_OF_METRIC[str(m["key"])]: int(str(m["value"])) for m in gauges}


def naive(truth: Sequence[int], predicted: Sequence[int]) -> dict[str, int]:
    """Oracle: scikit-learn's confusion matrix."""
    (tn, fp), (fn, tp) = confusion_matrix(truth, predicted, labels=[0, 1]).tolist()
    return {"tp": tp, "fp": fp, "tn": tn, "fn": fn}


def test_every_cell_is_under_its_own_name(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """After feedback for every held-out row the gauges are scikit-learn's confusion matrix; all four differ."""
    for row, label in zip(heldout.X, heldout.truth, strict=True):
        model.send_feedback([row.tolist()], [], 0.0, [label])
    expected = naive(heldout.truth.tolist(), model.predict(heldout.X).tolist())
    assert cells(model) == expected
    assert len(set(expected.values())) == 4


def test_every_row_of_a_batch_is_scored(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """One feedback with all rows counts what one feedback for each row counts."""
    model.send_feedback(heldout.X, list(heldout.names), 1.0, heldout.truth)
    assert cells(model) == naive(heldout.truth.tolist(), model.predict(heldout.X).tolist())


@pytest.mark.parametrize("shape", ["flat", "column", "floats", "one-hot"])
def test_truth_is_taken_flat_or_as_a_column(model: MetricsModel, heldout: dataset.Heldout, shape: str) -> None:
    """``[y, ...]``, ``[[y], ...]``, the floats that protobuf makes of them, and ones among zeros count the same."""
    truth: Any = heldout.truth[:7].tolist()
    truth = {
        "flat": truth,
        "column": [[y] for y in truth],
        "floats": np.array(truth, dtype=float),
        "one-hot": [[1 - y, y] for y in truth],
    }[shape]
    model.send_feedback(heldout.X[:7], [], 0.0, truth)
    assert cells(model) == naive(heldout.truth[:7].tolist(), model.predict(heldout.X[:7]).tolist())


def test_columns_are_put_in_order_by_their_names(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """Reversed columns with reversed names give the same answers; without names they do not."""
    straight = model.predict(heldout.X).tolist()
    assert model.predict(heldout.X[:, ::-1], list(heldout.names[::-1])).tolist() == straight
    assert model.predict(heldout.X[:, ::-1], []).tolist() != straight


def test_the_tags_name_the_file_and_its_digest(model: MetricsModel, trained: Path) -> None:
    """The tags of an answer are the card's."""
    card = artifact.load_card(trained / "binary-percept.joblib")
    assert model.tags()[contract.TAG_ARTIFACT] == "binary-percept.joblib"
    assert model.tags()[contract.TAG_DIGEST] == card.sha256


ROW = [1.0] * 30
NAN = float("nan")
BAD_ROWS: dict[str, tuple[Any, list[str]]] = {
    "no rows": ([], []),
    "one empty row": ([[]], []),
    "a flat row": (ROW, []),
    "29 features": ([ROW[:29]], []),
    "31 features": ([[*ROW, 1.0]], []),
    "rows of unequal length": ([ROW, ROW[:3]], []),
    "NaN": ([[*ROW[:29], NAN]], []),
    "infinity": ([[*ROW[:29], float("inf")]], []),
    "text": ([["1.0"] * 30], []),
    "booleans": ([[True] * 30], []),
    "null": ([[None] * 30], []),
    "an object": ({"a": 1}, []),
    "plain text": ("1,2,3", []),
    "bytes": (b"123", []),
    "an unknown name": ([ROW], ["colour", *dataset.FEATURES[1:]]),
    "a name twice": ([ROW], [dataset.FEATURES[1], *dataset.FEATURES[1:]]),
    "too few names": ([ROW], list(dataset.FEATURES[:29])),
    "too few columns, all named": ([ROW[:29]], list(dataset.FEATURES[:29])),
    "a column more, all named": ([[*ROW, 1.0]], [*dataset.FEATURES, dataset.FEATURES[0]]),
}
BAD_TRUTH: dict[str, Any] = {
    "missing": [],
    "another class": [2],
    "half a class": [0.5],
    "NaN": [NAN],
    "text": ["1"],
    "two for one row": [1, 0],
    "two columns, of no class": [[0, 0]],
    "two columns, of both": [[1, 1]],
    "three columns": [[1, 0, 0]],
    "a number": 1,
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_rows_that_cannot_be_scored_are_refused_and_not_counted(model: MetricsModel, what: str) -> None:
    """Each is Seldon's own error with status 400, from predict and from feedback alike, and counts nothing."""
    rows, names = BAD_ROWS[what]
    with pytest.raises(SeldonMicroserviceException) as predicted:
        model.predict(rows, names)
    with pytest.raises(SeldonMicroserviceException) as scored:
        model.send_feedback(rows, names, 1.0, [1])
    for caught in (predicted, scored):
        assert caught.value.status_code == 400
        assert "expected" in caught.value.message
    assert set(cells(model).values()) == {0}


@pytest.mark.parametrize("what", BAD_TRUTH)
def test_a_truth_that_cannot_be_scored_is_refused_and_not_counted(model: MetricsModel, what: str) -> None:
    """Each is Seldon's own error with status 400 and counts nothing."""
    with pytest.raises(SeldonMicroserviceException) as caught:
        model.send_feedback([ROW], [], 1.0, BAD_TRUTH[what])
    assert caught.value.status_code == 400
    assert caught.value.message.startswith("truth: expected")
    assert set(cells(model).values()) == {0}


def test_a_batch_with_one_bad_truth_counts_no_row(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """A refused batch is refused whole; the same batch with the truth mended is counted whole."""
    with pytest.raises(SeldonMicroserviceException):
        model.send_feedback(heldout.X[:3], [], 0.0, [1, 0, 9])
    assert sum(cells(model).values()) == 0
    model.send_feedback(heldout.X[:3], [], 0.0, [1, 0, 0])
    assert sum(cells(model).values()) == 3


def carried(model: MetricsModel, heldout: dataset.Heldout, answer: object, tags: dict[str, str]) -> Feedback:
    """Feedback for the first two rows, truth 1 and 0, that carries an answer with these tags."""
    message = {
        "request": {"data": {"ndarray": heldout.X[:2].tolist()}},
        "response": {"data": {"ndarray": answer}, "meta": {"tags": tags}},
        "truth": {"data": {"ndarray": [1, 0]}},
    }
    return json_to_feedback(message)


def score(model: MetricsModel, feedback: Feedback, heldout: dataset.Heldout) -> int:
    """What Seldon's wrapper does with feedback; the skew that it added."""
    with pytest.raises(SeldonNotImplementedError):
        model.send_feedback_raw(feedback)
    response = model.send_feedback(heldout.X[:2], [], 0.0, [1, 0])
    added: dict[str, int] = {m["key"]: m["value"] for m in response.metrics}
    return added[contract.SKEW_COUNTER]


def test_the_answer_that_the_client_got_is_scored_and_a_disagreement_is_skew(
    model: MetricsModel, heldout: dataset.Heldout
) -> None:
    """An answer with this model's tags is scored in place of a fresh one; each row that differs from that is skew."""
    fresh = model.predict(heldout.X[:2]).tolist()
    for answer, skew in ((fresh, 0), ([1 - fresh[0], fresh[1]], 1), ([1 - fresh[0], 1 - fresh[1]], 2)):
        before = cells(model)
        assert score(model, carried(model, heldout, answer, model.tags()), heldout) == skew
        added = {cell: number - before[cell] for cell, number in cells(model).items()}
        assert added == naive([1, 0], answer)


@pytest.mark.parametrize("change", [contract.TAG_ARTIFACT, contract.TAG_DIGEST, contract.TAG_PREDICTOR, "all"])
def test_an_answer_of_another_predictor_is_not_scored(
    trained: Path, heldout: dataset.Heldout, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shadow gets the primary's answers in mirrored feedback: one tag that is not its own, and it scores itself."""
    monkeypatch.setenv("PREDICTOR_ID", "shadow")
    model = model_of(trained / "binary-percept.joblib")
    fresh = model.predict(heldout.X[:2]).tolist()
    tags = {} if change == "all" else model.tags() | {change: "another"}
    assert score(model, carried(model, heldout, [1 - label for label in fresh], tags), heldout) == 0
    assert cells(model) == naive([1, 0], fresh)


@pytest.mark.parametrize("answer", [[], [1], [1, 2], [1, 0, 1], ["1", "0"], [None, None]])
def test_an_own_answer_that_cannot_be_scored_is_refused(
    model: MetricsModel, heldout: dataset.Heldout, answer: object
) -> None:
    """It is refused and not counted, and does not linger: the thread's next feedback is scored afresh."""
    with pytest.raises(SeldonMicroserviceException) as caught:
        score(model, carried(model, heldout, answer, model.tags()), heldout)
    assert caught.value.status_code == 400
    assert caught.value.message.startswith("response: expected")
    assert sum(cells(model).values()) == 0
    model.send_feedback(heldout.X[:2], [], 0.0, [1, 0])
    assert cells(model) == naive([1, 0], model.predict(heldout.X[:2]).tolist())


def test_a_successor_goes_on_from_the_totals_it_is_given(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """After `resume` the gauges go on from there, and what it publishes at once are those totals and zeros."""
    published = model.resume({"true_pos": 5.0, "true_neg": 7.0})
    first = {str(metric["key"]): metric["value"] for metric in published}
    assert {first[name] for name in contract.COUNTER_OF_CELL.values()} | {first[contract.SKEW_COUNTER]} == {0}
    assert {cell: first[name] for cell, name in contract.METRIC_OF_CELL.items()} == {"tp": 5, "fp": 0, "tn": 7, "fn": 0}
    model.send_feedback(heldout.X[:2], [], 0.0, model.predict(heldout.X[:2]))
    assert sum(cells(model).values()) == 14


def test_no_count_is_lost_between_threads(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """Eight threads with 250 feedbacks each leave 2,000 scored rows, each cell exact."""
    rows, truth = heldout.X[:10], heldout.truth[:10]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: model.send_feedback(rows, [], 0.0, truth), range(200)))
    once = naive(truth.tolist(), model.predict(rows).tolist())
    assert cells(model) == {cell: 200 * count for cell, count in once.items()}


def test_the_stock_launcher_finds_it_from_within_its_folder(trained: Path) -> None:
    """With model/ as working directory and nothing else on the path, ``MetricsModel`` is importable and loads."""
    code = "import MetricsModel; print(MetricsModel.MetricsModel('binary-lr.joblib').tags())"
    environment = os.environ | {"PLUMBLINE_ARTIFACTS": str(trained)}
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "model", env=environment, capture_output=True, text=True, check=True
    )
    assert "binary-lr.joblib" in shown.stdout


def test_a_bad_artifact_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    """A missing model file is an `ArtifactError`."""
    with pytest.raises(artifact_name.ArtifactError, match="model file: expected a file"):
        model_of(tmp_path / "none.joblib")
