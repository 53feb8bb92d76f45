"""Several rounds of one figure, as median, lowest and highest."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median of the rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def rounded(self) -> dict[str, float]:
        """As results.json holds it: three significant digits are more than a shared machine gives."""
        return {name: float(f"{value:.3g}") for name, value in self.as_dict().items()}

    def as_dict(self) -> dict[str, float]:
        return {"median": self.median, "low": self.low, "high": self.high}
