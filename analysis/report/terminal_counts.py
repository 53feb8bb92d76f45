"""The counts of a predictor in a few lines, for a terminal: its cells, its classes, or what else it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.report import quality
from analysis.report import wording as words
from analysis.result.parse_classes import claims_of
from analysis.stats.confusion import RATIOS
from model.contract import CELLS

MOST: Final = 12
"""Classes, or published counts, that are listed; the rest is counted."""
_NAME: Final = 100

type Fields = Mapping[str, Any]


def count_lines(name: str, predictor: Fields) -> list[str]:
    """What a predictor's counts are, in the form in which it publishes them."""
    title = f"  {name} ({'shadow, ' if predictor['shadow'] else ''}{predictor['model']})"
    if predictor.get("classes") is not None:
        return _classes(title, predictor)
    return _cells(title, predictor) if predictor["live"] is not None else [*_published(title, predictor)]


def metrics_lines(metrics: Fields | None) -> list[str]:
    """What a reader of dashboards over the metric map's series should know."""
    if metrics is None or not metrics["note"]:
        return []
    return [f"  metrics by the map {metrics['name']}: {metrics['note']}"]


def _cells(title: str, predictor: Fields) -> list[str]:
    """Expected above live counts; a predictor that shares traffic has no expected counts of its own."""
    live, expected = predictor["live"], predictor["expected"]
    counted = "  ".join(f"{cell} {live[cell]:,}" for cell in CELLS)
    if expected is None or _shares(predictor):
        return [f"{title}: live {counted}"]
    cells = "  ".join(f"{cell} {_range(expected['low'][cell], expected['high'][cell])}" for cell in CELLS)
    return [title, f"    expected  {cells}", f"    live      {counted}", f"    live      {_ratios(live)}"]


def _classes(title: str, predictor: Fields) -> list[str]:
    """Averages of both sides, then the classes from the lowest recall on."""
    classes = predictor["classes"]
    head = f"{title}: {words.plural(len(classes['labels']), 'class', 'classes')}"
    live, offline = classes["live"], classes["offline"]
    sides = [f"    {side:<9} {_averages(classes[side])}" for side in ("live", "offline") if classes[side] is not None]
    missing = _published(head, predictor) if live is None else [head]
    shown = live if live is not None else offline
    if shown is None:
        return missing
    other = offline if live is not None else None
    return [*missing, *sides, *_by_class(shown["by_class"], other["by_class"] if other is not None else None)]


def _averages(side: Fields) -> str:
    macro = side["macro"]
    parts = [f"{heading} {_percent(macro[ratio])}" for ratio, heading in quality.RATIOS.items()]
    return f"accuracy {_percent(side['accuracy'])}  macro {'  '.join(parts)}"


def _by_class(rows: list[Fields], offline: list[Fields] | None) -> list[str]:
    """A line for each class; ``offline``: to show beside, where it differs."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i]["recall"] is None, rows[i]["recall"]))[:MOST]
    labels = words.labels([row["label"] for row in rows])
    width = max((len(labels[i]) for i in order), default=0)
    lines = []
    for i in order:
        recall, support = rows[i]["recall"], words.plural(rows[i]["support"], "row")
        beside = "" if offline is None or offline[i]["recall"] == recall else _percent(offline[i]["recall"])
        other = f", offline {beside}" if beside else ""
        lines.append(f"      {labels[i]:<{width}}  recall {_percent(recall)} of {support}{other}")
    more = len(rows) - len(order)
    return [
        *lines,
        *([f"      and {words.plural(more, 'more class', 'more classes')} (see the report)"] if more else []),
    ]


def _published(title: str, predictor: Fields) -> list[str]:
    """What is published beside its bounds, from which no ratio follows; those that differ first."""
    claims = claims_of(predictor, "")
    if not claims:
        return [f"{title}: no live counts"]
    lines, more = quality.claim_lines(claims, MOST)
    texts = [f"    {words.label(line.name, _NAME)}  {_against(line, predictor)}live {line.live}" for line in lines]
    return [title, *texts, *([f"    and {words.plural(more, 'more count')} (see the report)"] if more else [])]


def _against(line: quality.ClaimLine, predictor: Fields) -> str:
    """The bounds of a predictor that is judged alone; those of several are of their sum."""
    return "" if _shares(predictor) or line.expected == "not known" else f"expected {line.expected}  "


def _shares(predictor: Fields) -> bool:
    return len(predictor["group"]) > 1


def _ratios(live: Fields) -> str:
    """The four ratios of live counts in percent; a ratio without a denominator is a word, not a number."""
    return "  ".join(f"{name} {_percent(live[name])}" for name in RATIOS)


def _percent(fraction: float | None) -> str:
    return "undefined" if fraction is None else f"{100 * fraction:.2f} %"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}..{high:,}"
