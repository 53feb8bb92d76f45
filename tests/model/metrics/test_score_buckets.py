"""Score buckets: each scored row is counted under its class, at every edge from its score on, and nothing else is."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf, nextafter
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from seldon_core import user_model, wrapper
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import FEEDBACK_METRIC_METHOD_TAG
from sklearn.naive_bayes import GaussianNB

from model import artifact, contract, dataset
from model.estimator import load_model
from model.metrics.score_buckets import ScoreBuckets
from model.metrics.store import Store
from model.MetricsModel import MetricsModel
from model.server.serving import Service, begin
from tests.model.serving import model_of

fork = multiprocessing.get_context("fork")
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
EDGES = [-1.5, 0.0, 2.0, 1e7]
SCORES = st.one_of(st.sampled_from(EDGES), st.floats(-1e8, 1e8))

AtMost = dict[tuple[str, float], int]


def naive(edges: Iterable[float], scored: Iterable[tuple[float, int]]) -> AtMost:
    """Oracle: a look at each row for each edge and class."""
    rows = list(scored)
    return {
        (str(label), edge): sum(score <= edge for score, truth in rows if truth == label)
        for label in (0, 1)
        for edge in (*edges, inf)
    }


def shown(kept: Store, form: str = "text") -> AtMost:
    """Buckets that a scrape reads, added up over workers."""
    app = wrapper.get_metrics_microservice(kept)
    accept = {"Accept": "application/openmetrics-text"} if form == "openmetrics" else {}
    text = app.test_client().get(wrapper.METRICS_ENDPOINT, headers=accept).text
    parse: Any = openmetrics_families if form == "openmetrics" else text_string_to_metric_families
    buckets: AtMost = {}
    for family in parse(text):
        for sample in family.samples:
            if sample.name == contract.SCORE_BUCKETS:
                assert sample.labels[contract.LABEL_METHOD] == contract.METHOD_FEEDBACK
                at = sample.labels[contract.LABEL_TRUTH], float(sample.labels[contract.LABEL_EDGE])
                buckets[at] = buckets.get(at, 0) + int(sample.value)
    return buckets


def served(model: MetricsModel) -> Store:
    """A store that a worker of our server began with the class."""
    kept = Store(model.RUNNING_TOTALS, slots=8)
    begin(Service(model, kept, None, {}))  # type: ignore[arg-type]  # options are for the launcher
    return kept


@pytest.fixture(scope="module")
def heldout(trained: Path) -> dataset.Heldout:
    return dataset.load_heldout(trained / "heldout.parquet")


@pytest.fixture
def model(trained: Path) -> MetricsModel:
    return model_of(trained / "binary-percept.joblib")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SCORES, st.integers(0, 1)), max_size=30))
def test_both_ways_of_publishing_show_what_a_look_at_each_row_shows(rows: list[tuple[float, int]]) -> None:
    """Through the store, in both forms of a scrape, and as gauges: the counts at every edge of both classes."""
    kept, through, alone = Store(slots=1), ScoreBuckets(EDGES, ("0", "1")), ScoreBuckets(EDGES, ("0", "1"))
    through.publish_through(kept)
    for score, truth in rows:
        through.observe([score], [truth])
    alone.observe([score for score, _ in rows], [truth for _, truth in rows])
    expected = naive(EDGES, rows)
    assert shown(kept) == shown(kept, "openmetrics") == expected
    assert gauges(alone.gauges()) == expected


def gauges(metrics: Iterable[dict[str, Any]]) -> AtMost:
    """Buckets among a class's metrics."""
    return {
        (metric["tags"][contract.LABEL_TRUTH], float(metric["tags"][contract.LABEL_EDGE])): metric["value"]
        for metric in metrics
        if metric["key"] == contract.SCORE_BUCKETS
    }


def test_a_score_on_an_edge_is_at_most_that_edge() -> None:
    """The tie: at the threshold 2.0 a row with the score 2.0 is negative, one with the next larger number positive."""
    kept, buckets = Store(slots=1), ScoreBuckets(EDGES, ("0", "1"))
    buckets.publish_through(kept)
    buckets.observe([2.0, nextafter(2.0, inf)], [1, 1])
    assert [shown(kept)["1", edge] for edge in (*EDGES, inf)] == [0, 0, 1, 2, 2]


def test_at_an_edge_that_is_a_rows_own_score_the_row_is_negative_as_for_predict(
    trained: Path, heldout: dataset.Heldout, tmp_path: Path
) -> None:
    """With the scores of real rows for edges: what is above each, by truth, and at 0 what `predict` calls positive."""
    source = trained / "binary-percept.joblib"
    rows = heldout.X[:30]
    estimator = load_model(source).estimator
    scores = [float(estimator.decision_function(row[np.newaxis])[0]) for row in rows]
    card = replace(artifact.load_card(source), score_edges=tuple(sorted(scores[::3])))
    model = model_of(written(tmp_path / source.name, source.read_bytes(), card))
    kept = served(model)
    for row, label in zip(rows, heldout.truth, strict=False):
        model.send_feedback([row.tolist()], [], 0.0, [label])
    labels = heldout.truth[:30].tolist()
    assert shown(kept) == naive(sorted({*scores[::3], 0.0}), zip(scores, labels, strict=True))
    above = sum(shown(kept)[truth, inf] - shown(kept)[truth, 0.0] for truth in ("0", "1"))
    assert above == int((model.predict(rows) == 1).sum())


def written(path: Path, content: bytes, card: artifact.Card) -> Path:
    """A model file with a card to its bytes."""
    path.write_bytes(content)
    card = replace(card, artifact=path.name, sha256=hashlib.sha256(content).hexdigest())
    artifact.card_path(path).write_bytes(artifact.card_bytes(card))
    return path


def test_every_row_is_in_its_bucket_at_the_edges_of_the_card(
    model: MetricsModel, heldout: dataset.Heldout, trained: Path
) -> None:
    """All held-out rows, half of them one by one: the counts of scikit-learn's scores; zeros before the first."""
    kept = served(model)
    card = model._model.card
    edges = sorted({*card.score_edges, card.decision_threshold or 0.0})
    assert shown(kept) == naive(edges, [])
    half = len(heldout.X) // 2
    for row, label in zip(heldout.X[:half], heldout.truth, strict=False):
        model.send_feedback([row.tolist()], [], 0.0, [label])
    model.send_feedback(heldout.X[half:], [], 0.0, heldout.truth[half:])
    scores = load_model(trained / card.artifact).estimator.decision_function(heldout.X).tolist()
    assert shown(kept) == naive(edges, zip(scores, heldout.truth.tolist(), strict=True))


def test_refused_feedback_is_in_no_bucket(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """Neither for its rows, nor for its truth, nor for one bad truth in a batch."""
    kept = served(model)
    for rows, truth in (([[1.0] * 29], [1]), (heldout.X[:1], [7]), (heldout.X[:3], [1, 0, 9])):
        with pytest.raises(SeldonMicroserviceException):
            model.send_feedback(rows, [], 1.0, truth)
    assert set(shown(kept).values()) == {0}


def test_a_carried_answer_is_scored_by_its_label_and_its_row_by_the_score(
    model: MetricsModel, heldout: dataset.Heldout
) -> None:
    """Feedback with this predictor's own answer, the wrong way round: the cells are of that, the buckets of the row."""
    kept = served(model)
    fresh = int(model.predict(heldout.X[:1])[0])
    model.hold_answer(model.tags(), [1 - fresh])
    model.send_feedback(heldout.X[:1], [], 0.0, [1])
    (cell,) = [str(metric["key"]) for metric in model.metrics() if metric["value"]]
    assert cell == ("false_neg" if fresh == 1 else "true_pos")
    assert shown(kept)["1", inf] - shown(kept)["1", 0.0] == fresh


def test_seldons_answers_carry_no_bucket(
    model: MetricsModel, heldout: dataset.Heldout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the stock wrapper they are metrics only where metrics are kept out of answers; behind our store never."""
    feedback: tuple[Any, ...] = (heldout.X[:1], [], 0.0, [1])
    assert gauges(model.send_feedback(*feedback).metrics) == {}
    monkeypatch.setattr(user_model, "INCLUDE_METRICS_IN_CLIENT_RESPONSE", False)
    published = model.send_feedback(*feedback).metrics
    kept = Store(slots=1)
    assert user_model.client_custom_metrics(model, kept, FEEDBACK_METRIC_METHOD_TAG, published) == []
    assert len(gauges(published)) == 2 * (len(model._model.card.score_edges) + 1)
    assert shown(kept)["1", inf] == 2
    served(model)
    assert gauges(model.send_feedback(*feedback).metrics) == {}


def test_a_model_without_a_scorer_publishes_none(trained: Path, heldout: dataset.Heldout, tmp_path: Path) -> None:
    """Its card names none: its cells are counted, and no series is made."""
    estimator = GaussianNB().fit(heldout.X, heldout.truth)
    content = io.BytesIO()
    joblib.dump(estimator, content)
    scored = artifact.load_card(trained / "binary-lr.joblib")
    card = replace(scored, score_kind="none", decision_threshold=None, score_edges=())
    model = model_of(written(tmp_path / "bayes.joblib", content.getvalue(), card))
    kept = served(model)
    assert model.send_feedback(heldout.X, [], 0.0, heldout.truth).metrics
    assert shown(kept) == {}
    assert "true_pos" in kept.generate_metrics()[0]


def grow(kept: Store, end: int | None) -> None:
    """In a worker: takes over, counts ten scores of each class, and ends or is killed."""
    buckets = ScoreBuckets(EDGES, ("0", "1"))
    buckets.publish_through(kept)
    for _ in range(10):
        buckets.observe([0.5, 0.0], [0, 1])
    if end is not None:
        os.kill(os.getpid(), end)


@pytest.mark.parametrize("end", [None, signal.SIGKILL], ids=["recycled", "killed"])
def test_buckets_outlive_their_workers_and_a_successor_makes_no_series(end: int | None) -> None:
    """Five workers one after the other: 50 rows of each class, each line once."""
    kept = Store(slots=8)
    for _ in range(5):
        worker = fork.Process(target=grow, args=(kept, end))
        worker.start()
        worker.join()
    assert shown(kept) == naive(EDGES, [(0.5, 0), (0.0, 1)] * 50)
    assert kept.generate_metrics()[0].count(f"\n{contract.SCORE_BUCKETS}{{") == 2 * (len(EDGES) + 1)


def test_no_row_is_lost_between_threads(model: MetricsModel, heldout: dataset.Heldout) -> None:
    """Eight threads with 50 batches of 10 rows each."""
    kept = served(model)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: model.send_feedback(heldout.X[:10], [], 0.0, heldout.truth[:10]), range(400)))
    assert shown(kept)["0", inf] + shown(kept)["1", inf] == 4000
