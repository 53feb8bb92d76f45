"""A table of rows with a column of truth, as Parquet or CSV, read as a data scientist's own code reads it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.card.errors import CardError
from model.dataset import ID_COLUMN, TRUTH_COLUMN
from model.rows.columns import BOOL, FLOATS, TEXT, Rows
from model.rows.labels import NO_CLASS, Label, indices_of, label_of
from model.rows.table_file import TableError, check_columns, column_of, read_table, type_of


@dataclass(frozen=True, slots=True)
class Source:
    """A table that was read. ``target``: name of its column of truth; ``id_column``: of its ids, or None."""

    path: Path
    table: pa.Table
    target: str
    id_column: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that can be features."""
        return tuple(name for name in self.table.column_names if name not in {self.target, self.id_column})

    def features(self, names: Sequence[str]) -> Rows:
        """The rows of these columns. Raises `CardError` if one is missing, or of a type that cannot be sent."""
        try:
            check_columns(self.table.column_names, names, "every feature of the model")
            types = tuple(_type_of(self.table, name) for name in names)
            columns = [column_of(self.table, name, kind) for name, kind in zip(names, types, strict=True)]
        except TableError as error:
            raise refused(self.path, error) from error
        return Rows(tuple(names), types, tuple(columns))

    def ids(self) -> NDArray[np.int32]:
        """Id of each row [n]: that of its column, or its number from 0. Raises `CardError`."""
        if self.id_column is None:
            return np.arange(self.table.num_rows, dtype=np.int32)
        if type_of(self.table.column(self.id_column).type) == TEXT:
            raise CardError(
                f"expected whole numbers as ids in column {self.id_column!r}, got text ({self.path}). "
                "Leave --id out: the rows are numbered from 0 then."
            )
        try:
            ids = column_of(self.table, self.id_column, "int64")
            limit = np.iinfo(np.int32).max
            if len(np.unique(ids)) < len(ids) or ids.min() < 0 or ids.max() > limit:
                raise TableError(f"ids from 0 to {limit}, each once, in column {self.id_column!r}", "others")
        except TableError as error:
            raise refused(self.path, error) from error
        return ids.astype(np.int32)

    def labels(self) -> list[Label]:
        """The true class of each row. Raises `CardError` for a row without one."""
        column = self.table.column(self.target)
        if column.null_count:
            error = TableError(f"a class in each row of column {self.target!r}", f"{column.null_count} empty")
            raise refused(self.path, error)
        try:
            return [label_of(value) for value in column.to_pylist()]
        except ValueError as error:
            raise refused(self.path, TableError("labels in column " + repr(self.target), str(error))) from error

    def truth(self, classes: Sequence[Label]) -> NDArray[np.int16]:
        """Index of each row's true class [n]. Raises `CardError` for a label that is none of the classes."""
        labels = self.labels()
        indices = indices_of(labels, classes)
        if (indices == NO_CLASS).any():
            strange = labels[int(np.flatnonzero(indices == NO_CLASS)[0])]
            error = TableError(f"labels among {list(classes)} in column {self.target!r}", repr(strange))
            raise refused(self.path, error)
        return indices


def read_source(path: Path, target: str, id_column: str | None, *, text_labels: bool) -> Source:
    """The table at ``path``. ``text_labels``: in CSV, labels are text, also where they read as numbers.

    CSV is read as ``pandas.read_csv`` reads it: dates stay text, and a column without any value is of numbers. Raises
    `CardError`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refused(path, TableError("a file", error.strerror or str(error))) from error
    try:
        types = {target: TEXT} if text_labels else {}
        table = read_table(path, content, types)
        if path.suffix.lower() == ".csv":
            odd = [
                field.name for field in table.schema if type_of(field.type) is None and not pa.types.is_null(field.type)
            ]
            table = read_table(path, content, types | dict.fromkeys(odd, TEXT)) if odd else table
        needed = [target, *([id_column] if id_column else [])]
        check_columns(table.column_names, needed, "the column of --target" + (" and that of --id" if id_column else ""))
        if not table.num_rows:
            raise TableError("at least one row", "no rows")
    except TableError as error:
        raise refused(path, error) from error
    return Source(path, table, target, id_column)


def heldout_bytes(ids: NDArray[np.int32], rows: Rows, truth: NDArray[np.int16], classes: Sequence[Label]) -> bytes:
    """A held-out file of these rows, as `model.dataset.load_heldout` reads it."""
    columns: dict[str, pa.Array] = {
        ID_COLUMN: pa.array(ids.tolist(), pa.int32()),
        TRUTH_COLUMN: pa.array([classes[place] for place in truth.tolist()]),
    }
    for name, kind, column in zip(rows.names, rows.types, rows.columns, strict=True):
        columns[name] = _array_of(kind, column)
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _array_of(kind: str, column: NDArray[Any]) -> pa.Array:
    if kind == TEXT:
        return pa.array(column.tolist(), pa.string())
    if kind == BOOL:
        return pa.array(column.tolist(), pa.bool_())
    return pa.array(column, pa.from_numpy_dtype(np.dtype(kind)))


def _type_of(table: pa.Table, name: str) -> str:
    """The type of a column of features. Whole numbers with an empty place are floating-point, as in pandas."""
    column = table.column(name)
    kind = type_of(column.type)
    if kind is None and column.null_count == len(column):
        return FLOATS[0]
    if kind is None:
        raise TableError(f"numbers, text, true and false in column {name!r}", str(column.type))
    return FLOATS[0] if kind == "int64" and column.null_count else kind


def refused(path: Path, error: TableError) -> CardError:
    """The error of a table, with its file."""
    return CardError(f"{error} ({path}). Correct the file, or the option that names it.")
