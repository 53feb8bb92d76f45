"""The breast-cancer rows: the split of the notebook, and the held-out rows as a file.

The split is the notebook's (10 % to train, 90 % held out) with the seed that it lacks. The held-out
file is what every other part reads: the load generator sends its rows, the judge applies the offline
model to them. So the reader is strict: every row that it accepts can be scored.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from model.artifact_name import advice_for

SEED: Final = 0
HELDOUT_SHARE: Final = 0.9
ID_COLUMN: Final = "id"
TRUTH_COLUMN: Final = "truth"

CLASSES: Final = (0, 1)
"""Class labels of the data: 0 is malignant, 1 is benign."""

POSITIVE_CLASS: Final = 1
"""The notebook counts ``truth == 1`` as positive."""

_MEASURES: Final = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
FEATURES: Final = (
    *(f"mean {m}" for m in _MEASURES),
    *(f"{m} error" for m in _MEASURES),
    *(f"worst {m}" for m in _MEASURES),
)
"""Feature names in the order of ``sklearn.datasets.load_breast_cancer``, so that reading needs no scikit-learn."""


class DatasetError(Exception):
    """The held-out file cannot be used; one line says what was expected, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Heldout:
    """The held-out rows.

    ``ids`` [n] int32, unique: row number in scikit-learn's data set. ``X`` [n, features] float64, all
    finite, column j is ``names[j]``. ``truth`` [n] int64: class labels. ``sha256`` of the file's bytes.
    """

    ids: NDArray[np.int32]
    names: tuple[str, ...]
    X: NDArray[np.float64]
    truth: NDArray[np.int64]
    sha256: str


@dataclass(frozen=True, slots=True)
class Split:
    """Training rows and held-out rows; ``*_ids`` are row numbers in scikit-learn's data set."""

    train_x: NDArray[np.float64]
    train_y: NDArray[np.int64]
    test_x: NDArray[np.float64]
    test_y: NDArray[np.int64]
    test_ids: NDArray[np.int32]


def split(seed: int = SEED) -> Split:
    """The notebook's split, ``train_test_split(X, y, test_size=0.9)``, with ``random_state=seed``."""
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415  (a second of import that readers need not pay)
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    features, labels = load_breast_cancer(return_X_y=True)
    ids = np.arange(len(labels), dtype=np.int32)
    train_x, test_x, train_y, test_y, _, test_ids = train_test_split(
        features, labels, ids, test_size=HELDOUT_SHARE, random_state=seed
    )
    return Split(train_x, train_y, test_x, test_y, test_ids)


def heldout_bytes(ids: NDArray[np.int32], rows: NDArray[np.float64], truth: NDArray[np.int64]) -> bytes:
    """The held-out file as bytes; equal input gives equal bytes under one version of pyarrow."""
    columns: dict[str, Any] = {
        ID_COLUMN: pa.array(ids, type=pa.int32()),
        TRUTH_COLUMN: pa.array(truth, type=pa.int64()),
    }
    columns |= {name: pa.array(rows[:, j], type=pa.float64()) for j, name in enumerate(FEATURES)}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def load_heldout(path: Path | str, features: Sequence[str] = FEATURES, classes: Sequence[int] = CLASSES) -> Heldout:
    """The held-out rows of a file, checked.

    ``features``: names that must be columns, in the order in which ``X`` is to hold them; ``classes``:
    labels that ``truth`` may hold (those of a card). Raises `DatasetError` for a missing or unreadable
    file, a column that is missing or there twice, no rows, a duplicate id, NaN or infinity, an unknown class.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        # On one thread: Arrow's pool, once started, sometimes aborts the process at its exit (seen with pyarrow 25).
        # And not by read_table, which imports pandas first: that takes longer than all else of a load test's start.
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except OSError as error:
        raise DatasetError(
            f"held-out rows: expected a file, got {error.strerror or error} ({path}). {advice_for(path)}"
        ) from error
    except pa.ArrowInvalid as error:
        raise DatasetError(
            f"held-out rows: expected a parquet file, got {_first_line(error)} ({path}). {advice_for(path)}"
        ) from error
    _check_columns(table.column_names, (ID_COLUMN, TRUTH_COLUMN, *features), path)
    if table.num_rows == 0:
        raise _problem(path, "at least one row", "no rows")
    ids = _whole_numbers(table, ID_COLUMN, path)
    truth = _whole_numbers(table, TRUTH_COLUMN, path)
    _check_ids(ids, path)
    _check_truth(truth, classes, path)
    rows = np.column_stack([_finite(table, name, ids, path) for name in features])
    return Heldout(ids.astype(np.int32), tuple(features), rows, truth, hashlib.sha256(content).hexdigest())


def _problem(path: Path, expected: str, actual: str) -> DatasetError:
    return DatasetError(f"held-out rows: expected {expected}, got {actual} ({path}). {advice_for(path)}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _check_columns(columns: Sequence[str], needed: Sequence[str], path: Path) -> None:
    """Raise `DatasetError` unless each needed column is there once."""
    for name in needed:
        number = columns.count(name)
        if number != 1:
            actual = f"{number} named {name!r}" if number else f"none named {name!r}"
            raise _problem(path, "the columns id, truth and every feature once", actual)


def _whole_numbers(table: pa.Table, name: str, path: Path) -> NDArray[np.int64]:
    column = table.column(name)
    if not pa.types.is_integer(column.type) or column.null_count:
        actual = f"{column.type} with {column.null_count} empty" if column.null_count else str(column.type)
        raise _problem(path, f"integers in column {name!r}", actual)
    return _numbers(column).astype(np.int64)


_FLOATS: Final = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""numpy's names of Arrow's floating-point types: what Arrow calls float has 32 bits, and numpy's float has 64."""


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """The column's numbers from Arrow's own buffer (``to_numpy`` imports pandas).

    Where a number is missing, the value is arbitrary.
    """
    array = column.combine_chunks()
    dtype = _FLOATS.get(str(array.type), str(array.type))
    numbers: NDArray[Any] = np.frombuffer(array.buffers()[1], dtype)
    return numbers[array.offset : array.offset + len(array)]


def _absent(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which places of the column are empty [n]."""
    if not column.null_count:
        return np.zeros(len(column), np.bool_)
    return np.array([value is None for value in column.to_pylist()])


def _check_ids(ids: NDArray[np.int64], path: Path) -> None:
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise _problem(path, "unique ids", f"id {unique[counts > 1][0]} {counts.max()} times")
    limit = np.iinfo(np.int32)
    if ids.min() < 0 or ids.max() > limit.max:
        raise _problem(path, f"ids from 0 to {limit.max}", f"{ids.min()} to {ids.max()}")


def _check_truth(truth: NDArray[np.int64], classes: Sequence[int], path: Path) -> None:
    unknown = truth[~np.isin(truth, np.asarray(classes))]
    if unknown.size:
        raise _problem(path, f"truth among the classes {list(classes)}", str(unknown[0]))


def _finite(table: pa.Table, name: str, ids: NDArray[np.int64], path: Path) -> NDArray[np.float64]:
    column = table.column(name)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise _problem(path, f"numbers in column {name!r}", str(column.type))
    values = np.where(_absent(column), np.nan, _numbers(column).astype(np.float64))
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise _problem(path, f"finite numbers in column {name!r}", f"{values[wrong][0]} in row id {ids[wrong][0]}")
    return values
