"""The shortcut from JSON to arrays and back, against the stock wrapper's way through protobuf."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.seldon_methods import send_feedback
from seldon_core.utils import extract_feedback_request_parts, json_to_feedback, seldon_message_to_json

from model.server.feedback import answer_of, parts_of

NUMBERS = st.one_of(
    st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from([2**53 + 1, 2**63, 10**30, 10**400, 1e308, -0.0])
)
CELLS = st.one_of(NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.none(), st.text(max_size=2))
TEXT = st.one_of(st.text(max_size=3), st.sampled_from(["\ud800", "größe", ""]))
ROWS = st.one_of(st.lists(CELLS, max_size=4), st.lists(st.lists(CELLS, max_size=3), max_size=3))
TENSORS = st.one_of(
    st.builds(lambda v: {"shape": [1, len(v)], "values": v}, st.lists(NUMBERS, max_size=4)),
    st.fixed_dictionaries({"shape": st.lists(st.integers(-1, 4), max_size=3), "values": st.lists(NUMBERS, max_size=4)}),
)
DATA = st.one_of(
    st.fixed_dictionaries({"ndarray": ROWS}, optional={"names": st.lists(TEXT, max_size=3)}),
    st.fixed_dictionaries({"tensor": TENSORS}),
    st.just({}),
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "request": st.fixed_dictionaries({"data": DATA}, optional={"meta": st.just({"puid": "a"})}),
        "truth": st.fixed_dictionaries({"data": DATA}),
        "reward": st.one_of(NUMBERS, st.booleans(), st.text(max_size=2), st.none()),
        "colour": st.just("red"),
    },
)


ONE = {"data": {"tensor": {"shape": [1, 1], "values": [0]}}}


@settings(max_examples=400, deadline=None)
@example({"request": {"data": {"tensor": {"shape": [], "values": [0]}}}, "truth": ONE})
@given(MESSAGES)
def test_what_it_takes_it_reads_as_the_stock_way_does(message: dict[str, Any]) -> None:
    """Arrays of equal shape, type and bits, names and reward; what the stock way refuses, it never takes."""
    parts = parts_of(message)
    if parts is None:
        return
    datadef, features, truth, reward = extract_feedback_request_parts(json_to_feedback(message))
    for ours, theirs in ((parts.features, features), (parts.truth, truth)):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert ours.tobytes() == theirs.tobytes()
    assert (parts.names, parts.reward) == (list(datadef.names), reward)
    assert parts.kind == datadef.WhichOneof("data_oneof")


def test_it_takes_the_usual_payloads() -> None:
    """Both forms, with and without names, batches, integers: the property above covers real cases."""
    truth = {"data": {"ndarray": [[1], [0]]}}
    for data in (
        {"ndarray": [[1, 2.5], [3, 4]]},
        {"names": ["a", "b"], "ndarray": [[1, 2.5], [3, 4]]},
        {"tensor": {"shape": [2, 2], "values": [1, 2.5, 3, 4]}},
    ):
        parts = parts_of({"request": {"data": data}, "truth": truth, "reward": 0.1})
        assert parts is not None
        assert parts.features.tolist() == [[1, 2.5], [3, 4]]
        assert parts.truth.tolist() == [[1], [0]]
        assert parts.reward == float(np.float32(0.1))


METRICS = st.lists(
    st.builds(
        lambda kind, key, value: {"type": kind, "key": key, "value": value},
        st.sampled_from(["COUNTER", "GAUGE", "TIMER"]),
        TEXT.filter(lambda key: key != "\ud800"),
        st.one_of(
            st.integers(-5, 5),
            st.integers(-(2**30), 2**30),
            st.floats(-1e30, 1e30),
            st.sampled_from([2**24, 2**24 + 1, -0.0, float("inf"), float("nan"), np.int64(3)]),
        ),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(
    METRICS, st.dictionaries(st.text(max_size=2), st.one_of(st.text(max_size=2), st.integers(), st.none()), max_size=2)
)
def test_what_it_answers_is_what_the_stock_way_answers(metrics: list[dict[str, Any]], tags: dict[str, Any]) -> None:
    """The JSON of an empty answer is equal, for both forms of request; what it cannot know it leaves (None)."""

    class Model:
        def send_feedback(self, features: Any, names: Any, reward: Any, truth: Any, routing: Any = None) -> list[Any]:
            return []

        def metrics(self) -> list[dict[str, Any]]:
            return metrics

        def tags(self) -> dict[str, Any]:
            return tags

    for kind, data in (("ndarray", {"ndarray": [[1]]}), ("tensor", {"tensor": {"shape": [1, 1], "values": [1]}})):
        ours = answer_of(kind, metrics, tags, {})
        if ours is None:
            continue
        stock = send_feedback(Model(), json_to_feedback({"request": {"data": data}}), "0", NoStore())
        assert json.dumps(ours, sort_keys=True) == json.dumps(seldon_message_to_json(stock), sort_keys=True)


class NoStore:
    """A store that keeps nothing."""

    def update(self, *_: object) -> None:
        """Nothing is kept."""

    def update_reward(self, *_: object) -> None:
        """Nothing is kept."""


def test_it_answers_the_usual_metrics() -> None:
    """Whole numbers, 0 among them, with text tags: the property above covers real cases."""
    metrics = [{"type": "GAUGE", "key": "a", "value": 3}, {"type": "COUNTER", "key": "b", "value": 0}]
    assert answer_of("ndarray", metrics, {"t": "x"}, {"m": "i:1"}) == {
        "data": {"ndarray": []},
        "meta": {
            "metrics": [{"key": "a", "type": "GAUGE", "value": 3.0}, {"key": "b"}],
            "tags": {"t": "x"},
            "requestPath": {"m": "i:1"},
        },
    }


def test_a_refused_message_would_be_refused_by_the_stock_way_or_goes_it() -> None:
    """The twin: a message that the stock way refuses is not taken."""
    message = {"request": {"data": {"ndarray": [[1]]}}, "truth": {"data": {"ndarray": [1]}}}
    assert parts_of(message) is not None
    spoilt = message | {"colour": "red"}
    assert parts_of(spoilt) is None
    with pytest.raises(SeldonMicroserviceException) as caught:
        json_to_feedback(spoilt)
    assert "colour" in caught.value.message
