"""The report's pictures without a time axis: the four cells, the score curve, outcomes, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.report import svg
from analysis.report import wording as words
from analysis.report.charts import HEIGHT, WIDTH, Detail
from analysis.result.parsed import CellCounts, ScoreCurve
from model.contract import CELLS, Cell

_PLACE: Final[dict[Cell, tuple[int, int]]] = {"tp": (0, 0), "fn": (1, 0), "fp": (0, 1), "tn": (1, 1)}
"""Column and row of each cell: the prediction across, the truth down."""
_LONGEST_NAME: Final = 32
"""Characters of the name of a difference, at most."""
_SHORT_NAME: Final = 17
_CHARACTER: Final = 7.2
"""Width of a character of it, in units of the picture."""


def cells(key: str, counts: CellCounts) -> str:
    """The confusion matrix as a picture: each cell's live count, and the expected one with its mark beneath."""
    cells = ", ".join(f"{words.CELL_NAME[cell]} {_live(counts, cell)} ({_against(counts, cell)})" for cell in CELLS)
    heads = [
        svg.text(f"called {word}", 140 + 150 * i, 16, "head", "middle")
        for i, word in enumerate(("positive", "negative"))
    ]
    sides = [
        svg.text(line, 58, 66 + 92 * i + 16 * j, "head", "end")
        for i, word in enumerate(("positive", "negative"))
        for j, line in enumerate(("is", word))
    ]
    boxes = [_box(counts, cell) for cell in CELLS]
    return svg.drawing(key, 370, 212, f"The four cells of {counts.name}", f"{cells}.", *heads, *sides, *boxes)


def _box(counts: CellCounts, cell: Cell) -> str:
    column, row = _PLACE[cell]
    x, y = 66 + 150 * column, 26 + 92 * row
    off = counts.off_by(cell)
    kind = "unknown" if off is None else f"{'hit' if cell in {'tp', 'tn'} else 'miss'}{' wrong' if off else ''}"
    live, against = _live(counts, cell), _against(counts, cell)
    size = "head" if counts.live is None else "big" if len(live) < 9 else "long"
    note = f"note{' off' if off else ''}{' fine' if len(against) > 21 else ''}"
    return svg.element(
        "g",
        svg.element("rect", x=x, y=y, width=146, height=88, rx=6, class_=f"cell {kind}"),
        svg.text(cell.upper(), x + 10, y + 20, "tick"),
        svg.text(live, x + 73, y + 47, size, "middle"),
        svg.text(against, x + 73, y + 72, note, "middle"),
    )


def _live(counts: CellCounts, cell: Cell) -> str:
    return "no sample" if counts.live is None else words.count(counts.live[cell])


def _against(counts: CellCounts, cell: Cell) -> str:
    off = counts.off_by(cell)
    if off == 0:
        return "✓ as expected"
    return f"{'✗ ' if off else ''}expected {words.bounds(counts, cell)}"


def score_curve(key: str, name: str, curve: ScoreCurve, detail: Detail) -> str:
    """Precision against recall, one point for each threshold: the live curve drawn on the offline one."""
    offline, live = _points(curve.offline), _points(curve.live)
    if not offline and not live:
        return ""
    low, high = svg.widened([precision for _, precision in (*offline, *live)], 0.1, 0.0, 1.0)
    frame = svg.Frame(WIDTH, HEIGHT + 40, 0.0, 1.0, low, high)
    lines = [
        frame.line([point[0] for point in side], tuple(point[1] for point in side), class_)
        for side, class_ in ((_fewer(offline, detail), "offline"), (_fewer(live, detail), "live"))
    ]
    percent = "{:.0%}".format
    return svg.drawing(
        key, WIDTH, HEIGHT + 40, f"Precision against recall of {name}",
        f"{words.plural(agreeing(curve), 'threshold')} of {len(curve.threshold)} with equal live and offline counts.",
        frame.axes(percent, percent), *lines,
    )  # fmt: skip


def agreeing(curve: ScoreCurve) -> int:
    """At how many thresholds all four live counts equal the offline ones."""
    return sum(all(curve.live[c][i] == curve.offline[c][i] for c in CELLS) for i in range(len(curve.threshold)))


def _points(counts: Mapping[Cell, Sequence[int]]) -> list[tuple[float, float]]:
    """(recall, precision) at each threshold where both are defined, by rising recall."""
    rows = zip(counts["tp"], counts["fp"], counts["fn"], strict=True)
    return sorted((tp / (tp + fn), tp / (tp + fp)) for tp, fp, fn in rows if tp + fn and tp + fp)


def _fewer(points: list[tuple[float, float]], detail: Detail) -> list[tuple[float, float]]:
    return [points[i] for i in svg.thinned([0.0] * len(points), max(detail.points, 2))]


def outcomes(key: str, counts: Mapping[str, int]) -> str:
    """A bar of the three outcomes; a part that would be too thin to see is drawn two units wide."""
    parts = [(name, counts[name]) for name in ("acknowledged", "refused", "indeterminate") if counts[name]]
    total = sum(number for _, number in parts)
    if not total:
        return ""
    widths = [max(600 * number / total, 3.0) for _, number in parts]
    widths[0] -= sum(widths) - 600
    drawn, x = [], 0.0
    for (name, number), width in zip(parts, widths, strict=True):
        tip = svg.title(f"{name}: {words.count(number)}")
        drawn.append(svg.element("rect", tip, x=x, y=0, width=max(width - 1, 1.0), height=14, class_=name))
        x += width
    texts = ", ".join(f"{words.count(number)} {name}" for name, number in parts)
    return svg.drawing(key, 600, 14, "Outcomes of the requests", f"{texts}.", *drawn)


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference with its 95 % interval, as fractions; ``value`` is None if it is not stated or not defined."""

    name: str
    value: float | None
    low: float | None
    high: float | None


def intervals(key: str, rows: Sequence[Interval]) -> str:
    """Each difference as a point on its interval, around a line at zero."""
    known = [(row.low, row.high) for row in rows if row.low is not None and row.high is not None]
    if not known:
        return ""
    reach = max(max(abs(low), abs(high)) for low, high in known) * 1.1 or 0.01
    names = [words.label(row.name, _LONGEST_NAME) for row in rows]
    longest = max(map(len, names))
    left = longest * _CHARACTER if longest > _SHORT_NAME else 100.0
    height = 28 * len(rows) + 30

    def across(value: float) -> float:
        return left + 175 + value / reach * 155

    drawn = [svg.element("path", d=f"M{across(0):.1f} 4V{height - 24}", class_="zero")]
    for i, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = 20 + 28 * i
        drawn.append(svg.text(name, left, y + 4, "head", "end"))
        if row.low is None or row.high is None:
            drawn.append(svg.text("undefined", across(0), y + 4, "tick", "middle"))
            continue
        drawn.append(svg.element("path", d=f"M{across(row.low):.1f} {y}H{across(row.high):.1f}", class_="whisker"))
        if row.value is not None:
            drawn.append(svg.element("circle", cx=across(row.value), cy=y, r=5, class_="dot"))
    drawn += [
        svg.text("← primary better", across(0) - 10, height - 6, "tick", "end"),
        svg.text("shadow better →", across(0) + 10, height - 6, "tick"),
    ]
    intervals = "; ".join(f"{row.name} {_signed(row.low)} to {_signed(row.high)}" for row in rows)
    return svg.drawing(key, left + 340, height, "Differences with their intervals", f"{intervals}.", *drawn)


def _signed(value: float | None) -> str:
    return "undefined" if value is None else words.points(value)
