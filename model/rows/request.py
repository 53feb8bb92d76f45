"""The rows of a request, as Seldon's wrapper hands them to a class, back in the types that a card says.

The wrapper makes ``numpy.array`` of the JSON lists, and so does something to the values: with one text among them
every number is turned into text (``0.5`` becomes ``'0.5'``, true ``'True'``), true beside a number becomes 1.0, and
only where a null is among them each value stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.rows.columns import BOOL, NUMBERS, TEXT, Rows, of_matrix


class RequestError(ValueError):
    """A request's rows cannot be read; one line says what was expected and what was found."""


class RequestRows:
    """Reads requests for the columns ``names`` of ``types`` (none: each column's type is seen from its values)."""

    def __init__(self, names: Sequence[str], types: Sequence[str]) -> None:
        self._names = tuple(names)
        self._types = tuple(types)
        self._place = {name: place for place, name in enumerate(names)}

    def read(self, values: Any, names: Sequence[str] | None) -> Rows:
        """The rows, columns in the order of the card. Raises `RequestError`."""
        array = self._in_order(_array(values), names)
        types = self._types or _seen(array)
        if types == ("float64",) * len(types):
            return of_matrix(_matrix(array), self._names)
        is_text = array.dtype.kind in "US" or (array.dtype.kind == "O" and TEXT in types)
        columns = tuple(
            _READ[kind](column, name, is_text) for name, kind, column in zip(self._names, types, array.T, strict=True)
        )
        return Rows(self._names, types, columns)

    def _in_order(self, array: NDArray[Any], names: Sequence[str] | None) -> NDArray[Any]:
        if array.ndim != 2 or not array.size:
            raise RequestError(
                f"rows: expected at least one row of {len(self._names)} features, got shape {array.shape}"
            )
        if names is not None and len(names):
            array = self._by_name(array, list(names))
        if array.shape[1] != len(self._names):
            raise RequestError(f"rows: expected {len(self._names)} features, got {array.shape[1]}")
        return array

    def _by_name(self, array: NDArray[Any], names: list[str]) -> NDArray[Any]:
        if tuple(names) == self._names:
            return array
        unknown = [name for name in names if name not in self._place]
        if unknown:
            raise RequestError(f"names: expected the model's features, got an unknown {unknown[0]!r}")
        if len(set(names)) != len(names) or len(names) != array.shape[1]:
            raise RequestError(
                f"names: expected each of {array.shape[1]} columns named once, got {len(names)} names of "
                f"{len(set(names))} features"
            )
        missing = [name for name in self._names if name not in names]
        if missing:
            raise RequestError(f"names: expected every feature of the model, got none named {missing[0]!r}")
        return array[:, [names.index(name) for name in self._names]]


def _array(values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:  # rows of unequal length
        raise RequestError(f"rows: expected rows of equal length, got {str(values)[:60]}") from None


def _matrix(array: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers and nulls as float64. Text that reads like a number is refused: JSON has a type for numbers."""
    if array.dtype.kind in "fiu" or (
        array.dtype.kind == "O" and all(value is None or _is_number(value) for value in array.flat)
    ):
        return array.astype(np.float64, copy=False)
    raise RequestError(f"rows: expected numbers, got {str(array.tolist())[:60]}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _seen(array: NDArray[Any]) -> tuple[str, ...]:
    """The type of each column [n, features], for a card that does not say it: text where a value is no number."""
    if array.dtype.kind not in "USO":
        return ("float64",) * array.shape[1]
    return tuple("float64" if all(map(_reads_as_number, column.tolist())) else TEXT for column in array.T)


def _reads_as_number(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return value is None
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _floats(kind: str) -> Callable[[NDArray[Any], str, bool], NDArray[Any]]:
    def read(column: NDArray[Any], name: str, is_text: bool) -> NDArray[Any]:
        return np.array([_number(value, name, is_text) for value in column.tolist()], np.float64).astype(kind)

    return read


def _number(value: Any, name: str, is_text: bool) -> float:
    if value is None:
        return float("nan")
    if _is_number(value):
        return float(value)
    if is_text and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise RequestError(f"rows: expected a number or null in column {name!r}, got {str(value)[:60]!r}")


def _wholes(column: NDArray[Any], name: str, is_text: bool) -> NDArray[Any]:
    numbers = [_number(value, name, is_text) for value in column.tolist()]
    if not all(number.is_integer() for number in numbers):
        raise RequestError(f"rows: expected whole numbers in column {name!r}, got {numbers[:3]}")
    return np.array([int(number) for number in numbers], np.int64)


_BOOLEANS: Final = {"True": True, "False": False, 1: True, 0: False}


def _booleans(column: NDArray[Any], name: str, is_text: bool) -> NDArray[Any]:  # noqa: ARG001
    values = column.tolist()
    if any(value is not None and value not in _BOOLEANS for value in values):
        raise RequestError(f"rows: expected true, false or null in column {name!r}, got {str(values)[:60]}")
    objects = np.array([None if value is None else _BOOLEANS[value] for value in values], dtype=object)
    return objects if any(value is None for value in values) else objects.astype(np.bool_)


def _texts(column: NDArray[Any], name: str, is_text: bool) -> NDArray[Any]:  # noqa: ARG001
    values = column.tolist()
    if not all(value is None or isinstance(value, str) for value in values):
        raise RequestError(f"rows: expected text or null in column {name!r}, got {str(values)[:60]}")
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


_READ: Final[dict[str, Callable[[NDArray[Any], str, bool], NDArray[Any]]]] = {
    **{kind: _floats(kind) for kind in NUMBERS if kind != "int64"},
    "int64": _wholes,
    BOOL: _booleans,
    TEXT: _texts,
}
