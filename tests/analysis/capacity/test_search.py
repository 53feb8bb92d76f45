"""The search for the highest rate that holds, on simulated servers: with a fixed threshold, or with random results."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.capacity.search import (
    Attempt,
    Capacity,
    Holding,
    NextStep,
    Search,
    StopReason,
    bounds,
    capacity,
    next_step,
    step_without_limit,
)

STEP_S = {1: 20.0, 2: 35.0}
ENDLESS = 1e9

searches = st.tuples(
    st.floats(0.5, 2000), st.floats(1, 500), st.floats(0.005, 1), st.sampled_from([30.0, 120.0, 400.0, ENDLESS])
).map(lambda drawn: Search(drawn[0], drawn[0] * drawn[1], *drawn[2:]))


def searched(search: Search, answer: Callable[[float], Holding]) -> tuple[list[Attempt], StopReason]:
    """The attempts of a whole search, and why it ended; a search that does not end fails."""
    attempts: list[Attempt] = []
    while len(attempts) < 200:
        step = next_step(search, attempts, STEP_S)
        if not isinstance(step, NextStep):
            return attempts, step
        attempts.append(Attempt(step.rate, answer(step.rate), STEP_S[step.lengthened], "p99_predict_ms<=50"))
    raise AssertionError(f"no end after {len(attempts)} steps: {attempts[-5:]}")


@given(searches, st.floats(0.1, 2e6))
def test_on_a_server_with_a_threshold_the_answer_encloses_it(search: Search, threshold: float) -> None:
    """It ends with passed <= T < failed, within the resolution unless the budget ended first, and says which."""
    attempts, why = searched(search, lambda rate: "held" if rate <= threshold else "server")
    answer = capacity(search, attempts, why)
    assert answer.passed is None or answer.passed <= threshold
    assert answer.failed is None or answer.failed > threshold
    if why == "resolution":
        assert answer.passed is not None
        assert answer.failed is not None
        assert answer.is_known
        assert answer.failed - answer.passed <= search.within * answer.passed
    elif why == "lowest":
        assert (answer.passed, answer.failed, answer.limit) == (None, search.low, "server")
    elif why == "highest":
        assert (answer.passed, answer.failed, answer.limit) == (search.high, None, "range")
    else:
        assert why == "budget"
        assert search.budget_s < ENDLESS


@given(searches, st.integers(0, 2**32), st.floats(0, 1))
def test_on_dice_no_rate_is_reported_that_was_not_seen_so(search: Search, seed: int, share: float) -> None:
    """``passed`` held in some attempt, ``failed`` did not hold in two, passed < failed, and the search ends."""
    dice = random.Random(seed)
    other: tuple[Holding, ...] = ("server", "generator", "undecided")
    attempts, why = searched(search, lambda _: "held" if dice.random() < share else dice.choice(other))
    answer = capacity(search, attempts, why)
    held = [attempt.rate for attempt in attempts if attempt.holding == "held"]
    if answer.passed is not None:
        assert answer.passed in held
    if answer.failed is not None:
        of_it = [attempt.holding for attempt in attempts if attempt.rate == answer.failed]
        assert len(of_it) == 2
        assert "held" not in of_it
        assert "server" in of_it
        assert answer.passed is None or answer.passed < answer.failed
    assert (
        max(sum(attempt.rate == rate for attempt in attempts) for rate in {attempt.rate for attempt in attempts}) <= 2
    )


@given(searches, st.integers(0, 2**32))
def test_a_step_that_would_end_after_the_budget_is_not_begun(search: Search, seed: int) -> None:
    """All steps but the first end within the budget."""
    dice = random.Random(seed)
    attempts, _ = searched(search, lambda _: dice.choice(("held", "server")))
    assert sum(attempt.lasted_s for attempt in attempts[1:]) + attempts[0].lasted_s <= max(search.budget_s, STEP_S[1])


def test_the_rates_are_doubled_then_halved_by_ratio() -> None:
    """All rates on a server that holds 330/s, each rate that does not hold tried twice."""
    search = Search(50, 5000, 0.1, ENDLESS)
    attempts, why = searched(search, lambda rate: "held" if rate <= 330 else "server")
    assert [attempt.rate for attempt in attempts] == [50, 100, 200, 400, 400, 282.8, 336.3, 336.3, 308.4]
    assert why == "resolution"
    assert capacity(search, attempts, why) == Capacity(308.4, 336.3, "server", 336.3, "p99_predict_ms<=50")


def test_a_rate_that_holds_the_second_time_is_held() -> None:
    """One noisy step does not end the doubling; its repetition is asked for twice as long."""
    search = Search(50, 200, 0.1, ENDLESS)
    attempts = [Attempt(50, "held", 20), Attempt(100, "server", 20)]
    assert step_without_limit(search, attempts) == NextStep(100, 2)
    attempts.append(Attempt(100, "held", 35))
    assert bounds(attempts) == (100, None)
    assert step_without_limit(search, attempts) == NextStep(200, 1)


def test_a_rate_that_failed_once_only_is_no_upper_end() -> None:
    """The budget ends before the repetition: the interval stays open, and the answer names the single attempt."""
    search = Search(50, 5000, 0.1, 60)
    attempts = [Attempt(50, "held", 20), Attempt(100, "server", 20, "failures<=0.1%")]
    assert next_step(search, attempts, STEP_S) == "budget"
    answer = capacity(search, attempts, "budget")
    assert (answer.passed, answer.failed, answer.limit, answer.limit_rate) == (50, None, "budget", 100)
    assert "failures<=0.1%" in answer.reason


@pytest.mark.parametrize("second", ["generator", "server", "undecided"])
def test_a_generator_that_gave_out_is_not_blamed_on_the_server(second: Holding) -> None:
    """If the generator was unfit in either attempt, no rate is reported as failed."""
    search = Search(50, 100, 1, ENDLESS)
    attempts = [Attempt(50, "held", 20), Attempt(100, "generator", 20, "generator late"), Attempt(100, second, 35, "x")]
    answer = capacity(search, attempts, "resolution")
    assert (answer.passed, answer.failed, answer.limit, answer.limit_rate) == (50, None, "generator", 100)
    assert not answer.is_known


def test_an_interrupted_search_says_what_it_knows_so_far() -> None:
    """After a Ctrl-C: the highest rate that held, and no upper end."""
    answer = capacity(Search(50, 5000, 0.1, 300), [Attempt(50, "held", 20)], "interrupted")
    assert (answer.passed, answer.failed, answer.limit) == (50, None, "interrupted")
    assert capacity(Search(50, 5000, 0.1, 300), [], "interrupted").passed is None


@pytest.mark.parametrize("wrong", [(0, 5, 0.1, 1), (9, 5, 0.1, 1), (1, 5, 0.001, 1), (1, 5, 2, 1), (1, 5, 0.1, 0)])
def test_a_search_that_cannot_be_is_refused(wrong: tuple[float, float, float, float]) -> None:
    """It needs rates from low to high, a resolution of at least 0.5 %, and a budget above 0."""
    with pytest.raises(ValueError, match="the search: expected"):
        Search(*wrong)
