"""The pictures without time: each cell in its place, each curve through its points, nothing too thin to see."""

from __future__ import annotations

import pytest

import page
from analysis.report import charts, pictures, svg
from analysis.report.charts import Detail
from analysis.report.pictures import Interval
from analysis.result.parsed import CellCounts, ScoreCurve
from model.contract import CELLS

FINE = Detail(120, 24)
LIVE: dict[str, int] = {"tp": 3651, "fp": 311, "tn": 1931, "fn": 111}


def counts(live: dict[str, int] | None, off_by: int = 0) -> CellCounts:
    cells = None if live is None else {cell: live[cell] for cell in CELLS}
    bounds = {cell: LIVE[cell] + off_by for cell in CELLS}
    return CellCounts("default", cells, bounds, bounds)


def drawn(text: str) -> page.Element:
    return page.read(text).find_all("svg")[0]


def boxes(picture: page.Element) -> dict[tuple[int, int], list[str]]:
    """Texts of each cell by its column and row in the picture."""
    groups = picture.find_all("g")
    places = [
        tuple(float(group.find_all("rect")[0].attributes[key] or "nan") for key in ("x", "y")) for group in groups
    ]
    columns, rows = (sorted({place[i] for place in places}) for i in (0, 1))
    return {
        (columns.index(x), rows.index(y)): [text.text for text in group.find_all("text")]
        for (x, y), group in zip(places, groups, strict=True)
    }


def test_each_cell_is_where_its_heads_say() -> None:
    """Called positive on the left, is positive at the top: TP and FN above, FP and TN below, with their counts."""
    picture = drawn(pictures.cells("c", counts(LIVE)))
    assert [element.text for element in picture.find_all("text", "head")] == [
        "called positive", "called negative", "is", "positive", "is", "negative",
    ]  # fmt: skip
    assert boxes(picture) == {
        (0, 0): ["TP", "3,651", "✓ as expected"],
        (1, 0): ["FN", "111", "✓ as expected"],
        (0, 1): ["FP", "311", "✓ as expected"],
        (1, 1): ["TN", "1,931", "✓ as expected"],
    }


@pytest.mark.parametrize(
    ("shown", "classes", "note"),
    [
        (counts(LIVE), {"cell hit", "cell miss"}, "✓ as expected"),
        (counts(LIVE, 1), {"cell hit wrong", "cell miss wrong"}, "✗ expected 3,652"),
        (counts(None), {"cell unknown"}, "expected 3,651"),
    ],
)
def test_right_wrong_and_unknown_cells_differ_in_words_and_in_outline(
    shown: CellCounts, classes: set[str], note: str
) -> None:
    """One count off is wrong; no sample is neither right nor wrong."""
    picture = drawn(pictures.cells("c", shown))
    assert {element.attributes["class"] for element in picture.find_all("rect")} == classes
    assert picture.find_all("g")[0].find_all("text")[-1].text == note


def curve(live_tp: tuple[int, ...]) -> ScoreCurve:
    offline = {"tp": (10, 8, 4), "fp": (10, 2, 0), "tn": (0, 8, 10), "fn": (0, 2, 6)}
    cells = {cell: offline[cell] for cell in CELLS}
    return ScoreCurve((0.0, 0.5, 1.0), {**cells, "tp": live_tp}, cells)


def test_the_score_curve_goes_through_recall_and_precision_at_each_threshold() -> None:
    """Three thresholds by hand: (recall, precision) = (1, 1/2), (8/10, 8/10), (4/10, 1), drawn by rising recall."""
    picture = drawn(pictures.score_curve("s", "default", curve((10, 8, 4)), FINE))
    (offline,) = picture.find_all("path", "offline")
    frame = svg.Frame(charts.WIDTH, charts.HEIGHT + 40, 0.0, 1.0, *svg.widened([0.5, 0.8, 1.0], 0.1, 0.0, 1.0))
    assert offline.attributes["d"] == svg.path([0.4, 0.8, 1.0], (1.0, 0.8, 0.5), frame)


@pytest.mark.parametrize(("live_tp", "equal"), [((10, 8, 4), 3), ((10, 7, 4), 2)])
def test_a_threshold_with_one_event_more_or_less_is_not_equal(live_tp: tuple[int, ...], equal: int) -> None:
    """Integers, no tolerance; the line that is drawn differs as well."""
    assert pictures.agreeing(curve(live_tp)) == equal
    picture = drawn(pictures.score_curve("s", "default", curve(live_tp), FINE))
    same = picture.find_all("path", "offline")[0].attributes["d"] == picture.find_all("path", "live")[0].attributes["d"]
    assert same == (equal == 3)
    assert f"{equal} threshold" in picture.find_all("desc")[0].text


def test_one_refusal_among_a_million_is_still_seen() -> None:
    """The bar shows every outcome that occurred, however thin, and fills its width."""
    parts = drawn(pictures.outcomes("o", {"acknowledged": 10**6, "refused": 1, "indeterminate": 0})).find_all("rect")
    assert [part.attributes["class"] for part in parts] == ["acknowledged", "refused"]
    assert float(parts[1].attributes["width"] or 0) >= 2
    assert float(parts[1].attributes["x"] or 0) + 3 == pytest.approx(600)


def test_no_request_makes_no_bar() -> None:
    """Nothing sent is said in words; an empty bar would look like a full one."""
    assert pictures.outcomes("o", {"acknowledged": 0, "refused": 0, "indeterminate": 0}) == ""


def test_an_interval_left_of_zero_is_drawn_left_of_it() -> None:
    """Shadow minus primary: worse is left of the line at zero, and an undefined difference is a word."""
    rows = [Interval("accuracy", -0.02, -0.03, -0.01), Interval("recall", None, None, None)]
    picture = drawn(pictures.intervals("i", rows))
    zero = float((picture.find_all("path", "zero")[0].attributes["d"] or "")[1:].split()[0])
    assert float(picture.find_all("circle")[0].attributes["cx"] or "nan") < zero
    assert len(picture.find_all("path", "whisker")) == 1
    assert "undefined" in [element.text for element in picture.find_all("text")]
