"""The contents of Seldon's answers: the predicted classes, and tags that say who served them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analysis.record.ledger import NO_CLASS
from model.rows.labels import Label

_REMEMBERED: Final = 4096


class AnswerError(Exception):
    """A 2xx answer is not one of Seldon's; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """``predicted``: for each row the index into the card's classes, or `NO_CLASS`; ``scores``: NaN without one.

    ``tags``: the answer's ``meta.tags``, as sorted pairs of strings.
    """

    predicted: tuple[int, ...]
    scores: tuple[float, ...]
    tags: tuple[tuple[str, str], ...]


class AnswerReader:
    """Reads answers against the classes of a card (in the card's order).

    An answer of a value for each class is of the classes that its ``names`` are, or else of the card's in its order.

    ``decode``: the answer in a body as the object of Seldon's REST protocol; raises `AnswerError` for another body, or
    for one that reports a failure.
    """

    def __init__(self, classes: Sequence[Label], decode: Callable[[bytes], dict[str, Any]] | None = None) -> None:
        self._decode = decode or _object_of
        self._index: Mapping[Label | float, int] = {
            label if isinstance(label, str) else float(label): index for index, label in enumerate(classes)
        }
        self._has_text = any(isinstance(label, str) for label in classes)
        self._place = {str(label): index for index, label in enumerate(classes)}
        self._classes = len(classes)
        self._harmless: set[bytes] = set()
        self._known: dict[tuple[bytes, int], Prediction] = {}

    def prediction(self, body: bytes, rows: int) -> Prediction:
        """The prediction in ``body`` for ``rows`` rows. Raises `AnswerError` if there is none, whatever the body holds.

        Many rows have an answer of the same bytes, so answers are remembered (up to a limit).
        """
        known = self._known.get((body, rows))
        if known is None:
            known = self._readable(lambda: self._read(body, rows))
            if len(self._known) < _REMEMBERED:
                self._known[body, rows] = known
        return known

    def acknowledgement(self, body: bytes) -> None:
        """Raise `AnswerError` unless ``body`` is an answer without a failure."""
        if body not in self._harmless:
            self._readable(lambda: self._decode(body))
            if len(self._harmless) < _REMEMBERED:
                self._harmless.add(body)

    @staticmethod
    def _readable[T](read: Callable[[], T]) -> T:
        """What ``read`` returns. Raises `AnswerError` for every exception: a server may answer anything."""
        try:
            return read()
        except AnswerError:
            raise
        except Exception as error:
            raise AnswerError(f"expected an answer of Seldon's, got one that gives {type(error).__name__}") from error

    def _read(self, body: bytes, rows: int) -> Prediction:
        answer = self._decode(body)
        values = self._in_order(answer.get("data"), rows)
        tags = (answer.get("meta") or {}).get("tags") or {}
        classes = tuple(self._class_of(value) for value in values)
        return Prediction(
            predicted=tuple(index for index, _ in classes),
            scores=tuple(score for _, score in classes),
            tags=tuple(sorted((str(key), str(value)) for key, value in tags.items())),
        )

    def _in_order(self, content: object, rows: int) -> list[list[float | str]]:
        """The answer's values, one list for each row; those of the classes in the card's order."""
        values = _values_of(content, rows, _label_or_number if self._has_text else float)
        names = content.get("names") if isinstance(content, dict) else None
        if not isinstance(names, list) or set(map(str, names)) != self._place.keys() or len(names) != self._classes:
            return values
        order = sorted(range(len(names)), key=lambda place: self._place[str(names[place])])
        return [[row[place] for place in order] if len(row) == len(order) else row for row in values]

    def _class_of(self, value: list[float | str]) -> tuple[int, float]:
        """Class index and score of one row: a label, or a value for each class (the largest wins)."""
        if len(value) == 1:
            return self._index.get(value[0], self._index.get(_number(value[0]), NO_CLASS)), math.nan
        numbers = [_number(cell) for cell in value]
        if len(value) == self._classes and not any(map(math.isnan, numbers)):
            return max(range(len(numbers)), key=numbers.__getitem__), numbers[-1]
        return NO_CLASS, math.nan


def _number(value: float | str) -> float:
    """The number that a value is, or that a text reads as; NaN if it is none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        shown = repr(body[:40].decode("utf-8", "replace")) if body else "an empty body"
        raise AnswerError(f"expected JSON, got {shown}") from error
    if not isinstance(answer, dict):
        raise AnswerError(f"expected a JSON object, got {type(answer).__name__}")
    status = answer.get("status")
    if isinstance(status, dict) and status.get("status") in ("FAILURE", 1):
        raise AnswerError(f"Seldon reports a failure: {str(status.get('info') or status.get('reason'))[:80]}")
    return answer


def _values_of(data: object, rows: int, read: Callable[[Any], float | str]) -> list[list[float | str]]:
    """The answer's numbers and labels, one list for each row. ``read``: one of them."""
    if not isinstance(data, dict):
        raise AnswerError("expected data in the answer, got none")
    try:
        values = _of_tensor(data["tensor"]) if "tensor" in data else _of_ndarray(data.get("ndarray") or (), read)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise AnswerError("expected numbers or labels in data.ndarray or data.tensor") from error
    if len(values) != rows:
        raise AnswerError(f"expected {rows} rows in data, got {len(values)}")
    return values


def _of_ndarray(values: Sequence[Any], read: Callable[[Any], float | str]) -> list[list[float | str]]:
    return [[read(cell) for cell in (row if isinstance(row, list) else [row])] for row in values]


def _label_or_number(cell: Any) -> float | str:
    """A text or a number; true and false are 1 and 0. Raises TypeError for anything else."""
    return cell if isinstance(cell, str) else float(cell)


def _of_tensor(tensor: dict[str, Any]) -> list[list[float | str]]:
    values: list[float | str] = [float(value) for value in tensor["values"]]
    rows = int(tensor["shape"][0])
    width, left = divmod(len(values), rows)
    if left:
        raise ValueError("the shape is not that of the values")
    return [values[row * width : (row + 1) * width] for row in range(rows)]
