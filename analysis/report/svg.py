"""A small SVG writer: elements, scales and lines with gaps. Same input, same bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from analysis.result.parsed import Series

LEFT: Final = 50
RIGHT: Final = 10
TOP: Final = 8
BOTTOM: Final = 22


def element(name: str, *children: str, **attributes: object) -> str:
    """An element with escaped attributes; ``class_`` is ``class``, ``stroke_width`` is ``stroke-width``.

    ``children`` are markup; `text` and `title` escape text.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"' for key, value in attributes.items()
    )
    return f"<{name}{written}>{''.join(children)}</{name}>"


def text(content: str, x: float, y: float, class_: str = "", anchor: str = "start") -> str:
    """Text whose baseline starts, ends or is centred at (x, y)."""
    return element("text", escape(content), x=x, y=y, class_=class_, text_anchor=anchor)


def title(content: str) -> str:
    """The tooltip of the enclosing element."""
    return element("title", escape(content))


def drawing(key: str, width: float, height: float, name: str, description: str, *children: str) -> str:
    """A whole picture. ``key`` names it within the page; ``name`` and ``description`` are for screen readers."""
    return element(
        "svg",
        element("title", escape(name), id=f"{key}-t"),
        element("desc", escape(description), id=f"{key}-d"),
        *children,
        viewBox=f"0 0 {_written(width)} {_written(height)}",
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
    )


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot's area within its picture, and the values at its edges.

    The values at ``right`` and ``top`` are the larger ones.
    """

    width: int
    height: int
    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        """Place of a value on the horizontal axis, in units of the picture."""
        return LEFT + (value - self.first) / ((self.last - self.first) or 1.0) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Place of a value on the vertical axis; the picture's y grows downwards."""
        return (
            self.height - BOTTOM - (value - self.low) / ((self.high - self.low) or 1.0) * (self.height - TOP - BOTTOM)
        )

    def axes(self, across: Callable[[float], str], up: Callable[[float], str]) -> str:
        """Grid lines with the labels that ``across`` and ``up`` make of a tick's value."""
        marks = []
        for tick in ticks(self.low, self.high, 4):
            y = self.y(tick)
            marks.append(element("path", d=f"M{LEFT} {y:.1f}H{self.width - RIGHT}", class_="grid"))
            marks.append(text(up(tick), LEFT - 6, y + 4, "tick", "end"))
        for tick in ticks(self.first, self.last, 4):
            x = self.x(tick)
            near_edge = x > self.width - RIGHT - 14
            marks.append(
                text(
                    across(tick),
                    self.width - 2 if near_edge else x,
                    self.height - 6,
                    "tick",
                    "end" if near_edge else "middle",
                )
            )
        return "".join(marks)

    def line(self, times: Sequence[float], values: Series, class_: str) -> str:
        """The values as one path: a gap where a value is None, a dot where a value stands alone."""
        return element("path", d=path(times, values, self), class_=class_) if any(v is not None for v in values) else ""


def path(times: Sequence[float], values: Series, frame: Frame) -> str:
    """The ``d`` of a path through the points, broken at each None."""
    parts: list[str] = []
    pen_down = False
    for at, value in zip(times, values, strict=True):
        if value is None:
            pen_down = False
            continue
        point = f"{_written(frame.x(at))} {_written(frame.y(value))}"
        parts.append(f"L{point}" if pen_down else f"M{point}h0")
        pen_down = True
    return "".join(parts)


def ticks(low: float, high: float, number: int) -> tuple[float, ...]:
    """Round values within ``low..high``, about ``number`` of them, 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        return (low,)
    rough = (high - low) / number
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(i * step, 12) for i in range(first, last + 1))


def widened(values: Sequence[float], least: float, floor: float, ceiling: float) -> tuple[float, float]:
    """Bounds of an axis that shows all ``values`` with a little air, at least ``least`` wide, in floor..ceiling."""
    low, high = min(values, default=floor), max(values, default=ceiling)
    air = max((high - low) * 0.06, (least - (high - low)) / 2)
    return max(floor, low - air), min(ceiling, high + air)


def thinned(weights: Sequence[float], most: int) -> tuple[int, ...]:
    """Indices of at most ``most`` points: of each section the point of the greatest weight (the last of equal ones).

    With the disagreement of two lines as the weight, a thinned picture still shows a disagreement of one point.
    """
    if len(weights) <= most:
        return tuple(range(len(weights)))
    edges = [i * len(weights) // most for i in range(most + 1)]
    return tuple(max(range(a, b), key=lambda i: (weights[i], i)) for a, b in pairwise(edges))
