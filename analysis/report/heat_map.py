"""The confusion matrix of more than two classes as a picture: truth in rows, answer in columns, as in scikit-learn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from analysis.report import svg
from analysis.report import wording as words
from analysis.report.charts import Detail
from analysis.report.quality import Heat

LARGE: Final = 5
"""Classes from which the picture has a width of its own, to which a narrow page scrolls."""
_LEVELS: Final = 6
_TOP: Final = 40
_CELL_HEIGHT: Final = 38
_DIGIT: Final = 7.4
"""Width of a character, at most, in units of the picture."""
_LEAST_WIDTH: Final = 240.0
_WIDEST_HEAD: Final = 66.0
_DESCRIBED: Final = 20
"""Wrong cells that the description names."""


def heat_map(key: str, name: str, heat: Heat, detail: Detail) -> str:
    """The picture: darker is a larger share of its row; a wrong cell has a dashed frame and the expected count."""
    place = _place(heat)
    number = len(heat.labels)
    columns = [
        svg.text(place.column_label(i, text), place.left + (i + 0.5) * place.width, 34, "head", "middle")
        for i, text in enumerate(heat.labels)
    ]
    rows = [
        svg.text(place.row_label(i, text), place.left - 8, place.y(i) + _CELL_HEIGHT / 2 + 4, "head", "end")
        for i, text in enumerate(heat.labels)
    ]
    axes = [
        svg.text("answer →", place.left, 14, "tick"),
        svg.text("truth ↓", place.left - 8, 14, "tick", "end"),
    ]
    height = _TOP + number * _CELL_HEIGHT + 2
    width = place.left + number * place.width + 2
    return svg.drawing(
        key, width, height, name, _described(heat), *axes, *columns, *rows, *_shades(heat, place),
        *(_frame(place, cell) for cell in heat.wrong), _numbers(heat, place, detail),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """Where things are. ``numbered``: labels are too long for a column's head, which has the number of a class."""

    left: float
    width: float
    numbered: bool

    def x(self, answer: int) -> float:
        return self.left + answer * self.width

    def y(self, truth: int) -> float:
        return float(_TOP + truth * _CELL_HEIGHT)

    def column_label(self, i: int, text: str) -> str:
        return str(i + 1) if self.numbered else words.label(text)

    def row_label(self, i: int, text: str) -> str:
        return f"{words.label(text, words.SHORT_LABEL)} ({i + 1})" if self.numbered else words.label(text)


def _place(heat: Heat) -> _Place:
    counts = [len(words.count(number)) for row in heat.matrix for number in row]
    counts += [len(heat.expected(*cell)) + 2 for cell in heat.wrong]
    labels = [len(words.label(text)) for text in heat.labels]
    width = max(
        46.0, max(counts) * _DIGIT + 10, min(max(labels) * _DIGIT + 6, _WIDEST_HEAD), _LEAST_WIDTH / len(labels)
    )
    numbered = max(labels) * _DIGIT > width - 4
    side = max(len(words.label(text, words.SHORT_LABEL)) + 5 for text in heat.labels) if numbered else max(labels)
    return _Place(max(side * _DIGIT, 48.0) + 10, round(width, 1), numbered)


def _level(heat: Heat, truth: int, answer: int) -> int:
    """0 for nothing, else 1 to `_LEVELS`, by the share of the row."""
    total = sum(max(number, 0) for number in heat.matrix[truth])
    share = max(heat.matrix[truth][answer], 0) / total if total else 0.0
    return math.ceil(share * _LEVELS - 1e-9)


def _shades(heat: Heat, place: _Place) -> list[str]:
    """The cells of each shade as one shape, which keeps the page small."""
    shapes: dict[str, list[str]] = {}
    for truth, answer in heat.cells:
        shade = f"{'right' if truth == answer else 'missed'} s{_level(heat, truth, answer)}"
        corner = f"M{place.x(answer) + 1:.1f} {place.y(truth) + 1:.1f}"
        path = f"{corner}h{place.width - 2:.1f}v{_CELL_HEIGHT - 2}h-{place.width - 2:.1f}z"
        shapes.setdefault(shade, []).append(path)
    return [svg.element("path", d="".join(paths), class_=f"shade {shade}") for shade, paths in sorted(shapes.items())]


def _frame(place: _Place, cell: tuple[int, int]) -> str:
    truth, answer = cell
    return svg.element(
        "rect", x=place.x(answer) + 2, y=place.y(truth) + 2, width=place.width - 4, height=_CELL_HEIGHT - 4, rx=4,
        class_="cell wrong",
    )  # fmt: skip


def _numbers(heat: Heat, place: _Place, detail: Detail) -> str:
    numbers = []
    for truth, answer in heat.cells:
        off, x, y = heat.off_by(truth, answer), place.x(answer) + place.width / 2, place.y(truth)
        count = words.count(heat.matrix[truth][answer])
        tip = svg.title(_tip(heat, truth, answer)) if detail.places and (off or heat.matrix[truth][answer]) else ""
        class_ = {"class_": "none"} if count == "0" and not off else {}
        numbers.append(svg.element("text", count, tip, x=x, y=y + (17 if off else 24), **class_))
        if off:
            text = f"✗ {heat.expected(truth, answer)}"
            numbers.append(svg.element("text", text, x=x, y=y + 31, class_="off"))
    return svg.element("g", *numbers, class_="heat")


def _tip(heat: Heat, truth: int, answer: int) -> str:
    sides = f"truth {words.label(heat.labels[truth])}, answer {words.label(heat.labels[answer])}"
    wrong = f", expected {heat.expected(truth, answer)}" if heat.off_by(truth, answer) else ""
    return f"{sides}: {words.count(heat.matrix[truth][answer])}{wrong}"


def _described(heat: Heat) -> str:
    """For those who hear the page: right answers of each class, then what is wrong."""
    rights = ", ".join(
        f"{words.label(text)} {words.count(heat.matrix[i][i])} of {words.count(sum(heat.matrix[i]))}"
        for i, text in enumerate(heat.labels)
    )
    wrong = "; ".join(_tip(heat, *cell) for cell in heat.wrong[:_DESCRIBED])
    return f"Right answers by class: {rights}." + (f" Not as expected: {wrong}." if wrong else "")
