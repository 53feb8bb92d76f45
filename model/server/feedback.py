"""Feedback from JSON to arrays and its answer back to JSON, without protobuf in between.

The stock wrapper converts feedback from JSON to protobuf to numpy, and its answer back again. That is most of the cost
of a feedback. This is a shortcut for the usual payloads. It takes only payloads that it certainly reads as the stock
wrapper does. For any other payload it returns None, and the caller uses the stock wrapper.
``tests/model/server/test_differential.py`` compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ANSWER_METRIC_KEYS: Final = {"key", "type", "value"}
_EXACT_FLOAT32: Final = 1 << 24
"""Whole numbers up to here are the same in a protobuf ``float``."""


@dataclass(frozen=True, slots=True)
class Given:
    """The answer that the client received, as the request carries it. ``labels`` is None if it had none."""

    tags: Mapping[str, object]
    labels: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Parts:
    """One feedback. ``kind`` is the form in which the rows came: the stock wrapper answers in the same."""

    features: NDArray[np.float64]
    names: list[str]
    truth: NDArray[np.float64]
    reward: float
    given: Given | None
    kind: str


def parts_of(message: object) -> Parts | None:
    """The parts of a parsed JSON feedback, or None if it is not of the usual form.

    Usual: ``request`` and ``truth`` hold nothing but ``data`` with numbers as ``ndarray`` or ``tensor``; ``response``
    is absent or an answer of Seldon's wrapper.
    """
    if type(message) is not dict or not message.keys() <= {"request", "response", "reward", "truth"}:
        return None
    request = _data(message.get("request"))
    truth = _data(message.get("truth"))
    reward = _float32(message.get("reward", 0))
    if request is None or truth is None or reward is None:
        return None
    given = None
    if "response" in message:
        given = _given(message["response"])
        if given is None:
            return None
    features, names, kind = request
    return Parts(features, names, truth[0], reward, given, kind)


def answer_of(kind: str, metrics: list[dict[str, Any]], tags: dict[str, Any], path: dict[str, str]) -> object | None:
    """The JSON that the stock wrapper makes of an empty answer, or None if metrics or tags are not of the usual form.

    ``kind`` is the request's; ``path`` is ``meta.requestPath``. In protobuf's JSON a 0 is left out, and so is COUNTER.
    """
    figures = [_figure(metric) for metric in metrics]
    if None in figures or not _is_text(tags):
        return None
    meta: dict[str, Any] = {"metrics": figures} if figures else {}
    meta |= ({"tags": tags} if tags else {}) | ({"requestPath": path} if path else {})
    return {"data": {"ndarray": []} if kind == "ndarray" else {"tensor": {"shape": [0]}}, "meta": meta}


def _figure(metric: dict[str, Any]) -> dict[str, Any] | None:
    key, kind, value = metric["key"], metric["type"], metric["value"]
    if not metric.keys() <= _ANSWER_METRIC_KEYS or type(value) not in {int, float} or not key or not _is_string(key):
        return None
    if not -_EXACT_FLOAT32 <= value <= _EXACT_FLOAT32 or value != int(value) or str(value) == "-0.0":
        return None
    figure = {"key": key}
    if kind != "COUNTER":
        figure["type"] = kind
    if value:
        figure["value"] = float(value)
    return figure


def _data(message: object) -> tuple[NDArray[np.float64], list[str], str] | None:
    """Array, names and form of ``{"data": {...}}``."""
    if type(message) is not dict or message.keys() - {"data"} or "data" not in message:
        return None
    return _array(message["data"])


def _array(data: object) -> tuple[NDArray[np.float64], list[str], str] | None:
    if type(data) is not dict or not data.keys() <= {"names", "ndarray", "tensor"} or len(data.keys() - {"names"}) != 1:
        return None
    names = data.get("names", [])
    if type(names) is not list or not all(map(_is_string, names)):
        return None
    if "ndarray" in data:
        array = _numbers(data["ndarray"])
        kind = "ndarray"
    else:
        array = _tensor(data["tensor"])
        kind = "tensor"
    return None if array is None else (array, names, kind)


def _numbers(values: object) -> NDArray[np.float64] | None:
    """A list of numbers, or of lists of numbers, as float64; None for all else, NaN and infinity too."""
    if type(values) is not list or not values:
        return None
    rows = values if type(values[0]) is list else [values]
    if not all(type(row) is list and row and all(type(v) in {int, float} for v in row) for row in rows):
        return None
    try:
        array = np.array(values, dtype=np.float64)
    except (ValueError, OverflowError):  # rows of unequal length, a number beyond float64
        return None
    return array if np.isfinite(array).all() else None


def _tensor(tensor: object) -> NDArray[np.float64] | None:
    if type(tensor) is not dict or tensor.keys() != {"shape", "values"}:
        return None
    shape, values = tensor["shape"], _numbers(tensor["values"])
    if values is None or values.ndim != 1 or type(shape) is not list or not shape:  # stock: fails
        return None
    if not all(type(size) is int and 0 < size < 1 << 31 for size in shape) or np.prod(shape, dtype=object) != len(
        values
    ):
        return None
    return values.reshape(shape)


def _float32(value: object) -> float | None:
    """A number as a protobuf ``float`` holds it; None for all else and for what it cannot hold."""
    if type(value) not in {int, float}:
        return None
    try:
        with np.errstate(over="ignore"):
            rounded = float(np.float32(value))  # type: ignore[arg-type]
    except OverflowError:
        return None
    return rounded if isfinite(rounded) else None


def _given(message: object) -> Given | None:
    """The carried answer: ``data`` as above, ``meta`` with tags, metrics and requestPath as the wrapper writes them."""
    if type(message) is not dict or not message.keys() <= {"data", "meta"}:
        return None
    meta = message.get("meta", {})
    if type(meta) is not dict or not meta.keys() <= {"tags", "metrics", "requestPath"}:
        return None
    tags, path = meta.get("tags", {}), meta.get("requestPath", {})
    if not _is_text(tags) or not _is_text(path) or not _are_metrics(meta.get("metrics", [])):
        return None
    if "data" not in message:
        return Given(tags, None)
    array = _array(message["data"])
    return None if array is None else Given(tags, array[0])


def _is_text(message: object) -> bool:
    return type(message) is dict and all(map(_is_string, message)) and all(map(_is_string, message.values()))


def _is_string(value: object) -> bool:
    """Whether it is text that protobuf takes: JSON can hold half of a surrogate pair, UTF-8 cannot."""
    if type(value) is not str:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _are_metrics(metrics: object) -> bool:
    return type(metrics) is list and all(
        type(m) is dict
        and m.keys() <= _ANSWER_METRIC_KEYS
        and _is_string(m.get("key", ""))
        and m.get("type", "COUNTER") in {"COUNTER", "GAUGE", "TIMER"}
        and _float32(m.get("value", 0)) is not None
        for m in metrics
    )
