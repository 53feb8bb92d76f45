"""Verdicts and findings: what a check says, and how what several checks say adds up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

Value = int | float | str | None | Mapping[str, int | float | str | None]
"""What a finding expected or observed: one number or word, or a flat mapping of them."""


class Verdict(IntEnum):
    """PASS < INCONCLUSIVE < FAIL: the larger, the worse."""

    PASS = 0
    INCONCLUSIVE = 1
    FAIL = 2


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; merging nothing is INCONCLUSIVE, for nothing was checked."""
    return max(verdicts, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """``name``: of the fault, short and stable. ``message``: one sentence with the witness. ``advice``: what to do."""

    name: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one subject.

    ``check``: the check's name in the registry. ``subject``: predictor, artefact or part of the run.
    ``message``: one sentence for people. ``diagnosis``: the name of the fault. ``advice``: what to do about
    it. Only a PASS may go without a name and advice.
    """

    check: str
    subject: str
    verdict: Verdict
    message: str
    expected: Value = None
    observed: Value = None
    diagnosis: str | None = None
    advice: str | None = None

    def __post_init__(self) -> None:
        if self.verdict is not Verdict.PASS and not self.advice:
            raise ValueError(f"finding of {self.check} on {self.subject}: expected advice beside a {self.verdict.name}")
        if self.verdict is not Verdict.PASS and not self.diagnosis:
            raise ValueError(f"finding of {self.check} on {self.subject}: expected a name beside a {self.verdict.name}")
