"""What one look gives: whether all is well there, and if not, what was expected, what was observed and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from analysis.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look at ``subject`` gives.

    PASS: it is well, and ``message`` says how. FAIL: it is proven broken. INCONCLUSIVE: it could not be told; with a
    ``message`` it was not looked at, and that is why.
    """

    subject: str
    verdict: Verdict
    message: str = ""
    expected: str = ""
    observed: str = ""
    advice: str = ""

    def __post_init__(self) -> None:
        if not self.message and not (self.expected and self.observed and self.advice):
            raise ValueError(f"{self.subject}: expected what was expected, observed and advised, got {self}")

    @classmethod
    def well(cls, subject: str, message: str) -> Self:
        """All is well there."""
        return cls(subject, Verdict.PASS, message)

    @classmethod
    def broken(cls, subject: str, *, expected: str, observed: str, advice: str) -> Self:
        """Something is proven to be wrong."""
        return cls(subject, Verdict.FAIL, "", expected, observed, advice)

    @classmethod
    def unclear(cls, subject: str, *, expected: str, observed: str, advice: str) -> Self:
        """It could not be told."""
        return cls(subject, Verdict.INCONCLUSIVE, "", expected, observed, advice)

    @classmethod
    def skipped(cls, subject: str, reason: str) -> Self:
        """It was not looked at, because of something before it."""
        return cls(subject, Verdict.INCONCLUSIVE, reason)
