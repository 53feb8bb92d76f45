"""Rows as typed columns: as JSON holds them, as an array, and as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

FLOATS: Final = ("float64", "float32", "float16")
NUMBERS: Final = (*FLOATS, "int64")
BOOL: Final = "bool"
TEXT: Final = "text"
TYPES: Final = (*NUMBERS, BOOL, TEXT)
"""The types that a column of features can have; those of numbers are called as numpy calls them."""
LARGEST_WHOLE: Final = 2**53
"""Whole numbers up to here are the same in JSON's and protobuf's floating-point numbers."""

Cell = float | int | str | bool | None
"""A value as JSON holds it; None is missing."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of features. ``columns[j]`` [n] has the type ``types[j]`` and the name ``names[j]``.

    A column of numbers is an array of that type, in which NaN is missing. One of text, and one of true and false, is an
    array of objects, in which None is missing. ``matrix``: [n, features], the same columns of one type, if they are so
    already: then nothing is copied.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    columns: tuple[NDArray[Any], ...]
    matrix: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.types) == len(self.columns) or set(self.types) - set(TYPES):
            raise ValueError(f"rows: expected a type of {', '.join(TYPES)} and a column for each name")

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def of_numbers(self) -> bool:
        """Whether every column holds numbers."""
        return not set(self.types) - set(NUMBERS)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the columns that have an empty place."""
        return tuple(name for name, column in zip(self.names, self.columns, strict=True) if absent(column).any())

    @property
    def infinite(self) -> bool:
        """Whether a number is infinite."""
        columns = self.columns if self.matrix is None else (self.matrix,)
        return any(column.dtype.kind == "f" and bool(np.isinf(column).any()) for column in columns)

    def take(self, places: Any) -> Rows:
        """The rows at ``places``."""
        matrix = None if self.matrix is None else self.matrix[places]
        columns = (column[places] for column in self.columns)
        return Rows(self.names, self.types, tuple(matrix.T) if matrix is not None else tuple(columns), matrix)

    def cells(self) -> Cells:
        """The values of each row [n][features] as JSON holds them: float32 and float16 as the same number."""
        return Cells(self)

    def array(self) -> NDArray[Any]:
        """[n, features]: of the type to which numpy joins the columns, or of objects if any is text; NaN is missing."""
        if self.matrix is not None:
            return self.matrix
        if all(column.dtype.kind != "O" for column in self.columns):
            return np.column_stack(self.columns)
        array = np.empty((len(self), len(self.columns)), dtype=object)
        for place, column in enumerate(self.columns):
            array[:, place] = _with_nan(column)
        return array

    def frame(self) -> Any:
        """A pandas DataFrame, as ``pandas.read_csv`` would make it: missing text is NaN."""
        import pandas as pd  # noqa: PLC0415  (half a second of import that the load does not pay)

        if self.matrix is not None:
            return pd.DataFrame(self.matrix, columns=list(self.names))
        columns = {
            name: pd.Series(_with_nan(column), dtype=column.dtype)
            for name, column in zip(self.names, self.columns, strict=True)
        }
        return pd.DataFrame(columns)


class Cells(Sequence[Sequence[Cell]]):
    """The values of rows, each row made when it is looked at: Python's numbers take four times the room of numpy's."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> list[Cell]: ...
    @overload
    def __getitem__(self, place: slice) -> list[list[Cell]]: ...
    def __getitem__(self, place: int | slice) -> list[Cell] | list[list[Cell]]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        if self._rows.matrix is not None:
            values = self._rows.matrix[place].tolist()
        else:
            values = [column[place : place + 1].tolist()[0] for column in self._rows.columns]
        return [None if value != value else value for value in values]  # noqa: PLR0124  (NaN is missing)


def of_matrix(matrix: NDArray[Any], names: Sequence[str]) -> Rows:
    """The rows of a matrix [n, features] of numbers, as float64."""
    numbers = np.asarray(matrix, np.float64)
    return Rows(tuple(names), ("float64",) * numbers.shape[1], tuple(numbers.T), numbers)


def absent(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Which places of a column [n] are missing."""
    if column.dtype.kind == "O":
        return np.array([value is None for value in column], np.bool_)
    return np.isnan(column) if column.dtype.kind == "f" else np.zeros(len(column), np.bool_)


def _with_nan(column: NDArray[Any]) -> NDArray[Any]:
    """The column with NaN where it is None. Without a missing place, one of true and false is of that type."""
    if column.dtype.kind != "O":
        return column
    empty = absent(column)
    if not empty.any():
        return column.astype(np.bool_) if column.size and isinstance(column[0], bool) else column
    filled = column.copy()
    filled[empty] = np.nan
    return filled
