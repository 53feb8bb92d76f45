"""Verdicts and findings: what a check says of one subject, and how findings add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from analysis.diagnoses import Diagnosis

Value = int | float | str | None | Mapping[str, int | float | str | None]
"""What a finding expected or observed: one number or word, or a flat mapping of them."""


class Verdict(IntEnum):
    """PASS < INCONCLUSIVE < FAIL: the larger, the worse."""

    PASS = 0
    INCONCLUSIVE = 1
    FAIL = 2


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts. Merging nothing is INCONCLUSIVE, because nothing was checked."""
    return max(verdicts, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A diagnosis with its witness: ``message`` is one sentence that says what was seen.

    ``situation``: which of the diagnosis' remedies applies; None for the usual one.
    """

    diagnosis: Diagnosis
    message: str
    situation: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one subject. Made by `passed`, `failed` or `unknown`.

    ``subject``: predictor, artefact or part of the run. ``message``: one sentence for people. ``advice``: what to do.
    ``check``: name of the check; the judge fills it in. Only a PASS may go without a diagnosis and advice.
    """

    subject: str
    verdict: Verdict
    message: str
    expected: Value = None
    observed: Value = None
    diagnosis: Diagnosis | None = None
    advice: str | None = None
    check: str = ""

    def __post_init__(self) -> None:
        if self.verdict is not Verdict.PASS and not (self.diagnosis and self.advice):
            raise ValueError(
                f"finding of {self.check or 'a check'} on {self.subject}: expected a diagnosis and advice "
                f"beside a {self.verdict.name}, got {self.diagnosis!r} and {self.advice!r}"
            )

    @classmethod
    def passed(cls, subject: str, message: str, *, expected: Value = None, observed: Value = None) -> Finding:
        """A PASS."""
        return cls(subject, Verdict.PASS, message, expected, observed)

    @classmethod
    def failed(
        cls, subject: str, explanation: Explanation, *, expected: Value = None, observed: Value = None
    ) -> Finding:
        """A FAIL: the evidence proves that something is wrong."""
        return cls._explained(subject, Verdict.FAIL, explanation, expected, observed)

    @classmethod
    def unknown(
        cls, subject: str, explanation: Explanation, *, expected: Value = None, observed: Value = None
    ) -> Finding:
        """An INCONCLUSIVE finding: the evidence proves nothing."""
        return cls._explained(subject, Verdict.INCONCLUSIVE, explanation, expected, observed)

    @classmethod
    def _explained(
        cls, subject: str, verdict: Verdict, explanation: Explanation, expected: Value, observed: Value
    ) -> Finding:
        diagnosis = explanation.diagnosis
        advice = diagnosis.advice(explanation.situation)
        return cls(subject, verdict, explanation.message, expected, observed, diagnosis, advice)
