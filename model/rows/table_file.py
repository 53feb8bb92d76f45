"""Parquet and CSV files of rows, read into typed columns. By Arrow: pandas takes longer to import than to read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.rows.columns import BOOL, FLOATS, LARGEST_WHOLE, NUMBERS, TEXT

SUFFIXES: Final = (".parquet", ".csv")
"""Endings of the files that can be read, in small letters."""
_ARROW_FLOATS: Final = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""numpy's names of Arrow's floating-point types: what Arrow calls float has 32 bits, and numpy's float has 64."""
_OF_CSV: Final = {TEXT: pa.string(), BOOL: pa.bool_(), "int64": pa.int64()} | dict.fromkeys(FLOATS, pa.float64())


class TableError(Exception):
    """A file is not a table that can be used: what was expected and what was found, without the file's name."""

    def __init__(self, expected: str, observed: str) -> None:
        super().__init__(f"expected {expected}, got {observed}")


def read_table(path: Path, content: bytes, types: Mapping[str, str]) -> pa.Table:
    """The table in the bytes of a file. ``types``: of columns by name, by which a CSV file is read; others are guessed.

    In CSV an empty place, ``NA``, ``NaN`` and what else ``pandas.read_csv`` takes so is missing, in text too. Raises
    `TableError`.
    """
    try:
        if path.suffix.lower() == ".csv":
            return _of_csv(content, types)
        # On one thread: Arrow's pool, once started, sometimes aborts the process at its exit (seen with pyarrow 25).
        # And not by read_table, which imports pandas first: that takes longer than all else of a load test's start.
        return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        kind = "CSV" if path.suffix.lower() == ".csv" else "parquet"
        raise TableError(f"a {kind} file", str(error).splitlines()[0].rstrip(".")) from error


def _of_csv(content: bytes, types: Mapping[str, str]) -> pa.Table:
    from pyarrow import csv  # noqa: PLC0415  (most files are Parquet)

    return csv.read_csv(
        io.BytesIO(content),
        read_options=csv.ReadOptions(use_threads=False, block_size=max(len(content), 1)),
        convert_options=csv.ConvertOptions(
            column_types={name: _OF_CSV[kind] for name, kind in types.items()}, strings_can_be_null=True
        ),
    )


def check_columns(columns: Sequence[str], needed: Sequence[str], named: str) -> None:
    """Raise `TableError` unless each needed column is there once. ``named``: all of them, in words."""
    for name in needed:
        number = columns.count(name)
        if number != 1:
            raise TableError(f"{named} once", f"{number} named {name!r}" if number else f"none named {name!r}")


def type_of(kind: pa.DataType) -> str | None:
    """The type of `columns.TYPES` that fits a column of a file; None if none does."""
    if pa.types.is_dictionary(kind):
        return type_of(kind.value_type)
    if pa.types.is_boolean(kind):
        return BOOL
    if pa.types.is_integer(kind):
        return "int64"
    if pa.types.is_floating(kind):
        return _ARROW_FLOATS[str(kind)]
    return TEXT if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None


def column_of(table: pa.Table, name: str, kind: str) -> NDArray[Any]:
    """The column as `columns.Rows` holds one of that type. Raises `TableError` if it holds anything else.

    Numbers are finite or missing. Whole numbers are none missing and none too large for a floating-point number.
    """
    column = table.column(name)
    own = type_of(column.type)
    if kind not in NUMBERS:
        if own != kind and not (own is None and not len(column) - column.null_count):
            raise TableError(f"{'text' if kind == TEXT else 'true and false'} in column {name!r}", str(column.type))
        return _objects(column.to_pylist(), boolean=kind == BOOL)
    if own not in NUMBERS and len(column) > column.null_count:
        raise TableError(f"numbers in column {name!r}", str(column.type))
    if kind == "int64":
        return _whole(column, name)
    values = numbers_of(column).astype(np.float64) if own in NUMBERS else np.zeros(len(column))
    values = np.where(_absent(column), np.nan, values)
    if np.isinf(values).any():
        place = int(np.flatnonzero(np.isinf(values))[0])
        raise TableError(f"finite numbers in column {name!r}", f"{values[place]} in row {place + 1}")
    return values.astype(kind)


def numbers_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """The column's numbers from Arrow's own buffer (``to_numpy`` imports pandas).

    Where a number is missing, the value is arbitrary.
    """
    array = column.combine_chunks()
    dtype = _ARROW_FLOATS.get(str(array.type), str(array.type))
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(0, dtype)
    values: NDArray[Any] = np.frombuffer(buffer, dtype)
    return values[array.offset : array.offset + len(array)]


def _whole(column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    if not pa.types.is_integer(column.type) or column.null_count:
        observed = f"{column.type} with {column.null_count} empty" if column.null_count else str(column.type)
        raise TableError(f"integers in column {name!r}", observed)
    values = numbers_of(column).astype(np.int64)
    if len(values) and int(np.abs(values).max()) > LARGEST_WHOLE:
        raise TableError(f"integers up to 2**53 in column {name!r}, as JSON holds them", str(np.abs(values).max()))
    return values


def _absent(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which places of the column are empty [n]."""
    if not column.null_count:
        return np.zeros(len(column), np.bool_)
    return np.array([value is None for value in column.to_pylist()])


def _objects(values: list[Any], *, boolean: bool) -> NDArray[Any]:
    if boolean and None not in values:
        return np.array(values, np.bool_)
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects
