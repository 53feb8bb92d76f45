"""Moments as RFC 3339 text and as numbers."""

from __future__ import annotations

from datetime import datetime


def epoch_s(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; raises ValueError on anything else."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time: expected an offset or Z at the end, got {text!r}")
    return at.timestamp()
