"""`--shape`: what its little language means, and arrivals that follow the rate exactly."""

from __future__ import annotations

import math
import re
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from locustfiles.load.arrivals import Arrivals, Constant, Shaped, Until, of_worker
from locustfiles.load.options import OptionsError
from locustfiles.load.shapes import RateCurve, RateSegment, parse_shape

RATES = st.integers(min_value=0, max_value=300)
LENGTHS = st.integers(min_value=1, max_value=20)
PIECES = st.builds(RateSegment, RATES.map(float), RATES.map(float), LENGTHS.map(float))
CURVES = (
    st.lists(PIECES, min_size=1, max_size=5)
    .map(lambda pieces: RateCurve(tuple(pieces)))
    .filter(lambda curve: curve.count)
)
SEEDS = st.one_of(st.none(), st.integers(min_value=0, max_value=99))


def all_due(arrivals: Arrivals) -> list[float]:
    return list(of_worker(arrivals, 0, 1))


def naive_count(curve: RateCurve, until_s: float, steps: int = 4000) -> float:
    """The oracle: the rate, looked up at the middle of many short intervals and added up."""
    total, width = 0.0, until_s / steps
    for step in range(steps):
        at = (step + 0.5) * width
        for piece in curve.pieces:
            if at < piece.seconds:
                total += width * (piece.first_per_s + (piece.last_per_s - piece.first_per_s) * at / piece.seconds)
                break
            at -= piece.seconds
    return total


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("hold:100/s:30s", [(100, 100, 30)]),
        ("ramp:10/s..200/s:60s", [(10, 200, 60)]),
        ("ramp:200/s..0/s:1m", [(200, 0, 60)]),
        ("steps:50/s..200/s:4:40s", [(50, 50, 10), (100, 100, 10), (150, 150, 10), (200, 200, 10)]),
        ("spike:100/s..500/s:20s", [(100, 100, 8), (500, 500, 4), (100, 100, 8)]),
        ("ramp:0/s..2.5/s:4, hold:2.5/s:1m30s", [(0, 2.5, 4), (2.5, 2.5, 90)]),
    ],
)
def test_each_phase_means_what_the_help_says(text: str, pieces: list[tuple[float, float, float]]) -> None:
    """Straight lines between two rates, one after the other."""
    assert [(piece.first_per_s, piece.last_per_s, piece.seconds) for piece in parse_shape(text).pieces] == pieces


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rump:1/s..2/s:3s", "joined by commas, got 'rump:1/s..2/s:3s'."),
        ("ramp", "joined by commas, got 'ramp'."),
        ("ramp:1/s..2/s", "joined by commas, got 'ramp:1/s..2/s'."),
        ("hold:100/s:30s,", "joined by commas, got ''."),
        ("hold:100:30s", "expected a rate as 100/s, of at most 1000000/s, in 'hold:100:30s', got '100'."),
        ("hold:-1/s:30s", "in 'hold:-1/s:30s', got '-1/s'."),
        ("hold:1e9/s:30s", "in 'hold:1e9/s:30s', got '1e9/s'."),
        ("hold:nan/s:30s", "in 'hold:nan/s:30s', got 'nan/s'."),
        ("hold:2000000/s:1s", "in 'hold:2000000/s:1s', got '2000000/s'."),
        ("ramp:10/s:60s", "expected two rates as 10/s..200/s in 'ramp:10/s:60s', got '10/s'."),
        ("hold:10/s:soon", "expected a time as 45, 30s, 5m or 1h30m at the end of 'hold:10/s:soon', got 'soon'."),
        ("hold:10/s:0s", "at the end of 'hold:10/s:0s', got '0s'."),
        ("steps:1/s..2/s:1:9s", "expected 2 to 1000 steps in 'steps:1/s..2/s:1:9s', got '1'."),
        ("steps:1/s..2/s:x:9s", "expected 2 to 1000 steps in 'steps:1/s..2/s:x:9s', got 'x'."),
        ("hold:0/s:9s", "expected a rate above 0/s at some time, got 'hold:0/s:9s'."),
        ("ramp:1u..50u:60s", "in 'ramp:1u..50u:60s', got '1u'."),
    ],
)
def test_a_shape_that_cannot_be_is_one_line(text: str, line: str) -> None:
    """What was read, what was expected, and the phase that is wrong."""
    with pytest.raises(OptionsError, match=f"^reading --shape: .*{re.escape(line)}$"):
        parse_shape(text)


@given(curve=CURVES, seed=SEEDS)
def test_arrivals_ascend_and_stay_within_the_course(curve: RateCurve, seed: int | None) -> None:
    """Never back in time, never past the end."""
    due = all_due(Shaped(curve, seed=seed))
    assert all(earlier <= later for earlier, later in pairwise(due))
    assert not due or (due[0] >= 0 and due[-1] <= curve.duration_s)


@given(curve=CURVES, requests=st.sampled_from([0.25, 1.0, 2.0]))
def test_there_are_as_many_arrivals_as_the_integral_of_the_rate(curve: RateCurve, requests: float) -> None:
    """Arrival 0 comes at 0, so the count is the integral rounded up, by the naive sum too."""
    count = len(all_due(Shaped(curve, requests)))
    assert count == math.ceil(curve.count / requests)
    assert curve.count == pytest.approx(naive_count(curve, curve.duration_s), rel=0.02, abs=1)


@given(curve=CURVES, share=st.floats(min_value=0.05, max_value=1))
def test_the_mean_rate_holds_over_any_first_part(curve: RateCurve, share: float) -> None:
    """Up to any moment as many arrivals as the mean rate until then makes: no error that grows or moves."""
    until_s = curve.duration_s * share
    came = len(all_due(Until(Shaped(curve), until_s)))
    assert came == pytest.approx(curve.mean_per_s(until_s) * until_s, abs=1.001)
    assert curve.mean_per_s(until_s) == pytest.approx(naive_count(curve, until_s) / until_s, rel=0.02, abs=1)


@given(curve=CURVES, seed=SEEDS, workers=st.integers(min_value=1, max_value=5))
def test_the_workers_together_keep_the_one_shape(curve: RateCurve, seed: int | None, workers: int) -> None:
    """Merged, the due times of W workers are those of one, to the last."""
    arrivals = Shaped(curve, 2.0, seed)
    merged = sorted(due for worker in range(workers) for due in of_worker(arrivals, worker, workers))
    assert merged == all_due(arrivals)


@given(rate=st.floats(min_value=0.1, max_value=500), seconds=st.floats(min_value=0.5, max_value=5))
def test_a_held_rate_is_the_constant_one(rate: float, seconds: float) -> None:
    """`hold:R/s:T` sends what `--rate R` does."""
    held = all_due(Shaped(RateCurve((RateSegment(rate, rate, seconds),))))
    assert held == pytest.approx(list(islice(of_worker(Constant(rate), 0, 1), len(held))), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_shaped_poisson_arrivals_pass_a_kolmogorov_smirnov_test(seed: int) -> None:
    """Under a ramp, arrivals moved to the time in which the rate is 1 have exponential gaps: 20,000 of them."""
    curve = parse_shape("ramp:10/s..390/s:100s")
    unit = [curve.pieces[0].integral(due) for due in all_due(Shaped(curve, seed=seed))]
    gaps = [later - earlier for earlier, later in pairwise([0.0, *unit])]
    assert len(gaps) == pytest.approx(20_000, abs=4 * 20_000**0.5)
    assert stats.kstest(gaps, "expon").pvalue > 0.001


@pytest.mark.parametrize("arrivals", [Shaped(parse_shape("ramp:10/s..390/s:100s"))], ids=["evenly spaced"])
def test_evenly_spaced_arrivals_fail_that_test(arrivals: Shaped) -> None:
    """The twin: the test above would see gaps that are not exponential."""
    unit = [arrivals.curve.pieces[0].integral(due) for due in all_due(arrivals)]
    gaps = [later - earlier for earlier, later in pairwise(unit)]
    assert stats.kstest(gaps, "expon").pvalue < 1e-6


def test_arrivals_are_cut_before_the_end() -> None:
    """One due at the very end is past it, as with a shape."""
    assert all_due(Until(Constant(10.0), 0.3)) == [0.0, 0.1, 0.2]
