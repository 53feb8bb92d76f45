"""A few hundred requests, good, bad and odd, for holding our server against the stock one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from model import contract
from model.artifact import Card
from model.dataset import Heldout

PREDICT, FEEDBACK = "/api/v1.0/predictions", "/api/v1.0/feedback"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``name`` says what is odd about it."""

    name: str
    path: str
    body: bytes
    kind: str = JSON
    method: str = "POST"


def text(message: object) -> bytes:
    return json.dumps(message).encode()


def every_request(heldout: Heldout, card: Card) -> list[Request]:
    """All of them, in a fixed order."""
    data = dict(_data(heldout))
    requests = [Request(f"predict, {name}", PREDICT, text({"data": d})) for name, d in data.items()]
    requests += [Request(f"predict, {name}", PREDICT, text(m)) for name, m in _messages(heldout)]
    requests += [Request(f"feedback on {name}", FEEDBACK, text(_feedback(d, [1]))) for name, d in data.items()]
    requests += [Request(f"feedback, {name}", FEEDBACK, text(m)) for name, m in _feedbacks(heldout, card)]
    requests += list(_raw(heldout))
    return requests


def _feedback(data: object, truth: object, **more: object) -> dict[str, Any]:
    return {"request": {"data": data}, "truth": {"data": {"ndarray": truth}}, **more}


def _data(heldout: Heldout) -> Iterator[tuple[str, Any]]:
    """Values of ``data``."""
    names = list(heldout.names)
    row = heldout.X[0].tolist()
    for number in range(20):
        yield f"row {number}", {"ndarray": heldout.X[number : number + 1].tolist()}
    for number in range(20, 30):
        yield f"row {number} with names", {"names": names, "ndarray": heldout.X[number : number + 1].tolist()}
    for number in range(30, 40):
        yield (
            f"row {number} as a tensor",
            {"names": names, "tensor": {"shape": [1, 30], "values": heldout.X[number].tolist()}},
        )
    for size in (2, 3, 7, 50):
        yield f"batch of {size}", {"names": names, "ndarray": heldout.X[:size].tolist()}
        yield (
            f"batch of {size} as a tensor",
            {"tensor": {"shape": [size, 30], "values": heldout.X[:size].ravel().tolist()}},
        )
    yield "names reversed", {"names": names[::-1], "ndarray": [row[::-1]]}
    yield "names unknown", {"names": ["a", *names[1:]], "ndarray": [row]}
    yield "names too few", {"names": names[:5], "ndarray": [row]}
    yield "names twice", {"names": [names[0], *names[:29]], "ndarray": [row]}
    yield "names null", {"names": None, "ndarray": [row]}
    yield "names of numbers", {"names": [1, 2], "ndarray": [row]}
    yield "names as text", {"names": "abc", "ndarray": [row]}
    yield "names empty", {"names": [], "ndarray": [row]}
    yield "names beyond ASCII", {"names": ["größe"], "ndarray": [row]}
    cells: dict[str, Any] = {
        "NaN": float("nan"),
        "infinity": float("inf"),
        "minus infinity": float("-inf"),
        "huge": 1e308,
        "a huge whole number": 10**30,
        "beyond int64": 2**63,
        "beyond float64": 10**400,
        "just beyond 2**53": 2**53 + 1,
        "tiny": 5e-324,
        "minus zero": -0.0,
        "text": "1.0",
        "empty text": "",
        "null": None,
        "true": True,
        "a list": [1.0],
        "an object": {"a": 1},
    }
    for name, value in cells.items():
        yield f"{name} in a cell", {"ndarray": [[value, *row[1:]]]}
        yield f"only {name}", {"ndarray": [[value] * 30]}
        yield f"{name} in a tensor", {"tensor": {"shape": [1, 30], "values": [value, *row[1:]]}}
    shapes: dict[str, Any] = {
        "no rows": [],
        "an empty row": [[]],
        "two empty rows": [[], []],
        "a flat row": row,
        "three levels": [[row]],
        "29 features": [row[:29]],
        "31 features": [[*row, 1.0]],
        "rows of unequal length": [row, row[:3]],
        "a row and a number": [row, 1.0],
        "null": None,
        "a number": 5,
        "text": "abc",
        "an object": {"a": [1]},
        "whole numbers": [list(range(30))],
        "booleans": [[True, False] * 15],
    }
    for name, value in shapes.items():
        yield f"ndarray: {name}", {"ndarray": value}
    tensors: dict[str, Any] = {
        "null": None,
        "empty": {},
        "no shape": {"values": row},
        "no values": {"shape": [1, 30]},
        "another shape": {"shape": [2, 30], "values": row},
        "shape of a flat row": {"shape": [30], "values": row},
        "shape -1": {"shape": [-1, 30], "values": row},
        "shape of fractions": {"shape": [1.0, 30.0], "values": row},
        "shape with text": {"shape": ["1", "30"], "values": row},
        "shape empty": {"shape": [], "values": row},
        "shape zero": {"shape": [0, 30], "values": []},
        "values nested": {"shape": [1, 30], "values": [row]},
        "a key more": {"shape": [1, 30], "values": row, "a": 1},
        "a list": [row],
    }
    for name, value in tensors.items():
        yield f"tensor: {name}", {"tensor": value}
    yield "both forms", {"ndarray": [row], "tensor": {"shape": [1, 30], "values": row}}
    yield "a tftensor", {"tftensor": {"dtype": "DT_DOUBLE", "tensorShape": {"dim": [{"size": "1"}]}, "doubleVal": [1]}}
    yield "neither form", {}
    yield "only names", {"names": names}
    yield "an unknown key", {"ndarray": [row], "colour": "red"}
    yield "null", None
    yield "a list", [row]
    yield "text", "abc"


def _messages(heldout: Heldout) -> Iterator[tuple[str, Any]]:
    """Whole messages to predict on, other than plain ``data``."""
    good = {"ndarray": heldout.X[:1].tolist()}
    yield "strData", {"strData": "abc"}
    yield "binData", {"binData": "YWJj"}
    yield "binData that is not base64", {"binData": "***"}
    yield "jsonData", {"jsonData": {"a": [1, 2]}}
    yield "customData", {"customData": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "a"}}
    yield "nothing", {}
    yield "a list", [1, 2]
    yield "null", None
    yield "a number", 1
    yield "text", "abc"
    yield "an unknown key", {"data": good, "colour": "red"}
    yield "status", {"data": good, "status": {"code": 500, "status": 1}}
    for name, meta in _metas():
        yield f"meta {name}", {"data": good, "meta": meta}
    yield "two payloads", {"data": good, "strData": "abc"}


def _metas() -> Iterator[tuple[str, Any]]:
    yield "empty", {}
    yield "null", None
    yield "with puid", {"puid": "abc"}
    yield "with tags", {"tags": {"a": "b", "n": 1, "l": [1, {"x": None}]}}
    yield "with metrics", {"metrics": [{"key": "a", "type": "GAUGE", "value": 1.5}]}
    yield "with requestPath", {"requestPath": {"a": "b:1"}}
    yield "with routing", {"routing": {"binary-percept": 1}}
    yield "with an unknown key", {"colour": "red"}
    yield "as a list", [1]


def _feedbacks(heldout: Heldout, card: Card) -> Iterator[tuple[str, Any]]:
    """Whole feedback messages."""
    good = {"names": list(heldout.names), "ndarray": heldout.X[:1].tolist()}
    three = {"ndarray": heldout.X[:3].tolist()}
    truths: dict[str, Any] = {
        "0": [0], "1": [1], "1.0": [1.0], "column": [[1]], "2": [2], "-1": [-1], "0.5": [0.5], "NaN": [float("nan")],
        "text": ["1"], "true": [True], "null in a list": [None], "empty": [], "an empty column": [[]],
        "two": [1, 0], "null": None, "number": 1, "two columns": [[1, 0]], "huge": [10**30], "three levels": [[[1]]],
    }  # fmt: skip
    for name, truth in truths.items():
        yield f"truth {name}", _feedback(good, truth)
    for name, truth in {"flat": [1, 0, 1], "column": [[1], [0], [1]], "mixed": [1, [0], 1], "one": [1]}.items():
        yield f"three rows, truth {name}", _feedback(three, truth)
    yield "truth as a tensor", _feedback(good, [1]) | {"truth": {"data": {"tensor": {"shape": [1], "values": [1]}}}}
    yield "truth with names", _feedback(good, [1]) | {"truth": {"data": {"names": ["y"], "ndarray": [1]}}}
    yield "truth as strData", _feedback(good, [1]) | {"truth": {"strData": "1"}}
    yield "truth null", _feedback(good, [1]) | {"truth": None}
    yield "no truth", {"request": {"data": good}, "reward": 1}
    yield "no request", {"truth": {"data": {"ndarray": [1]}}}
    yield "request null", {"request": None, "truth": {"data": {"ndarray": [1]}}}
    yield "request as strData", {"request": {"strData": "a"}, "truth": {"data": {"ndarray": [1]}}}
    yield "nothing", {}
    yield "a list", [1]
    yield "null", None
    yield "an unknown key", _feedback(good, [1], colour="red")
    yield "a key in the request", _feedback(good, [1]) | {"request": {"data": good, "colour": "red"}}
    rewards = [0, 1, -1, 0.1, 1e39, 1e-50, 10**400, True, "1", "x", None, [1], {}, float("nan"), float("inf"), 16777217]
    for reward in rewards:
        yield f"reward {reward!r:.20}", _feedback(good, [1], reward=reward)
    for name, meta in _metas():
        yield f"request meta {name}", _feedback(good, [1]) | {"request": {"data": good, "meta": meta}}
    for name, response in _responses(card):
        yield f"response {name}", _feedback(good, [1], response=response)
        yield f"response {name}, three rows", _feedback(three, [1, 0, 1], response=response)


def _responses(card: Card) -> Iterator[tuple[str, Any]]:
    """Answers that a feedback may carry: this predictor's, another's, and odd ones."""
    mine = {contract.TAG_ARTIFACT: card.artifact, contract.TAG_DIGEST: card.sha256, contract.TAG_PREDICTOR: "default"}
    metrics = [
        {"key": "true_pos", "type": "GAUGE", "value": 3},
        {"key": "c"},
        {"key": "t", "type": "TIMER", "value": 0.1},
    ]
    for label in (0, 1):
        yield f"mine, {label}", {"data": {"names": [], "ndarray": [label]}, "meta": {"tags": mine}}
        yield (
            f"mine with all that an answer has, {label}",
            {
                "data": {"names": [], "ndarray": [label]},
                "meta": {"tags": mine, "metrics": metrics, "requestPath": {"a": "b"}},
            },
        )
        yield f"another's, {label}", {"data": {"ndarray": [label]}, "meta": {"tags": mine | {contract.TAG_DIGEST: "0"}}}
        yield (
            f"of a namesake, {label}",
            {"data": {"ndarray": [label]}, "meta": {"tags": mine | {"predictor": "shadow"}}},
        )
        yield f"without tags, {label}", {"data": {"ndarray": [label]}}
    for name, value in {
        "2": [2],
        "text": ["1"],
        "two": [1, 0],
        "none": [],
        "three": [1, 0, 0],
        "NaN": [float("nan")],
    }.items():
        yield f"mine with {name}", {"data": {"ndarray": value}, "meta": {"tags": mine}}
    yield "mine as a tensor", {"data": {"tensor": {"shape": [1], "values": [0]}}, "meta": {"tags": mine}}
    yield "mine as a bad tensor", {"data": {"tensor": {"shape": [2], "values": [0]}}, "meta": {"tags": mine}}
    yield "mine without data", {"meta": {"tags": mine}}
    yield "mine as strData", {"strData": "1", "meta": {"tags": mine}}
    yield "mine with puid", {"data": {"ndarray": [0]}, "meta": {"tags": mine, "puid": "x"}}
    yield "mine with routing", {"data": {"ndarray": [0]}, "meta": {"tags": mine, "routing": {"binary-percept": 2}}}
    yield "mine with a tag more", {"data": {"ndarray": [0]}, "meta": {"tags": mine | {"n": 1}}}
    yield "empty", {}
    yield "null", None
    yield "text", "abc"
    yield "with an unknown key", {"colour": "red"}
    yield "with bad metrics", {"meta": {"metrics": [{"key": 1}]}}
    yield "with a metric of another type", {"meta": {"metrics": [{"key": "a", "type": "OTHER"}]}}
    yield "with a numbered metric type", {"meta": {"metrics": [{"key": "a", "type": 1}]}}
    yield "with tags null", {"meta": {"tags": None}}


def _raw(heldout: Heldout) -> Iterator[Request]:
    """Requests that are odd below the JSON."""
    good = text({"data": {"ndarray": heldout.X[:1].tolist()}})
    scored = text(_feedback({"ndarray": heldout.X[:1].tolist()}, [1]))
    bodies = {
        "empty": b"", "not JSON": b"{", "a second value": good + b"1", "UTF-8 mark": b"\xef\xbb\xbf" + good,
        "UTF-16": good.decode().encode("utf-16"), "bad UTF-8": b'{"a": "\xff"}', "blanks": b"  " + good + b"\n\n",
        "nested deeply": b"[" * 100_000,
        "a key twice": b'{"data": {"ndarray": [[1]]}, ' + good[1:],
    }  # fmt: skip
    for name, body in bodies.items():
        yield Request(f"body {name}", PREDICT, body)
        yield Request(f"feedback body {name}", FEEDBACK, body)
    kinds = [
        "text/plain",
        "",
        f"{JSON}; charset=utf-8",
        "application/vnd.api+json",
        JSON.upper(),
        f"{JSON};charset=latin-1",
        f"{JSON}; x=multipart/form-data",
        f" {JSON}",
        f"{JSON} ;",
        f"{JSON},{JSON}",
    ]
    for kind in [*kinds, "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]:
        yield Request(f"content type {kind!r}", PREDICT, good, kind)
        yield Request(f"feedback, content type {kind!r}", FEEDBACK, scored, kind)
    for path in (
        "/predict",
        "/api/v0.1/predictions",
        "/predict/",
        "/nowhere",
        "/api/v1.0/predictions?a=1",
        "//predict",
    ):
        yield Request(f"path {path}", path, good)
    for path in ("/send-feedback", "/api/v0.1/feedback", "/send-feedback/"):
        yield Request(f"path {path}", path, scored)
    yield Request("json in the query", "/predict?json=%7B%7D", good)
    for method in ("GET", "PUT", "OPTIONS"):
        yield Request(f"{method} of a prediction", "/predict", good, method=method)
        yield Request(f"{method} of a feedback", "/send-feedback", scored, method=method)
    for path in ("/transform-input", "/transform-output", "/route", "/aggregate"):
        yield Request(f"path {path}", path, good)
    for path in ("/health/ping", "/health/status", "/metadata", "/api/v1.0/metadata"):
        yield Request(f"path {path}", path, b"", method="GET")
