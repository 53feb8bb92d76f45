"""The counts that the models' own metrics endpoints showed, as ``exposed.json``: the exposed witness.

Each endpoint is read twice: when the load has ended, and when the last samples have been fetched. Whatever is counted
meanwhile, a scrape between the two saw at least what the first reading showed, and at most what the second showed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from analysis.evidence.queries import COUNTER_SUFFIX
from analysis.record.decoding import decode
from model.contract import CELL_OF_METRIC, CELLS, LABEL_METHOD, LABEL_PREDICTOR, METHOD_FEEDBACK

SCHEMA_VERSION: Final = 1
Cells = tuple[float, float, float, float]
"""A count for each of `CELLS`, in their order."""


@dataclass(frozen=True, slots=True)
class ExposedCounts:
    """One reading of one endpoint.

    ``counts``: by predictor, the count of each cell. ``problem``: why it could not be read, or None. ``at_s``: when it
    was asked and when it had answered, in seconds since the epoch on the ledger's clock; None where that was not
    recorded, and then it was read after the last samples had been fetched.
    """

    instance: str
    counts: Mapping[str, Cells]
    problem: str | None = None
    at_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """The file's content. ``cells``: names of the four counts, in their order."""

    schema: int
    cells: tuple[str, ...]
    endpoints: tuple[ExposedCounts, ...]


def counts_of(series: Sequence[tuple[str, Mapping[str, str], float]]) -> dict[str, Cells]:
    """Counts per predictor of (metric, labels, value) series, summed over workers; feedback only.

    Gauges where a predictor has any, else Seldon's COUNTERs of the same name, as `evidence.scrapes.targets.cell_series`
    has it.
    """
    feedback = [sample for sample in series if sample[1].get(LABEL_METHOD) == METHOD_FEEDBACK]
    gauges = _sums(feedback, "")
    return _sums(feedback, COUNTER_SUFFIX) | gauges


def _sums(series: Sequence[tuple[str, Mapping[str, str], float]], suffix: str) -> dict[str, Cells]:
    sums: dict[str, list[float]] = {}
    names = {metric + suffix: CELLS.index(cell) for metric, cell in CELL_OF_METRIC.items()}
    for metric, labels, value in series:
        if metric in names:
            sums.setdefault(labels.get(LABEL_PREDICTOR, ""), [0.0] * len(CELLS))[names[metric]] += value
    return {name: (tp, fp, tn, fn) for name, (tp, fp, tn, fn) in sums.items()}


def text(exposed: Sequence[ExposedCounts]) -> str:
    """The file's content."""
    endpoints = [asdict(reading) for reading in exposed]
    return json.dumps({"schema": SCHEMA_VERSION, "cells": CELLS, "endpoints": endpoints}, indent=1) + "\n"


def read(path: Path) -> tuple[ExposedCounts, ...]:
    """The endpoints in a file; empty without a file. Raises ValueError for a file that is not one of ours."""
    try:
        content = decode(path.read_bytes(), _File)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise ValueError(f"reading the endpoints' counts: {path.name} cannot be read: {error}") from error
    if content.schema != SCHEMA_VERSION or content.cells != tuple(CELLS):
        expected = f"schema {SCHEMA_VERSION} with the cells {', '.join(CELLS)}"
        raise ValueError(f"reading the endpoints' counts: expected {expected} in {path.name}, got something else")
    return content.endpoints
