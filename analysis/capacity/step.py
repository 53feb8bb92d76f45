"""One step of a capacity search: whether its rate held, from its ``result.json``, and the figures to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from analysis.capacity.search import Attempt, Holding
from analysis.diagnoses import Diagnosis
from model.contract import CELLS

LEAST_ACHIEVED: Final = 0.9
"""Share of the asked requests that must have been sent. An open loop sends all requests, apart from the feedback of
predictions that were not answered before its end. With slow answers and a short step these may be many."""
UNFIT: Final = frozenset({"CPU", "lateness"})
"""Subjects of the check `judge.run_checks.generator` in which the generator, not a slow answer, is at fault."""


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt at a rate. Rates are requests per second, times are ms, ``lasted_s`` is the whole duration.

    ``errors``: share of the requests that were not acknowledged. ``live_minus_offline``: counts by which the live ones
    are outside of what is expected, summed over all that the predictors publish. ``shadow``: share of the acknowledged
    feedback that the least complete shadow counted. None if it is not known, or if there is none.
    """

    rate: float
    attempt: int
    sent_for_s: float
    lasted_s: float
    achieved: float | None
    verdict: str
    holding: Holding
    latency_ms: Mapping[str, Mapping[str, float | None]]
    requests: int
    errors: float | None
    live_minus_offline: int | None
    shadow: float | None
    reason: str
    run: str

    def as_attempt(self) -> Attempt:
        """The part that the search needs."""
        return Attempt(self.rate, self.holding, self.lasted_s, self.reason)

    def as_json(self) -> dict[str, Any]:
        """The step as ``capacity.json`` has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StepRun:
    """What is known of a step before its result is read."""

    rate: float
    attempt: int
    sent_for_s: float
    lasted_s: float
    run: str


def without_result(run: StepRun, why: str) -> Step:
    """A step without a ``result.json``: nothing is known of its rate."""
    return Step(
        run.rate, run.attempt, run.sent_for_s, run.lasted_s, None, "INCONCLUSIVE", "undecided",
        {}, 0, None, None, None, why, run.run,
    )  # fmt: skip


def step_of(run: StepRun, result: Mapping[str, Any]) -> Step:
    """The step that a ``result.json`` describes."""
    load = result["load"] or {}
    attempted = load.get("attempted") or 0
    requests = load.get("requests") or 0
    holding, reason = holding_of(result["findings"], requests / (run.rate * run.sent_for_s))
    return Step(
        rate=run.rate,
        attempt=run.attempt,
        sent_for_s=run.sent_for_s,
        lasted_s=run.lasted_s,
        achieved=round(requests / run.sent_for_s, 3),
        verdict=result["verdict"],
        holding=holding,
        latency_ms={kind: _median_and_p99(percentiles) for kind, percentiles in (load.get("latency_ms") or {}).items()},
        requests=requests,
        errors=1 - load["acknowledged"] / attempted if attempted else None,
        live_minus_offline=live_minus_offline(result["predictors"]),
        shadow=shadow_completeness(result["predictors"]),
        reason=reason,
        run=run.run,
    )


def disturbed(step: Step, still_moving: str) -> Step:
    """The step, if it began while the load before it was still being counted: then its rate is not to blame.

    ``still_moving``: how it is known that the load before had not come to rest.
    """
    if step.holding != "server":
        return step
    return replace(
        step, holding="undecided", reason=f"the load before it had not come to rest ({still_moving}); {step.reason}"
    )


_REQUESTS_FAILED: Final = (
    Diagnosis.MOST_FEEDBACK_FAILED,
    Diagnosis.FEEDBACK_FAILED,
    Diagnosis.PREDICTIONS_FAILED,
)
"""Requests that failed in part are the server's fault, also where no gate is about failures."""


def holding_of(findings: Sequence[Mapping[str, Any]], sent_share: float) -> tuple[Holding, str]:
    """Whether the rate held, and if not, the reason in one sentence. ``sent_share``: requests sent over asked for.

    Wrong counts are the server's fault, whatever the generator did. Long times are the server's fault only if the
    generator itself was on time and not CPU-bound. A slow server leads to dropped arrivals, so these are the
    generator's fault only if nothing else is wrong.
    """
    bad = [finding for finding in findings if finding["verdict"] != "PASS"]
    failed = [finding for finding in bad if finding["verdict"] == "FAIL"]
    unfit = [finding for finding in bad if finding["check"] == "generator"]
    wrong = sorted(
        (finding for finding in failed if finding["check"] != "gate"),
        key=lambda finding: finding["check"] != "equality",
    )
    if wrong:
        return "server", _reason(wrong[0])
    if clearly := [finding for finding in unfit if finding["subject"] in UNFIT]:
        return "generator", _reason(clearly[0])
    unanswered = [finding for finding in bad if finding["diagnosis"] in _REQUESTS_FAILED and finding["observed"]]
    if slow := failed or unanswered:
        return "server", _reason(slow[0])
    if unfit:
        return "generator", _reason(unfit[0])
    if sent_share < LEAST_ACHIEVED:
        return "undecided", f"only {sent_share:.0%} of the requests asked for were sent before the end"
    return ("undecided", _reason(bad[0])) if bad else ("held", "")


def live_minus_offline(predictors: Mapping[str, Mapping[str, Any]]) -> int | None:
    """Counts outside of the bounds, over all that the groups of predictors publish; None if something is not known."""
    groups = dict.fromkeys(tuple(predictor["group"]) for predictor in predictors.values())
    off = [_off([predictors[name] for name in members]) for members in groups]
    known = [number for number in off if number is not None]
    return sum(known) if off and len(known) == len(off) else None


def _off(members: Sequence[Mapping[str, Any]]) -> int | None:
    """Counts of a group outside of its bounds; ``low`` and ``high`` of each member are those of the whole group."""
    counts = [_counts(member) for member in members]
    if not counts or not all(counts) or len({len(own) for own in counts}) > 1:
        return None
    off = 0
    for parts in zip(*counts, strict=True):
        (low, high, _), lives = parts[0], [live for _, _, live in parts]
        if low is None or high is None or not all(isinstance(live, int | float) for live in lives):
            return None
        off += round(max(low - sum(lives), sum(lives) - high, 0))
    return off


def _counts(predictor: Mapping[str, Any]) -> list[tuple[Any, Any, Any]]:
    """Lower bound, upper bound and live count of all that is published: the cells if nothing else is."""
    if claims := predictor.get("claims"):
        return [(claim["low"], claim["high"], claim["live"]) for claim in claims]
    expected, live = predictor["expected"], predictor["live"]
    if expected is None or live is None:
        return []
    return [(expected["low"][cell], expected["high"][cell], live[cell]) for cell in CELLS]


def shadow_completeness(predictors: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Share of the acknowledged feedback, or of its mirrored percentage, that the least complete shadow counted."""
    shares = []
    for predictor in predictors.values():
        if predictor["shadow"]:
            due = ((predictor["feedback"] or {}).get("acknowledged") or 0) * ((predictor["traffic"] or 100) / 100)
            rows = _rows(predictor)
            if rows is None or not due:
                return None
            shares.append(rows / due)
    return min(shares, default=None)


def _rows(predictor: Mapping[str, Any]) -> int | None:
    """How many rows a predictor counted; None if that does not follow from what it publishes."""
    if predictor["live"] is not None:
        return sum(int(predictor["live"][cell]) for cell in CELLS)
    live = (predictor.get("classes") or {}).get("live")
    return None if live is None else sum(int(row["support"]) for row in live["by_class"])


def _median_and_p99(percentiles: Mapping[str, float] | None) -> dict[str, float | None]:
    return {name: (percentiles or {}).get(name) for name in ("p50", "p99")}


def _reason(finding: Mapping[str, Any]) -> str:
    if finding["check"] == "gate":
        return str(finding["message"])
    diagnosis = f"{finding['diagnosis']}: " if finding["diagnosis"] else ""
    subject = "" if finding["check"] in {"sent", "generator"} else f"{finding['subject']}: "
    return f"{diagnosis}{subject}{finding['message']}"
