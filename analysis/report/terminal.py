"""The verdict in a few lines, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.report import order, terminal_load
from analysis.stats.confusion import RATIOS
from model.contract import CELLS

_REASONS: Final = 6


def spoken(result: Mapping[str, Any]) -> str:
    """Verdict, its reasons, the load, each predictor's counts and ratios, the comparison; no newline at the end."""
    lines = [f"{result['verdict']}  {result['run']['deployment']}  ({result['run']['id']})"]
    lines += _reasons(result["findings"])
    if result["load"] is not None:
        lines += terminal_load.lines(result["load"])
    lines += [line for name, one in result["predictors"].items() for line in _predictor(name, one)]
    if result["comparison"] is not None:
        lines.append(f"  which is better: {result['comparison']['message']}")
    return "\n".join(lines)


def _reasons(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The findings that are not PASS, the worst first; of none, what was held."""
    bad = [one for name in ("FAIL", "INCONCLUSIVE") for one in _told([f for f in findings if f["verdict"] == name])]
    if not bad:
        return [f"  {len(findings)} findings, all of them PASS"]
    lines = [f"  {one['verdict']:<12} {one['check']} of {one['subject']}: {one['message']}" for one in bad[:_REASONS]]
    lines += [f"  and {len(bad) - _REASONS} more (see the report)"] if len(bad) > _REASONS else []
    advice = next((one["advice"] for one in bad if one["advice"]), None)
    return [*lines, f"  what to do: {advice}"] if advice else lines


def _told(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The findings in the order of `report.order.places`."""
    places = order.places([(one["check"], one["subject"]) for one in findings])
    return [one for _, one in sorted(zip(places, findings, strict=True), key=lambda pair: pair[0])]


def _predictor(name: str, one: Mapping[str, Any]) -> list[str]:
    """Expected above live counts; a predictor that shares traffic has no expected counts of its own."""
    live, expected = one["live"], one["expected"]
    title = f"  {name} ({'shadow, ' if one['shadow'] else ''}{one['model']})"
    if live is None:
        return [f"{title}: no live counts"]
    counted = "  ".join(f"{cell} {live[cell]:,}" for cell in CELLS)
    shared = len(one["group"]) > 1
    if expected is None or shared:
        return [f"{title}: live {counted}"]
    wanted = "  ".join(f"{cell} {_range(expected['low'][cell], expected['high'][cell])}" for cell in CELLS)
    return [title, f"    expected  {wanted}", f"    live      {counted}", f"    live      {_ratios(live)}"]


def _ratios(live: Mapping[str, Any]) -> str:
    """The four ratios of live counts in percent; one without a denominator is a word, not a number."""
    return "  ".join(f"{name} {_percent(live[name])}" for name in RATIOS)


def _percent(fraction: float | None) -> str:
    return "undefined" if fraction is None else f"{100 * fraction:.2f} %"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}..{high:,}"
