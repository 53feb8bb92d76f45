"""The judge on three classes: counts by pair, by class, and in Seldon's metrics server."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import classification_report

import worlds
from alterations import ALONE, is_cell
from analysis.capacity.step import live_minus_offline
from analysis.claims import metric_map
from analysis.evidence import files, offline
from analysis.evidence.arrange import arrange
from analysis.evidence.samples import Series
from analysis.judge import registry
from analysis.record import runfolder
from analysis.record.ledger import NO_CLASS, Kind, Outcome
from analysis.report import terminal
from analysis.report.reports import render_all
from analysis.result.content import content_of
from analysis.result.parse import parse
from analysis.verdict import Finding, Verdict
from events import Event
from worlds import MS, PRIMARY, ROWS

LABELS = (3, 7, 11)
CLASSES = tuple(str(label) for label in LABELS)
TRUTH = np.arange(ROWS) % 3
PREDICTED = {
    "percept.joblib": np.array([0, 1, 2, 1, 1, 2, 1, 2, 2, 0, 1, 0]),
    "lr.joblib": np.array([0, 1, 2, 0, 2, 2, 0, 1, 1, 0, 1, 2]),
}
FORM_BY_CLASS = metric_map.parse(
    '[match]\ndeployment_name = "{deployment}"\npredictor_name = "{predictor}"\n'
    + "".join(
        f'[[series]]\nmetric = "rows_{counts}_total"\ncounts = "{counts}"\nclass = "class"\n'
        for counts in ("tp", "fp", "tn", "fn")
    ),
    "by-class",
)
MATRIX = metric_map.load("confusion-matrix")
SERVER = metric_map.load("seldon-metrics-server-multiclass")
MAPS = {"matrix": MATRIX, "by class": FORM_BY_CLASS, "metrics server": SERVER}
Pair = tuple[str, str]
Published = dict[tuple[str, tuple[tuple[str, str], ...]], int]


def published(form: str, truth: str, answer: str) -> Published:
    """What an event adds to which series."""
    if form == "matrix":
        return {("confusion_total", (("predicted", answer), ("truth", truth))): 1}
    if form == "by class":
        cells = {
            name: ("t" if (truth == name) == (answer == name) else "f") + ("p" if answer == name else "n")
            for name in CLASSES
        }
        return {(f"rows_{cell}_total", (("class", name),)): 1 for name, cell in cells.items()}
    method = ("method", "io.seldon.serving.feedback.metrics")
    if truth == answer:
        names = [("true_positive", answer), ("true_negative", answer)]
    else:
        names = [("false_negative", truth), ("false_positive", answer)]
    return {(f"seldon_metric_{name}_total", (("class", f"CLASS_{of}"), method)): 1 for name, of in names}


@dataclass(frozen=True)
class Deployment:
    """A load on three classes. ``read``: how the model that counts reads a pair. ``kept``: which rows it counts."""

    events: tuple[Event, ...]
    artifact: str = "percept.joblib"
    read: Callable[[Pair], Pair] = lambda pair: pair
    kept: Callable[[int], bool] = lambda _: True
    times: int = 1


def load() -> tuple[Event, ...]:
    answers = PREDICTED["percept.joblib"]
    return tuple(
        replace(
            event,
            truth=int(TRUTH[event.row]),
            predicted=int(answers[event.row]) if event.kind is Kind.PREDICT else NO_CLASS,
        )
        for event in ALONE.events
    )


def series_of(form: str, deployment: Deployment, stamps: np.ndarray[Any, Any], labels: dict[str, str]) -> list[Series]:
    """Counters at the scrapes; each row is counted when its request ends."""
    moments: dict[tuple[str, tuple[tuple[str, str], ...]], list[int]] = {}
    fed = [event for event in deployment.events if event.kind is Kind.FEEDBACK]
    for number, event in enumerate(fed):
        if not deployment.kept(number):
            continue
        pair = CLASSES[event.truth], CLASSES[PREDICTED[deployment.artifact][event.row]]
        for key in published(form, *deployment.read(pair)):
            moments.setdefault(key, []).extend([event.done_ns - MS // 2] * deployment.times)
    more = {"deployment_name": "metrics-model", "predictor_name": "default", "worker_id": "0", "method": "feedback"}
    return [
        Series(metric, labels | more | dict(own), stamps, np.searchsorted(np.sort(at), stamps * MS, "right") * 1.0)
        for (metric, own), at in moments.items()
    ]


def judged(
    folder: Path, form: str, deployment: Deployment, gates: Sequence[str] = ()
) -> tuple[Verdict, dict[str, Finding], dict[str, Any]]:
    def alter(stored: list[Series]) -> list[Series]:
        cell = next(series for series in stored if is_cell(series))
        up = next(series for series in stored if series.metric == "up")
        kept = [series for series in stored if not is_cell(series)]
        return kept + series_of(
            form, deployment, up.time_ms, {n: cell.labels[n] for n in ("job", "instance", "namespace")}
        )

    folder.mkdir(exist_ok=True)
    world = replace(ALONE, events=deployment.events, duration_ns=0, alter=alter, predictors=(PRIMARY,))
    run = replace(worlds.put(folder, world), metrics=metric_map.recorded(MAPS[form]))
    runfolder.write(folder, run)
    answers = {
        name: offline.ArtifactAnswers(name[0] * 64, predicted.astype(np.int16), np.full(ROWS, np.nan))
        for name, predicted in PREDICTED.items()
    }
    truth = TRUTH.astype(np.int16)
    rows = np.arange(ROWS, dtype=np.int32)
    offline.write(folder / runfolder.OFFLINE_FILE, offline.OfflineAnswers(rows, truth, LABELS, 0, "h" * 64, answers))
    (folder / runfolder.GATES_FILE).write_text(str(list(gates)).replace("'", '"'))
    worlds.reseal(folder)
    evidence = arrange(files.read(folder, runfolder.read(folder)))
    findings = registry.judge(evidence)
    worst = sorted(findings, key=lambda finding: finding.verdict)
    return registry.verdict(findings), {finding.check: finding for finding in worst}, content_of(evidence, findings)


RIGHT = Deployment(load())


@pytest.mark.parametrize("form", MAPS)
def test_a_right_model_of_three_classes_passes(tmp_path: Path, form: str) -> None:
    verdict, worst, content = judged(tmp_path, form, RIGHT)
    assert verdict is Verdict.PASS, worst
    predictor = content["predictors"]["default"]
    assert (predictor["live"], predictor["offline"]) == (None, None)
    classes = predictor["classes"]
    assert classes["labels"] == list(CLASSES)
    if form == "metrics server":
        assert classes["live"]["matrix"] is None
    classes["live"]["matrix"] = classes["offline"]["matrix"]
    assert classes["live"] == classes["offline"]
    fed = [event for event in RIGHT.events if event.kind is Kind.FEEDBACK]
    report = classification_report(
        [CLASSES[event.truth] for event in fed],
        [CLASSES[PREDICTED["percept.joblib"][event.row]] for event in fed],
        output_dict=True,
    )
    assert classes["live"]["accuracy"] == pytest.approx(report["accuracy"])
    for own in classes["live"]["by_class"]:
        expected = report[own["label"]]
        assert [own["precision"], own["recall"], own["f1"], own["support"]] == pytest.approx(list(expected.values()))
    assert list(classes["live"]["macro"].values()) == pytest.approx(list(report["macro avg"].values())[:3])
    assert predictor["timeline"]["live"]["recall"][-1] == pytest.approx(report["macro avg"]["recall"])


@pytest.mark.parametrize("form", MAPS)
def test_the_matrix_has_bounds_where_each_pair_is_published(tmp_path: Path, form: str) -> None:
    """At the end of a load without an unanswered request, both bounds are the offline matrix."""
    _, _, content = judged(tmp_path, form, RIGHT)
    classes = content["predictors"]["default"]["classes"]
    matrix = classes["offline"]["matrix"]
    assert classes["expected"] == ({"low": matrix, "high": matrix} if form == "matrix" else None)


def test_a_request_that_may_have_been_counted_widens_the_bounds_of_its_pair(tmp_path: Path) -> None:
    """The last feedback has no answer: the matrix may have one row more in its cell than was acknowledged."""
    fed = [number for number, event in enumerate(RIGHT.events) if event.kind is Kind.FEEDBACK]
    events = list(RIGHT.events)
    last = events[fed[-1]] = replace(events[fed[-1]], outcome=Outcome.INDETERMINATE, status=0)
    _, _, content = judged(tmp_path, "matrix", replace(RIGHT, events=tuple(events)))
    expected = content["predictors"]["default"]["classes"]["expected"]
    more = np.array(expected["high"]) - np.array(expected["low"])
    pair = int(TRUTH[last.row]), int(PREDICTED["percept.joblib"][last.row])
    assert [tuple(cell) for cell in np.argwhere(more).tolist()] == [pair]
    assert more[pair] == 1


@pytest.mark.parametrize("form", MAPS)
@pytest.mark.parametrize("times", [1, 2])
def test_three_classes_can_be_reported(tmp_path: Path, form: str, times: int) -> None:
    """The terminal, the reports and a capacity step read the result; a wrong count is marked, a right one is not."""
    _, _, content = judged(tmp_path, form, replace(RIGHT, times=times))
    texts = render_all(parse(json.loads(json.dumps(content))), runfolder.read(tmp_path))
    for text in (terminal.summary(content), *texts.values()):
        assert "no live" not in text
        assert "no sample" not in text.lower()
    assert ("✗" in texts["report.md"]) == (times > 1)
    off = live_minus_offline(content["predictors"])
    assert off == 0 if times == 1 else (off or 0) > 0


@pytest.mark.parametrize("form", MAPS)
@pytest.mark.parametrize(
    ("deployment", "diagnosis"),
    [
        (replace(RIGHT, kept=lambda number: number % 9 > 0), "counts lost"),
        (replace(RIGHT, times=2), "counted twice"),
        (replace(RIGHT, artifact="lr.joblib"), "wrong model behind a name"),
        (replace(RIGHT, read=lambda pair: (pair[1], pair[0])), "cells permuted"),
        (replace(RIGHT, read=lambda pair: (pair[0], "3")), "answer misread"),
        (replace(RIGHT, read=lambda pair: ("3", pair[1])), "truth misread"),
    ],
    ids=["lost", "twice", "other model", "transposed", "one answer", "one truth"],
)
def test_a_fault_is_named(tmp_path: Path, form: str, deployment: Deployment, diagnosis: str) -> None:
    verdict, worst, _ = judged(tmp_path, form, deployment)
    assert verdict is Verdict.FAIL
    assert worst["equality"].diagnosis == diagnosis, worst["equality"]


def test_gates_on_three_classes_are_of_accuracy(tmp_path: Path) -> None:
    verdict, worst, _ = judged(tmp_path / "low", "matrix", RIGHT, ["accuracy>=10%"])
    assert verdict is Verdict.PASS, worst
    verdict, worst, _ = judged(tmp_path / "high", "matrix", RIGHT, ["accuracy>=99%"])
    assert verdict is Verdict.FAIL
    verdict, worst, _ = judged(tmp_path / "recall", "matrix", RIGHT, ["recall>=10%"])
    assert verdict is Verdict.INCONCLUSIVE
    assert "recall needs a positive class, and there are 3; gate on accuracy" in worst["gate"].message
