"""Offline answers: what each artefact answers to each held-out row, as ``offline.parquet``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.record.arrays import Codes, Floats
from analysis.record.arrow import of_numbers, of_words, read_parquet, to_numpy
from analysis.record.decoding import decode
from model.atomic import write_file
from model.rows.labels import NO_CLASS, Label

SCHEMA_VERSION: Final = 1
_KEY: Final = b"plumbline.offline"


class OfflineError(Exception):
    """Offline answers are missing or unreadable; one line says why and what to do."""


@dataclass(frozen=True, slots=True)
class ArtifactAnswers:
    """One artefact's answers: ``predicted[i]`` (index into the classes) and ``score[i]`` of row ``i``.

    ``score``: towards the positive class [n]; with more than two classes, of each class [n, classes]; NaN without
    scores. ``threshold``: a score above it means the positive class; it means nothing with more than two.
    """

    sha256: str
    predicted: Codes
    score: Floats
    threshold: float = 0.0

    @property
    def has_scores(self) -> bool:
        """Whether each row has a score."""
        return bool(np.isfinite(self.score).all())


@dataclass(frozen=True, slots=True)
class OfflineAnswers:
    """The held-out rows and each artefact's answers to them.

    ``rows[i]``: id of row ``i``; ``truth[i]``: index into ``classes``; ``positive``: index of the positive class, or
    `NO_CLASS` if there is none, which only more than two classes allow.
    ``answers``: by file name of the artefact. ``heldout_sha256``: digest of the file that the rows are from.
    """

    rows: Codes
    truth: Codes
    classes: tuple[Label, ...]
    positive: int
    heldout_sha256: str
    answers: Mapping[str, ArtifactAnswers]

    def __post_init__(self) -> None:
        if len(set(self.rows.tolist())) != len(self.rows):
            raise ValueError("offline: row ids are not distinct")
        if len(self.truth) != len(self.rows) or any(
            len(answers.predicted) != len(self.rows) for answers in self.answers.values()
        ):
            raise ValueError("offline: arrays of different lengths")
        least = NO_CLASS if len(self.classes) > 2 else 0
        if not least <= self.positive < len(self.classes):
            raise ValueError(f"offline: positive class {self.positive} is not one of {len(self.classes)}")


def write(path: Path, offline: OfflineAnswers) -> None:
    """Write ``offline.parquet``, whole or not at all: a row for each artefact and held-out row."""
    names = sorted(offline.answers)
    size = len(offline.rows)
    metadata = {
        "schema": SCHEMA_VERSION,
        "classes": list(offline.classes),
        "positive": None if offline.positive == NO_CLASS else offline.positive,
        "heldout_sha256": offline.heldout_sha256,
        "artifacts": {name: offline.answers[name].sha256 for name in names},
        "thresholds": {name: offline.answers[name].threshold for name in names},
    }
    answers = [offline.answers[name] for name in names]
    columns = {
        "artifact": of_words(names, [size] * len(names)),
        "row": of_numbers(np.tile(offline.rows.astype(np.int32), len(names))),
        "truth": of_numbers(np.tile(offline.truth.astype(np.int16), len(names))),
        "predicted": of_numbers(np.concatenate([np.empty(0, np.int16), *(artifact.predicted for artifact in answers)])),
        **{name: of_numbers(column) for name, column in _score_columns(answers).items()},
    }
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns)).replace_schema_metadata(
        {_KEY: json.dumps(metadata, sort_keys=True)}
    )
    write_file(path, lambda temporary: pq.write_table(table, temporary))


def _score_columns(answers: Sequence[ArtifactAnswers]) -> dict[str, Floats]:
    """One column of two classes, one for each class of more."""
    scores = [artifact.score for artifact in answers]
    if scores and scores[0].ndim == 2:
        return {f"score_{place}": np.concatenate([score[:, place] for score in scores]) for place in _places(scores[0])}
    return {"score": np.concatenate([np.empty(0), *scores])}


def _places(score: Floats) -> range:
    return range(score.shape[1])


def read(path: Path) -> OfflineAnswers:
    """The answers in ``path``. Raises `OfflineError` when it is not such a file."""
    try:
        table = read_parquet(path)
        metadata = decode(table.schema.metadata[_KEY], _AnswersHeader)
        names = ["row", "truth", "predicted", *(name for name in table.column_names if name.startswith("score"))]
        columns = {name: to_numpy(table.column(name).chunk(0)) for name in names}
        return _offline_of(metadata, columns)
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise OfflineError(
            f"reading offline answers: expected {path} as `python -m analysis collect` writes it, got: {reason}."
            " Collect again."
        ) from error


@dataclass(frozen=True, slots=True)
class _AnswersHeader:
    """What the file says beside its table. ``artifacts``: digest by file name; the rest as `OfflineAnswers` has it.

    ``thresholds``: by file name, 0 where there is none, as in files of an earlier version.
    """

    schema: int
    classes: tuple[Label, ...]
    positive: int | None
    heldout_sha256: str
    artifacts: dict[str, str]
    thresholds: dict[str, float] = field(default_factory=dict)


def _offline_of(metadata: _AnswersHeader, columns: Mapping[str, Any]) -> OfflineAnswers:
    if metadata.schema != SCHEMA_VERSION:
        raise ValueError(f"schema {metadata.schema}")
    names = sorted(metadata.artifacts)
    size = len(columns["row"]) // max(len(names), 1)
    score = columns["score"] if "score" in columns else np.column_stack(_in_order(columns, len(metadata.classes)))
    parts = {name: slice(i * size, (i + 1) * size) for i, name in enumerate(names)}
    return OfflineAnswers(
        rows=columns["row"][:size],
        truth=columns["truth"][:size],
        classes=metadata.classes,
        positive=NO_CLASS if metadata.positive is None else metadata.positive,
        heldout_sha256=metadata.heldout_sha256,
        answers={
            name: ArtifactAnswers(
                metadata.artifacts[name],
                columns["predicted"][part],
                score[part],
                metadata.thresholds.get(name, 0.0),
            )
            for name, part in parts.items()
        },
    )


def _in_order(columns: Mapping[str, Any], classes: int) -> list[Floats]:
    return [columns[f"score_{place}"] for place in range(classes)]
