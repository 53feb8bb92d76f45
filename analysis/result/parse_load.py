"""From the part of ``result.json`` about the load to typed values."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.result.fields import Raw, list_of, mapping, number_or_none, series, verdict_of, whole
from analysis.result.parsed import GeneratorRead, LoadRead


def load_of(raw: Raw) -> LoadRead:
    """The load.

    A field that an earlier version did not write is None. Raises `ReportError` for a field of the wrong type.
    """
    timeline = mapping(raw.get("timeline") or {"time": []}, "load.timeline")
    time = tuple(str(at) for at in list_of(timeline, "time", "load.timeline."))
    names = ("attempted", "acknowledged", "refused", "indeterminate")
    outcomes = {key: whole(raw.get(key), f"load.{key}") for key in names}
    needs = mapping(raw.get("percentile_needs") or {}, "load.percentile_needs")
    statuses = mapping(raw.get("statuses") or {}, "load.statuses")
    calibration = mapping(raw.get("calibration") or {}, "load.calibration")
    return LoadRead(
        requests=whole(raw.get("requests", outcomes["attempted"]), "load.requests"),
        outcomes=outcomes,
        statuses={str(key): whole(value, f"load.statuses.{key}") for key, value in statuses.items()},
        rate_asked=number_or_none(raw.get("rate_asked"), "load.rate_asked") or None,
        shape=str(raw["shape"]) if raw.get("shape") else None,
        ceiling_per_s=number_or_none(calibration.get("ceiling_per_s"), "load.calibration.ceiling_per_s"),
        floor_ms=number_or_none(calibration.get("floor_ms"), "load.calibration.floor_ms"),
        rate_achieved=number_or_none(raw.get("rate_achieved"), "load.rate_achieved"),
        latency_ms=_by_kind(raw, "latency_ms"),
        service_ms=_by_kind(raw, "service_ms"),
        needs={str(name): whole(value, f"load.percentile_needs.{name}") for name, value in needs.items()},
        generator=None if raw.get("generator") is None else _generator(mapping(raw["generator"], "load.generator")),
        lateness_ms=_percentiles(raw.get("lateness_ms"), "load.lateness_ms"),
        time=time,
        attempted_per_s=series(timeline, "attempted_per_s", len(time), "load.timeline"),
        p50_ms=series(timeline, "p50_ms", len(time), "load.timeline"),
        p99_ms=series(timeline, "p99_ms", len(time), "load.timeline"),
    )


def _generator(raw: Raw) -> GeneratorRead:
    where = "load.generator."
    waited = number_or_none(raw.get("waited_share"), f"{where}waited_share")
    return GeneratorRead(verdict_of(raw, where), whole(raw.get("dropped"), f"{where}dropped"), waited)


def _by_kind(raw: Raw, name: str) -> dict[str, Mapping[str, float | None] | None]:
    rows = mapping(raw.get(name) or {}, f"load.{name}")
    return {str(kind): _percentiles(value, f"load.{name}.{kind}") for kind, value in rows.items()}


def _percentiles(raw: object, where: str) -> Mapping[str, float | None] | None:
    if raw is None:
        return None
    return {str(key): number_or_none(value, f"{where}.{key}") for key, value in mapping(raw, where).items()}
