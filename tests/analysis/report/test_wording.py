"""Numbers as words: rounding must not hide a difference, or turn nearly all into all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report import wording as words

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0, "0.00 %"), (1, "100.00 %"), (0.9217, "92.17 %"), (0.99999, "99.9990 %"), (0.0000001, "0.000010 %")],
)
def test_percent_claims_all_or_nothing_only_where_it_is(fraction: float, expected: str) -> None:
    """One event lost of a hundred thousand is not 100 %."""
    assert words.percent(fraction) == expected


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(0, "0"), (0.0042, "+0.42 points"), (-0.2676, f"{MINUS}26.76 points"), (-1e-6, f"{MINUS}0.0001 points")],
)
def test_a_difference_never_reads_as_zero_unless_it_is(difference: float, expected: str) -> None:
    """It has as many digits as are needed."""
    assert words.points(difference) == expected


@given(st.floats(min_value=-1, max_value=1, allow_nan=False))
def test_points_show_a_digit_for_every_difference_that_a_count_can_make(difference: float) -> None:
    """Down to one event in ten to the ninth, the text has a digit other than 0; and 0 alone reads ``0``."""
    text = words.points(difference)
    if difference == 0:
        assert text == "0"
    elif abs(difference) >= 1e-9:
        assert any(digit in text for digit in "123456789")


@pytest.mark.parametrize(
    ("duration", "expected"),
    [(0.5, "0.5 s"), (30.2, "30.2 s"), (60, "1 min"), (330, "5 min 30 s"), (3600, "1 h"), (7530, "2 h 5 min")],
)
def test_a_length_is_said_in_its_units(duration: float, expected: str) -> None:
    """Seconds, minutes and seconds, hours and minutes."""
    assert words.seconds(duration) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("p50", "p50"), ("p999", "p99.9"), ("p9999", "p99.99"), ("max", "max"), ("p", "p")]
)
def test_a_percentile_gets_its_point(name: str, expected: str) -> None:
    """``p999`` is the 99.9th percentile."""
    assert words.percentile(name) == expected


@pytest.mark.parametrize(("text", "expected"), [("2026-09-21T14:13:20.000Z", "2026-09-21 14:13:20 UTC"), ("x", "x")])
def test_a_moment_that_is_none_is_shown_as_it_is(text: str, expected: str) -> None:
    """A time that cannot be parsed is shown as it is."""
    assert words.moment(text) == expected


def test_what_a_finding_states_fits_a_line() -> None:
    """Bounds as from-to, a mapping as its parts, nothing as a word."""
    assert words.value_text({"low": 61, "high": 63}) == "61 to 63"
    assert words.value_text({"low": 4, "high": 4}) == "4"
    assert words.value_text({"tp": 1200, "note": None}) == "tp 1,200, note none"
    assert words.value_text(None) == "none"
