"""The judge on models that publish under other names and in other forms: the same verdicts and diagnoses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import any_world
import worlds
from alterations import ALONE, is_cell
from analysis.capacity.step import live_minus_offline
from analysis.claims import metric_map
from analysis.claims.metric_map import MetricMap
from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.evidence.samples import Series
from analysis.judge import registry
from analysis.record import runfolder
from analysis.record.ledger import Kind
from analysis.report import terminal
from analysis.report.reports import render_all
from analysis.result.content import content_of
from analysis.result.parse import parse
from analysis.verdict import Finding, Verdict
from model.contract import CELL_OF_METRIC, CELLS
from worlds import PRIMARY, SHADOW, START_NS, World

Labels = tuple[str, dict[str, str]]
IN_A_LABEL = """
[match]
deployment_name = "{deployment}"
predictor_name = "{predictor}"
""" + "".join(
    f'[[series]]\nmetric = "credit_outcome_total"\nmatch = {{ outcome = "{cell}" }}\ncounts = "{cell}"\n'
    for cell in CELLS
)
TOTALS = """
[match]
deployment_name = "{deployment}"
predictor_name = "{predictor}"

[[series]]
metric = "right_total"
counts = "correct"

[[series]]
metric = "rows_total"
counts = "all"
"""
UNLIKE = worlds.world(
    tuple(event for event in ALONE.events if event.row and (event.row > 1 or event.sent_ns < START_NS + 5 * 10**9))
)
"""The load without some of its rows, so that no two cells have the same count."""
SPLIT = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)
SERVER = {"method": "io.seldon.serving.feedback.metrics"}


def _of_server(metric: str, label: str) -> Labels:
    return f"seldon_metric_{metric}_total", {"class": f"CLASS_{label}", **SERVER}


FORMS: Mapping[str, tuple[MetricMap, dict[str, list[Labels]]]] = {
    "in a label": (
        metric_map.parse(IN_A_LABEL, "own"),
        {cell: [("credit_outcome_total", {"outcome": cell})] for cell in CELLS},
    ),
    "matrix": (
        metric_map.load("confusion-matrix"),
        {
            "tp": [("confusion_total", {"truth": "1", "predicted": "1"})],
            "fp": [("confusion_total", {"truth": "0", "predicted": "1"})],
            "tn": [("confusion_total", {"truth": "0", "predicted": "0"})],
            "fn": [("confusion_total", {"truth": "1", "predicted": "0"})],
        },
    ),
    "metrics server": (
        metric_map.load("seldon-metrics-server-multiclass"),
        {
            "tp": [_of_server("true_positive", "1.0"), _of_server("true_negative", "1.0")],
            "fp": [_of_server("false_negative", "0.0"), _of_server("false_positive", "1.0")],
            "tn": [_of_server("true_positive", "0.0"), _of_server("true_negative", "0.0")],
            "fn": [_of_server("false_negative", "1.0"), _of_server("false_positive", "0.0")],
        },
    ),
    "right and all": (
        metric_map.parse(TOTALS, "totals"),
        {
            "tp": [("right_total", {}), ("rows_total", {})],
            "fp": [("rows_total", {})],
            "tn": [("right_total", {}), ("rows_total", {})],
            "fn": [("rows_total", {})],
        },
    ),
}


def published(form: str, exchanged: Mapping[str, str] | None = None) -> Callable[[list[Series]], list[Series]]:
    """The cells' series in another form; ``exchanged``: for a cell, the one that is counted in its place."""

    def alter(stored: list[Series]) -> list[Series]:
        kept = [series for series in stored if not is_cell(series)]
        sums: dict[str, Series] = {}
        for series in (series for series in stored if is_cell(series)):
            cell = CELL_OF_METRIC[series.metric]
            for metric, labels in FORMS[form][1][(exchanged or {}).get(cell, cell)]:
                renamed = replace(series, metric=metric, labels={**series.labels, **labels})
                key = f"{metric} {sorted(renamed.labels.items())}"
                before = sums.get(key)
                sums[key] = renamed if before is None else replace(before, value=before.value + renamed.value)
        return kept + list(sums.values())

    return alter


def judged(folder: Path, form: str, world: World) -> tuple[Verdict, dict[str, Finding], dict[str, object]]:
    folder.mkdir(exist_ok=True)
    run = replace(worlds.put(folder, world), metrics=metric_map.recorded(FORMS[form][0]))
    runfolder.write(folder, run)
    worlds.reseal(folder)
    evidence = arrange(files.read(folder, runfolder.read(folder)))
    findings = registry.judge(evidence)
    worst = sorted(findings, key=lambda finding: finding.verdict)
    return registry.verdict(findings), {finding.check: finding for finding in worst}, content_of(evidence, findings)


@pytest.mark.parametrize("form", FORMS)
def test_a_right_model_passes_in_any_form(tmp_path: Path, form: str) -> None:
    verdict, worst, content = judged(tmp_path, form, replace(ALONE, alter=published(form), prior=7))
    assert verdict is Verdict.PASS, worst
    predictor = content["predictors"]["default"]  # type: ignore[index]
    assert predictor["live"] == (None if form == "right and all" else predictor["offline"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lost", [0, 3])
def test_whatever_is_published_can_be_reported(tmp_path: Path, form: str, lost: int) -> None:
    """The terminal, the reports and a capacity step read the result, and none of them says that there is no sample."""
    world = worlds.with_counts(ALONE, "default", ALONE.counts["default"][lost:])
    _, _, content = judged(tmp_path, form, replace(world, alter=published(form)))
    texts = render_all(parse(json.loads(json.dumps(content))), runfolder.read(tmp_path))
    for text in (terminal.summary(content), *texts.values()):
        assert "no live" not in text
        assert "no sample" not in text.lower()
    off = live_minus_offline(content["predictors"])  # type: ignore[arg-type]
    assert off == 0 if not lost else (off or 0) > 0


@pytest.mark.parametrize("form", ["matrix", "right and all"])
def test_bounds_of_what_several_predictors_publish_are_those_of_their_sum(tmp_path: Path, form: str) -> None:
    """Each member has the bounds of the group, as it has those of the cells, and the live counts add up to them."""
    verdict, worst, content = judged(tmp_path, form, replace(SPLIT, alter=published(form)))
    assert verdict is Verdict.PASS, worst
    first, second = (predictor["claims"] for predictor in content["predictors"].values())  # type: ignore[attr-defined]
    for claim, other in zip(first, second, strict=True):
        assert [claim[key] for key in ("name", "low", "high")] == [other[key] for key in ("name", "low", "high")]
        assert claim["low"] <= claim["live"] + other["live"] <= claim["high"]


def test_the_note_of_a_metric_map_is_in_the_result(tmp_path: Path) -> None:
    """Only where the run records a map: the project's own names need none."""
    _, _, content = judged(tmp_path / "server", "metrics server", replace(ALONE, alter=published("metrics server")))
    server = FORMS["metrics server"][0]
    assert content["metrics"] == {"name": server.name, "rows": "first", "note": server.note}
    assert "shows up to 2" in server.note
    (tmp_path / "own").mkdir()
    run = worlds.put(tmp_path / "own", ALONE)
    evidence = arrange(files.read(tmp_path / "own", run))
    assert not {"metrics", "claims", "classes"} & set(content_of(evidence, registry.judge(evidence)))


@pytest.mark.parametrize("form", FORMS)
def test_a_lost_count_fails_in_any_form(tmp_path: Path, form: str) -> None:
    world = worlds.with_counts(ALONE, "default", ALONE.counts["default"][:-3])
    verdict, worst, _ = judged(tmp_path, form, replace(world, alter=published(form)))
    assert verdict is Verdict.FAIL
    assert worst["equality"].diagnosis == "counts lost"
    assert worst["equality"].message.startswith("3 of ")


@pytest.mark.parametrize("form", FORMS)
def test_counts_from_before_and_twice_are_named_in_any_form(tmp_path: Path, form: str) -> None:
    world = worlds.with_counts(ALONE, "default", [*ALONE.counts["default"]] * 2)
    verdict, worst, _ = judged(tmp_path, form, replace(world, alter=published(form)))
    assert verdict is Verdict.FAIL
    assert worst["equality"].diagnosis == "counted twice"


@pytest.mark.parametrize(
    ("form", "exchanged", "diagnosis", "words"),
    [
        ("in a label", {"fp": "fn", "fn": "fp"}, "cells permuted", 'outcome="fp"} reports FN'),
        ("in a label", {"tp": "tn", "tn": "tp", "fp": "fn", "fn": "fp"}, "positive class flipped", "is flipped"),
        ("matrix", {"fp": "fn", "fn": "fp"}, "cells permuted", "truth and answer are exchanged"),
        ("metrics server", {"tp": "fn", "fp": "tn"}, "answer misread", "rows that are all answered 0"),
    ],
)
def test_what_is_exchanged_is_named(
    tmp_path: Path, form: str, exchanged: dict[str, str], diagnosis: str, words: str
) -> None:
    verdict, worst, _ = judged(tmp_path, form, replace(UNLIKE, alter=published(form, exchanged)))
    assert verdict is Verdict.FAIL
    assert worst["equality"].diagnosis == diagnosis
    assert words in worst["equality"].message


def test_series_that_match_no_rule_are_named_with_what_was_expected(tmp_path: Path) -> None:
    verdict, worst, _ = judged(tmp_path, "in a label", ALONE)
    assert verdict is Verdict.INCONCLUSIVE
    assert "credit_outcome_total" in worst["stored"].message


def test_a_class_of_which_nothing_was_counted_has_no_series(tmp_path: Path) -> None:
    """Absent is 0 where another series of the worker is there."""

    def only_counted(stored: list[Series]) -> list[Series]:
        return [series for series in published("matrix")(stored) if not is_cell(series) or np.any(series.value)]

    verdict, worst, _ = judged(tmp_path, "matrix", replace(ALONE, alter=only_counted))
    assert verdict is Verdict.PASS, worst


def test_a_map_in_run_json_that_cannot_be_read_is_no_pass(tmp_path: Path) -> None:
    run = replace(worlds.put(tmp_path, ALONE), metrics={"name": "own", "text": "["})
    runfolder.write(tmp_path, run)
    worlds.reseal(tmp_path)
    findings = registry.judge(arrange(files.read(tmp_path, runfolder.read(tmp_path))))
    assert registry.verdict(findings) is Verdict.INCONCLUSIVE
    assert any("the map is not TOML" in finding.message for finding in findings)


@pytest.mark.parametrize("lost", [0, 2])
def test_a_matrix_beside_the_cells_is_held_against_them(tmp_path: Path, lost: int) -> None:
    """In a mirror, too, whose copies nobody acknowledges: a matrix of two classes is the four cells."""
    world = worlds.world(ALONE.events, (PRIMARY, SHADOW))

    def both(stored: list[Series]) -> list[Series]:
        more = [series for series in published("matrix")(stored) if series.metric == "confusion_total"]
        return stored + [replace(series, value=np.maximum(series.value - lost, 0)) for series in more]

    verdict, findings = worlds.judged(tmp_path, replace(world, alter=both))
    counters = [finding for finding in findings if finding.check == "counters"]
    assert {finding.verdict for finding in counters} == {Verdict.FAIL if lost else Verdict.PASS}
    assert verdict is (Verdict.FAIL if lost else Verdict.PASS), findings
    if lost:
        assert 'confusion_total{truth="1",predicted="1"} grew by' in counters[0].message


def test_counters_under_the_names_of_the_gauges_are_held_against_them(tmp_path: Path) -> None:
    """They were judged by nobody where the gauges are there."""

    def with_less(stored: list[Series]) -> list[Series]:
        counters = [
            replace(series, metric=f"{series.metric}_total", value=np.maximum(series.value - 2, 0))
            for series in stored
            if is_cell(series)
        ]
        return stored + counters

    verdict, findings = worlds.judged(tmp_path, replace(ALONE, alter=with_less))
    assert verdict is Verdict.FAIL
    assert [finding.diagnosis for finding in findings if finding.verdict is Verdict.FAIL] == ["counters differ"]


WITH_PREDICTIONS = metric_map.parse(
    metric_map.load("plumbline").text
    + """
[[series]]
metric = "answers_total"
counts = "predicted"
class = "class"
account = "answers"
events = "predictions"
""",
    "with-predictions",
)


def predictions(kept: Callable[[int], bool]) -> Callable[[list[Series]], list[Series]]:
    """Counters of answers by class beside the cells."""

    def alter(stored: list[Series]) -> list[Series]:
        cell = next(series for series in stored if is_cell(series))
        sent = [event for event in ALONE.events if event.kind is Kind.PREDICT]
        counters = []
        for label in (0, 1):
            ends = np.sort(
                [event.done_ns for number, event in enumerate(sent) if event.predicted == label and kept(number)]
            )
            value = np.searchsorted(ends, cell.time_ms * 10**6, "right").astype(np.float64)
            counters.append(
                replace(cell, metric="answers_total", labels={**cell.labels, "class": str(label)}, value=value)
            )
        return stored + counters

    return alter


@pytest.mark.parametrize("step", [0, 10], ids=["right", "a tenth lost"])
def test_counters_of_predictions_are_held_against_the_answers(tmp_path: Path, step: int) -> None:
    world = replace(ALONE, alter=predictions(lambda number: not step or number % step > 0), duration_ns=0)
    run = replace(worlds.put(tmp_path, world), metrics=metric_map.recorded(WITH_PREDICTIONS))
    runfolder.write(tmp_path, run)
    worlds.reseal(tmp_path)
    findings = registry.judge(arrange(files.read(tmp_path, runfolder.read(tmp_path))))
    assert registry.verdict(findings) is (Verdict.FAIL if step else Verdict.PASS), findings
    wrong = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    assert [finding.diagnosis for finding in wrong] == (["counters differ"] if step else [])
    assert all('answers_total{class="' in finding.message for finding in wrong)
