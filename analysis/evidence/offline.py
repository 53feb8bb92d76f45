"""Offline answers: what each artefact answers to each held-out row, as ``offline.parquet``."""

from __future__ import annotations

import json
from collections.abc import Mapping
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

SCHEMA_VERSION: Final = 1
_KEY: Final = b"plumbline.offline"


class OfflineError(Exception):
    """Offline answers are missing or unreadable; one line says why and what to do."""


@dataclass(frozen=True, slots=True)
class ArtifactAnswers:
    """One artefact's answers: ``predicted[i]`` (index into the classes) and decision ``score[i]`` of row ``i``.

    ``threshold``: a score above it means the second class.
    """

    sha256: str
    predicted: Codes
    score: Floats
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class OfflineAnswers:
    """The held-out rows and each artefact's answers to them.

    ``rows[i]``: id of row ``i``; ``truth[i]``: index into ``classes``; ``positive``: index of the positive class.
    ``answers``: by file name of the artefact. ``heldout_sha256``: digest of the file that the rows are from.
    """

    rows: Codes
    truth: Codes
    classes: tuple[int, ...]
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
        if not 0 <= self.positive < len(self.classes):
            raise ValueError(f"offline: positive class {self.positive} is not one of {len(self.classes)}")


def write(path: Path, offline: OfflineAnswers) -> None:
    """Write ``offline.parquet``, whole or not at all: a row for each artefact and held-out row."""
    names = sorted(offline.answers)
    size = len(offline.rows)
    metadata = {
        "schema": SCHEMA_VERSION,
        "classes": list(offline.classes),
        "positive": offline.positive,
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
        "score": of_numbers(np.concatenate([np.empty(0), *(artifact.score for artifact in answers)])),
    }
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns)).replace_schema_metadata(
        {_KEY: json.dumps(metadata, sort_keys=True)}
    )
    write_file(path, lambda temporary: pq.write_table(table, temporary))


def read(path: Path) -> OfflineAnswers:
    """The answers in ``path``. Raises `OfflineError` when it is not such a file."""
    try:
        table = read_parquet(path)
        metadata = decode(table.schema.metadata[_KEY], _AnswersHeader)
        columns = {name: to_numpy(table.column(name).chunk(0)) for name in ("row", "truth", "predicted", "score")}
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
    classes: tuple[int, ...]
    positive: int
    heldout_sha256: str
    artifacts: dict[str, str]
    thresholds: dict[str, float] = field(default_factory=dict)


def _offline_of(metadata: _AnswersHeader, columns: Mapping[str, Any]) -> OfflineAnswers:
    if metadata.schema != SCHEMA_VERSION:
        raise ValueError(f"schema {metadata.schema}")
    names = sorted(metadata.artifacts)
    size = len(columns["row"]) // max(len(names), 1)
    parts = {name: slice(i * size, (i + 1) * size) for i, name in enumerate(names)}
    return OfflineAnswers(
        rows=columns["row"][:size],
        truth=columns["truth"][:size],
        classes=metadata.classes,
        positive=metadata.positive,
        heldout_sha256=metadata.heldout_sha256,
        answers={
            name: ArtifactAnswers(
                metadata.artifacts[name],
                columns["predicted"][part],
                columns["score"][part],
                metadata.thresholds.get(name, 0.0),
            )
            for name, part in parts.items()
        },
    )
