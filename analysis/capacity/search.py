"""The search for the highest rate that holds: results so far -> the next rate to try, or why to stop. Pure.

Doubling from the lowest rate until one does not hold, then halving the ratio between the highest that held and the
lowest that did not. The rule for a noisy step: a rate that did not hold is tried a second time, twice as long. It
counts as held if either attempt held, as not held only if both did not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Holding = Literal["held", "server", "generator", "undecided"]
"""What an attempt showed: it held; the server did not; the load generator did not keep up; it could not be told."""
StopReason = Literal["resolution", "budget", "lowest", "highest", "interrupted"]
"""Why a search ended: near enough, out of time, the lowest rate did not hold, the highest did, somebody stopped it."""
Limit = Literal["server", "generator", "undecided", "range", "budget", "interrupted"]
"""What the answer is bounded by from above; all but ``server`` say that the capacity was not found."""

DIGITS: Final = 4
"""Significant digits of a rate: no finer rate is asked for."""
RULE: Final = (
    "A rate that does not hold is tried once more, twice as long: it holds if either attempt does, "
    "and counts as not held only if both do not."
)


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched: rates per second ``low..high``, to within a fraction, in ``budget_s`` seconds."""

    low: float
    high: float
    within: float
    budget_s: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < math.inf:
            raise ValueError(f"the search: expected rates with 0 < from <= to, got {self.low:g} and {self.high:g}")
        if not 0.005 <= self.within <= 1 or not self.budget_s > 0:
            raise ValueError(
                f"the search: expected a resolution of 0.5 % to 100 % and a budget above 0 s, got {self.within:g} "
                f"and {self.budget_s:g}"
            )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step that was made. ``lasted_s``: all of it, from its warm-up to its verdict."""

    rate: float
    holding: Holding
    lasted_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step. ``lengthened``: how many times as long as a first one."""

    rate: float
    lengthened: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The answer: the highest rate that held, the lowest above it that the server did not hold, and the limit.

    ``failed`` is None where no rate is known at which the *server* did not hold; ``limit`` and ``reason`` then say
    what the search ended at, and ``limit_rate`` at which rate.
    """

    passed: float | None
    failed: float | None
    limit: Limit
    limit_rate: float | None
    reason: str

    @property
    def found(self) -> bool:
        """Whether both ends of the interval were seen."""
        return self.passed is not None and self.failed is not None


def next_step(
    search: Search, attempts: Sequence[Attempt], needs_s: dict[int, float] | None = None
) -> NextStep | StopReason:
    """The next rate to try, or why there is none.

    ``needs_s``: seconds that the next step would take, by how many times it is lengthened, as `wanted` was told;
    a step that would end after the budget is not begun, but the first one always is.
    """
    step = wanted(search, attempts)
    if isinstance(step, NextStep) and attempts and needs_s is not None:
        spent = sum(attempt.lasted_s for attempt in attempts)
        if spent + needs_s[step.lengthened] > search.budget_s:
            return "budget"
    return step


def wanted(search: Search, attempts: Sequence[Attempt]) -> NextStep | StopReason:
    """As `next_step`, had it all the time in the world."""
    held, above = bounds(attempts)
    if attempts and (last := attempts[-1]).holding != "held" and _tries(attempts, last.rate) == 1:
        return NextStep(last.rate, 2)
    if held is None:
        return "lowest" if above is not None else NextStep(search.low, 1)
    if above is None:
        return "highest" if held >= search.high else NextStep(min(held * 2, search.high), 1)
    middle = _rounded(math.sqrt(held * above))
    near = above - held <= search.within * held
    return "resolution" if near or not held < middle < above else NextStep(middle, 1)


def bounds(attempts: Iterable[Attempt]) -> tuple[float | None, float | None]:
    """The highest rate that held, and the lowest that twice did not."""
    known = list(attempts)
    held = {attempt.rate for attempt in known if attempt.holding == "held"}
    above = {attempt.rate for attempt in known if attempt.rate not in held and _tries(known, attempt.rate) > 1}
    return max(held, default=None), min(above, default=None)


def capacity(search: Search, attempts: Sequence[Attempt], why: StopReason) -> Capacity:
    """The answer that the attempts give, the search having ended for ``why``."""
    held, above = bounds(attempts)
    if above is None:
        once = [attempt for attempt in attempts if attempt.holding != "held" and (held is None or attempt.rate > held)]
        return Capacity(held, None, *_open_end(search, why, held, once[-1] if once else None))
    last = _decisive([attempt for attempt in attempts if attempt.rate == above])
    if last.holding == "server":
        return Capacity(held, above, "server", above, last.reason)
    limit: Limit = "generator" if last.holding == "generator" else "undecided"
    return Capacity(held, None, limit, above, last.reason)


def _open_end(
    search: Search, why: StopReason, held: float | None, once: Attempt | None
) -> tuple[Limit, float | None, str]:
    """Limit, its rate and its reason where no rate is known not to hold."""
    tried = f"; {once.rate:g}/s did not hold in its only attempt: {once.reason}" if once else ""
    rate = once.rate if once else None
    if why == "highest":
        return "range", held, f"the highest rate asked for, {search.high:g}/s, held"
    if why == "interrupted":
        return "interrupted", rate, f"the search was interrupted{tried}"
    return "budget", rate, f"the budget of {search.budget_s:g} s ended first{tried}"


def _decisive(both: Sequence[Attempt]) -> Attempt:
    """The attempt that says what a rate fell to: one with an unfit generator first, since that hides the rest."""
    order: tuple[Holding, ...] = ("generator", "server", "undecided")
    return min(reversed(both), key=lambda attempt: order.index(attempt.holding))


def _tries(attempts: Iterable[Attempt], rate: float) -> int:
    return sum(attempt.rate == rate for attempt in attempts)


def _rounded(rate: float) -> float:
    """The rate to `DIGITS` significant digits."""
    return float(f"{rate:.{DIGITS}g}")
