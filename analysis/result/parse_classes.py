"""From the parts of ``result.json`` about claims, classes and the metric map to typed values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.result.fields import Raw, list_of, mapping, number_or_none, refusal, text_of, whole
from analysis.result.parsed import (
    ClaimCounts,
    ClassRatios,
    ClassScores,
    Matrix,
    MetricNames,
    ParsedClaim,
    ParsedClasses,
    ParsedPredictor,
)

CLASS_RATIOS: Final = ("precision", "recall", "f1")
"""Ratios of a class, in the order of ``sklearn.metrics.classification_report``."""


def claims_of(fields: Raw, where: str) -> tuple[ParsedClaim, ...]:
    """The claims of a predictor; empty if the result has none. Raises `ReportError` for a field of the wrong type."""
    if fields.get("claims") is None:
        return ()
    return tuple(
        _claim(mapping(raw, f"{where}.claims[{i}]"), f"{where}.claims[{i}]")
        for i, raw in enumerate(list_of(fields, "claims", f"{where}."))
    )


def _claim(raw: Raw, where: str) -> ParsedClaim:
    live = raw.get("live")
    return ParsedClaim(
        key=text_of(raw, "key", f"{where}."),
        name=text_of(raw, "name", f"{where}."),
        low=None if raw.get("low") is None else whole(raw["low"], f"{where}.low"),
        high=None if raw.get("high") is None else whole(raw["high"], f"{where}.high"),
        live=live if isinstance(live, str) else number_or_none(live, f"{where}.live"),
    )


def published_together(predictors: Sequence[ParsedPredictor]) -> tuple[ClaimCounts, ...]:
    """The claims of each group that publishes anything but the four cells; live counts are sums over the group."""
    groups = {
        predictor.group: [other for other in predictors if other.name in predictor.group]
        for predictor in predictors
        if predictor.claims or predictor.classes is not None
    }
    return tuple(ClaimCounts(" + ".join(group), _sums(members)) for group, members in groups.items())


def _sums(members: Sequence[ParsedPredictor]) -> tuple[ParsedClaim, ...]:
    """The claims of all members; without live counts if some member has no sample of them."""
    first = max((member.claims for member in members), key=len)
    parts = [{claim.name: claim.live for claim in member.claims} for member in members]
    return tuple(
        ParsedClaim(claim.key, claim.name, claim.low, claim.high, _sum([part.get(claim.name) for part in parts]))
        for claim in first
    )


def _sum(values: Sequence[float | str | None]) -> float | str | None:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if value is not None and not isinstance(value, str)]
    if texts:
        return texts[0]
    return sum(numbers) if len(numbers) == len(values) else None


def classes_of(raw: object, where: str) -> ParsedClasses | None:
    """Quality by class; None if there is none. Raises `ReportError` for a field of the wrong type or length."""
    if raw is None:
        return None
    fields = mapping(raw, where)
    labels = tuple(
        text_of({"label": label}, "label", f"{where}.labels[{i}].")
        for i, label in enumerate(list_of(fields, "labels", f"{where}."))
    )
    zero_division = number_or_none(fields.get("zero_division"), f"{where}.zero_division")
    if zero_division is None:
        raise refusal(f"{where}.zero_division", "a number", None)
    expected = mapping(fields.get("expected") or {}, f"{where}.expected")
    return ParsedClasses(
        labels=labels,
        zero_division=zero_division,
        live=_scores(fields.get("live"), labels, f"{where}.live"),
        offline=_scores(fields.get("offline"), labels, f"{where}.offline"),
        low=_matrix(expected.get("low"), len(labels), f"{where}.expected.low"),
        high=_matrix(expected.get("high"), len(labels), f"{where}.expected.high"),
    )


def _scores(raw: object, labels: Sequence[str], where: str) -> ClassScores | None:
    if raw is None:
        return None
    fields = mapping(raw, where)
    rows = list_of(fields, "by_class", f"{where}.")
    by_class = tuple(
        _class(mapping(row, f"{where}.by_class[{i}]"), f"{where}.by_class[{i}]") for i, row in enumerate(rows)
    )
    if [row.label for row in by_class] != list(labels):
        raise refusal(f"{where}.by_class", f"one row for each of {len(labels)} labels, in their order", rows)
    return ClassScores(
        accuracy=number_or_none(fields.get("accuracy"), f"{where}.accuracy"),
        macro=_ratios(mapping(fields.get("macro"), f"{where}.macro"), f"{where}.macro"),
        weighted=_ratios(mapping(fields.get("weighted"), f"{where}.weighted"), f"{where}.weighted"),
        by_class=by_class,
        matrix=_matrix(fields.get("matrix"), len(labels), f"{where}.matrix"),
    )


def _class(raw: Raw, where: str) -> ClassRatios:
    return ClassRatios(
        text_of(raw, "label", f"{where}."), _ratios(raw, where), whole(raw.get("support"), f"{where}.support")
    )


def _ratios(raw: Raw, where: str) -> dict[str, float | None]:
    return {ratio: number_or_none(raw.get(ratio), f"{where}.{ratio}") for ratio in CLASS_RATIOS}


def _matrix(raw: object, number: int, where: str) -> Matrix | None:
    """``number`` rows of as many whole numbers; None for None."""
    if raw is None:
        return None
    return tuple(
        tuple(whole(value, f"{where}[{i}][{j}]") for j, value in enumerate(_list(row, number, f"{where}[{i}]")))
        for i, row in enumerate(_list(raw, number, where))
    )


def _list(raw: object, number: int, where: str) -> list[object]:
    if isinstance(raw, list) and len(raw) == number:
        return raw
    raise refusal(where, f"a list of {number}, one for each class", raw)


def metrics_of(raw: object) -> MetricNames | None:
    """The metric map of the run; None if the result names none. Raises `ReportError` for a field of the wrong type."""
    if raw is None:
        return None
    fields = mapping(raw, "metrics")
    rows = text_of(fields, "rows", "metrics.")
    if rows not in {"every", "first"}:
        raise refusal("metrics.rows", "every or first", rows)
    return MetricNames(text_of(fields, "name", "metrics."), rows == "first", text_of(fields, "note", "metrics."))
