"""Expected answers that were made elsewhere, by any framework and version: a Parquet or CSV file, and no pickle.

Columns: ``id`` (of the held-out row), ``predicted`` (a class label), optionally ``score`` (of two classes: the higher,
the more positive) or ``score_LABEL`` for each class, and optionally ``artifact`` (whose answers the row has).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from model.rows.columns import BOOL, TEXT
from model.rows.labels import NO_CLASS, Label, indices_of
from model.rows.table_file import SUFFIXES, TableError, check_columns, column_of, read_table, type_of

ID_COLUMN: Final = "id"
PREDICTED_COLUMN: Final = "predicted"
SCORE_COLUMN: Final = "score"
ARTIFACT_COLUMN: Final = "artifact"


class AnswersError(Exception):
    """A file of answers cannot be used; one line says what was expected, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class FileAnswers:
    """Answers to some rows: ``predicted[i]`` (index into the classes) is the answer to the row ``ids[i]``.

    ``scores``: [n] of two classes, [n, classes] of more; None if the file has none. ``sha256`` of the file's bytes.
    """

    ids: NDArray[np.int64]
    predicted: NDArray[np.int16]
    scores: NDArray[np.float64] | None
    sha256: str

    def of_rows(self, ids: NDArray[Any], path: Path) -> FileAnswers:
        """The answers to the rows ``ids``, in that order. Raises `AnswersError` if one has none."""
        order = np.argsort(self.ids, kind="stable")
        places = np.minimum(np.searchsorted(self.ids[order], ids), max(len(order) - 1, 0))
        without = self.ids[order][places] != ids if len(order) else np.ones(len(ids), np.bool_)
        if without.any():
            more = f" and {int(without.sum()) - 1:,} more" if without.sum() > 1 else ""
            raise _problem(
                path, f"an answer to each of {len(ids):,} held-out rows", f"none for id {ids[without][0]}{more}"
            )
        chosen = order[places]
        scores = None if self.scores is None else self.scores[chosen]
        return FileAnswers(self.ids[chosen], self.predicted[chosen], scores, self.sha256)


def is_answers_file(name: str | Path) -> bool:
    """Whether a file holds answers, by its name; all others hold a model."""
    return Path(name).suffix.lower() in SUFFIXES


def artifacts_in(path: Path) -> tuple[str, ...] | None:
    """Names of the artefacts whose answers a file has; None if it does not say whose they are."""
    table = _table(path, _bytes_of(path), (), {})
    if ARTIFACT_COLUMN not in table.column_names:
        return None
    return tuple(dict.fromkeys(str(name) for name in table.column(ARTIFACT_COLUMN).to_pylist()))


def load_answers(path: Path, classes: Sequence[Label], artifact: str | None = None, positive: int = 1) -> FileAnswers:
    """The answers in a file, of ``artifact`` if the file says whose they are.

    ``positive``: index of the positive class, for whose score ``score_LABEL`` may stand. Raises `AnswersError`.
    """
    content = _bytes_of(path)
    table = _table(path, content, classes, {PREDICTED_COLUMN: _kind(classes)})
    try:
        check_columns(table.column_names, (ID_COLUMN, PREDICTED_COLUMN), "the columns id and predicted")
        if artifact is not None and ARTIFACT_COLUMN in table.column_names:
            table = _of_artifact(table, artifact, path)
        ids = _ids(table)
        predicted = _labels(table)
        scores = _scores(table, classes, positive)
    except TableError as error:
        raise _refused(path, error) from error
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        expected = "one answer to each row" + (
            "" if ARTIFACT_COLUMN in table.column_names else ", or a column artifact that says whose it is"
        )
        raise _problem(path, expected, f"{counts.max()} for id {unique[counts > 1][0]}")
    indices = indices_of(predicted, classes)
    if (indices == NO_CLASS).any():
        strange = predicted[int(np.flatnonzero(indices == NO_CLASS)[0])]
        raise _problem(path, f"predictions among the classes {list(classes)}", repr(strange))
    return FileAnswers(ids, indices, scores, hashlib.sha256(content).hexdigest())


def _ids(table: pa.Table) -> NDArray[np.int64]:
    """The ids of the rows. Raises `TableError` where they are no whole numbers, as those of held-out rows are."""
    kind = type_of(table.column(ID_COLUMN).type)
    if kind == TEXT:
        raise TableError("the held-out rows' ids, or their numbers from 0, in column 'id'", "text")
    return column_of(table, ID_COLUMN, "int64")


def _labels(table: pa.Table) -> list[Any]:
    """The predictions as they are in the file; a missing one is None, which is no class."""
    labels: list[Any] = table.column(PREDICTED_COLUMN).to_pylist()
    return labels


def labels_in(path: Path) -> tuple[list[Any], NDArray[np.int64]]:
    """The predictions of a file and the ids of their rows, for a card that does not know the classes yet."""
    table = _table(path, _bytes_of(path), (), {})
    try:
        check_columns(table.column_names, (ID_COLUMN, PREDICTED_COLUMN), "the columns id and predicted")
        return _labels(table), _ids(table)
    except TableError as error:
        raise _refused(path, error) from error


def has_scores(path: Path) -> bool:
    """Whether a file has a column of scores."""
    return any(
        name == SCORE_COLUMN or name.startswith(f"{SCORE_COLUMN}_")
        for name in _table(path, _bytes_of(path), (), {}).column_names
    )


def _scores(table: pa.Table, classes: Sequence[Label], positive: int) -> NDArray[np.float64] | None:
    by_class = [f"{SCORE_COLUMN}_{label}" for label in classes]
    present = [name for name in by_class if name in table.column_names]
    if len(classes) == 2:
        names = [name for name in (SCORE_COLUMN, by_class[positive]) if name in table.column_names]
        if not names and not present:
            return None
        if not names:
            raise TableError(f"the scores of the positive class in a column {by_class[positive]!r}", repr(present[0]))
        return _whole_scores(table, names[0])
    if not present:
        return None
    check_columns(table.column_names, by_class, "a column of scores for each class")
    return np.column_stack([_whole_scores(table, name) for name in by_class])


def _whole_scores(table: pa.Table, name: str) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = column_of(table, name, "float64")
    if np.isnan(scores).any():
        raise TableError(f"a number in each row of column {name!r}", f"{int(np.isnan(scores).sum())} empty")
    return scores


def _of_artifact(table: pa.Table, artifact: str, path: Path) -> pa.Table:
    names = [str(name) for name in table.column(ARTIFACT_COLUMN).to_pylist()]
    places = [place for place, name in enumerate(names) if name == artifact]
    if not places:
        raise _problem(path, f"answers of {artifact!r} in the column artifact", ", ".join(sorted(set(names))[:5]))
    return table.take(pa.array(places, pa.int64()))


def _kind(classes: Sequence[Label]) -> str:
    """The type by which a CSV file's column of labels is read."""
    if any(isinstance(label, str) for label in classes):
        return TEXT
    return BOOL if any(isinstance(label, bool) for label in classes) else "float64"


def _table(path: Path, content: bytes, classes: Sequence[Label], types: dict[str, str]) -> pa.Table:
    kinds = types if classes else {name: kind for name, kind in types.items() if name != PREDICTED_COLUMN}
    try:
        table = read_table(path, content, kinds | {ARTIFACT_COLUMN: TEXT})
    except TableError as error:
        raise _refused(path, error) from error
    if ARTIFACT_COLUMN in table.column_names and type_of(table.column(ARTIFACT_COLUMN).type) != TEXT:
        raise _problem(path, "names in the column artifact", str(table.column(ARTIFACT_COLUMN).type))
    return table


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _problem(path, "a file", error.strerror or str(error)) from error


def _problem(path: Path, expected: str, observed: str) -> AnswersError:
    return _refused(path, TableError(expected, observed))


def _refused(path: Path, error: TableError) -> AnswersError:
    return AnswersError(f"expected answers: {error} ({path}). Correct the file, or the option that names it.")
