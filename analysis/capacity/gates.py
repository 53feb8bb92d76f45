"""The gates of each step of a capacity search, and how long a step must last so that they can be decided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from analysis.judge import gates
from analysis.stats.latency import PERCENTILES
from analysis.stats.proportions import enough

DEFAULT: Final = ("failures<=0.1%", "p99_predict_ms<=100", "p99_feedback_ms<=100")
"""The gates if neither the command line nor ``pyproject.toml`` names any."""
MARGIN: Final = 1.05
"""A step gets this many times the requests that its gates need, because the first and the last may be missing."""


def gates_of(given: Sequence[str], of_project: Sequence[str]) -> tuple[str, ...]:
    """The gates of a search, as written. Raises `gates.GateError` for a text that is not a gate."""
    texts = tuple(given) or tuple(of_project) or DEFAULT
    return tuple(gates.parse(text).text for text in texts)


def requests_needed(texts: Sequence[str]) -> dict[str, int]:
    """Requests without a failure that decide the gates by the exact binomial rule: of each kind, and of ``any``."""
    needed = {"predict": 0, "feedback": 0, "any": 0}
    for gate in map(gates.parse, texts):
        kind, share = _share(gate)
        if share:
            needed[kind] = max(needed[kind], enough(0, share))
    return needed


def length_s(texts: Sequence[str], rate: float, shares: dict[str, float], least_s: float) -> float:
    """Whole seconds for which a rate must be sent, at least ``least_s``.

    ``shares``: share (0..1) of all requests, by kind.
    """
    times = [
        MARGIN * number / (rate * shares.get(kind, 1.0))
        for kind, number in requests_needed(texts).items()
        if shares.get(kind, 1.0) > 0
    ]
    return float(math.ceil(max(least_s, *times)))


def _share(gate: gates.Gate) -> tuple[str, float]:
    """The kind of request that a gate counts, and the share that may be over; 0 for a gate on quality."""
    if gate.what == gates.FAILURES:
        return "any", gate.limit
    percentile, _, rest = gate.what.partition("_")
    if percentile in PERCENTILES:
        return rest.removesuffix("_ms"), 1 - PERCENTILES[percentile]
    return "any", 0.0
