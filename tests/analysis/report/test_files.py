"""Writing the reports: from two files to three, whole or not at all, and bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import report_samples as samples
from analysis.report.reports import HTML_FILE, JUNIT_FILE, MARKDOWN_FILE, ReportError, write_reports
from report_samples import Json


@pytest.mark.parametrize("name", samples.EVERY)
def test_three_reports_are_written_the_same_each_time(tmp_path: Path, name: str) -> None:
    """The page, the summary and the JUnit file, byte for byte the same when written again, and nothing beside them."""
    folder = samples.put(tmp_path / "run", samples.EVERY[name]())
    paths = write_reports(folder)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == [HTML_FILE, MARKDOWN_FILE, JUNIT_FILE]
    assert [path.read_bytes() for path in write_reports(folder)] == first
    assert {path.name for path in folder.iterdir()} == {"run.json", "result.json", *(path.name for path in paths)}


def test_a_copied_run_folder_gives_the_same_reports(tmp_path: Path) -> None:
    """Where the folder lies does not show in a report."""
    here, there = (samples.put(tmp_path / name, samples.shadow_pass()) for name in ("here", "there"))
    assert [path.read_bytes() for path in write_reports(here)] == [path.read_bytes() for path in write_reports(there)]


def _without(*keys: str) -> Json:
    content = samples.single_pass()
    inner: Any = content
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    return content


def _with(value: object, *keys: str) -> Json:
    content = samples.single_pass()
    inner: Any = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return content


def _of_classes(value: object, *keys: str | int) -> Json:
    content = samples.three_classes()
    inner: Any = content["predictors"]["default"]
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return content


CELL = ("classes", "live", "matrix")
OF_CLASS = ("classes", "live", "by_class")
BAD_RESULTS: dict[str, tuple[object, str]] = {
    "not an object": ([], "an object at the file"),
    "another schema": (_with(2, "schema"), "expected 1 at schema, got 2"),
    "no findings": (_without("findings"), "a list at findings, got nothing"),
    "no verdict": (_without("verdict"), "PASS, INCONCLUSIVE or FAIL at verdict"),
    "an unknown verdict": (_with("MAYBE", "verdict"), "PASS, INCONCLUSIVE or FAIL at verdict, got 'MAYBE'"),
    "a pass with no finding": (_with([], "findings"), "the verdict INCONCLUSIVE"),
    "a pass over a failure": (_with([samples.PERMUTED], "findings"), "the verdict FAIL"),
    "a finding of no check": (_with([{"verdict": "PASS"}], "findings"), "text at findings[0].check"),
    "no load": (_with("much", "load"), "an object at load"),
    "a count that is a fraction": (_with(1.5, "load", "attempted"), "a whole number at load.attempted, got 1.5"),
    "a count that is true": (_with(True, "load", "attempted"), "a whole number at load.attempted, got True"),
    "a live cell missing": (_without("predictors", "default", "live", "tp"), "predictors.default.live.tp"),
    "a ratio that is text": (_with("high", "predictors", "default", "live", "recall"), "default.live.recall"),
    "a line cut short": (
        _with([0.9], "predictors", "default", "timeline", "live", "recall"),
        "a list of 31, one for each time at predictors.default.timeline.live.recall",
    ),
    "claims that are no list": (_of_classes({}, "claims"), "a list at predictors.default.claims"),
    "a claim without a name": (_of_classes(None, "claims", 0, "name"), "text at predictors.default.claims[0].name"),
    "a bound that is a fraction": (
        _of_classes(0.5, "claims", 1, "low"),
        "a whole number at predictors.default.claims[1].low",
    ),
    "a claim that is true": (
        _of_classes(True, "claims", 1, "live"),
        "a number or null at predictors.default.claims[1].live",
    ),
    "labels that are no list": (_of_classes("abc", "classes", "labels"), "a list at predictors.default.classes.labels"),
    "a label that is a number": (
        _of_classes(3, "classes", "labels", 0),
        "text at predictors.default.classes.labels[0]",
    ),
    "no zero_division": (_of_classes(None, "classes", "zero_division"), "a number at predictors.default.classes.zero"),
    "a class too few": (_of_classes([], *OF_CLASS), "one row for each of 3 labels"),
    "another class": (_of_classes("x", *OF_CLASS, 1, "label"), "one row for each of 3 labels, in their order"),
    "a recall that is text": (_of_classes("1", *OF_CLASS, 1, "recall"), "classes.live.by_class[1].recall, got '1'"),
    "a support that is a fraction": (_of_classes(1.5, *OF_CLASS, 0, "support"), "by_class[0].support, got 1.5"),
    "averages that are no object": (
        _of_classes([], "classes", "live", "macro"),
        "an object at predictors.default.classes",
    ),
    "a matrix that is not square": (_of_classes([1, 2], *CELL, 1), "a list of 3, one for each class at predictors"),
    "a matrix of fractions": (_of_classes(0.5, *CELL, 1, 2), "classes.live.matrix[1][2], got 0.5"),
    "bounds of another size": (_of_classes([[1]], "classes", "expected", "high"), "classes.expected.high"),
    "an average that is a number": (
        _of_classes(1, "timeline", "average"),
        "text at predictors.default.timeline.average",
    ),
    "a metric map without a name": (_with({"rows": "every", "note": ""}, "metrics"), "text at metrics.name"),
    "rows of a map": (_with({"name": "", "rows": "few", "note": ""}, "metrics"), "every or first at metrics.rows"),
    "another run's": (_with("other", "run", "id"), "got that of other"),
}


@pytest.mark.parametrize("name", BAD_RESULTS)
def test_a_garbled_result_is_refused_in_one_line_that_names_the_place(tmp_path: Path, name: str) -> None:
    """Nothing is written, and the message says what was expected, where, and what to do."""
    content, expected = BAD_RESULTS[name]
    folder = samples.put(tmp_path, samples.single_pass())
    (folder / "result.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        write_reports(folder)
    assert expected in str(caught.value)
    assert "judge RUN" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (folder / HTML_FILE).exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "No such file"),
        ("", "expected JSON"),
        ("<html>", "expected JSON"),
        ('{"schema": 1, "x": NaN}', "NaN, which is no JSON number"),
        ("[" * 100_000, "expected JSON"),
        (b"\xff\xfe", "expected JSON"),
    ],
)
def test_a_result_that_is_no_json_is_refused_in_one_line(
    tmp_path: Path, text: str | bytes | None, expected: str
) -> None:
    """Missing, empty, HTML, NaN, nested without end, not UTF-8."""
    folder = samples.put(tmp_path, samples.single_pass())
    path = folder / "result.json"
    path.unlink()
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ReportError, match=expected) as caught:
        write_reports(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"schema": 9}, "schema 1"), ({"asked": []}, r"`\$.asked`"), ({"deployment": 4}, r"`\$.deployment`")],
)
def test_a_garbled_run_is_refused_in_one_line(tmp_path: Path, change: Json, expected: str) -> None:
    """`run.json` is held to its schema just as `result.json` is."""
    folder = samples.put(tmp_path, samples.single_pass())
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ReportError, match=expected) as caught:
        write_reports(folder)
    assert "\n" not in str(caught.value)


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """A folder in the place of a report is refused in one line, and no half-written file is left behind."""
    folder = samples.put(tmp_path, samples.single_pass())
    (folder / HTML_FILE).mkdir()
    with pytest.raises(ReportError, match=r"writing .*report\.html"):
        write_reports(folder)
    assert {path.name for path in folder.iterdir()} == {"run.json", "result.json", HTML_FILE}


def test_keys_that_a_later_judge_adds_are_no_obstacle(tmp_path: Path) -> None:
    """Schema 1 may grow; what is not known is left out."""
    content = samples.shadow_pass()
    content["new"] = content["load"]["new"] = content["predictors"]["shadow"]["new"] = {"a": [1]}
    content["findings"][0]["new"] = 3
    assert len(write_reports(samples.put(tmp_path, content))) == 3


def test_half_a_character_does_not_stop_the_report(tmp_path: Path) -> None:
    """JSON may hold half a surrogate pair, which no file can; it is written as a question mark."""
    content = samples.swapped_cells()
    content["findings"][1]["message"] = "half \ud83d of it"
    for path in write_reports(samples.put(tmp_path, content)):
        assert "of it" in path.read_text(encoding="utf-8")
