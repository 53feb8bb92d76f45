"""Verdicts merge to the worst, and nothing is never a pass."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.verdict import Finding, Verdict, merge


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
    assert Finding("check", "subject", Verdict.PASS, "well").advice is None
    with pytest.raises(ValueError, match="expected advice"):
        Finding("check", "subject", Verdict.FAIL, "ill", diagnosis="illness")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
@pytest.mark.parametrize("name", [None, ""])
def test_a_finding_that_is_no_pass_needs_a_name(verdict: Verdict, name: str | None) -> None:
    """What is wrong, or cannot be told, has a name that can be looked up: no finding without one can be made."""
    assert Finding("check", "subject", Verdict.PASS, "well").diagnosis is None
    with pytest.raises(ValueError, match="expected a name"):
        Finding("check", "subject", verdict, "ill", diagnosis=name, advice="rest")


def test_a_finding_cannot_be_changed() -> None:
    """Findings are frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Finding("check", "subject", Verdict.PASS, "well").verdict = Verdict.FAIL  # type: ignore[misc]
