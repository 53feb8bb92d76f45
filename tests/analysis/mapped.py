"""Worlds whose model publishes by a metric map, judged by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import worlds
from alterations import is_cell
from analysis.claims import metric_map
from analysis.claims.metric_map import MetricMap
from analysis.evidence import exposed, files, offline
from analysis.evidence.arrange import arrange
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.samples import Series
from analysis.judge import registry
from analysis.record import runfolder
from analysis.verdict import Finding, Verdict
from model.contract import CELL_OF_METRIC, CELLS
from model.rows.labels import Label
from worlds import ROWS, World

HEAD = '[match]\ndeployment_name = "{deployment}"\npredictor_name = "{predictor}"\n'
CELL_SERIES = "".join(f'[[series]]\nmetric = "rows_{cell}"\ncounts = "{cell}"\n' for cell in CELLS)
MATRIX = metric_map.load("confusion-matrix")
PAIRS = {"tp": ("1", "1"), "fp": ("0", "1"), "tn": ("0", "0"), "fn": ("1", "0")}
Labels = dict[str, str]
Alter = Callable[[list[Series]], list[Series]]


def published(of_cell: Callable[[str], tuple[str, Labels]], *, beside: bool = False) -> Alter:
    """Each cell's series under another name and with more labels; ``beside``: the cells are published, too."""

    def alter(stored: list[Series]) -> list[Series]:
        sums: dict[tuple[str, str], Series] = {}
        for series in stored:
            if is_cell(series):
                metric, labels = of_cell(CELL_OF_METRIC[series.metric])
                renamed = replace(series, metric=metric, labels={**series.labels, **labels})
                before = sums.get(renamed.key)
                sums[renamed.key] = renamed if before is None else replace(before, value=before.value + renamed.value)
        return [series for series in stored if beside or not is_cell(series)] + list(sums.values())

    return alter


def in_matrix(spelled: Callable[[str], str] = str, *, beside: bool = False) -> Alter:
    """A confusion matrix, whose classes are spelled in some way."""

    def of_cell(cell: str) -> tuple[str, Labels]:
        truth, answer = PAIRS[cell]
        return "confusion_total", {"truth": spelled(truth), "predicted": spelled(answer)}

    return published(of_cell, beside=beside)


def in_cells(cell: str) -> tuple[str, Labels]:
    """The names of `CELL_SERIES`."""
    return f"rows_{cell}", {}


def answers_of(classes: Sequence[Label]) -> offline.OfflineAnswers:
    """The offline answers of a world's rows, whose two classes are called so."""
    truth = (np.arange(ROWS) % 2).astype(np.int16)
    given = {name: worlds.answers(name) for name in ("percept.joblib", "lr.joblib")}
    return offline.OfflineAnswers(np.arange(ROWS, dtype=np.int32), truth, tuple(classes), 1, "h" * 64, given)


def judged(
    folder: Path,
    world: World,
    chosen: MetricMap,
    *,
    classes: Sequence[Label] = (0, 1),
    readings: Sequence[ExposedCounts] = (),
) -> tuple[Verdict, tuple[Finding, ...]]:
    """Verdict and findings of the world by a metric map."""
    folder.mkdir(exist_ok=True)
    run = replace(worlds.put(folder, world), metrics=metric_map.recorded(chosen))
    runfolder.write(folder, run)
    if [*map(str, classes)] != ["0", "1"]:
        offline.write(folder / runfolder.OFFLINE_FILE, answers_of(classes))
    if readings:
        (folder / runfolder.EXPOSED_FILE).write_text(exposed.text(readings), encoding="utf-8")
    worlds.reseal(folder)
    findings = registry.judge(arrange(files.read(folder, runfolder.read(folder))))
    return registry.verdict(findings), findings


def wrong(findings: Sequence[Finding]) -> dict[str, Finding]:
    """The first finding of each check that is no PASS."""
    return {finding.check: finding for finding in reversed(findings) if finding.verdict is not Verdict.PASS}
