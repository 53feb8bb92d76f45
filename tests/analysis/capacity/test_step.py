"""What a step's result says of its rate: who is at fault, and the figures that are shown."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.capacity.search import Holding
from analysis.capacity.step import (
    StepRun,
    disturbed,
    holding_of,
    live_minus_offline,
    shadow_completeness,
    step_of,
    without_result,
)

MADE = StepRun(rate=100.0, attempt=1, sent_for_s=10.0, lasted_s=17.5, run="steps/01-100")
CELLS = {"tp": 10, "fp": 1, "tn": 20, "fn": 2}


def finding(check: str, subject: str, verdict: str, message: str = "m", **more: Any) -> dict[str, Any]:
    return {"check": check, "subject": subject, "verdict": verdict, "message": message, "diagnosis": None} | more


def predictor(name: str, live: dict[str, int] | None, *, shadow: bool = False, **more: Any) -> dict[str, Any]:
    whole = {"low": dict(CELLS), "high": dict(CELLS)}
    return {
        "group": [name], "live": live, "expected": whole, "shadow": shadow, "traffic": 100,
        "feedback": {"acknowledged": 33},
    } | more  # fmt: skip


LATE = finding("generator", "lateness", "INCONCLUSIVE", "late", diagnosis="generator late")
BUSY = finding("generator", "CPU", "INCONCLUSIVE", "busy", diagnosis="generator CPU-bound")
DROPPED = finding("generator", "arrivals", "INCONCLUSIVE", "dropped", diagnosis="arrivals dropped")
SLOW = finding("gate", "load", "FAIL", "p99_predict_ms<=50: 12 of 500", diagnosis="gate not kept")
UNSURE = finding("gate", "load", "INCONCLUSIVE", "p99_predict_ms<=50: it needs 300 more", diagnosis="gate undecided")
WRONG = finding("equality", "default", "FAIL", "tp off by 1", diagnosis="events lost")
FAILING, UNPREDICTED, MOVED = (
    finding(check, subject, "INCONCLUSIVE", "3 of 500", diagnosis=diagnosis, observed=3)
    for check, subject, diagnosis in (
        ("sent", "load", "most feedback failed"),
        ("served", "default", "predictions failed"),
        ("losses", "default", "feedback failed"),
    )
)
NOTHING = finding("sent", "load", "INCONCLUSIVE", "no feedback was sent", diagnosis="nothing was sent", observed=0)
FINE = finding("recorder", "ledger", "PASS")


@pytest.mark.parametrize(
    ("findings", "sent_share", "expected"),
    [
        ([FINE], 1.0, "held"),
        ([SLOW], 1.0, "server"),
        ([UNSURE], 1.0, "undecided"),
        ([WRONG], 1.0, "server"),
        ([LATE], 1.0, "generator"),
        ([BUSY, SLOW], 1.0, "generator"),
        ([LATE, SLOW], 1.0, "generator"),
        ([LATE, WRONG], 1.0, "server"),
        ([DROPPED, SLOW], 1.0, "server"),
        ([DROPPED], 1.0, "generator"),
        ([DROPPED, FAILING, UNSURE], 1.0, "server"),
        ([FAILING], 1.0, "server"),
        ([UNPREDICTED], 1.0, "server"),
        ([MOVED], 1.0, "server"),
        ([NOTHING], 0.0, "undecided"),
        ([FINE], 0.8, "undecided"),
    ],
)
def test_who_is_at_fault(findings: list[dict[str, Any]], sent_share: float, expected: Holding) -> None:
    """Wrong counts are the server's fault; slow answers are its fault only if the generator was fit."""
    holding, reason = holding_of([FINE, *findings], sent_share)
    assert holding == expected
    assert bool(reason) == (holding != "held")


def test_the_reason_names_the_diagnosis_and_the_gate() -> None:
    """As the terminal and the page show it."""
    bounds = finding("bounds", "default", "FAIL", "tp was 5 at noon", diagnosis="events lost")
    assert holding_of([bounds, WRONG], 1)[1] == "events lost: default: tp off by 1"
    assert holding_of([SLOW], 1)[1] == "p99_predict_ms<=50: 12 of 500"
    assert holding_of([FINE], 0.8)[1] == "only 80% of the requests asked for were sent before the end"


def test_counts_apart_are_summed_over_cells_and_groups() -> None:
    """One count too many in one cell and two too few in another are three; predictors of one group count together."""
    off = dict(CELLS) | {"tp": 11, "tn": 18}
    assert live_minus_offline({"default": predictor("default", dict(CELLS))}) == 0
    assert live_minus_offline({"default": predictor("default", off)}) == 3
    halves = [dict(CELLS) | {"tp": 4, "fp": 0, "tn": 20, "fn": 2}, {"tp": 6, "fp": 1, "tn": 0, "fn": 0}]
    split = {name: predictor(name, half, group=["a", "b"]) for name, half in zip("ab", halves, strict=True)}
    assert live_minus_offline(split) == 0


def test_counts_that_are_not_known_are_not_zero() -> None:
    """No live sample, nothing expected, no predictor: not known."""
    assert live_minus_offline({"default": predictor("default", None)}) is None
    assert live_minus_offline({"default": predictor("default", dict(CELLS), expected=None)}) is None
    assert live_minus_offline({}) is None


def published(*live: float | str | None, low: int | None = 10, high: int | None = 12) -> list[dict[str, Any]]:
    return [{"key": str(i), "name": str(i), "low": low, "high": high, "live": value} for i, value in enumerate(live)]


def test_counts_that_are_not_the_cells_are_held_to_their_own_bounds() -> None:
    """Two below and three above are five; members of a group are held to their sum."""
    alone = predictor("default", None, expected=None)
    assert live_minus_offline({"default": alone | {"claims": published(8, 11, 15)}}) == 5
    members = {name: predictor(name, None, expected=None, group=["a", "b"]) for name in "ab"}
    assert live_minus_offline({name: member | {"claims": published(5, 7)} for name, member in members.items()}) == 2


@pytest.mark.parametrize(
    "claims",
    [[], published(None), published("1e+18"), published(11, low=None, high=None)],
    ids=["", "live", "huge", "low"],
)
def test_published_counts_that_are_not_known_are_not_zero(claims: list[dict[str, Any]]) -> None:
    assert live_minus_offline({"default": predictor("default", None, expected=None, claims=claims)}) is None


def test_a_shadow_of_more_classes_is_as_complete_as_the_rows_that_it_counted() -> None:
    """The rows of all classes over what was acknowledged; not known if no rows follow from what it publishes."""
    rows = {"live": {"by_class": [{"support": 20}, {"support": 12}]}}
    assert shadow_completeness({"s": predictor("s", None, shadow=True, classes=rows)}) == pytest.approx(32 / 33)
    assert shadow_completeness({"s": predictor("s", None, shadow=True, classes={"live": None})}) is None


def test_a_shadow_is_as_complete_as_what_it_counted_of_what_was_acknowledged() -> None:
    """33 of 33 is 1, 32 of 33 is less.

    Half a mirror is complete with half. The share is None without a shadow, and if nothing was counted.
    """
    less = dict(CELLS) | {"tp": 9}
    assert shadow_completeness({"s": predictor("s", dict(CELLS), shadow=True)}) == 1
    assert shadow_completeness({"s": predictor("s", less, shadow=True)}) == pytest.approx(32 / 33)
    assert shadow_completeness({"s": predictor("s", dict(CELLS), shadow=True, traffic=50)}) == 2
    assert shadow_completeness({"default": predictor("default", dict(CELLS))}) is None
    assert shadow_completeness({"s": predictor("s", None, shadow=True)}) is None


def test_the_figures_of_a_step_are_those_of_its_result() -> None:
    """Achieved: requests over the seconds asked. Errors: share not acknowledged. p50 and p99 as the result has them."""
    load = {
        "attempted": 1000, "acknowledged": 990, "requests": 1000,
        "latency_ms": {"predict": {"p50": 3.0, "p90": 4.0, "p99": 9.0}, "feedback": None},
    }  # fmt: skip
    result = {
        "verdict": "FAIL", "findings": [SLOW], "load": load,
        "predictors": {"default": predictor("default", dict(CELLS))},
    }  # fmt: skip
    step = step_of(MADE, result)
    assert (step.achieved, step.holding) == (100.0, "server")
    assert step.errors == pytest.approx(0.01)
    assert step.latency_ms == {"predict": {"p50": 3.0, "p99": 9.0}, "feedback": {"p50": None, "p99": None}}
    assert (step.as_attempt().rate, step.as_attempt().lasted_s) == (100, 17.5)


def test_a_step_without_a_result_is_undecided_and_says_why() -> None:
    """It neither held nor failed, and no figure is known."""
    step = without_result(MADE, "the run ended with 2")
    assert (step.holding, step.reason, step.errors, step.live_minus_offline) == (
        "undecided", "the run ended with 2", None, None,
    )  # fmt: skip


def test_a_step_begun_on_the_backlog_of_another_is_not_the_servers_failure() -> None:
    """A rate that held counts as held. A rate that did not hold is undecided, and the reason names the backlog."""
    result: dict[str, Any] = {"verdict": "FAIL", "findings": [WRONG], "load": None, "predictors": {}}
    step = disturbed(step_of(MADE, result), "Prometheus did not answer")
    assert (step.holding, step.reason[:15]) == ("undecided", "the load before")
    held = step_of(MADE, result | {"findings": [FINE], "load": {"attempted": 9, "acknowledged": 9, "requests": 1000}})
    assert disturbed(held, "") is held
