"""The verdict in a few lines, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.report import order
from analysis.report.terminal_counts import count_lines, metrics_lines
from analysis.report.terminal_load import load_lines

_REASONS: Final = 6


def summary(result: Mapping[str, Any]) -> str:
    """Verdict, its reasons, the load, each predictor's counts and ratios, the comparison; no newline at the end."""
    lines = [f"{result['verdict']}  {result['run']['deployment']}  ({result['run']['id']})"]
    lines += _reasons(result["findings"])
    if result["load"] is not None:
        lines += load_lines(result["load"])
    lines += [line for name, predictor in result["predictors"].items() for line in count_lines(name, predictor)]
    lines += metrics_lines(result.get("metrics"))
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
