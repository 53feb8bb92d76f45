"""``report.md``: the report in short, fit for a CI job summary or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from analysis.record.runfolder import Run
from analysis.report import order, quality, view
from analysis.report import wording as words
from analysis.report.quality import Heat
from analysis.result.parsed import (
    CellCounts,
    ClaimCounts,
    LoadRead,
    MetricNames,
    ParsedFinding,
    ParsedPredictor,
    Result,
    Scores,
)
from analysis.verdict import Verdict
from model.contract import CELLS

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$>-])")
_MOST_FINDINGS: Final = 20
_MOST_CHARACTERS: Final = 300
"""Findings shown. With so many, the file stays under the 65,536 characters that a comment on GitHub may have."""

_MOST_CLAIMS: Final = 24
_MOST_CLASSES: Final = 48
_MOST_CELLS: Final = 200
_FEWEST: Final = 4
"""Published counts, classes, and cells of matrices, over all predictors; and lines of a table that stay in any case."""


def render(result: Result, run: Run) -> str:
    """The whole file, ending in a newline."""
    many = quality.with_more_classes(result)
    blocks = [
        f"## {words.MARK[result.verdict]} {result.verdict.name}: {view.headline(result)}",
        f"{plain(run.deployment)} in namespace {plain(run.namespace)}, {words.moment(run.started)}.",
        view.tally(result),
        *_findings(view.ordered(result.findings)),
        _metrics(result.metrics),
        *(block for counts in result.counts for block in _counts(counts)),
        *(block for group in result.claims for block in _claims(group, _part(_MOST_CLAIMS, len(result.claims)))),
        *(block for predictor in many for block in _classes(predictor, len(many))),
        *(block for predictor in quality.with_two_classes(result) for block in _ratios(predictor)),
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


def _metrics(metrics: MetricNames | None) -> str:
    """The metric map by name, and what a reader of its series should know."""
    return (
        "" if metrics is None else f"Metrics by the map {_cut(metrics.name)}. {plain(quality.note(metrics))}".rstrip()
    )


def _part(whole: int, number: int) -> int:
    """How many lines each of a number of tables may have."""
    return max(whole // max(number, 1), _FEWEST)


def _claims(group: ClaimCounts, most: int) -> list[str]:
    """What is published: as a table if it is short or if some of it is wrong, else as one line."""
    head = f"### Published counts of {plain(group.name)}"
    if not group.claims:
        return [head, "No sample."]
    lines, more = quality.claim_lines(group.claims, most)
    if more and not quality.wrong_claims(group.claims):
        return [head, f"{words.count(len(group.claims))} published counts: {quality.claims_status(group.claims)}."]
    rows = [[_cut(line.name), line.expected, line.live, line.difference] for line in lines]
    rest = [f"{words.count(more)} more are in `result.json`."] if more else []
    return [head, _table(("published", "expected", "live", "difference"), rows), *rest]


def _classes(predictor: ParsedPredictor, tables: int) -> list[str]:
    """The table by class with its averages, and what is wrong in the matrix."""
    name = f"### Classes of {plain(predictor.name)} ({view.role(predictor)}, {plain(predictor.model)})"
    if predictor.classes is None:
        return []
    table = quality.class_table(predictor, predictor.classes, _part(_MOST_CLASSES, tables))
    if not table.side:
        return [name, "Neither live nor offline is known by class."]
    missing = f"; live {quality.live_missing(predictor)}" if table.side == "offline" else ", ✓ where equal to offline"
    sides = f"Accuracy {_compared(table.accuracy)} ({table.side}{missing})."
    rows = [
        [plain(line.label), *map(_compared, line.ratios), _compared(line.support) if line.support else ""]
        for line in (*table.lines, *table.averages)
    ]
    heat = quality.heat_of(predictor)
    return [
        name,
        sides,
        _table(("class", *quality.RATIOS.values(), "rows"), rows),
        f"{words.count(table.more)} more classes are in `result.json`." if table.more else "",
        plain(table.legend),
        *([] if heat is None else _matrix(predictor, heat, _MOST_CELLS // tables)),
    ]


def _matrix(predictor: ParsedPredictor, heat: Heat, most: int) -> list[str]:
    """The confusion matrix with the truth in rows, if it is small; else whether it is as expected."""
    title = f"{quality.heat_title(predictor)} ({quality.heat_status(predictor, heat)})."
    if len(heat.cells) > most:
        return [title]
    labels = [plain(text) for text in words.labels(heat.labels)]
    numbers = range(len(labels))
    rows = [[labels[truth], *(_cell(heat, truth, answer) for answer in numbers)] for truth in numbers]
    return [f"{title} Truth in rows, answer in columns.", _table(("", *labels), rows)]


def _cell(heat: Heat, truth: int, answer: int) -> str:
    count = words.count(heat.matrix[truth][answer])
    return f"✗ {count}, expected {heat.expected(truth, answer)}" if heat.off_by(truth, answer) else count


def _compared(value: quality.ComparedValue) -> str:
    offline = f"offline {value.offline}, " if value.offline else ""
    return f"{value.shown}, {offline}{value.difference}" if offline else f"{value.shown} {value.difference}".strip()


def _ratios(predictor: ParsedPredictor) -> list[str]:
    rows = [
        [
            ratio,
            _share(predictor.offline, ratio, "not known"),
            _share(predictor.live, ratio, quality.live_missing(predictor)),
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
