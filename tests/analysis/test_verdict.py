"""Verdicts merge to the worst, nothing is never a pass, and a finding that is no PASS explains itself."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.diagnoses import Diagnosis
from analysis.verdict import Explanation, Finding, Verdict, merge


def test_pass_is_better_than_inconclusive_is_better_than_fail() -> None:
    """The order of the verdicts."""
    assert Verdict.PASS < Verdict.INCONCLUSIVE < Verdict.FAIL


def test_merging_nothing_is_inconclusive() -> None:
    """No finding at all means that nothing was checked."""
    assert merge([]) is Verdict.INCONCLUSIVE


@given(st.lists(st.sampled_from(list(Verdict)), min_size=1))
def test_merging_takes_the_worst(verdicts: list[Verdict]) -> None:
    """One FAIL makes the whole a FAIL; a PASS needs all to pass."""
    assert merge(verdicts) is max(verdicts)


def test_a_finding_that_is_no_pass_needs_advice() -> None:
    """A finding without advice cannot be made, unless it is a PASS."""
    assert Finding.passed("subject", "well").advice is None
    with pytest.raises(ValueError, match="expected a diagnosis and advice"):
        Finding("subject", Verdict.FAIL, "ill", diagnosis=Diagnosis.CELLS_DIFFER)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_a_finding_that_is_no_pass_needs_a_diagnosis(verdict: Verdict) -> None:
    """What is wrong, or cannot be told, has a name that can be looked up: no finding without one can be made."""
    assert Finding.passed("subject", "well").diagnosis is None
    with pytest.raises(ValueError, match="expected a diagnosis and advice"):
        Finding("subject", verdict, "ill", advice="rest")


def test_a_finding_takes_its_advice_from_its_diagnosis() -> None:
    """The usual remedy, or that of the situation; the witness is the check's own."""
    usual = Finding.failed("shadow", Explanation(Diagnosis.SHADOW_INCOMPLETE, "60 of 100"), expected=100, observed=60)
    down = Finding.unknown("shadow", Explanation(Diagnosis.SHADOW_INCOMPLETE, "60 of 100", "down"))
    assert (usual.verdict, usual.message, usual.expected, usual.observed) == (Verdict.FAIL, "60 of 100", 100, 60)
    assert usual.advice == Diagnosis.SHADOW_INCOMPLETE.remedy
    assert (down.verdict, down.advice) == (Verdict.INCONCLUSIVE, Diagnosis.SHADOW_INCOMPLETE.remedies["down"])


def test_an_unknown_situation_is_refused() -> None:
    """A misspelt situation is an error, not the usual advice."""
    with pytest.raises(KeyError):
        Finding.failed("shadow", Explanation(Diagnosis.SHADOW_INCOMPLETE, "60 of 100", "dwon"))


def test_a_finding_cannot_be_changed() -> None:
    """Findings are frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Finding.passed("subject", "well").verdict = Verdict.FAIL  # type: ignore[misc]
