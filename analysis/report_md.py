"""``report.md``: the report in short, fit for a CI job summary or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from analysis import report_view as view
from analysis import report_words as words
from analysis.report_result import FindingRead, PredictorRead, Result
from analysis.runfolder import Run
from analysis.verdict import Verdict
from model.contract import CELLS

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$>-])")
_MOST_FINDINGS: Final = 20


def render(result: Result, run: Run) -> str:
    """The whole file, ending in a newline."""
    blocks = [
        f"## {words.MARK[result.verdict]} {result.verdict.name}: {view.headline(result)}",
        f"{plain(run.deployment)} in namespace {plain(run.namespace)}, {words.moment(run.started)}.",
        view.tally(result),
        *_findings(view.ordered(result.findings)),
        *(block for predictor in result.predictors for block in _predictor(predictor)),
        *_comparison(result),
        _load(result),
        "<details><summary>Do it again</summary>\n\n"
        + _code(view.again(run))
        + "\n\n"
        + _code(view.judge_again(run))
        + "\n\n</details>",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def plain(text: str) -> str:
    """The text with everything escaped that Markdown or the HTML within it would act on, on one line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(_SPECIAL.sub(r"\\\1", escaped).split())


def _code(command: str) -> str:
    """A fenced block, its fence longer than any run of backticks within."""
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", command)), default=0))
    return f"{fence}sh\n{command}\n{fence}"


def _findings(findings: Sequence[FindingRead]) -> list[str]:
    wrong = [finding for finding in findings if finding.verdict is not Verdict.PASS]
    blocks = [_finding(finding) for finding in wrong[:_MOST_FINDINGS]]
    if len(wrong) > _MOST_FINDINGS:
        blocks.append(f"{words.count(len(wrong) - _MOST_FINDINGS)} more are in `result.json`.")
    return blocks


def _finding(finding: FindingRead) -> str:
    verdict = f"{words.MARK[finding.verdict]} {finding.verdict.name}"
    head = f"**{verdict}**, {_cut(finding.check)} of {_cut(finding.subject)}: **{_cut(finding.message)}**"
    said = [("diagnosis", finding.diagnosis), ("**what to do**", finding.advice)]
    if finding.expected is not None or finding.observed is not None:
        said = [("expected", words.stated(finding.expected)), ("found", words.stated(finding.observed)), *said]
    lines = [f"- {name}: {_cut(text)}" for name, text in said if text]
    return "\n\n".join([head, "\n".join(lines)] if lines else [head])


def _cut(text: str) -> str:
    return plain(view.clipped(text))


def _predictor(predictor: PredictorRead) -> list[str]:
    counts = [_cell_row(predictor, cell) for cell in CELLS]
    ratios = [_ratio_row(predictor, ratio) for ratio in words.RATIO_MEANING]
    name = f"### {plain(predictor.name)} ({view.role(predictor)}, {plain(predictor.model)})"
    return [name, _table(("", "expected", "live", "difference"), [*counts, *ratios])]


def _cell_row(predictor: PredictorRead, cell: str) -> list[str]:
    key = next(one for one in CELLS if one == cell)
    off = predictor.off_by(key)
    expected = words.between(words.count(predictor.low[key]), words.count(predictor.high[key]))
    live = "no sample" if predictor.live is None else words.count(predictor.live.cells[key])
    difference = "not known" if off is None else "✓ 0" if off == 0 else f"✗ {words.signed(off)}"
    return [words.CELL_NAME[key], expected, live, difference]


def _ratio_row(predictor: PredictorRead, ratio: str) -> list[str]:
    offline = predictor.offline.ratios[ratio]
    if predictor.live is None:
        return [ratio, _share(offline, ratio), "no sample", "not known"]
    live = predictor.live.ratios[ratio]
    if live is None or offline is None:
        return [ratio, _share(offline, ratio), _share(live, ratio), "not known"]
    difference = "✓ 0" if live == offline else f"✗ {words.points(live - offline)}"
    return [ratio, _share(offline, ratio), _share(live, ratio), difference]


def _share(fraction: float | None, ratio: str) -> str:
    return words.undefined(ratio) if fraction is None else words.percent(fraction)


def _comparison(result: Result) -> list[str]:
    message = None if result.comparison is None else result.comparison.get("message")
    return [f"**Primary against shadow:** {_cut(str(message))}"] if message else []


def _load(result: Result) -> str:
    load = result.load
    names = view.percentile_names(result)
    outcomes = ", ".join(f"{words.count(number)} {name}" for name, number in load.outcomes.items())
    asked = f" of {words.rate(load.rate_asked)} asked" if load.rate_asked else ""
    line = f"### Load\n\n{outcomes}; {words.rate(load.rate_achieved)} achieved{asked}."
    rows = [
        [plain(kind), *(words.milliseconds(row.get(name)) for name in names)]
        for kind, row in load.latency_ms.items()
        if row
    ]
    return f"{line}\n\n" + _table(("ms", *(words.percentile(name) for name in names)), rows) if rows else line


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))
