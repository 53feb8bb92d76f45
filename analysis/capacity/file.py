"""``capacity.json``, schema 1: the search, every step so far, and the answer that they give. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from analysis.capacity.search import RULE, Capacity, Search, StopReason, capacity
from analysis.capacity.step import Step

SCHEMA_VERSION: Final = 1
CAPACITY_FILE: Final = "capacity.json"
HTML_FILE: Final = "capacity.html"
MARKDOWN_FILE: Final = "capacity.md"
FOUND: Final = 0
NOT_FOUND: Final = 4


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is searched, and by which limits. ``gates``: as written. ``host``: without credentials."""

    deployment: str
    namespace: str
    manifest: str
    host: str
    gates: tuple[str, ...]
    warm_up_s: float
    step_duration_s: float
    seed: int
    processes: int
    started: str


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A search so far. ``why``: why it ended, None while it goes on."""

    request: SearchRequest
    search: Search
    steps: tuple[Step, ...] = field(default=())
    why: StopReason | None = None

    @property
    def answer(self) -> Capacity:
        """The answer of the steps so far; a search that goes on has the answer of an interrupted one."""
        return capacity(self.search, [step.as_attempt() for step in self.steps], self.why or "interrupted")

    @property
    def exit_code(self) -> int:
        """0 if both ends of the interval were seen, 4 if the capacity is not known."""
        return FOUND if self.why is not None and self.answer.is_known else NOT_FOUND


def content(searched: SearchRecord) -> dict[str, Any]:
    """The whole content of ``capacity.json``."""
    answer = searched.answer
    return {
        "schema": SCHEMA_VERSION,
        **asdict(searched.request),
        "search": {**asdict(searched.search), "ended": searched.why, "rule": RULE},
        "capacity": {
            "passed": answer.passed,
            "failed": answer.failed,
            "limited_by": {"kind": answer.limit, "rate": answer.limit_rate, "reason": answer.reason},
        },
        "steps": [step.as_json() for step in searched.steps],
    }


def text(searched: SearchRecord) -> str:
    """The file's content."""
    return json.dumps(content(searched), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def headline(searched: SearchRecord) -> str:
    """The answer in one sentence."""
    answer = searched.answer
    if answer.is_known:
        return f"It holds {per_s(answer.passed)}; at {per_s(answer.failed)} it does not"
    low = per_s(searched.search.low)
    if answer.passed is None:
        if answer.failed is not None:
            return f"Less than {per_s(answer.failed)}: the lowest rate asked for does not hold"
        if answer.limit == "generator":
            return f"Not known: the generator reached its limit at {low}, the lowest rate asked for"
        return "Not known: no rate was seen to hold"
    return {
        "range": f"At least {per_s(answer.passed)}: the highest rate asked for holds",
        "generator": f"At least {per_s(answer.passed)}: the generator reached its limit first, "
        f"at {per_s(answer.limit_rate)}",
        "undecided": f"At least {per_s(answer.passed)}: at {per_s(answer.limit_rate)} it could not be told",
    }.get(answer.limit, f"At least {per_s(answer.passed)}: nothing above it was decided")


def advice(searched: SearchRecord) -> str:
    """What to do for a better answer."""
    answer, search, request = searched.answer, searched.search, searched.request
    again = "Run the search again and let it end by itself."
    if answer.passed is not None and answer.failed is not None:
        if searched.why in {None, "interrupted"}:
            return again
        near = answer.failed - answer.passed <= search.within * answer.passed
        return "" if near else "The budget ended before the resolution was reached: give --budget more."
    return {
        "generator": f"Use --processes {request.processes * 2}, or a machine of its own for the generator.",
        "range": "Ask for more with --to.",
        "server": "Ask for less with --from, or look for what the reason names.",
        "undecided": "Look at the step's report for what could not be told.",
        "budget": "Give --budget more.",
        "interrupted": again,
    }[answer.limit]


def closing_lines(searched: SearchRecord, report: str) -> str:
    """The last lines on the terminal."""
    answer = searched.answer
    lines = [f"capacity of {searched.request.deployment}: {headline(searched)}"]
    if answer.reason:
        lines.append(f"  because: {answer.reason}")
    if advice(searched):
        lines.append(f"  next: {advice(searched)}")
    lines.append(f"  held to: {', '.join(searched.request.gates)}, and live counts exact")
    return "\n".join([*lines, f"  report: {report}", f"  exit code {searched.exit_code}"])


def line(step: Step) -> str:
    """One step on one line."""
    p99 = [percentiles.get("p99") for percentiles in step.latency_ms.values()]
    slowest = max((latency for latency in p99 if latency is not None), default=None)
    word = {"held": "holds", "server": "does not hold", "generator": "generator unfit", "undecided": "not told"}
    figures = [
        f"p99 {slowest:.1f} ms" if slowest is not None else "no p99",
        "errors not known" if step.errors is None else f"errors {step.errors:.2%}",
        "counts not known" if step.live_minus_offline is None else f"counts off by {step.live_minus_offline}",
    ]
    reason = f": {step.reason}" if step.reason else ""
    again = " (again)" if step.attempt > 1 else ""
    return f"  {step.rate:>7g}/s  {step.lasted_s:3.0f} s  {', '.join(figures)}  {word[step.holding]}{again}{reason}"


def per_s(rate: float | None) -> str:
    """``308.4/s``."""
    return "none" if rate is None else f"{rate:,g}/s" if rate < 1e6 else f"{rate:,.0f}/s"
