"""The search for the highest rate that holds: from the results so far to the next rate, or to a reason to stop. Pure.

The rate is doubled from the lowest one until it does not hold. Then the ratio between the highest rate that held and
the lowest that did not is halved. Because a step is noisy, a rate that did not hold is tried a second time, twice as
long. It counts as held if either attempt held, and as not held only if both did not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Holding = Literal["held", "server", "generator", "undecided"]
"""What an attempt showed: the rate held; the server did not hold it; the load generator did not keep up; nothing is
known."""
StopReason = Literal["resolution", "budget", "lowest", "highest", "interrupted"]
"""Why a search ended: close enough, out of time, the lowest rate did not hold, the highest rate held, interrupted."""
Limit = Literal["server", "generator", "undecided", "range", "budget", "interrupted"]
"""What bounds the answer from above. With any but ``server`` the capacity was not found."""

DIGITS: Final = 4
"""Significant digits of a rate: no finer rate is asked for."""
RULE: Final = (
    "A rate that does not hold is tried once more, twice as long: it holds if either attempt does, "
    "and counts as not held only if both do not."
)


@dataclass(frozen=True, slots=True)
class Search:
    """The search: rates per second ``low..high``, to within the fraction ``within``, in ``budget_s`` seconds."""

    low: float
    high: float
    within: float
    budget_s: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < math.inf:
            rates = f"{self.low:.15g} and {self.high:.15g}"
            raise ValueError(f"the search: expected rates with 0 < from <= to, got {rates}")
        if not 0.005 <= self.within <= 1 or not self.budget_s > 0:
            raise ValueError(
                f"the search: expected a resolution of 0.5 % to 100 % and a budget above 0 s, got {self.within:.15g} "
                f"and {self.budget_s:.15g}"
            )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step that was made. ``lasted_s``: its whole duration, from the warm-up to the verdict."""

    rate: float
    holding: Holding
    lasted_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step. ``lengthened``: how many times as long as a first attempt."""

    rate: float
    lengthened: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The answer: the highest rate that held, the lowest above it that the server did not hold, and the limit.

    ``failed`` is None if no rate is known that the *server* did not hold. Then ``limit`` and ``reason`` say why the
    search ended, and ``limit_rate`` at which rate.
    """

    passed: float | None
    failed: float | None
    limit: Limit
    limit_rate: float | None
    reason: str

    @property
    def is_known(self) -> bool:
        """Whether both ends of the interval were seen."""
        return self.passed is not None and self.failed is not None


def next_step(
    search: Search, attempts: Sequence[Attempt], needs_s: dict[int, float] | None = None
) -> NextStep | StopReason:
    """The next rate to try, or why there is none.

    ``needs_s``: seconds that the next step would take, by `NextStep.lengthened`. A step that would end after the budget
    is not begun, but the first step always is.
    """
    step = step_without_limit(search, attempts)
    if isinstance(step, NextStep) and attempts and needs_s is not None:
        spent = sum(attempt.lasted_s for attempt in attempts)
        if spent + needs_s[step.lengthened] > search.budget_s:
            return "budget"
    return step


def step_without_limit(search: Search, attempts: Sequence[Attempt]) -> NextStep | StopReason:
    """As `next_step`, but without a limit of time."""
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
    """The highest rate that held, and the lowest rate that did not hold in two attempts."""
    known = list(attempts)
    held = {attempt.rate for attempt in known if attempt.holding == "held"}
    above = {attempt.rate for attempt in known if attempt.rate not in held and _tries(known, attempt.rate) > 1}
    return max(held, default=None), min(above, default=None)


def capacity(search: Search, attempts: Sequence[Attempt], why: StopReason) -> Capacity:
    """The answer of the attempts, for a search that ended for the reason ``why``."""
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
    """Limit, its rate and its reason, if no rate is known that does not hold."""
    tried = f"; {once.rate:g}/s did not hold in its only attempt: {once.reason}" if once else ""
    rate = once.rate if once else None
    if why == "highest":
        return "range", held, f"the highest rate asked for, {search.high:g}/s, held"
    if why == "interrupted":
        return "interrupted", rate, f"the search was interrupted{tried}"
    return "budget", rate, f"the budget of {search.budget_s:g} s ended first{tried}"


def _decisive(both: Sequence[Attempt]) -> Attempt:
    """The attempt that shows why a rate did not hold; an unfit generator comes first, because it hides the rest."""
    order: tuple[Holding, ...] = ("generator", "server", "undecided")
    return min(reversed(both), key=lambda attempt: order.index(attempt.holding))


def _tries(attempts: Iterable[Attempt], rate: float) -> int:
    return sum(attempt.rate == rate for attempt in attempts)


def _rounded(rate: float) -> float:
    """The rate to `DIGITS` significant digits."""
    return float(f"{rate:.{DIGITS}g}")
