"""Moments as RFC 3339 text and as numbers."""

from __future__ import annotations

from datetime import UTC, datetime


def epoch_s(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time. Raises ValueError for anything else, also without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time: expected an offset or Z at the end, got {text!r}")
    return moment.timestamp()


def rfc3339(seconds: float) -> str:
    """RFC 3339 UTC time with milliseconds, of ``seconds`` since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
