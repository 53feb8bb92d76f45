"""``report.md``: the report in short, fit for a CI job summary or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from analysis.record.runfolder import Run
from analysis.report import order, view
from analysis.report import wording as words
from analysis.result.parsed import CellCounts, LoadRead, ParsedFinding, ParsedPredictor, Result, Scores
from analysis.verdict import Verdict
from model.contract import CELLS

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$>-])")
_MOST_FINDINGS: Final = 20
_MOST_CHARACTERS: Final = 300
"""Findings shown. With so many, the file stays under the 65,536 characters that a comment on GitHub may have."""


def render(result: Result, run: Run) -> str:
    """The whole file, ending in a newline."""
    blocks = [
        f"## {words.MARK[result.verdict]} {result.verdict.name}: {view.headline(result)}",
        f"{plain(run.deployment)} in namespace {plain(run.namespace)}, {words.moment(run.started)}.",
        view.tally(result),
        *_findings(view.ordered(result.findings)),
        *(block for counts in result.counts for block in _counts(counts)),
        *(block for predictor in result.predictors for block in _ratios(predictor)),
        *_comparison(result),
        _load(result.load),
        "<details><summary>Do it again</summary>\n\n"
        + _code(view.command_to_repeat(run))
        + "\n\n"
        + _code(view.judge_again(run))
        + "\n\n</details>",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def plain(text: str) -> str:
    """The text on one line, with everything escaped that Markdown or HTML would interpret."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(_SPECIAL.sub(r"\\\1", escaped).split())


def _code(command: str) -> str:
    """A fenced block, its fence longer than any run of backticks within."""
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", command)), default=0))
    return f"{fence}sh\n{command}\n{fence}"


def _findings(findings: Sequence[ParsedFinding]) -> list[str]:
    wrong, following = view.parted(findings)
    blocks = [_finding(finding) for finding in wrong[:_MOST_FINDINGS]]
    if len(wrong) > _MOST_FINDINGS:
        blocks.append(f"{words.count(len(wrong) - _MOST_FINDINGS)} more are in `result.json`.")
    if following:
        names = ", ".join(dict.fromkeys(_cut(order.check_name(finding.check)) for finding in following))
        blocks.append(f"{words.plural(len(following), 'check')} could not be made because of this: {names}.")
    return blocks


def _finding(finding: ParsedFinding) -> str:
    verdict = f"{words.MARK[finding.verdict]} {finding.verdict.name}"
    name = _cut(order.check_name(finding.check))
    head = f"**{verdict}**, {name} of {_cut(finding.subject)}: **{_cut(finding.message)}**"
    fields = [("diagnosis", finding.diagnosis), ("**what to do**", finding.advice)]
    if finding.expected is not None or finding.observed is not None:
        fields = [
            ("expected", words.value_text(finding.expected)),
            ("found", words.value_text(finding.observed)),
            *fields,
        ]
    lines = [f"- {name}: {_cut(text)}" for name, text in fields if text]
    return "\n\n".join([head, "\n".join(lines)] if lines else [head])


def _cut(text: str) -> str:
    return plain(view.clipped(text, _MOST_CHARACTERS))


def _counts(counts: CellCounts) -> list[str]:
    rows = [
        [
            words.CELL_NAME[cell],
            words.bounds(counts, cell),
            "no sample" if counts.live is None else words.count(counts.live[cell]),
            words.difference(counts, cell),
        ]
        for cell in CELLS
    ]
    return [f"### Counts of {plain(counts.name)}", _table(("", "expected", "live", "difference"), rows)]


def _ratios(predictor: ParsedPredictor) -> list[str]:
    rows = [
        [
            ratio,
            _share(predictor.offline, ratio, "not known"),
            _share(predictor.live, ratio, "no sample"),
            words.ratio_difference(ratio, predictor),
        ]
        for ratio in words.RATIO_MEANING
    ]
    name = f"### Ratios of {plain(predictor.name)} ({view.role(predictor)}, {plain(predictor.model)})"
    return [name, _table(("", "offline", "live", "difference"), rows)]


def _share(scores: Scores | None, ratio: str, missing: str) -> str:
    if scores is None:
        return missing
    fraction = scores.ratios[ratio]
    return words.undefined(ratio) if fraction is None else words.percent(fraction)


def _comparison(result: Result) -> list[str]:
    message = None if result.comparison is None else result.comparison.get("message")
    return [f"**Primary against shadow:** {_cut(str(message))}"] if message else []


def _load(load: LoadRead | None) -> str:
    if load is None:
        return "### Load\n\nNot known: the ledger could not be read."
    names = view.percentile_names(load)
    outcomes = ", ".join(f"{words.count(number)} {name}" for name, number in load.outcomes.items())
    by = f" on average, by `{load.shape}`" if load.shape else ""
    planned = f" of {words.rate(load.rate_asked)} asked{by}" if load.rate_asked else ""
    line = f"### Load\n\n{outcomes}; {words.rate(load.rate_achieved)} achieved{planned}."
    rows = [[f"{plain(row.kind)}, {row.since}", *(text for _, text in row.percentiles)] for row in view.times(load)]
    table = _table(("ms", *(words.percentile(name) for name in names)), rows)
    legend = "Response: from when it was due. Service: from when it was sent. Both: they are the same."
    return "\n\n".join([line, *([table, legend] if rows else []), *_generator(load)])


def _generator(load: LoadRead) -> list[str]:
    """Whether the generator was fit, and how late it was; empty if that is not known."""
    generator = load.generator
    if generator is None or not load.lateness_ms:
        return []
    fit = "fit" if generator.verdict is Verdict.PASS else "**not fit**"
    late = view.lateness(load)
    parts = [f"Generator {fit}: late by {late} ms; {words.plural(generator.dropped, 'arrival')} dropped."]
    if load.ceiling_per_s is not None:
        parts.append(f"Calibrated before the start, one process of it can send {words.rate(load.ceiling_per_s)}.")
    return parts


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))
