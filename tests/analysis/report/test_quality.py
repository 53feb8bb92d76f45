"""Classes and published counts on the page, in the summary and on a terminal: the numbers, marked where wrong."""

from __future__ import annotations

from typing import Any

import pytest

import page
import report_samples as samples
from analysis.report import html, markdown, terminal
from analysis.result.parse import parse
from report_samples import Json

HOSTILE = '<script>alert("x")</script>|&\'`\n{{ 7*7 }} * [a](b)'


def opened(content: Json) -> page.Element:
    return page.read(html.render(parse(content), samples.run()))


def summary(content: Json) -> str:
    return markdown.render(parse(content), samples.run())


def printed(content: Json) -> list[str]:
    """The lines of a terminal about what was counted."""
    for name, predictor in content["predictors"].items():
        predictor.setdefault("group", [name])
    lines = terminal.summary(content | {"load": None, "findings": []}).splitlines()
    return lines[2:]


def section(root: page.Element, name: str) -> page.Element:
    (element,) = [part for part in root.find_all("section") if part.attributes["id"] == name]
    return element


def shown(table: page.Element) -> list[list[str]]:
    """The texts of each row, with single spaces."""
    rows = [row for part in ("tbody", "tfoot") for body in table.find_all(part) for row in body.find_all("tr")]
    return [[" ".join(cell.text.split()) for cell in row.children if isinstance(cell, page.Element)] for row in rows]


def one_lost() -> Json:
    """Three classes, and one row of the second, answered with the first, was not counted."""
    offline = samples.matrix(3)
    live = [list(row) for row in offline]
    live[1][0] -= 1
    return samples.result("FAIL", [samples.PERMUTED], {"default": samples.of_classes("abc", live, offline)})


def test_the_table_by_class_has_the_numbers_of_the_result() -> None:
    """To the last digit; equal to offline, so each is shown once, with a tick."""
    content = samples.three_classes()
    (table,) = section(opened(content), "classes").find_all("table", "classes")
    side = content["predictors"]["default"]["classes"]["live"]
    rows = [*side["by_class"], side["macro"], side["weighted"]]
    expected = [
        row[key] for row in rows for key in ("precision", "recall", "f1", "support") if row.get(key) is not None
    ]
    assert [float(node.attributes["value"] or "nan") for node in table.find_all("data")] == expected
    assert shown(table)[2] == ["virginica", "undefined ✓", "0.00 % ✓", "0.00 % ✓", "407 ✓"]
    assert [row[0] for row in shown(table)[3:]] == ["macro average", "weighted average"]
    assert "✗" not in opened(content).find_all("body")[0].text


def test_a_ratio_that_differs_is_marked_beside_the_offline_one() -> None:
    """One row too few: rows and recall of its class, precision of the other one, and the averages."""
    (table,) = section(opened(one_lost()), "classes").find_all("table", "classes")
    first, second = shown(table)[:2]
    assert first[1] == "51.18 % offline 51.13 % ✗ +0.06 points"
    assert first[2] == "94.39 % ✓"
    assert second[4] == "466 offline 467 ✗ \N{MINUS SIGN}1"
    assert "| b | 88.44 % ✓ | 88.63 %, offline 88.44 %, ✗ +0.19 points |" in summary(one_lost())


def test_a_difference_within_the_bounds_is_not_marked() -> None:
    """Requests that may or may not have been counted explain it."""
    content = one_lost()
    for claim in content["predictors"]["default"]["claims"]:
        claim["low"] = min(claim["low"], claim["live"])
    classes = content["predictors"]["default"]["classes"]
    classes["expected"]["low"] = classes["live"]["matrix"]
    (table,) = section(opened(content), "classes").find_all("table", "classes")
    assert shown(table)[1][4] == "466 offline 467 \N{MINUS SIGN}1"
    assert "✗" not in section(opened(content), "classes").text


def test_the_wrong_cell_of_the_matrix_is_named() -> None:
    """In the picture with a frame, in the summary's table with what was expected."""
    classes = section(opened(one_lost()), "classes")
    assert [element.text for element in classes.find_all("text", "off")] == ["✗ 54"]
    assert "✗ 1 of 9 cells not as expected" in classes.text
    assert "| b | ✗ 53, expected 54 | 413 | 0 |" in summary(one_lost())
    assert "✓ all 9 cells as expected" in section(opened(samples.three_classes()), "classes").text


def test_what_counts_as_zero_in_an_average_is_stated() -> None:
    for text in (section(opened(samples.three_classes()), "classes").text, summary(samples.three_classes())):
        assert "undefined ratio counts as 0" in text


def test_a_matrix_that_does_not_follow_is_not_called_live() -> None:
    """Seldon's metrics server gives ratios by class and no matrix: the offline one is drawn, and said to be so."""
    content = samples.metrics_server()
    classes = section(opened(content), "classes")
    assert classes.find_all("figure")[0].find_all("b")[0].text == "Offline confusion matrix"
    assert "live: does not follow from what is published" in classes.text
    assert "Offline confusion matrix (live: does not follow from what is published)." in summary(content)


def test_the_note_of_the_metric_map_stands_by_the_counts() -> None:
    """And that only the first row of a request is counted."""
    content = samples.metrics_server()
    note = content["metrics"]["note"]
    counts = section(opened(content), "counts").text
    assert note in counts
    assert "only the first is counted" in counts
    assert note in summary(content).replace("\\", "")
    assert printed(content)[-1] == f"  metrics by the map seldon-metrics-server-multiclass: {note}"
    assert "map" not in section(opened(samples.single_pass()), "counts").text


def test_published_counts_stand_beside_their_bounds() -> None:
    """Where no cell follows from them, they are shown in the place of the cells, which are not said to be missing."""
    content = samples.right_and_all()
    minus = "\N{MINUS SIGN}"
    (table,) = section(opened(content), "counts").find_all("table")
    assert shown(table) == [
        ["right_total", "5,580 to 5,582", "5,579", f"✗ {minus}1"],
        ["rows_total", "6,000", "6,000", "✓ 0"],
    ]
    assert f"| right\\_total | 5,580 to 5,582 | 5,579 | ✗ {minus}1 |" in summary(content)
    assert printed(content) == [
        "  default (percept-model)",
        "    right_total  expected 5,580 to 5,582  live 5,579",
        "    rows_total  expected 6,000  live 6,000",
    ]
    assert "✗ 1 of 2 counts as expected" in opened(content).find_all("header")[0].text
    for text in (opened(content).text, summary(content)):
        assert "no sample" not in text.lower()
        assert "does not follow from what is published" in text


def test_a_map_of_every_row_is_not_said_to_count_the_first() -> None:
    assert "only the first" not in section(opened(samples.right_and_all()), "counts").text


def test_of_many_published_counts_the_wrong_ones_are_listed() -> None:
    """The last of 1,600 is one too many: it alone is on the page, in the summary, and on a terminal without ratios."""
    content = samples.forty_classes()
    last = content["predictors"]["default"]["claims"][-1]
    last["live"] += 1
    name = 'confusion_total{truth="class 39",predicted="class 39"}'
    details = section(opened(content), "counts").find_all("details")[0]
    assert "open" in details.attributes
    assert shown(details.find_all("table")[0]) == [[name, "0", "1", "✗ +1"]]
    assert "1,599 more are in result.json" in details.text
    listed = [line for line in summary(content).splitlines() if "confusion" in line and line.startswith("|")]
    assert listed == [f"| {markdown.plain(name)} | 0 | 1 | ✗ +1 |"]
    content["predictors"]["default"]["classes"]["live"] = None
    lines = printed(content)
    assert lines[1] == f"    {name}  expected 0  live 1"
    assert lines[2] == "    and 1,599 more counts (see the report)"


def test_a_number_that_is_no_count_is_marked() -> None:
    content = samples.right_and_all()
    content["predictors"]["default"]["claims"][1]["live"] = "1e+19"
    (table,) = section(opened(content), "counts").find_all("table")
    assert shown(table)[1] == ["rows_total", "6,000", "1e+19", "✗ no count"]


def test_predictors_that_share_traffic_are_held_to_the_sum_of_what_they_publish() -> None:
    """Half of the counts each: the sum is as expected, and neither half is marked wrong."""
    whole = samples.matrix(3)
    half = [[number // 2 for number in row] for row in whole]
    rest = [[a - b for a, b in zip(*rows, strict=True)] for rows in zip(whole, half, strict=True)]
    predictors = {
        name: samples.of_classes("abc", live, whole, group=["blue", "green"], traffic=50)
        for name, live in (("blue", half), ("green", rest))
    }
    for predictor in predictors.values():
        predictor["classes"]["expected"] = None
    root = opened(samples.result("PASS", [samples.EQUAL], predictors))
    assert "✓ 9 of 9 counts as expected" in root.find_all("header")[0].text
    assert "blue + green" in section(root, "counts").text
    assert "✗" not in root.find_all("body")[0].text


def test_a_sum_that_lacks_a_member_is_not_known() -> None:
    """The bounds are of both; the counts of one of them would be called too few."""
    whole = samples.matrix(3)
    group = {"group": ["blue", "green"], "traffic": 50}
    predictors = {
        "blue": samples.of_classes("abc", whole, whole, **group),
        "green": samples.of_classes("abc", None, whole, **group),
    }
    root = opened(samples.result("INCONCLUSIVE", [samples.NOT_SENT], predictors))
    assert "? nothing to compare with" in root.find_all("header")[0].text
    assert shown(section(root, "counts").find_all("table")[0])[0][1:] == ["454", "no sample", "not known"]


def test_the_terminal_gives_no_bounds_to_a_predictor_that_shares_its_traffic() -> None:
    content = samples.right_and_all()
    content["predictors"]["default"]["group"] = ["default", "canary"]
    assert printed(content)[1] == "    right_total  live 5,579"


def test_the_comparison_of_many_classes_is_cut() -> None:
    """24 of 41 differences; a class keeps its name, and a long one stays within the picture."""
    content = samples.ten_classes()
    name = "recall of an_artificially_long_name_of_a_class"
    interval = {"value": 0.01, "low": -0.02, "high": 0.03}
    content["comparison"]["difference"] = {name: interval} | {f"recall of {i}": interval for i in range(40)}
    part = section(opened(content), "comparison")
    assert len(part.find_all("tbody")[1].find_all("tr")) == 24
    assert "17 more are in result.json" in part.text
    assert name in part.find_all("tbody")[1].text
    drawn = part.find_all("text", "head")[0]
    assert float(drawn.attributes["x"] or 0) - 7 * len(drawn.text) > 0


def test_the_terminal_lists_the_classes_from_the_lowest_recall() -> None:
    """At most a dozen, the rest is counted; offline stands beside where it differs."""
    assert printed(one_lost()) == [
        "  default (percept-model): 3 classes",
        "    live      accuracy 64.03 %  macro precision 46.54 %  recall 61.00 %  F1 51.64 %",
        "    offline   accuracy 63.99 %  macro precision 46.52 %  recall 60.94 %  F1 51.59 %",
        "      c  recall 0.00 % of 407 rows",
        "      b  recall 88.63 % of 466 rows, offline 88.44 %",
        "      a  recall 94.39 % of 481 rows",
    ]
    lines = printed(samples.forty_classes())
    assert lines[15] == "      and 28 more classes (see the report)"
    assert lines[3].startswith("      class 39  recall 0.00 %")


def test_no_live_sample_of_classes_is_said() -> None:
    """The offline side is shown, and nothing has a tick."""
    content = samples.classes_unseen()
    assert printed(content)[0] == "  default (percept-model): 3 classes: no live counts"
    assert "✓ " not in section(opened(content), "classes").find_all("table")[0].text
    assert "? no live sample" in opened(content).find_all("header")[0].text
    assert "live no sample" in summary(content)


def test_many_classes_are_counted_and_not_drawn() -> None:
    """24 lines of 40, no picture of 1,600 cells, and the summary stays short."""
    content = samples.forty_classes()
    classes = section(opened(content), "classes")
    assert [len(table.find_all("tbody")[0].find_all("tr")) for table in classes.find_all("table")] == [24, 24]
    assert "16 more classes are in result.json" in classes.text
    assert classes.find_all("svg") == []
    assert len(summary(content)) < 10_000


def test_the_curves_of_more_classes_are_averages() -> None:
    """Precision and recall say of what they are the average; there is no specificity of several classes."""
    curves = section(opened(samples.three_classes()), "curves")
    heads = [element.find_all("b")[0].text for element in curves.find_all("figcaption")]
    assert heads == ["precision, macro average", "recall, macro average", "accuracy"]
    assert "equal at the end: 60.94 %" in curves.text


@pytest.mark.parametrize("content", [samples.three_classes, samples.ten_classes, samples.right_and_all])
def test_a_label_may_hold_anything(content: Any) -> None:
    """Markup, a cell's end, a new line: it is text on the page, in the summary and on the terminal."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {renamed(key): renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return value.replace("setosa", HOSTILE).replace("class 1 &", HOSTILE).replace("rows_total", HOSTILE) \
            if isinstance(value, str) else value  # fmt: skip

    hostile = renamed(content())
    root = opened(hostile)
    assert len(root.find_all("script")) == 1
    assert "{{ 7*7 }}" in root.text
    lines = summary(hostile).splitlines()
    assert "<script" not in summary(hostile)
    tables = [line.replace("\\|", "").count("|") for line in lines if line.startswith("|")]
    assert len(tables) == len([line for line in lines if line.rstrip().endswith("|")])
    assert all("\n" not in line for line in printed(hostile))
    assert len(printed(hostile)) == len(printed(renamed(content())))
