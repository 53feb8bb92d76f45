"""The pictures of a capacity search: latency, errors, counts and the shadow by rate, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.capacity.search import Capacity
from analysis.capacity.step import Step
from analysis.report import svg
from analysis.report import wording as words
from analysis.report.charts import HEIGHT, WIDTH, Picture


@dataclass(frozen=True, slots=True)
class _Side:
    """One line of a picture. ``class_``: of its stroke; ``dot``: of its marks."""

    name: str
    class_: str
    value: Callable[[Step], float | None]


@dataclass(frozen=True, slots=True)
class _Scale:
    """The vertical axis. ``to``: place of a value. ``tick``: text of the value at a place. ``text_of``: of a value."""

    low: float
    high: float
    to: Callable[[float], float]
    tick: Callable[[float], str]
    text_of: Callable[[float], str]


def pictures(steps: Sequence[Step], answer: Capacity) -> tuple[Picture, ...]:
    """The pictures for which there are figures: latency, errors, wrong counts, shadow."""
    return tuple(
        picture
        for picture in (
            _latency("p50", steps, answer),
            _latency("p99", steps, answer),
            _share("e", "requests that failed", steps, answer, lambda step: step.errors),
            _counts(steps, answer),
            _share("s", "shadow completeness", steps, answer, lambda step: step.shadow),
        )
        if picture.drawing
    )


def _latency(name: str, steps: Sequence[Step], answer: Capacity) -> Picture:
    sides = tuple(
        _Side(kind, class_, lambda step, kind=kind: step.latency_ms.get(kind, {}).get(name))  # type: ignore[misc]
        for kind, class_ in (("feedback", "offline"), ("predict", "live"))
    )
    known = [value for side in sides for step in steps if (value := side.value(step)) is not None and value > 0]
    if not known:
        return Picture(name, "not known", "")
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)) + 1e-9)
    scale = _Scale(
        low,
        high,
        lambda value: math.log10(max(value, 10.0**low)),
        _decade,
        lambda value: f"{words.milliseconds(value)} ms",
    )
    caption = f"{words.milliseconds(min(known))} to {words.milliseconds(max(known))} ms, logarithmic"
    return Picture(
        words.percentile(name), caption, _drawn(name, f"{name} by rate", caption, steps, sides, scale, answer)
    )


def _decade(tick: float) -> str:
    """A power of ten of milliseconds, short enough for an axis; empty between two powers."""
    if not float(tick).is_integer():
        return ""
    return f"{10**tick:g} ms" if tick < 3 else f"{10 ** (tick - 3):g} s"


def _share(
    key: str, heading: str, steps: Sequence[Step], answer: Capacity, value: Callable[[Step], float | None]
) -> Picture:
    """A fraction of 0..1, or a little more, by rate."""
    known = [share for step in steps if (share := value(step)) is not None]
    if not known:
        return Picture(heading, "not known", "")
    least, most = min(known), max(known)
    low, high = (0.0, max(most * 1.08, 0.01)) if key == "e" else (min(0.9, least), max(1.01, most))
    digits = 0 if high - low > 0.04 else 1
    scale = _Scale(low, high, float, lambda tick: f"{tick * 100:.{digits}f} %", words.percent)
    caption = words.between(words.percent(least), words.percent(most))
    return Picture(
        heading, caption, _drawn(key, heading, caption, steps, (_Side(heading, "live", value),), scale, answer)
    )


def _counts(steps: Sequence[Step], answer: Capacity) -> Picture:
    heading = "live counts apart from offline"
    known = [step.live_minus_offline for step in steps if step.live_minus_offline is not None]
    if not known:
        return Picture(heading, "not known", "")
    scale = _Scale(
        0.0, max(max(known) * 1.08, 1.0), float,
        lambda tick: f"{tick:,g}" if float(tick).is_integer() else "", lambda value: f"{value:,.0f}",
    )  # fmt: skip
    caption = f"{words.plural(max(known), 'count')} at most" if max(known) else "0 at every rate: exact"
    sides = (_Side(heading, "live", lambda step: step.live_minus_offline),)
    return Picture(heading, caption, _drawn("c", heading, caption, steps, sides, scale, answer), bool(max(known)))


def _drawn(
    key: str,
    name: str,
    description: str,
    steps: Sequence[Step],
    sides: Sequence[_Side],
    scale: _Scale,
    answer: Capacity,
) -> str:
    """One picture: the interval of the answer as a band, a line for each side, a mark for each step."""
    ordered = sorted(steps, key=lambda step: (step.rate, step.attempt))
    frame = svg.Frame(WIDTH, HEIGHT, 0.0, max(step.rate for step in ordered) * 1.04, scale.low, scale.high)
    lines, marks = [], []
    for side in sides:
        best = {step.rate: (step, value) for step in ordered if (value := side.value(step)) is not None}
        places = tuple(scale.to(value) for _, value in best.values())
        lines.append(frame.line(tuple(best), places, side.class_))
        marks += [
            _mark(frame, step, scale.to(value), f"{side.name} {scale.text_of(value)}")
            for step in ordered
            if (value := side.value(step)) is not None
        ]
    axes = frame.axes(lambda tick: f"{tick:,g}/s", scale.tick)
    return svg.drawing(
        key, WIDTH, HEIGHT, name, f"{description}.", _band(frame, answer), axes, *lines, *marks
    )  # fmt: skip


def _band(frame: svg.Frame, answer: Capacity) -> str:
    """Where the capacity lies: between the highest rate that held and the lowest that did not."""
    if answer.passed is None or answer.failed is None:
        return ""
    left, right = frame.x(answer.passed), frame.x(answer.failed)
    tip = svg.title(f"the capacity lies between {answer.passed:,g}/s and {answer.failed:,g}/s")
    height = frame.height - svg.TOP - svg.BOTTOM
    return svg.element("rect", tip, x=left, y=svg.TOP, width=max(right - left, 1.0), height=height, class_="interval")


def _mark(frame: svg.Frame, step: Step, place: float, text: str) -> str:
    """A disc where the rate held, a cross where it did not; each has a tooltip with its step."""
    x, y = frame.x(step.rate), frame.y(place)
    held = step.holding == "held"
    tip = svg.title(f"{step.rate:,g}/s {'holds' if held else 'does not hold'}: {text}")
    if held:
        return svg.element("circle", tip, cx=x, cy=y, r=3.5, class_="held")
    d = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
    return svg.element("path", tip, d=d, class_="fell")
