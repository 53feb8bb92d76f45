"""The load in a few lines, for a terminal: how much, how fast, and whether the generator was fit to say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SHOWN: Final = {"p50": "p50", "p99": "p99", "p999": "p99.9", "max": "max"}


def load_lines(load: Mapping[str, Any]) -> list[str]:
    """Requests and rate; then for each kind of request its response and service times; then the generator."""
    kinds = [kind for kind, row in load["latency_ms"].items() if row is not None]
    times = [_times(kind, load["latency_ms"][kind], load["service_ms"][kind]) for kind in kinds]
    return [_sent(load), *times, *_generator(load)]


def _sent(load: Mapping[str, Any]) -> str:
    parts = [f"  load: {load['requests']:,} requests"]
    if load["rate_achieved"] is not None:
        parts.append(f"{load['rate_achieved']:,.0f}/s")
    parts += [f"{load[name]:,} {name}" for name in ("refused", "indeterminate") if load[name]]
    return ", ".join(parts)


def _times(kind: str, response: Mapping[str, float | None], service: Mapping[str, float | None]) -> str:
    """Response time, and service time if it differs; in a closed loop they are always equal."""
    line = f"    {kind:<9} response {_percentiles(response)} ms"
    return line if response == service else f"{line}; service {_percentiles(service)} ms"


def _percentiles(row: Mapping[str, float | None]) -> str:
    """The percentiles that the number of requests supports."""
    return "  ".join(f"{label} {row[name]:.1f}" for name, label in _SHOWN.items() if row.get(name) is not None)


def _generator(load: Mapping[str, Any]) -> list[str]:
    generator, late = load["generator"], load["lateness_ms"]
    if generator is None or late is None:
        return []
    dropped = f", {generator['dropped']:,} arrivals dropped" if generator["dropped"] else ""
    fit = "fit" if generator["verdict"] == "PASS" else "not fit"
    return [f"    generator {fit}: late {_percentiles(late)} ms, {generator['cpu_share']:.0%} of a core{dropped}"]
