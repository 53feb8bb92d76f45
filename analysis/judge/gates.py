"""Gates that a user sets: ``precision>=0.9``, ``shadow.recall>=0.95``, ``p99_feedback_ms<=50``, ``failures<=0.1%``.

Each is PASS, FAIL or INCONCLUSIVE by what the run can show, not by a point estimate: a quality gate by the Wilson
interval over *distinct* rows, a percentile or a failure rate by the exact binomial rule.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.evidence.evidence import Evidence
from analysis.evidence.tally import Tally
from analysis.judge.compare import rows_of
from analysis.record.ledger import Kind, Outcome
from analysis.stats.latency import PERCENTILES
from analysis.stats.proportions import enough, surely_at_most, surely_more, wilson
from analysis.verdict import Finding, Verdict

QUALITY: Final = ("accuracy", "precision", "recall", "specificity")
FAILURES: Final = "failures"
_FORM: Final = re.compile(
    r"(?:(?P<of>[\w-]+)\.)?(?P<what>\w+)\s*(?P<sign>>=|<=)\s*(?P<limit>\d+(?:\.\d+)?)(?P<percent>%)?"
)
_LATENCY: Final = re.compile(r"(?P<percentile>p50|p90|p99|p999|p9999)_(?P<kind>predict|feedback)_ms")


class GateError(Exception):
    """Not a gate; one line says what was expected."""


@dataclass(frozen=True, slots=True)
class Gate:
    """``text``: as written. ``of``: predictor, None for every one. ``limit``: a fraction, or milliseconds."""

    text: str
    of: str | None
    what: str
    limit: float


def parse(text: str) -> Gate:
    """The gate in a text. Raises `GateError` for anything else, a sign that makes no sense included."""
    found = _FORM.fullmatch(text.strip())
    what = found["what"] if found else ""
    wanted = ">=" if what in QUALITY else "<="
    if found is None or not (what in {*QUALITY, FAILURES} or _LATENCY.fullmatch(what)) or found["sign"] != wanted:
        raise GateError(
            "gate: expected one like precision>=0.9, shadow.recall>=0.95, p99_feedback_ms<=50 or failures<=0.1%, "
            f"got {text!r}."
        )
    limit = float(found["limit"]) / (100 if found["percent"] else 1)
    if not _LATENCY.fullmatch(what) and not 0 < limit < 1:
        raise GateError(f"gate: expected a limit between 0 and 1, or 0 % and 100 %, got {text!r}.")
    if found["of"] and what not in QUALITY:
        raise GateError(f"gate: expected a predictor only with {', '.join(QUALITY)}, got {text!r}.")
    return Gate(text.strip(), found["of"], what, limit)


def gates(evidence: Evidence) -> tuple[Finding, ...]:
    """A finding for each gate of the run and what it is of."""
    return tuple(finding for text in evidence.gates for finding in _findings(evidence, parse(text)))


def _findings(evidence: Evidence, gate: Gate) -> tuple[Finding, ...]:
    if evidence.tally is None:
        return (_finding(gate, "load", Verdict.INCONCLUSIVE, "there is no ledger", None),)
    if gate.what == FAILURES:
        failed = int(evidence.tally.outcomes[:, [Outcome.REFUSED, Outcome.INDETERMINATE]].sum())
        return (_rate(gate, failed, int(evidence.tally.outcomes.sum()), gate.limit, "requests failed"),)
    latency = _LATENCY.fullmatch(gate.what)
    if latency:
        times = np.concatenate(evidence.tally.latency_ns[Kind[latency["kind"].upper()]])
        slow = int(np.count_nonzero(times > gate.limit * 1e6))
        share = 1 - PERCENTILES[latency["percentile"]]
        return (_rate(gate, slow, len(times), share, f"{latency['kind']} requests took more than {gate.limit:g} ms"),)
    return _qualities(evidence, evidence.tally, gate)


def _rate(gate: Gate, over: int, number: int, share: float, told: str) -> Finding:
    """Whether at most ``share`` are over, by the exact binomial rule."""
    said = f"{over:,} of {number:,} {told}"
    observed = over / number if number else None
    if surely_at_most(over, number, share):
        return _finding(gate, "load", Verdict.PASS, said, observed)
    if surely_more(over, number, share):
        return _finding(gate, "load", Verdict.FAIL, said, observed)
    more = enough(over, share) - number
    return _finding(gate, "load", Verdict.INCONCLUSIVE, f"{said}; it needs {more:,} more without another one", observed)


def _qualities(evidence: Evidence, tally: Tally, gate: Gate) -> tuple[Finding, ...]:
    names = [one.name for one in evidence.run.predictors]
    if gate.of and gate.of not in names:
        why = f"there is no predictor {gate.of}, only {', '.join(names)}"
        return (_finding(gate, gate.of, Verdict.INCONCLUSIVE, why, None),)
    chosen = [one for one in evidence.run.predictors if gate.of in {None, one.name}]
    return tuple(_quality(tally, gate, one.name, one.artifact) for one in chosen)


def _quality(tally: Tally, gate: Gate, name: str, artifact: str) -> Finding:
    """Whether the ratio keeps to the limit, by its Wilson interval over distinct rows."""
    hits, rows = _hits(tally, gate.what, artifact)
    if not rows:
        return _finding(
            gate, name, Verdict.INCONCLUSIVE, f"{gate.what} is undefined: there is no row to take it of", None
        )
    low, high = wilson(hits, rows)
    said = f"{gate.what} is {hits / rows:.4f} on {rows} distinct rows (95 % interval {low:.4f} to {high:.4f})"
    if low >= gate.limit:
        return _finding(gate, name, Verdict.PASS, said, hits / rows)
    if high < gate.limit:
        return _finding(gate, name, Verdict.FAIL, said, hits / rows)
    more = _rows_needed(hits / rows, gate.limit)
    told = f"{said}; it needs about {more - rows:,} more" if more else f"{said}; the limit is too near to tell"
    return _finding(gate, name, Verdict.INCONCLUSIVE, told, hits / rows)


def _hits(tally: Tally, what: str, artifact: str) -> tuple[int, int]:
    """Rows that are right, and rows that the ratio is taken over."""
    offline = tally.plan.offline
    if artifact not in offline.answers:
        return 0, 0
    rows = rows_of(tally)
    called = offline.answers[artifact].predicted[rows] == offline.positive
    positive = offline.truth[rows] == offline.positive
    over = {
        "accuracy": np.ones(len(rows), np.bool_),
        "precision": called,
        "recall": positive,
        "specificity": ~positive,
    }[what]
    return int(np.count_nonzero(over & (called == positive))), int(np.count_nonzero(over))


def _rows_needed(share: float, limit: float) -> int | None:
    """Rows at which the interval of the same share would leave the limit; None where there is no such number."""
    rows = 1
    while rows < 10**9:
        low, high = wilson(round(share * rows), rows)
        if low >= limit or high < limit:
            return rows
        rows = math.ceil(rows * 1.05)
    return None


def _finding(gate: Gate, subject: str, verdict: Verdict, message: str, observed: float | None) -> Finding:
    advice = {
        Verdict.PASS: None,
        Verdict.FAIL: "The gate is not kept: look for the cause, or set another limit.",
        Verdict.INCONCLUSIVE: "Send more (distinct rows for quality, requests for the rest), or set another limit.",
    }[verdict]
    failed = "gate not kept" if verdict is Verdict.FAIL else "gate undecided"
    name = None if verdict is Verdict.PASS else failed
    return Finding("gate", subject, verdict, f"{gate.text}: {message}", gate.text, observed, name, advice)
