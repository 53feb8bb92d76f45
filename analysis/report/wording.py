"""Numbers, times and verdicts as words: the only place that decides how reports write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from analysis.result.parsed import CellCounts, ParsedPredictor
from analysis.verdict import Value, Verdict
from model.contract import Cell

MARK: Final[dict[Verdict, str]] = {Verdict.PASS: "✓", Verdict.INCONCLUSIVE: "?", Verdict.FAIL: "✗"}
"""Shown beside the word, never instead of it; each differs in shape, so that no colour is needed."""

CELL_NAME: Final[dict[Cell, str]] = {
    "tp": "true positive",
    "fp": "false positive",
    "tn": "true negative",
    "fn": "false negative",
}
CELL_MEANING: Final[dict[Cell, str]] = {
    "tp": "called positive, is positive",
    "fp": "called positive, is negative",
    "tn": "called negative, is negative",
    "fn": "called negative, is positive",
}
RATIO_MEANING: Final[dict[str, str]] = {
    "precision": "of those called positive, how many are",
    "recall": "of the positive ones, how many were called so",
    "specificity": "of the negative ones, how many were called so",
    "accuracy": "of all, how many were called right",
}
"""The four ratios in the order in which every report shows them."""

LABEL: Final = 40
"""Characters of a class, at most."""
SHORT_LABEL: Final = 18
"""Characters of a class beside a row of a picture, at most."""
_MINUS: Final = "\N{MINUS SIGN}"
_UNDEFINED: Final[dict[str, str]] = {
    "precision": "nothing was called positive",
    "recall": "no row was positive",
    "specificity": "no row was negative",
    "accuracy": "nothing was counted",
}


def count(number: int) -> str:
    """``12000`` as ``12,000``."""
    return f"{number:,}".replace("-", _MINUS)


def signed(number: int) -> str:
    """A difference of counts: ``+12``, ``-1,803`` with a minus sign, ``0``."""
    return f"+{count(number)}" if number > 0 else count(number)


def percent(fraction: float) -> str:
    """``0.9217`` as ``92.17 %``, with more digits if two would show 0 or 100 for a fraction that is neither."""
    for digits in (2, 4, 6):
        text = f"{fraction * 100:.{digits}f}"
        if fraction in {0.0, 1.0} or float(text) not in {0.0, 100.0}:
            break
    return f"{text} %"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, with as many digits as are needed to show that it is not 0."""
    if difference == 0:
        return "0"
    digits = next((digits for digits in (2, 4, 6) if round(abs(difference) * 100, digits)), 9)
    return f"{difference * 100:+.{digits}f} points".replace("-", _MINUS)


def undefined(ratio: str) -> str:
    """Why a ratio has no value."""
    return f"undefined: {_UNDEFINED[ratio]}"


def milliseconds(duration: float | None) -> str:
    """A duration in ms to about three digits, without its unit; words if there is none."""
    if duration is None:
        return "none"
    digits = 2 if duration < 10 else 1 if duration < 100 else 0
    return f"{duration:,.{digits}f}"


def measured(duration: float | None, needs: int | None) -> str:
    """A percentile in ms; if there is none, the number of requests that it needs."""
    return f"needs {count(needs)}" if duration is None and needs is not None else milliseconds(duration)


def seconds(duration: float) -> str:
    """``30 s``, ``5 min 30 s``, ``2 h 5 min``."""
    if duration < 60:
        return f"{duration:.3g} s"
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def rate(per_second: float | None) -> str:
    """``399.8/s``; words if no rate was given."""
    return "none" if per_second is None else f"{per_second:,.1f}/s"


def percentile(name: str) -> str:
    """``p999`` as ``p99.9``: the digits after the second are decimals; ``max`` stays."""
    digits = name[1:]
    return f"p{digits[:2]}.{digits[2:]}" if name.startswith("p") and digits.isdigit() and len(digits) > 2 else name


def instant(text: str) -> datetime | None:
    """The time that an RFC 3339 text names, in UTC; None if it is not such a text."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def moment(text: str | None) -> str:
    """``2026-09-21 14:13:20 UTC``; the text itself if it is not a time."""
    at = instant(text or "")
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else str(text or "not recorded")


def lasted(started: str | None, ended: str | None) -> float | None:
    """Seconds between two RFC 3339 times; None if one is missing."""
    first, last = instant(started or ""), instant(ended or "")
    return (last - first).total_seconds() if first and last else None


def plain(value: Any) -> str:
    """One number or word of a finding or a setting."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def value_text(value: Value) -> str:
    """What a finding expected or observed, on one line: ``61 to 63`` for bounds, ``tp 4, fp 1`` for a mapping."""
    if not isinstance(value, Mapping):
        return plain(value)
    if set(value) == {"low", "high"}:
        return between(plain(value["low"]), plain(value["high"]))
    return ", ".join(f"{key} {plain(item)}" for key, item in value.items())


def between(low: str, high: str) -> str:
    """``61 to 63``, or only one of them if they are equal."""
    return low if low == high else f"{low} to {high}"


def bounds(counts: CellCounts, cell: Cell) -> str:
    """What a cell's count is expected to be; words if that is not known."""
    if counts.low is None or counts.high is None:
        return "not known"
    return between(count(counts.low[cell]), count(counts.high[cell]))


def difference(counts: CellCounts, cell: Cell) -> str:
    """How far a cell's live count is from what is expected, with its mark."""
    off = counts.off_by(cell)
    if off:
        return f"✗ {signed(off)}"
    if off is None or counts.low is None or counts.high is None:
        return "not known"
    return "✓ 0" if counts.low[cell] == counts.high[cell] else "✓ within"


def ratio_difference(ratio: str, predictor: ParsedPredictor) -> str:
    """Live minus offline, with a mark if the two must be equal."""
    live = predictor.live.ratios[ratio] if predictor.live else None
    offline = predictor.offline.ratios[ratio] if predictor.offline else None
    if live is None or offline is None:
        return "not known"
    if predictor.shares:
        return points(live - offline)
    return "✓ 0" if live == offline else f"✗ {points(live - offline)}"


def label(text: str, most: int = LABEL) -> str:
    """A class as a heading: on one line, its middle left out where it is too long."""
    line = " ".join(text.split()) or repr(text)
    tail = most // 3
    return line if len(line) <= most else f"{line[: most - tail - 1]}…{line[-tail:]}"


def labels(texts: Sequence[str]) -> list[str]:
    """The classes as headings, with their numbers where a picture has no room for one of them."""
    numbered = any(label(text, SHORT_LABEL) != label(text) for text in texts)
    return [f"{label(text)} ({i})" if numbered else label(text) for i, text in enumerate(texts, 1)]


def plural(number: int, singular: str, many: str = "") -> str:
    """``1 check``, ``2 checks``."""
    return f"{count(number)} {singular if number == 1 else many or singular + 's'}"
