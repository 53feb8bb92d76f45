"""The report's pictures over time, as SVG: live drawn on offline, and load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from analysis.report import svg
from analysis.report import wording as words
from analysis.result.parsed import ParsedPredictor, Series

WIDTH: Final = 270
HEIGHT: Final = 150


@dataclass(frozen=True, slots=True)
class Detail:
    """How much a report draws: points of a line, places of a picture that have a tooltip, classes of a matrix."""

    points: int
    places: int
    classes: int = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """One small multiple: its heading, a line beneath, and the drawing (empty if there is nothing to draw)."""

    heading: str
    caption: str
    drawing: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a picture: its name in tooltips, its class in the style sheet, its values."""

    name: str
    class_: str
    values: Series


def elapsed(times: Sequence[str], started: str) -> tuple[float, ...]:
    """Seconds since the start of the run, of each RFC 3339 time; since the first time if the start is not known."""
    origin = started if words.instant(started) else next(iter(times), "")
    return tuple(words.lasted(origin, at) or 0.0 for at in times)


def quality(
    key: str, ratio: str, predictor: ParsedPredictor, started: str, shared: tuple[float, float], detail: Detail
) -> Picture:
    """One ratio of one predictor over time. ``shared``: the vertical axis, the same for each predictor."""
    timeline = predictor.timeline
    live, offline = timeline.live[ratio], timeline.offline[ratio]
    apart = [_apart(a, b) for a, b in zip(live, offline, strict=True)]
    caption, differs = _at_the_end(ratio, predictor)
    widest = words.points(max(apart, default=0.0)).lstrip("+")
    plot = _Plot(
        key,
        f"{ratio} of {predictor.name} over time",
        f"{caption}. The greatest distance on the way was {widest}.",
        elapsed(timeline.time, started),
        (Line("offline", "offline", offline), Line("live", "live", live)),
        shared,
        _percent_tick(shared),
        words.percent,
    )
    heading = f"{ratio}, {timeline.average} average" if timeline.average and ratio != "accuracy" else ratio
    return Picture(heading, caption, plot.drawn(apart, detail), differs)


def _apart(live: float | None, offline: float | None) -> float:
    """Distance of two fractions; 1, the greatest possible, if only one is defined."""
    if live is None or offline is None:
        return 0.0 if live is offline else 1.0
    return abs(live - offline)


def _at_the_end(ratio: str, predictor: ParsedPredictor) -> tuple[str, bool]:
    """The ratio at the end in words, and whether live differs from offline although they must be equal."""
    sides = predictor.live_ratios, predictor.offline_ratios
    if sides[0] is None or sides[1] is None:
        return "no live sample" if sides[0] is None else "nothing offline to compare with", False
    live, offline = (side[ratio] for side in sides if side is not None)
    if live is None or offline is None:
        missing = " and ".join(name for name, value in (("live", live), ("offline", offline)) if value is None)
        return f"{missing} {words.undefined(ratio)}", live is not offline and not predictor.shares
    if live == offline:
        return f"equal at the end: {words.percent(live)}", False
    both = f"live {words.percent(live)}, offline {words.percent(offline)}"
    return (f"{both} on all rows sent", False) if predictor.shares else (both, True)


def shared_axis(ratio: str, predictors: Sequence[ParsedPredictor]) -> tuple[float, float]:
    """Bounds that hold the ratio of each predictor at each time, so that their pictures can be compared."""
    sides = [
        side for predictor in predictors for side in (predictor.timeline.live[ratio], predictor.timeline.offline[ratio])
    ]
    values = [value for side in sides for value in side if value is not None]
    return svg.widened(values, 0.04, 0.0, 1.0) if values else (0.0, 1.0)


def amount(
    key: str, heading: str, unit: str, times: Sequence[float], values: Series, planned: float | None, detail: Detail
) -> Picture:
    """A quantity over time from zero upwards; ``planned`` draws the level that was asked for."""
    known = [value for value in values if value is not None]
    if not known:
        return Picture(heading, "no data", "")
    caption = f"{_plain(min(known))} to {_plain(max(known))} {unit}".strip()
    lines = [Line(heading, "live", values)]
    if planned is not None:
        lines.insert(0, Line("asked", "offline", tuple(planned for _ in values)))
    top = max([*known, planned or 0.0]) * 1.08 or 1.0
    plot = _Plot(
        key,
        f"{heading} over time",
        f"From {caption}.",
        times,
        tuple(lines),
        (0.0, top),
        lambda tick: f"{tick:,g}",
        lambda value: f"{_plain(value)} {unit}".strip(),
    )
    return Picture(heading, caption, plot.drawn([value or 0.0 for value in values], detail))


@dataclass(frozen=True, slots=True)
class _Plot:
    """Lines over time. ``axis``: lower and upper value; ``tick`` writes one at the axis, ``text_of`` in a tooltip."""

    key: str
    name: str
    description: str
    times: Sequence[float]
    lines: tuple[Line, ...]
    axis: tuple[float, float]
    tick: Callable[[float], str]
    text_of: Callable[[float], str]

    def drawn(self, weights: Sequence[float], detail: Detail) -> str:
        """The picture, with the points of the greatest weight; empty if no line has a value."""
        if all(value is None for line in self.lines for value in line.values):
            return ""
        unit_s, unit = _unit(self.times[-1])
        times = [at / unit_s for at in self.times]
        frame = svg.Frame(WIDTH, HEIGHT, min(0.0, times[0]), max(times[-1], 1e-3), *self.axis)
        kept = svg.thinned(weights, detail.points)
        at = [times[i] for i in kept]
        paths = [frame.line(at, tuple(line.values[i] for i in kept), line.class_) for line in self.lines]
        places = svg.thinned(weights, detail.places) if detail.places else ()
        axes = frame.axes(lambda tick: f"{tick:g} {unit}", self.tick)
        columns = self._places(frame, [(i, times[i]) for i in places], unit)
        return svg.drawing(self.key, WIDTH, HEIGHT, self.name, self.description, axes, *paths, columns)

    def _places(self, frame: svg.Frame, places: Sequence[tuple[int, float]], unit: str) -> str:
        """Invisible columns, each with a tooltip that gives the values at one time; (index, time) of each."""
        middles = [(a + b) / 2 for a, b in pairwise(frame.x(at) for _, at in places)]
        edges = [float(svg.LEFT), *middles, float(frame.width - svg.RIGHT)]
        columns = [
            svg.element(
                "rect",
                svg.title(f"{at:.3g} {unit}: {self._values_at(i)}"),
                x=left,
                y=svg.TOP,
                width=max(right - left, 0.1),
                height=frame.height - svg.TOP - svg.BOTTOM,
            )
            for (i, at), (left, right) in zip(places, pairwise(edges), strict=False)
        ]
        return svg.element("g", *columns, class_="places") if columns else ""

    def _values_at(self, i: int) -> str:
        values = [(line.name, line.values[i]) for line in reversed(self.lines)]
        return ", ".join(f"{name} {'none' if value is None else self.text_of(value)}" for name, value in values)


def _unit(length_s: float) -> tuple[float, str]:
    """The unit of the time axis for a run of this length: its seconds, and its name."""
    if length_s < 180:
        return 1.0, "s"
    return (60.0, "min") if length_s < 3 * 3600 else (3600.0, "h")


def _percent_tick(axis: tuple[float, float]) -> Callable[[float], str]:
    digits = 0 if axis[1] - axis[0] > 0.06 else 1
    return lambda tick: f"{tick * 100:.{digits}f} %"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or value >= 100 else words.milliseconds(value)
