"""The contents of the page, decided before the template lays them out: order, headline, pictures, commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analysis.record.runfolder import Run
from analysis.report import charts, order, pictures
from analysis.report import wording as words
from analysis.report.charts import Detail, Picture
from analysis.result.fields import number_or_none
from analysis.result.parsed import LoadRead, ParsedFinding, ParsedPredictor, Result
from analysis.verdict import Verdict
from model.installation import COMMAND

GATE: Final = "gate"
"""Name of the check that holds a quality gate; its FAIL says nothing about whether the live metrics are true."""
_CELL: Final = {str(cell): f"{name} ({cell})" for cell, name in words.CELL_NAME.items()}
_DIFFERENCE: Final = {"average_precision": "average precision"}
MOST_DIFFERENCES: Final = 24
"""Lines of the comparison; with more classes, the rest is counted."""
_SHOWN_FINDINGS: Final = 20
_SHOWN_CHARACTERS: Final = 1_000
_SHOWN_ROWS: Final = 24


@dataclass(frozen=True, slots=True)
class ValueLine:
    """One line of a finding's table: which value, what was expected, what was observed."""

    name: str
    expected: str
    observed: str
    differs: bool


def parted(findings: Sequence[ParsedFinding]) -> tuple[list[ParsedFinding], list[ParsedFinding]]:
    """The findings that are no PASS: those with a reason of their own, and those that only follow from another one."""
    wrong = [finding for finding in findings if finding.verdict is not Verdict.PASS]
    following = [finding for finding in wrong if order.only_follows(finding.message)]
    return [finding for finding in wrong if not order.only_follows(finding.message)], following


def _place(placed: tuple[float, ParsedFinding]) -> tuple[bool, bool, float]:
    place, finding = placed
    return order.only_follows(finding.message), finding.diagnosis is None, place


def ordered(findings: Sequence[ParsedFinding]) -> list[ParsedFinding]:
    """FAIL, INCONCLUSIVE, PASS. Within each, findings with a diagnosis come first, else in the order of `places`.

    Last of each come those that only follow from another one.
    """
    in_order = []
    for verdict in sorted(Verdict, reverse=True):
        alike = [finding for finding in findings if finding.verdict is verdict]
        places = order.places([(finding.check, finding.subject) for finding in alike])
        in_order += [finding for _, finding in sorted(zip(places, alike, strict=True), key=_place)]
    return in_order


def first_of(findings: Sequence[ParsedFinding], most: int = _SHOWN_FINDINGS) -> list[ParsedFinding]:
    """The first findings, as many as a reader can take in; the page says how many more ``result.json`` has."""
    return list(findings[:most])


def clipped(text: str, most: int = _SHOWN_CHARACTERS) -> str:
    """The text, cut if it is too long for the page, with the number of characters that were cut."""
    more = len(text) - most
    return text if more <= 0 else f"{text[:most]}… ({words.count(more)} more characters in result.json)"


def lines_of(finding: ParsedFinding) -> list[ValueLine]:
    """The finding's table: a line for each key where both sides are mappings, else one line."""
    expected, observed = finding.expected, finding.observed
    if isinstance(expected, Mapping) and isinstance(observed, Mapping):
        keys = list(dict.fromkeys([*expected, *observed]))[:_SHOWN_ROWS]
        return [_line(_CELL.get(key, key), expected.get(key), observed.get(key)) for key in keys]
    if expected is None and observed is None:
        return []
    return [ValueLine("", clipped(words.value_text(expected)), clipped(words.value_text(observed)), False)]


def _line(name: str, expected: float | str | None, observed: float | str | None) -> ValueLine:
    return ValueLine(name, clipped(words.plain(expected)), clipped(words.plain(observed)), expected != observed)


def headline(result: Result) -> str:
    """The verdict as a sentence for somebody who knows nothing of the run."""
    if result.verdict is Verdict.PASS:
        return "The live metrics can be believed"
    if result.verdict is Verdict.INCONCLUSIVE:
        return "Could not tell"
    failed = [finding for finding in result.findings if finding.verdict is Verdict.FAIL]
    if all(finding.check.split()[0] == GATE for finding in failed if finding.check):
        return "A quality gate was not met"
    return "Do not believe the live metrics"


def tally(result: Result) -> str:
    """The number of findings of each verdict, in words."""
    total = len(result.findings)
    if not total:
        return "Nothing was checked. This is not a pass."
    end = " This is not a pass." if result.verdict is Verdict.INCONCLUSIVE else ""
    number = {verdict: sum(finding.verdict is verdict for finding in result.findings) for verdict in Verdict}
    if number[Verdict.PASS] == total > 1:
        return f"All {words.plural(total, 'check')} passed."
    parts = [
        f"{words.count(number[verdict])} {what}"
        for verdict, what in (
            (Verdict.FAIL, "failed"),
            (Verdict.INCONCLUSIVE, "could not be decided"),
            (Verdict.PASS, "passed"),
        )
        if number[verdict]
    ]
    if total == 1:
        return f"The only check {parts[0].removeprefix('1 ')}.{end}"
    return f"Of {words.plural(total, 'check')}, {', '.join(parts)}.{end}"


def role(predictor: ParsedPredictor) -> str:
    """The role of a predictor, with its share of the traffic if that is not all."""
    name = "shadow" if predictor.shadow else "primary"
    if predictor.traffic in {None, 100} or (predictor.traffic == 0 and not predictor.shares):
        return name
    return f"{name}, {predictor.traffic} % {'mirrored' if predictor.shadow else 'of the traffic'}"


def groups_right(result: Result) -> list[tuple[str, str]]:
    """Each group that is judged together, with how many of its published counts are as expected."""
    claims = {group.name: [claim.off_by() for claim in group.claims] for group in result.claims}
    cells = {
        counts.name: [] if counts.live is None else [counts.off_by(cell) for cell in counts.live]
        for counts in result.counts
    }
    rights = [(name, _right(result, name, off, "cells")) for name, off in cells.items() if name not in claims]
    return rights + [(name, _right(result, name, off, "counts")) for name, off in claims.items()]


def _right(result: Result, name: str, off: Sequence[float | None], noun: str) -> str:
    """The number of counts that are as expected, with a mark; it is no good one if another check failed on them."""
    if not off:
        return "? no live sample"
    if None in off:
        return "? nothing to compare with"
    right, of = list(off).count(0), words.count(len(off))
    failed = {finding.subject for finding in result.findings if finding.verdict is Verdict.FAIL}
    if right == len(off) and name in failed:
        return f"✗ {of} of {of} {noun} as expected, another check failed"
    return f"{'✓' if right == len(off) else '✗'} {words.count(right)} of {of} {noun} as expected"


def quality_pictures(result: Result, detail: Detail) -> dict[str, list[Picture]]:
    """For each predictor its ratios over time, on axes shared between predictors."""
    axes = {ratio: charts.shared_axis(ratio, result.predictors) for ratio in words.RATIO_MEANING}
    started = str(result.run.get("started") or "")
    return {
        predictor.name: [
            charts.quality(f"q{i}{ratio[0]}", ratio, predictor, started, axes[ratio], detail)
            for ratio in words.RATIO_MEANING
            if ratio in predictor.timeline.ratios
        ]
        for i, predictor in enumerate(result.predictors)
    }


def load_pictures(load: LoadRead, started: str, detail: Detail) -> dict[str, Picture]:
    """Requests per second, and the two percentiles, over time."""
    times = charts.elapsed(load.time, started)
    level = None if load.shape else load.rate_asked
    rate = charts.amount("lr", "requests per second", "", times, load.attempted_per_s, level, detail)
    p50 = charts.amount("l5", "median latency (p50)", "ms", times, load.p50_ms, None, detail)
    p99 = charts.amount("l9", "99th percentile (p99)", "ms", times, load.p99_ms, None, detail)
    return {"rate": rate, "p50": p50, "p99": p99}


def percentile_names(load: LoadRead) -> list[str]:
    """Every percentile that some kind of request has, from the lowest to ``max``."""
    names = {name for row in load.latency_ms.values() for name in (row or {})}
    return sorted(names, key=lambda name: (name == "max", name))


@dataclass(frozen=True, slots=True)
class Times:
    """One line of the table of latencies.

    It has the kind of request, the start of the measurement, and for each percentile a duration in ms with its words.
    """

    kind: str
    since: str
    percentiles: tuple[tuple[float | None, str], ...]


def times(load: LoadRead) -> list[Times]:
    """Response and service time of each kind of request, one below the other; no line for a kind that was not sent.

    One line for both if they are equal, as always in a closed loop, where a request is due when it is sent.
    """
    names = percentile_names(load)
    rows: list[tuple[str, str, Mapping[str, float | None] | None]] = []
    for kind, response in load.latency_ms.items():
        service = load.service_ms.get(kind)
        if response == service:
            rows.append((kind, "both", response))
        else:
            rows += [(kind, "response", response), (kind, "service", service)]
    return [
        Times(
            kind, since, tuple((row.get(name), words.measured(row.get(name), load.needs.get(name))) for name in names)
        )
        for kind, since, row in rows
        if row
    ]


def lateness(load: LoadRead) -> str:
    """From when a request was due to when it was sent: ``p50 0.00, p99 0.31, max 2.40``; empty if it is not known."""
    lateness = (load.lateness_ms or {}).items()
    return ", ".join(
        f"{words.percentile(name)} {words.measured(value, load.needs.get(name))}" for name, value in lateness
    )


def differences(comparison: Mapping[str, Any]) -> list[pictures.Interval]:
    """The comparison's differences (shadow minus primary), one for each ratio that the judge compared."""
    raw = comparison.get("difference")
    if not isinstance(raw, Mapping):
        return []
    rows = {"accuracy": raw} if "low" in raw else raw
    return [
        pictures.Interval(
            _DIFFERENCE.get(str(name), str(name)),
            *(_fraction(interval, key, str(name)) for key in ("value", "low", "high")),
        )
        for name, interval in rows.items()
        if isinstance(interval, Mapping)
    ]


def _fraction(mapping: Mapping[str, Any], key: str, name: str) -> float | None:
    return number_or_none(mapping.get(key), f"comparison.difference.{name}.{key}")


def setting(name: str) -> str:
    """``feedback_delay_s`` as ``feedback delay (s)``."""
    for suffix, unit in (("_per_s", "per s"), ("_ms", "ms"), ("_s", "s")):
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix).replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def command_to_repeat(run: Run) -> str:
    """The command that asks for the same load on the same manifest: each option of ``run.json`` that has a value."""
    options = {name.removesuffix("_s").removesuffix("_per"): value for name, value in run.options.items()}
    options = {"sdep": run.manifest, "namespace": run.namespace, "seed": run.seed} | options
    words_ = [*COMMAND.split(), "loadtest"]
    unsaid = {"spawn_rate"} | ({"duration"} if options.get("shape") else set())
    unsaid |= {"users"} if any(options.get(name) for name in ("rate", "trace", "shape")) else set()
    for name, value in options.items():
        if value in {None, ""} or (name == "rate" and not value) or name in unsaid:
            continue
        seconds = "s" if name == "duration" else ""
        words_ += [f"--{name.replace('_', '-')}", _as_typed(value) + seconds]
    return shlex.join(words_)


def _as_typed(value: object) -> str:
    """The value as an option that is read back as the same value: no digit of a seed or of a rate is lost."""
    short = f"{value:.15g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def judge_again(run: Run) -> str:
    """The command that judges the recorded evidence again, without any server."""
    return shlex.join([*COMMAND.split(), "judge", f"runs/{run.id}"])
