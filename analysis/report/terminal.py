"""The verdict in a few lines, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.report import order
from analysis.report.terminal_load import load_lines
from analysis.stats.confusion import RATIOS
from model.contract import CELLS

_REASONS: Final = 6


def summary(result: Mapping[str, Any]) -> str:
    """Verdict, its reasons, the load, each predictor's counts and ratios, the comparison; no newline at the end."""
    lines = [f"{result['verdict']}  {result['run']['deployment']}  ({result['run']['id']})"]
    lines += _reasons(result["findings"])
    if result["load"] is not None:
        lines += load_lines(result["load"])
    lines += [line for name, predictor in result["predictors"].items() for line in _predictor(name, predictor)]
    if result["comparison"] is not None:
        lines.append(f"  which is better: {result['comparison']['message']}")
    return "\n".join(lines)


def _reasons(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The findings that are not PASS, the worst first; without any, one line that says so."""
    bad = [
        finding
        for name in ("FAIL", "INCONCLUSIVE")
        for finding in _in_order([f for f in findings if f["verdict"] == name and not order.only_follows(f["message"])])
    ]
    following = sum(order.only_follows(finding["message"]) for finding in findings)
    if not bad:
        return [f"  {len(findings)} findings, all of them PASS"]
    lines = [
        f"  {finding['verdict']:<12} {finding['check']} of {finding['subject']}: {finding['message']}"
        for finding in bad[:_REASONS]
    ]
    lines += [f"  and {len(bad) - _REASONS} more (see the report)"] if len(bad) > _REASONS else []
    lines += [f"  checks that could not be made because of this: {following} (see the report)"] if following else []
    advice = next((finding["advice"] for finding in bad if finding["advice"]), None)
    return [*lines, f"  what to do: {advice}"] if advice else lines


def _in_order(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The findings in the order of `report.order.places`."""
    places = order.places([(finding["check"], finding["subject"]) for finding in findings])
    return [finding for _, finding in sorted(zip(places, findings, strict=True), key=lambda pair: pair[0])]


def _predictor(name: str, predictor: Mapping[str, Any]) -> list[str]:
    """Expected above live counts; a predictor that shares traffic has no expected counts of its own."""
    live, expected = predictor["live"], predictor["expected"]
    title = f"  {name} ({'shadow, ' if predictor['shadow'] else ''}{predictor['model']})"
    if live is None:
        return [f"{title}: no live counts"]
    counted = "  ".join(f"{cell} {live[cell]:,}" for cell in CELLS)
    shared = len(predictor["group"]) > 1
    if expected is None or shared:
        return [f"{title}: live {counted}"]
    cells = "  ".join(f"{cell} {_range(expected['low'][cell], expected['high'][cell])}" for cell in CELLS)
    return [title, f"    expected  {cells}", f"    live      {counted}", f"    live      {_ratios(live)}"]


def _ratios(live: Mapping[str, Any]) -> str:
    """The four ratios of live counts in percent; a ratio without a denominator is a word, not a number."""
    return "  ".join(f"{name} {_percent(live[name])}" for name in RATIOS)


def _percent(fraction: float | None) -> str:
    return "undefined" if fraction is None else f"{100 * fraction:.2f} %"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}..{high:,}"
