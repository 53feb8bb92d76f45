"""The findings as annotations of a job on GitHub: lines on standard output that its runner takes for commands.

Form and escapes are those of ``actions/toolkit`` (``packages/core/src/command.ts``). A step shows at most ten
annotations of a kind and drops the others silently, so there are at most ten here, and the last one says what is left.
"""

from __future__ import annotations

from typing import Final

from analysis.report import order, view
from analysis.report import wording as words
from analysis.result.parsed import ParsedFinding, Result
from analysis.verdict import Verdict

MOST: Final = 10
_MOST_CHARACTERS: Final = 1000


def lines(result: Result) -> list[str]:
    """An error for each FAIL and a warning for each INCONCLUSIVE, the worst first; a notice for a PASS."""
    wrong, _ = view.parted(view.ordered(result.findings))
    if result.verdict is Verdict.PASS or not wrong:
        kind = "notice" if result.verdict is Verdict.PASS else "warning"
        return [_line(kind, f"plumbline: {result.verdict.name}", view.headline(result))]
    if len(wrong) <= MOST:
        return [_of(finding) for finding in wrong]
    more = f"{words.count(len(wrong) - MOST + 1)} more findings are in report.md and result.json."
    return [*(_of(finding) for finding in wrong[: MOST - 1]), _line("notice", "plumbline", more)]


def _of(finding: ParsedFinding) -> str:
    kind = "error" if finding.verdict is Verdict.FAIL else "warning"
    title = f"plumbline: {finding.verdict.name}, {order.check_name(finding.check)} of {finding.subject}"
    return _line(kind, title, "\n".join(filter(None, (finding.message, finding.advice))))


def _line(kind: str, title: str, message: str) -> str:
    escaped = _escaped(view.clipped(title, _MOST_CHARACTERS)).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={escaped}::{_escaped(view.clipped(message, _MOST_CHARACTERS))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
