"""The counts that the models' own metrics endpoints showed after the run, as ``exposed.json``: the exposed witness."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analysis.evidence.queries import COUNTER_SUFFIX
from model.contract import CELL_OF_METRIC, CELLS, LABEL_METHOD, LABEL_PREDICTOR, METHOD_FEEDBACK

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ExposedCounts:
    """One endpoint, read once after the run.

    ``counts``: by predictor, the count of each cell. ``problem``: why it could not be read, or None.
    """

    instance: str
    counts: Mapping[str, tuple[float, ...]]
    problem: str | None = None


def counts_of(series: Sequence[tuple[str, Mapping[str, str], float]]) -> dict[str, tuple[float, ...]]:
    """Counts per predictor of (metric, labels, value) series, summed over workers; feedback only.

    Gauges where a predictor has any, else Seldon's COUNTERs of the same name, as `evidence.trajectories.cell_series`
    has it.
    """
    feedback = [sample for sample in series if sample[1].get(LABEL_METHOD) == METHOD_FEEDBACK]
    gauges = _sums(feedback, "")
    return _sums(feedback, COUNTER_SUFFIX) | gauges


def _sums(series: Sequence[tuple[str, Mapping[str, str], float]], suffix: str) -> dict[str, tuple[float, ...]]:
    sums: dict[str, list[float]] = {}
    names = {metric + suffix: CELLS.index(cell) for metric, cell in CELL_OF_METRIC.items()}
    for metric, labels, value in series:
        if metric in names:
            sums.setdefault(labels.get(LABEL_PREDICTOR, ""), [0.0] * len(CELLS))[names[metric]] += value
    return {name: tuple(counts) for name, counts in sums.items()}


def text(exposed: Sequence[ExposedCounts]) -> str:
    """The file's content."""
    endpoints = [
        {"instance": endpoint.instance, "counts": endpoint.counts, "problem": endpoint.problem} for endpoint in exposed
    ]
    return json.dumps({"schema": SCHEMA_VERSION, "cells": CELLS, "endpoints": endpoints}, indent=1) + "\n"


def read(path: Path) -> tuple[ExposedCounts, ...]:
    """The endpoints in a file; empty without a file. Raises ValueError for a file that is not one of ours."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    try:
        if content["schema"] != SCHEMA_VERSION:
            raise ValueError(f"reading {path}: expected schema {SCHEMA_VERSION}, got {content['schema']}")
        return tuple(
            ExposedCounts(
                endpoint["instance"],
                {name: tuple(counts) for name, counts in endpoint["counts"].items()},
                endpoint["problem"],
            )
            for endpoint in content["endpoints"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"reading {path}: expected the exposed counts, got something without {error}") from error
