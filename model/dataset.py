"""The breast-cancer rows: the split of the notebook, and anybody's held-out rows as a file.

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
from model.rows.columns import BOOL, NUMBERS, TEXT, Rows, of_matrix
from model.rows.labels import NO_CLASS, Label, indices_of
from model.rows.table_file import TableError, check_columns, column_of, read_table, type_of

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

    ``ids`` [n] int32, unique: row number in scikit-learn's data set, or any. ``rows`` [n]: the features.
    ``truth_index`` [n]: index of each row's true class in ``classes``. ``sha256`` of the file's bytes.
    """

    ids: NDArray[np.int32]
    rows: Rows
    truth_index: NDArray[np.int16]
    classes: tuple[Label, ...]
    sha256: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return self.rows.names

    @property
    def X(self) -> NDArray[Any]:  # noqa: N802  (scikit-learn's name)
        """The features as an array [n, features]."""
        return self.rows.array()

    @property
    def truth(self) -> NDArray[Any]:
        """The true class of each row [n], as its label."""
        return np.array(self.classes)[self.truth_index]


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


def load_heldout(
    path: Path | str,
    features: Sequence[str] = FEATURES,
    classes: Sequence[Label] = CLASSES,
    types: Sequence[str] = (),
) -> Heldout:
    """The held-out rows of a Parquet or CSV file, checked.

    ``features``: names that must be columns, in the order in which the rows are to hold them; ``classes``: labels that
    ``truth`` may hold; ``types``: of the features (those of a card). Without types, columns of numbers are float64, and
    others are text. Raises `DatasetError` for a missing or unreadable file, a column that is missing, there twice or of
    another type, no rows, a duplicate id, infinity, an unknown class.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"held-out rows: expected a file, got {error.strerror or error} ({path}). {advice_for(path)}"
        ) from error
    try:
        return _checked(path, content, tuple(features), tuple(classes), tuple(types))
    except TableError as error:
        raise DatasetError(f"held-out rows: {error} ({path}). {advice_for(path)}") from error


def _checked(
    path: Path, content: bytes, features: tuple[str, ...], classes: tuple[Label, ...], types: tuple[str, ...]
) -> Heldout:
    declared = dict(zip(features, types, strict=True)) if types else {}
    table = read_table(path, content, {ID_COLUMN: "int64", TRUTH_COLUMN: _type_of_labels(classes)} | declared)
    check_columns(table.column_names, (ID_COLUMN, TRUTH_COLUMN, *features), "the columns id, truth and every feature")
    if table.num_rows == 0:
        raise TableError("at least one row", "no rows")
    kinds = types or tuple(_unstated(table, name) for name in features)
    ids = column_of(table, ID_COLUMN, "int64")
    _check_ids(ids)
    columns = [column_of(table, name, kind) for name, kind in zip(features, kinds, strict=True)]
    if set(kinds) == {"float64"}:
        rows = of_matrix(np.column_stack(columns), features)
    else:
        rows = Rows(features, kinds, tuple(columns))
    digest = hashlib.sha256(content).hexdigest()
    return Heldout(ids.astype(np.int32), rows, _truth(table, classes), classes, digest)


def _unstated(table: pa.Table, name: str) -> str:
    """The type of a feature for which the card states none: numbers are float64, and all else must be text."""
    kind = table.column(name).type
    own = type_of(kind)
    if own in NUMBERS:
        return "float64"
    if own != TEXT:
        raise TableError(f"numbers or text in column {name!r}, where the card has no feature_types", str(kind))
    return TEXT


def _type_of_labels(classes: Sequence[Label]) -> str:
    """The type by which a CSV file's column of labels is read."""
    kinds = {type(label) for label in classes}
    return TEXT if str in kinds else BOOL if bool in kinds else "int64"


def _truth(table: pa.Table, classes: Sequence[Label]) -> NDArray[np.int16]:
    """Index of each row's true class. Raises `TableError` for a label that is none of the classes."""
    column = table.column(TRUTH_COLUMN)
    if column.null_count:
        raise TableError(f"a class in each row of column {TRUTH_COLUMN!r}", f"{column.null_count} empty")
    values = column.to_pylist()
    indices = indices_of(values, classes)
    unknown = np.flatnonzero(indices == NO_CLASS)
    if len(unknown):
        raise TableError(f"truth among the classes {list(classes)}", repr(values[int(unknown[0])]))
    return indices


def _check_ids(ids: NDArray[np.int64]) -> None:
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise TableError("unique ids", f"id {unique[counts > 1][0]} {counts.max()} times")
    limit = np.iinfo(np.int32)
    if ids.min() < 0 or ids.max() > limit.max:
        raise TableError(f"ids from 0 to {limit.max}", f"{ids.min()} to {ids.max()}")
