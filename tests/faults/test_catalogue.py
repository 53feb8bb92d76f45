"""The catalogue of faults: that it leaves no diagnosis out, and a quick part of it on real servers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.diagnoses import Diagnosis
from catalogue import FAULTS, NO_ROW, ROWS
from drive import run
from rows_clean import CLEANS
from scene import Found, Row

QUICK = ("cells-permuted-in-the-shadow", "scraped-twice", "clean-earlier-traffic")


def named(name: str) -> Row:
    """The row of that name."""
    return next(row for row in ROWS if row.name == name)


def test_every_diagnosis_that_the_analysis_can_make_has_a_row() -> None:
    """Only a diagnosis that no deployment can cause is listed without a row, with the reason."""
    expected = {diagnosis for row in FAULTS for diagnosis in row.diagnoses}
    assert set(Diagnosis) - expected == set(NO_ROW)


def test_every_diagnosis_that_a_row_expects_is_one_that_the_analysis_can_make() -> None:
    """A row that expects an unknown name would always fail."""
    expected = {diagnosis for row in FAULTS for diagnosis in row.diagnoses}
    assert expected - set(Diagnosis) == set()


def test_rows_have_names_of_their_own_and_clean_ones_expect_a_pass() -> None:
    """The name is the row's folder. A fault must not expect a PASS."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.verdict for row in CLEANS} == {"PASS"}
    assert "PASS" not in {row.verdict for row in FAULTS}
    assert [row.name for row in FAULTS if not row.diagnoses] == []


def test_a_row_is_as_expected_only_with_its_verdict_every_diagnosis_and_every_word() -> None:
    """Each of the three is seen to be missed, and one diagnosis too many as well."""
    row = Row("a", "b", "FAIL", ("scraped twice", "counted twice"), ("two jobs",))
    right = Found("FAIL", ("counted twice", "scraped twice"), ("scrapes default FAIL: by two jobs",), 1.0)
    assert right.is_expected(row)
    assert not replace(right, verdict="INCONCLUSIVE").is_expected(row)
    assert not replace(right, diagnoses=("scraped twice",)).is_expected(row)
    assert not replace(right, diagnoses=(*right.diagnoses, "stale series")).is_expected(row)
    assert not replace(right, messages=("by a job",)).is_expected(row)


@pytest.mark.stack
@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_the_judge_says_of_a_row_what_the_row_says(name: str, tmp_path: Path) -> None:
    """Verdict, diagnoses and words of a few rows; ``make faults`` runs all of them."""
    row = named(name)
    outcome = run(row, tmp_path / name)
    assert outcome.is_expected(row), outcome
