"""From a decoded ``result.json`` to typed values: strict where it matters, tolerant of unknown keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from analysis.result.fields import (
    JUDGE_AGAIN,
    Raw,
    ReportError,
    list_of,
    mapping,
    number_or_none,
    refusal,
    series,
    text_of,
    text_or_none,
    verdict_of,
    whole,
)
from analysis.result.parse_classes import claims_of, classes_of, metrics_of, published_together
from analysis.result.parse_load import load_of
from analysis.result.parsed import CellCounts, ParsedFinding, ParsedPredictor, Result, ScoreCurve, Scores, Timeline
from analysis.stats.confusion import RATIOS
from analysis.verdict import Value, merge
from model.contract import CELLS, Cell

SCHEMA_VERSION: Final = 1


def parse(raw: object) -> Result:
    """Result of a decoded ``result.json``.

    Raises `ReportError` for another schema, for a field that is missing or of another type, and for a verdict that is
    not the worst of its findings: a report must never show a pass that was not judged.
    """
    top = mapping(raw, "the file")
    if top.get("schema") != SCHEMA_VERSION:
        raise refusal("schema", str(SCHEMA_VERSION), top.get("schema"))
    findings = tuple(_finding(finding, f"findings[{i}].") for i, finding in enumerate(list_of(top, "findings", "")))
    verdict = verdict_of(top, "")
    merged = merge(finding.verdict for finding in findings)
    if verdict is not merged:
        raise ReportError(
            f"reading result.json: expected the verdict {merged.name}, which its {len(findings)} findings add up to, "
            f"got {verdict.name}. {JUDGE_AGAIN}"
        )
    raw_predictors = {
        str(name): mapping(predictor, f"predictors.{name}")
        for name, predictor in mapping(top.get("predictors"), "predictors").items()
    }
    predictors = tuple(_predictor(name, predictor) for name, predictor in raw_predictors.items())
    return Result(
        run=mapping(top.get("run"), "run"),
        verdict=verdict,
        findings=findings,
        load=None if top.get("load") is None else load_of(mapping(top["load"], "load")),
        predictors=predictors,
        counts=_judged_together(predictors, raw_predictors),
        claims=published_together(predictors),
        metrics=metrics_of(top.get("metrics")),
        comparison=None if top.get("comparison") is None else mapping(top["comparison"], "comparison"),
        evidence=mapping(top.get("evidence") or {}, "evidence"),
    )


def _judged_together(
    predictors: Sequence[ParsedPredictor], raw_predictors: Mapping[str, Raw]
) -> tuple[CellCounts, ...]:
    """The counts of the cells of each group of predictors, with their bounds.

    Predictors that share traffic are one group: their sum.
    """
    groups: dict[tuple[str, ...], CellCounts] = {}
    for predictor in (predictor for predictor in predictors if predictor.publishes_cells):
        if not predictor.shares:
            groups[predictor.group] = predictor.counts
        elif predictor.group not in groups:
            parts = [other.counts.live for other in predictors if other.name in predictor.group]
            known = [part for part in parts if part is not None]
            summed = {cell: sum(part[cell] for part in known) for cell in CELLS} if len(known) == len(parts) else None
            groups[predictor.group] = CellCounts(
                " + ".join(predictor.group),
                summed,
                *_bounds(raw_predictors[predictor.name], f"predictors.{predictor.name}"),
            )
    return tuple(groups.values())


def _finding(raw: object, where: str) -> ParsedFinding:
    fields = mapping(raw, where)
    return ParsedFinding(
        check=text_of(fields, "check", where),
        subject=text_of(fields, "subject", where),
        verdict=verdict_of(fields, where),
        message=text_of(fields, "message", where),
        expected=_value(fields.get("expected"), f"{where}expected"),
        observed=_value(fields.get("observed"), f"{where}observed"),
        diagnosis=text_or_none(fields, "diagnosis", where),
        advice=text_or_none(fields, "advice", where),
    )


def _value(raw: object, where: str) -> Value:
    if isinstance(raw, Mapping):
        return {str(key): _plain(value, f"{where}.{key}") for key, value in raw.items()}
    return _plain(raw, where)


def _plain(raw: object, where: str) -> int | float | str | None:
    return raw if isinstance(raw, str) else number_or_none(raw, where)


def _cells(raw: object, where: str) -> dict[Cell, int]:
    counts = mapping(raw, where)
    return {cell: whole(counts.get(cell), f"{where}.{cell}") for cell in CELLS}


def _scores(raw: object, where: str) -> Scores | None:
    if raw is None:
        return None
    fields = mapping(raw, where)
    return Scores(
        _cells(fields, where), {ratio: number_or_none(fields.get(ratio), f"{where}.{ratio}") for ratio in RATIOS}
    )


def _bounds(fields: Raw, where: str) -> tuple[Mapping[Cell, int] | None, Mapping[Cell, int] | None]:
    """The lowest and highest count that each cell may have; None and None if the judge did not know them."""
    if fields.get("expected") is not None:
        expected = mapping(fields["expected"], f"{where}.expected")
        return _cells(expected.get("low"), f"{where}.expected.low"), _cells(
            expected.get("high"), f"{where}.expected.high"
        )
    return None, None


def _predictor(name: str, fields: Raw) -> ParsedPredictor:
    where = f"predictors.{name}"
    group = tuple(str(member) for member in fields.get("group") or [name])
    live = _scores(fields.get("live"), f"{where}.live")
    cells = None if live is None else live.cells
    feedback = mapping(fields.get("feedback") or {}, f"{where}.feedback")
    return ParsedPredictor(
        name=name,
        model=text_of(fields, "model", f"{where}."),
        artifact=text_or_none(fields, "artifact", f"{where}.") or "",
        shadow=bool(fields.get("shadow")),
        traffic=None if fields.get("traffic") is None else whole(fields["traffic"], f"{where}.traffic"),
        group=group,
        feedback={str(key): whole(value, f"{where}.feedback.{key}") for key, value in feedback.items()},
        live=live,
        offline=_scores(fields.get("offline"), f"{where}.offline"),
        counts=CellCounts(name, cells, *(_bounds(fields, where) if len(group) == 1 else (None, None))),
        curve=_curve(fields.get("curve"), f"{where}.curve"),
        timeline=_timeline(fields.get("timeline"), f"{where}.timeline"),
        claims=claims_of(fields, where),
        classes=classes_of(fields.get("classes"), f"{where}.classes"),
    )


def _timeline(raw: object, where: str) -> Timeline:
    fields = mapping(raw or {"time": [], "live": {}, "offline": {}}, where)
    time = tuple(str(at) for at in list_of(fields, "time", f"{where}."))
    live, offline = (mapping(fields.get(side), f"{where}.{side}") for side in ("live", "offline"))
    return Timeline(
        time,
        {ratio: series(live, ratio, len(time), f"{where}.live") for ratio in RATIOS},
        {ratio: series(offline, ratio, len(time), f"{where}.offline") for ratio in RATIOS},
        text_or_none(fields, "average", f"{where}.") or "",
    )


def _curve(raw: object, where: str) -> ScoreCurve | None:
    if raw is None:
        return None
    fields = mapping(raw, where)
    threshold = tuple(
        number_or_none(value, f"{where}.threshold") or 0.0 for value in list_of(fields, "threshold", f"{where}.")
    )
    sides = []
    for side in ("live", "offline"):
        counts = mapping(fields.get(side), f"{where}.{side}")
        by_cell = {cell: series(counts, cell, len(threshold), f"{where}.{side}") for cell in CELLS}
        sides.append({cell: tuple(whole(value, f"{where}.{side}.{cell}") for value in by_cell[cell]) for cell in CELLS})
    return ScoreCurve(threshold, *sides)
