"""The picture of a matrix: each count where its truth and its answer say, a wrong one marked, labels in their place."""

from __future__ import annotations

import page
from analysis.report import heat_map
from analysis.report.charts import Detail
from analysis.report.quality import Heat
from analysis.result.parsed import Matrix

FINE = Detail(120, 24)
COUNTS: Matrix = ((50, 3, 0), (7, 40, 1), (0, 12, 900))
LABELS = ("a", "b", "c")


def picture(heat: Heat, detail: Detail = FINE) -> page.Element:
    return page.read(heat_map.heat_map("h", "Live confusion matrix", heat, detail)).find_all("svg")[0]


def texts(drawn: page.Element) -> list[list[str]]:
    """The texts of the picture's cells by rising height and, within one, from the left."""
    (group,) = drawn.find_all("g", "heat")
    rows: dict[float, list[tuple[float, str]]] = {}
    for text in group.find_all("text"):
        x, y = (float(text.attributes[axis] or "nan") for axis in "xy")
        shown = "".join(child for child in text.children if isinstance(child, str))
        rows.setdefault(y, []).append((x, shown))
    return [[shown for _, shown in sorted(row)] for _, row in sorted(rows.items())]


def test_truth_is_in_rows_and_answer_in_columns() -> None:
    """As `sklearn.metrics.confusion_matrix` has them, and as the heads beside and above say."""
    drawn = picture(Heat(LABELS, COUNTS, COUNTS, COUNTS))
    assert texts(drawn) == [["50", "3", "0"], ["7", "40", "1"], ["0", "12", "900"]]
    assert [element.text for element in drawn.find_all("text", "tick")] == ["answer →", "truth ↓"]
    heads = [(element.text, element.attributes["text-anchor"]) for element in drawn.find_all("text", "head")]
    assert heads == [*((label, "middle") for label in LABELS), *((label, "end") for label in LABELS)]
    assert drawn.find_all("rect", "wrong") == []


def test_a_cell_that_is_one_off_is_framed_and_says_what_was_expected() -> None:
    """In the picture, in its tooltip and for those who hear it; a count within its bounds is not marked."""
    low: Matrix = ((50, 2, 0), (7, 40, 1), (0, 13, 900))
    high: Matrix = ((50, 4, 0), (7, 40, 1), (0, 13, 900))
    drawn = picture(Heat(LABELS, COUNTS, low, high))
    assert len(drawn.find_all("rect", "wrong")) == 1
    assert [element.text for element in drawn.find_all("text", "off")] == ["✗ 13"]
    tip = "truth c, answer b: 12, expected 13"
    assert tip in [element.text for element in drawn.find_all("title")]
    assert drawn.find_all("desc")[0].text.endswith(f"Not as expected: {tip}.")


def test_a_larger_share_of_a_row_has_a_stronger_colour() -> None:
    """The share of the truth's rows counts, not the number: 50 of 53 is as strong as 900 of 912; 40 of 48 is weaker."""
    drawn = picture(Heat(LABELS, COUNTS, None, None))
    shades = {path.attributes["class"]: (path.attributes["d"] or "").count("z") for path in drawn.find_all("path")}
    assert shades == {"shade right s6": 2, "shade right s5": 1, "shade missed s1": 4, "shade missed s0": 2}


def test_labels_too_long_for_a_column_are_numbered() -> None:
    """The number stands beside the row's label, and above the column; a label may hold anything."""
    labels = ("<script>alert(1)</script>", "a rather long label of a class", "b")
    drawn = picture(Heat(labels, COUNTS, None, None))
    heads = [element.text for element in drawn.find_all("text", "head")]
    assert heads[:3] == ["1", "2", "3"]
    assert [head.rsplit(" ", 1)[1] for head in heads[3:]] == ["(1)", "(2)", "(3)"]
    assert drawn.find_all("script") == []
    widest = max(float(element.attributes["x"] or 0) for element in drawn.find_all("text", "head")[3:])
    assert widest > 7 * max(map(len, heads[3:]))


def test_a_page_that_must_be_small_has_no_tooltips() -> None:
    """The counts stay."""
    heat = Heat(LABELS, COUNTS, COUNTS, COUNTS)
    coarse = picture(heat, Detail(8, 0))
    assert texts(coarse) == texts(picture(heat))
    assert len(coarse.find_all("title")) == 1 < len(picture(heat).find_all("title"))
