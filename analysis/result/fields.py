"""Fields of a decoded ``result.json``: each has the type that it must have, or is refused in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.verdict import Verdict
from model.installation import COMMAND

JUDGE_AGAIN: Final = f"Judge the run again: `{COMMAND} judge RUN`."
TOO_LARGE: Final = 10**18
"""No number of a result is as large, either way."""

type Raw = Mapping[str, Any]


class ReportError(Exception):
    """A result or a run cannot be used for a report; one line says what was expected, what was found and what to do."""


def refusal(where: str, expected: str, value: object) -> ReportError:
    """The error for a ``value`` at ``where`` that is not as expected; the caller raises it."""
    actual = "nothing" if value is None else repr(value)[:60]
    return ReportError(f"reading result.json: expected {expected} at {where}, got {actual}. {JUDGE_AGAIN}")


def mapping(value: object, where: str) -> Raw:
    """An object; raises `ReportError` for anything else."""
    if isinstance(value, Mapping):
        return value
    raise refusal(where, "an object", value)


def list_of(raw: Raw, key: str, where: str) -> list[Any]:
    """The list under ``key``; raises `ReportError` for anything else."""
    value = raw.get(key)
    if isinstance(value, list):
        return value
    raise refusal(f"{where}{key}", "a list", value)


def text_of(raw: Raw, key: str, where: str) -> str:
    """The text under ``key``; raises `ReportError` for anything else."""
    value = raw.get(key)
    if isinstance(value, str):
        return value
    raise refusal(f"{where}{key}", "text", value)


def text_or_none(raw: Raw, key: str, where: str) -> str | None:
    """The text under ``key``, or None; raises `ReportError` for anything else."""
    return None if raw.get(key) is None else text_of(raw, key, where)


def number_or_none(value: object, where: str) -> float | None:
    """A number below 10**18 either way, or None; raises `ReportError` for anything else, NaN and infinity included."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < TOO_LARGE:
        return value
    raise refusal(where, "a number or null", value)


def whole(value: object, where: str) -> int:
    """A whole number below 10**18 either way; raises `ReportError` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < TOO_LARGE:
        return value
    raise refusal(where, "a whole number", value)


def series(raw: Raw, key: str, length: int, where: str) -> tuple[float | None, ...]:
    """The list of ``length`` numbers and nulls under ``key``; empty for length 0.

    Raises `ReportError` for anything else.
    """
    values = raw.get(key) if length else []
    if not isinstance(values, list) or len(values) != length:
        raise refusal(f"{where}.{key}", f"a list of {length}, one for each time", values)
    return tuple(number_or_none(value, f"{where}.{key}[{i}]") for i, value in enumerate(values))


def verdict_of(raw: Raw, where: str) -> Verdict:
    """The verdict under ``verdict``; raises `ReportError` for anything else."""
    value = raw.get("verdict")
    if isinstance(value, str) and value in Verdict.__members__:
        return Verdict[value]
    raise refusal(f"{where}verdict", "PASS, INCONCLUSIVE or FAIL", value)
