"""Requests as bytes: valid HTTP and Seldon's JSON, the very numbers of the row, encoded once."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locustfiles.load.options import Payload
from locustfiles.protocol.rest_requests import RestRequests

FEATURES = np.array([[0.1 + 0.2, 1e-300, -0.0], [1.0, 2.5, 3e22], [7.0, 8.0, 9.0]])


def bodies(payload: Payload = "ndarray") -> RestRequests:
    return RestRequests(
        features=FEATURES.tolist(),
        truth=[1, 0, 1],
        names=["a", 'quoted "b"', "ç"],
        host="h:8003",
        path="/seldon/ns/dep/api/v1.0",
        payload=payload,
    )


def test_further_headers_are_in_the_head_of_both_kinds_of_request() -> None:
    """Those of an ingress that asks for a login; the body stays as it is."""
    lines = "Authorization: Bearer t\r\nX-Team: risk\r\n"
    requests = RestRequests(
        features=FEATURES.tolist(), truth=[1, 0, 1], names=["a"], host="h", path="/p", headers=lines
    )
    for request in (requests.predict((0,)), requests.feedback((0,), None)):
        _, headers, body = parts(request)
        assert (headers["authorization"], headers["x-team"], headers["host"]) == ("Bearer t", "risk", "h")
        assert body


def parts(request: bytes) -> tuple[list[str], dict[str, str], Any]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert int(headers["content-length"]) == len(body)
    return first.split(" "), headers, json.loads(body)


def test_a_prediction_asks_for_the_very_numbers_of_its_rows() -> None:
    """Path, headers and body; every float comes back as the same bits."""
    first, headers, body = parts(bodies().predict((0, 1)))
    assert first == ["POST", "/seldon/ns/dep/api/v1.0/predictions", "HTTP/1.1"]
    assert (headers["host"], headers["content-type"]) == ("h:8003", "application/json")
    assert body == {"data": {"names": ["a", 'quoted "b"', "ç"], "ndarray": FEATURES[:2].tolist()}}


def test_a_tensor_holds_the_same_numbers_in_one_list() -> None:
    """Row after row, with their shape."""
    _, _, body = parts(bodies("tensor").predict((2, 0)))
    assert body["data"]["tensor"] == {"shape": [2, 3], "values": [7.0, 8.0, 9.0, *FEATURES[0].tolist()]}


@pytest.mark.parametrize("payload", ["ndarray", "tensor"])
def test_feedback_holds_its_request_its_reward_and_the_truth(payload: Payload) -> None:
    """Truth is a label for each row, in the form of the payload; the request is that of the prediction."""
    made = bodies(payload)
    first, _, body = parts(made.feedback((1, 2), 0.5))
    _, _, content = parts(made.predict((1, 2)))
    assert first[1] == "/seldon/ns/dep/api/v1.0/feedback"
    truth = {"ndarray": [0, 1]} if payload == "ndarray" else {"tensor": {"shape": [2], "values": [0, 1]}}
    assert body == {"request": content, "reward": 0.5, "truth": {"data": truth}}


def test_no_reward_is_no_field_not_a_zero() -> None:
    """A reward of 0 says that the prediction was wrong; none says nothing."""
    assert "reward" not in parts(bodies().feedback((0,), None))[2]
    assert parts(bodies().feedback((0,), 0.0))[2]["reward"] == 0.0


def test_a_row_is_encoded_once() -> None:
    """The same bytes object each time, and another one for another reward."""
    made = bodies()
    assert made.predict((1,)) is made.predict((1,))
    assert made.feedback((1,), 1.0) is made.feedback((1,), 1.0)
    assert made.feedback((1,), 1.0) is not made.feedback((1,), 0.0)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_the_wire(value: float) -> None:
    """The shortest text that reads back as the same bits."""
    made = RestRequests(features=[[value]], truth=[0], names=["a"], host="h", path="")
    sent = cast("float", parts(made.predict((0,)))[2]["data"]["ndarray"][0][0])
    assert np.float64(sent).tobytes() == np.float64(value).tobytes()
