"""The judge on labels that name classes in other ways, name no class of the run, or do not say whose they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import any_world
import worlds
from alterations import ALONE, is_cell
from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.evidence.exposed import ExposedCounts, reading_of
from analysis.evidence.samples import Series
from analysis.record.runfolder import PredictorSpec
from analysis.verdict import Verdict
from mapped import HEAD, MATRIX, in_matrix, judged, wrong
from model.rows.labels import Label
from worlds import MS, PRIMARY, SHADOW, START_NS

WITHOUT_PREDICTOR = metric_map.parse(MATRIX.text.replace('predictor_name = "{predictor}"', ""), "own")


@pytest.mark.parametrize(
    "classes",
    [("1.1", "1.10"), ("v1", "v1.0"), ("01", "1"), ('a"b', "c\\d"), ("nan", "inf"), ("True", "true"), (False, True)],
    ids=str,
)
def test_classes_that_look_like_the_same_number_are_told_apart(tmp_path: Path, classes: tuple[Label, Label]) -> None:
    world = replace(ALONE, alter=in_matrix(lambda text: str(classes[int(text)])))
    verdict, findings = judged(tmp_path, world, MATRIX, classes=classes)
    assert verdict is Verdict.PASS, wrong(findings)


def test_classes_that_are_written_alike_are_not_judged(tmp_path: Path) -> None:
    world = replace(ALONE, alter=in_matrix(lambda _: "1"))
    verdict, findings = judged(tmp_path, world, MATRIX, classes=(1, "1"))
    assert verdict is Verdict.INCONCLUSIVE
    assert "two classes of the rows are both written 1" in wrong(findings)["stored"].message


@pytest.mark.parametrize("beside", [False, True])
def test_counts_of_a_class_that_the_rows_have_not_are_no_pass(tmp_path: Path, beside: bool) -> None:
    """A sum over the matrix holds them."""

    def with_another(stored: list[Series]) -> list[Series]:
        series = in_matrix(beside=beside)(stored)
        of_one = next(own for own in series if own.labels.get("truth") == own.labels.get("predicted") == "1")
        return [*series, replace(of_one, labels={**of_one.labels, "predicted": "9"})]

    chosen = metric_map.load("plumbline") if beside else MATRIX
    verdict, findings = judged(tmp_path, replace(ALONE, alter=with_another), chosen)
    assert verdict is Verdict.INCONCLUSIVE
    assert list(wrong(findings)) == ["stored"]
    assert "confusion_total with predicted=9, truth=1 changed during the run" in wrong(findings)["stored"].message


def test_counts_of_another_class_that_stand_still_do_not_matter(tmp_path: Path) -> None:
    def with_another(stored: list[Series]) -> list[Series]:
        series = in_matrix()(stored)
        of_one = next(own for own in series if own.metric == "confusion_total")
        return [*series, replace(of_one, labels={**of_one.labels, "predicted": "9"}, value=0 * of_one.value + 5)]

    verdict, findings = judged(tmp_path, replace(ALONE, alter=with_another, prior=7), MATRIX)
    assert verdict is Verdict.PASS, wrong(findings)


def test_a_class_in_another_spelling_is_no_lost_count(tmp_path: Path) -> None:
    world = replace(ALONE, alter=in_matrix(lambda text: "one" if text == "1" else text))
    verdict, findings = judged(tmp_path, world, MATRIX)
    assert verdict is Verdict.INCONCLUSIVE
    assert "35 counts are missing, and 35 are in series that name no class" in wrong(findings)["equality"].message


def test_more_lost_than_is_in_another_spelling_is_a_lost_count(tmp_path: Path) -> None:
    world = replace(ALONE, alter=in_matrix(lambda text: "one" if text == "1" else text))
    less = worlds.with_counts(world, "default", [count for count in world.counts["default"] if count.cell != 0])
    verdict, findings = judged(tmp_path, less, MATRIX)
    assert verdict is Verdict.FAIL
    assert wrong(findings)["equality"].diagnosis == "counts lost"


@pytest.mark.parametrize("predictors", [(PRIMARY, SHADOW), any_world.SPLIT], ids=["mirror", "split"])
def test_series_that_do_not_say_of_which_predictor_they_are_prove_nothing(
    tmp_path: Path, predictors: tuple[PredictorSpec, ...]
) -> None:
    """The front door refuses such a map; a run folder may come from elsewhere."""
    world = worlds.world(ALONE.events, predictors)
    world = any_world.shared(world, 0) if predictors is any_world.SPLIT else world
    verdict, findings = judged(tmp_path, replace(world, alter=in_matrix()), WITHOUT_PREDICTOR)
    assert verdict is Verdict.INCONCLUSIVE
    assert "no label of the metric map says of which predictor" in wrong(findings)["stored"].message


def test_an_endpoint_that_does_not_say_of_which_predictor_its_counts_are(tmp_path: Path) -> None:
    """Where no label does, or where a scrape adds it."""
    cells = [0.0] * 4
    for count in ALONE.counts["default"]:
        cells[count.cell] += 1
    tp, fp, tn, fn = cells
    reading = ExposedCounts("10.0.0.0:6000", {"": (tn, fp, fn, tp)}, keys=("0>0", "0>1", "1>0", "1>1"))
    world = replace(ALONE, alter=in_matrix())
    for name, chosen in {"none": WITHOUT_PREDICTOR, "scrape": MATRIX}.items():
        verdict, findings = judged(tmp_path / name, world, chosen, readings=[reading])
        assert verdict is Verdict.PASS, wrong(findings)
    less = replace(reading, counts={"": (tn, fp, fn, tp - 1)})
    verdict, findings = judged(tmp_path / "less", world, MATRIX, readings=[replace(less, at_s=(0.0, 1.0)), less])
    assert verdict is Verdict.FAIL
    assert wrong(findings)["exposed"].diagnosis == "pipeline"


ANSWERS_TOO = metric_map.parse(
    HEAD
    + '[[series]]\nmetric = "other"\ncounts = "all"\naccount = "rows"\n'
    + '[[series]]\nmetric = "confusion_total"\ncounts = "pair"\ntruth = "truth"\npredicted = "predicted"\n'
    + 'events = "predictions"\n',
    "own",
)


def test_a_model_that_publishes_counters_of_predictions_only_is_not_judged_by_them(tmp_path: Path) -> None:
    """It counts no feedback, or under another name."""
    verdict, findings = judged(tmp_path, replace(ALONE, alter=in_matrix()), ANSWERS_TOO)
    assert verdict is Verdict.INCONCLUSIVE
    assert "no sample of its counts (other)" in wrong(findings)["stored"].message


def with_rows_in_a_missed_scrape(stored: list[Series]) -> list[Series]:
    """The last scrape before the load fails, and each cell has 3 rows more since; two processes have one worker_id."""
    at_ms = max(int(up.time_ms[up.time_ms < START_NS // MS][-1]) for up in stored if up.metric == "up")
    altered = []
    for series in stored:
        if series.metric == "up":
            altered.append(replace(series, value=np.where(series.time_ms == at_ms, 0.0, series.value)))
        elif is_cell(series):
            kept = series.time_ms != at_ms
            value = (series.value + 3 * (series.time_ms > at_ms))[kept]
            altered.append(replace(series, time_ms=series.time_ms[kept], value=value))
            labels = {**series.labels, "pid": "2"}
            altered.append(replace(series, labels=labels, time_ms=series.time_ms[kept], value=0 * value))
        else:
            altered.append(series)
    return altered


def test_several_series_of_one_worker_do_not_prove_what_is_in_doubt(tmp_path: Path) -> None:
    """The label of workers may be another one, and what came while a scrape was missed may be older than the load."""
    verdict, findings = worlds.judged(tmp_path, replace(ALONE, prior=7, alter=with_rows_in_a_missed_scrape))
    assert verdict is Verdict.INCONCLUSIVE, wrong(findings)
    assert wrong(findings)["stored"].diagnosis == "several series"
    assert wrong(findings)["equality"].diagnosis == "counts from before or foreign"


def test_a_label_that_only_a_scrape_adds_is_not_asked_of_an_endpoint() -> None:
    """A map may match the namespace; the process does not know it."""
    chosen = metric_map.parse(MATRIX.text.replace("[match]", '[match]\nnamespace = "seldon"'), "own")
    selection = select(chosen, (0, 1), 1)
    labels = {"truth": "1", "predicted": "1", "predictor_name": "default"}
    here = [("confusion_total", labels, 3.0), ("other", {"namespace": "b"}, 1.0)]
    assert reading_of("a:1", here, selection, (0.0, 1.0)).counts == {"default": (0.0, 0.0, 0.0, 3.0)}
    elsewhere = [*here, ("confusion_total", {**labels, "namespace": "b"}, 1.0)]
    assert reading_of("a:1", elsewhere, selection, (0.0, 1.0)).counts == {}
