"""``result.json`` as the reports read it: checked, typed, and tolerant of keys that a later judge adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.counts import RATIOS
from analysis.verdict import Value, Verdict, merge
from model.contract import CELLS, Cell

SCHEMA_VERSION: Final = 1
_AGAIN: Final = "Judge the run again: `python -m analysis judge RUN`."

type Series = tuple[float | None, ...]
type Raw = Mapping[str, Any]


class ReportError(Exception):
    """There is nothing to report from; one line says what was expected, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class FindingRead:
    """One finding, as the judge wrote it; unlike a `verdict.Finding` it may lack advice and is shown all the same."""

    check: str
    subject: str
    verdict: Verdict
    message: str
    expected: Value
    observed: Value
    diagnosis: str | None
    advice: str | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts of the four cells and the ratios that the judge made of them; None is an undefined ratio."""

    cells: Mapping[Cell, int]
    ratios: Mapping[str, float | None]

    @property
    def total(self) -> int:
        return sum(self.cells.values())


@dataclass(frozen=True, slots=True)
class Timeline:
    """``time``: RFC 3339; ``live`` and ``offline``: for each ratio, a fraction or None at each time."""

    time: tuple[str, ...]
    live: Mapping[str, Series]
    offline: Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """Counts by threshold, each as long as ``threshold``; element i calls ``score >= threshold[i]`` positive."""

    threshold: tuple[float, ...]
    live: Mapping[Cell, tuple[int, ...]]
    offline: Mapping[Cell, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class PredictorRead:
    """One predictor. ``live`` is None without a sample. ``low``, ``high``: what each cell's count must lie within."""

    name: str
    model: str
    artifact: str
    shadow: bool
    traffic: int | None
    feedback: Mapping[str, int]
    live: Scores | None
    offline: Scores
    low: Mapping[Cell, int]
    high: Mapping[Cell, int]
    curve: ScoreCurve | None
    timeline: Timeline

    def off_by(self, cell: Cell) -> int | None:
        """How far the live count lies outside ``low..high``: 0 inside, negative below, None without a sample."""
        if self.live is None:
            return None
        count = self.live.cells[cell]
        return min(count - self.low[cell], 0) + max(count - self.high[cell], 0)


@dataclass(frozen=True, slots=True)
class LoadRead:
    """What was sent and how it went. ``latency_ms``: by kind, None where there was none, else by percentile name."""

    outcomes: Mapping[str, int]
    rate_asked: float | None
    rate_achieved: float | None
    latency_ms: Mapping[str, Mapping[str, float | None] | None]
    lateness_ms: Mapping[str, float | None] | None
    time: tuple[str, ...]
    attempted_per_s: Series
    p50_ms: Series
    p99_ms: Series


@dataclass(frozen=True, slots=True)
class Result:
    """All of ``result.json`` that a report shows. ``comparison`` and ``evidence`` stay as the judge wrote them."""

    run: Raw
    verdict: Verdict
    findings: tuple[FindingRead, ...]
    load: LoadRead
    predictors: tuple[PredictorRead, ...]
    comparison: Raw | None
    evidence: Raw


def parse(raw: object) -> Result:
    """Result of a decoded ``result.json``.

    Raises `ReportError` for another schema, for a field that is missing or of another type, and for a
    verdict that its findings do not add up to: a report must never show a pass that nobody judged.
    """
    top = _mapping(raw, "the file")
    if top.get("schema") != SCHEMA_VERSION:
        raise ReportError(f"reading result.json: expected schema {SCHEMA_VERSION}, got {top.get('schema')!r}. {_AGAIN}")
    findings = tuple(_finding(one, f"findings[{i}]") for i, one in enumerate(_list(top, "findings", "")))
    verdict = _verdict(top, "")
    if verdict is not merge(finding.verdict for finding in findings):
        added = merge(finding.verdict for finding in findings).name
        raise ReportError(
            f"reading result.json: expected the verdict {added}, which its {len(findings)} findings add up to, "
            f"got {verdict.name}. {_AGAIN}"
        )
    predictors = _mapping(top.get("predictors"), "predictors")
    comparison = top.get("comparison")
    return Result(
        run=_mapping(top.get("run"), "run"),
        verdict=verdict,
        findings=findings,
        load=_load(_mapping(top.get("load"), "load")),
        predictors=tuple(_predictor(name, one) for name, one in predictors.items()),
        comparison=None if comparison is None else _mapping(comparison, "comparison"),
        evidence=_mapping(top.get("evidence") or {}, "evidence"),
    )


def text_of(mapping: Raw, key: str, where: str) -> str:
    """The text under ``key``; raises `ReportError` for anything else."""
    value = mapping.get(key)
    if isinstance(value, str):
        return value
    raise _refusal(f"{where}{key}", "text", value)


def number_or_none(value: object, where: str) -> float | None:
    """A number below 10**18 either way, or None; raises `ReportError` for anything else, NaN and infinity included."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    raise _refusal(where, "a number or null", value)


def whole(value: object, where: str) -> int:
    """A whole number; raises `ReportError` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    raise _refusal(where, "a whole number", value)


def _refusal(where: str, expected: str, value: object) -> ReportError:
    return ReportError(f"reading result.json: expected {expected} at {where}, got {_brief(value)}. {_AGAIN}")


def _brief(value: object) -> str:
    return "nothing" if value is None else repr(value)[:60]


def _mapping(value: object, where: str) -> Raw:
    if isinstance(value, Mapping):
        return value
    raise _refusal(where, "an object", value)


def _list(mapping: Raw, key: str, where: str) -> list[Any]:
    value = mapping.get(key)
    if isinstance(value, list):
        return value
    raise _refusal(f"{where}{key}", "a list", value)


def _verdict(mapping: Raw, where: str) -> Verdict:
    value = mapping.get("verdict")
    if isinstance(value, str) and value in Verdict.__members__:
        return Verdict[value]
    raise _refusal(f"{where}verdict", "PASS, INCONCLUSIVE or FAIL", value)


def _finding(raw: object, where: str) -> FindingRead:
    one = _mapping(raw, where)
    where += "."
    return FindingRead(
        check=text_of(one, "check", where),
        subject=text_of(one, "subject", where),
        verdict=_verdict(one, where),
        message=text_of(one, "message", where),
        expected=_value(one.get("expected"), f"{where}expected"),
        observed=_value(one.get("observed"), f"{where}observed"),
        diagnosis=None if one.get("diagnosis") is None else text_of(one, "diagnosis", where),
        advice=None if one.get("advice") is None else text_of(one, "advice", where),
    )


def _value(raw: object, where: str) -> Value:
    if isinstance(raw, Mapping):
        return {str(key): _plain(value, f"{where}.{key}") for key, value in raw.items()}
    return _plain(raw, where)


def _plain(raw: object, where: str) -> int | float | str | None:
    return raw if isinstance(raw, str) else number_or_none(raw, where)


def _cells(raw: object, where: str) -> dict[Cell, int]:
    counts = _mapping(raw, where)
    return {cell: whole(counts.get(cell), f"{where}.{cell}") for cell in CELLS}


def _scores(raw: object, where: str) -> Scores:
    one = _mapping(raw, where)
    return Scores(_cells(one, where), {ratio: number_or_none(one.get(ratio), f"{where}.{ratio}") for ratio in RATIOS})


def _predictor(name: str, raw: object) -> PredictorRead:
    where = f"predictors.{name}"
    one = _mapping(raw, where)
    offline = _scores(one.get("offline"), f"{where}.offline")
    expected = _mapping(one.get("expected") or {}, f"{where}.expected")
    feedback = _mapping(one.get("feedback"), f"{where}.feedback")
    return PredictorRead(
        name=name,
        model=text_of(one, "model", f"{where}."),
        artifact=str(one.get("artifact") or ""),
        shadow=bool(one.get("shadow")),
        traffic=None if one.get("traffic") is None else whole(one["traffic"], f"{where}.traffic"),
        feedback={str(key): whole(value, f"{where}.feedback.{key}") for key, value in feedback.items()},
        live=None if one.get("live") is None else _scores(one["live"], f"{where}.live"),
        offline=offline,
        low=_cells(expected.get("low", offline.cells), f"{where}.expected.low"),
        high=_cells(expected.get("high", offline.cells), f"{where}.expected.high"),
        curve=_curve(one.get("curve"), f"{where}.curve"),
        timeline=_timeline(one.get("timeline"), f"{where}.timeline"),
    )


def _timeline(raw: object, where: str) -> Timeline:
    one = _mapping(raw or {"time": [], "live": {}, "offline": {}}, where)
    time = tuple(str(at) for at in _list(one, "time", f"{where}."))
    sides = [
        {
            ratio: _series(_mapping(one.get(side), f"{where}.{side}"), ratio, len(time), f"{where}.{side}")
            for ratio in RATIOS
        }
        for side in ("live", "offline")
    ]
    return Timeline(time, *sides)


def _series(raw: Raw, key: str, length: int, where: str) -> Series:
    values = raw.get(key) if length else []
    if not isinstance(values, list) or len(values) != length:
        raise _refusal(f"{where}.{key}", f"a list of {length}, one for each time", values)
    return tuple(number_or_none(value, f"{where}.{key}[{i}]") for i, value in enumerate(values))


def _curve(raw: object, where: str) -> ScoreCurve | None:
    if raw is None:
        return None
    one = _mapping(raw, where)
    threshold = tuple(
        float(number_or_none(value, f"{where}.threshold") or 0.0) for value in _list(one, "threshold", where)
    )
    sides = []
    for side in ("live", "offline"):
        counts = _mapping(one.get(side), f"{where}.{side}")
        series = {cell: _series(counts, cell, len(threshold), f"{where}.{side}") for cell in CELLS}
        sides.append({cell: tuple(whole(value, f"{where}.{side}.{cell}") for value in series[cell]) for cell in CELLS})
    return ScoreCurve(threshold, *sides)


def _load(raw: Raw) -> LoadRead:
    timeline = _mapping(raw.get("timeline") or {"time": []}, "load.timeline")
    time = tuple(str(at) for at in _list(timeline, "time", "load.timeline."))
    latency = _mapping(raw.get("latency_ms") or {}, "load.latency_ms")
    return LoadRead(
        outcomes={
            key: whole(raw.get(key), f"load.{key}") for key in ("attempted", "acknowledged", "refused", "indeterminate")
        },
        rate_asked=number_or_none(raw.get("rate_asked"), "load.rate_asked"),
        rate_achieved=number_or_none(raw.get("rate_achieved"), "load.rate_achieved"),
        latency_ms={str(kind): _percentiles(value, f"load.latency_ms.{kind}") for kind, value in latency.items()},
        lateness_ms=_percentiles(raw.get("lateness_ms"), "load.lateness_ms"),
        time=time,
        attempted_per_s=_series(timeline, "attempted_per_s", len(time), "load.timeline"),
        p50_ms=_series(timeline, "p50_ms", len(time), "load.timeline"),
        p99_ms=_series(timeline, "p99_ms", len(time), "load.timeline"),
    )


def _percentiles(raw: object, where: str) -> Mapping[str, float | None] | None:
    if raw is None:
        return None
    return {str(key): number_or_none(value, f"{where}.{key}") for key, value in _mapping(raw, where).items()}
