"""Gates that a user sets: ``precision>=0.9``, ``shadow.recall>=0.95``, ``p99_feedback_ms<=50``, ``failures<=0.1%``.

A gate is PASS, FAIL or INCONCLUSIVE by what the run can show, not by a point estimate. A quality gate goes by the
Wilson interval over *distinct* rows; a percentile or a failure rate goes by the exact binomial rule.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence
from analysis.evidence.tally import Tally
from analysis.judge.compare import rows_of
from analysis.record.ledger import Kind, Outcome
from analysis.stats.latency import PERCENTILES
from analysis.stats.proportions import enough, surely_at_most, surely_more, wilson
from analysis.verdict import Explanation, Finding

BINARY: Final = 2
QUALITY: Final = ("accuracy", "precision", "recall", "specificity")
FAILURES: Final = "failures"
_FORM: Final = re.compile(
    r"(?:(?P<of>[\w-]+)\.)?(?P<what>\w+)\s*(?P<sign>>=|<=)\s*(?P<limit>\d+(?:\.\d+)?)(?P<percent>%)?"
)
_LATENCY: Final = re.compile(r"(?P<percentile>p50|p90|p99|p999|p9999)_(?P<kind>predict|feedback)_ms")


class GateError(Exception):
    """A text is not a gate; one line says what was expected."""


@dataclass(frozen=True, slots=True)
class Gate:
    """``text``: as written. ``of``: predictor, or None for all. ``what``: ratio, failures or percentile.

    ``limit``: a fraction, or milliseconds.
    """

    text: str
    of: str | None
    what: str
    limit: float


def parse(text: str) -> Gate:
    """The gate in a text. Raises `GateError` for anything else, also for a sign that makes no sense."""
    match = _FORM.fullmatch(text.strip())
    what = match["what"] if match else ""
    sign = ">=" if what in QUALITY else "<="
    if match is None or not (what in {*QUALITY, FAILURES} or _LATENCY.fullmatch(what)) or match["sign"] != sign:
        raise GateError(
            "gate: expected one like precision>=0.9, shadow.recall>=0.95, p99_feedback_ms<=50 or failures<=0.1%, "
            f"got {text!r}."
        )
    limit = float(match["limit"]) / (100 if match["percent"] else 1)
    if not _LATENCY.fullmatch(what) and not 0 < limit < 1:
        raise GateError(f"gate: expected a limit between 0 and 1, or 0 % and 100 %, got {text!r}.")
    if match["of"] and what not in QUALITY:
        raise GateError(f"gate: expected a predictor only with {', '.join(QUALITY)}, got {text!r}.")
    return Gate(text.strip(), match["of"], what, limit)


def gates(evidence: Evidence) -> tuple[Finding, ...]:
    """For each gate of the run, a finding on each of its subjects (the load, or the predictors)."""
    return tuple(finding for text in evidence.gates for finding in _findings(evidence, parse(text)))


def _findings(evidence: Evidence, gate: Gate) -> tuple[Finding, ...]:
    tally = evidence.tally
    if tally is None:
        return (_undecided(gate, "load", "there is no ledger", None),)
    if gate.what == FAILURES:
        failed = int(tally.requests[:, [Outcome.REFUSED, Outcome.INDETERMINATE]].sum())
        return (_rate(gate, failed, int(tally.requests.sum()), gate.limit, "requests failed"),)
    latency = _LATENCY.fullmatch(gate.what)
    if latency:
        times = np.concatenate(tally.latency_ns[Kind[latency["kind"].upper()]])
        slow = int(np.count_nonzero(times > gate.limit * 1e6))
        share = 1 - PERCENTILES[latency["percentile"]]
        return (_rate(gate, slow, len(times), share, f"{latency['kind']} requests took more than {gate.limit:g} ms"),)
    return _qualities(evidence, tally, gate)


def _rate(gate: Gate, over: int, number: int, share: float, event: str) -> Finding:
    """Whether at most ``share`` of ``number`` requests are over the limit, by the exact binomial rule."""
    message = f"{over:,} of {number:,} {event}"
    observed = over / number if number else None
    if surely_at_most(over, number, share):
        return _kept(gate, "load", message, observed)
    if surely_more(over, number, share):
        return _not_kept(gate, "load", message, observed)
    more = enough(over, share) - number
    return _undecided(gate, "load", f"{message}; it needs {more:,} more without another one", observed)


def _qualities(evidence: Evidence, tally: Tally, gate: Gate) -> tuple[Finding, ...]:
    predictors = evidence.run.predictors
    names = [predictor.name for predictor in predictors]
    if gate.of and gate.of not in names:
        return (_undecided(gate, gate.of, f"there is no predictor {gate.of}, only {', '.join(names)}", None),)
    chosen = [predictor for predictor in predictors if gate.of in {None, predictor.name}]
    return tuple(_quality(tally, gate, predictor.name, predictor.artifact) for predictor in chosen)


def _quality(tally: Tally, gate: Gate, name: str, artifact: str) -> Finding:
    """Whether the ratio keeps the limit, by its Wilson interval over distinct rows."""
    if len(tally.axes.offline.classes) != BINARY and gate.what != "accuracy":
        message = (
            f"{gate.what} needs a positive class, and there are {len(tally.axes.offline.classes)}; gate on accuracy"
        )
        return _undecided(gate, name, message, None)
    hits, rows = _hits(tally, gate.what, artifact)
    if not rows:
        return _undecided(gate, name, f"{gate.what} is undefined: there is no row to take it of", None)
    ratio = hits / rows
    low, high = wilson(hits, rows)
    message = f"{gate.what} is {ratio:.4f} on {rows} distinct rows (95 % interval {low:.4f} to {high:.4f})"
    if low >= gate.limit:
        return _kept(gate, name, message, ratio)
    if high < gate.limit:
        return _not_kept(gate, name, message, ratio)
    needed = _rows_needed(ratio, gate.limit)
    missing = f"it needs about {needed - rows:,} more" if needed else "the limit is too near to tell"
    return _undecided(gate, name, f"{message}; {missing}", ratio)


def _hits(tally: Tally, ratio: str, artifact: str) -> tuple[int, int]:
    """Number of rows that are right, and of rows that the ratio is taken over."""
    offline = tally.axes.offline
    if artifact not in offline.answers:
        return 0, 0
    rows = rows_of(tally)
    predicted = offline.answers[artifact].predicted[rows]
    called = predicted == offline.positive
    positive = offline.truth[rows] == offline.positive
    over = {
        "accuracy": np.ones(len(rows), np.bool_),
        "precision": called,
        "recall": positive,
        "specificity": ~positive,
    }[ratio]
    right = predicted == offline.truth[rows]
    return int(np.count_nonzero(over & right)), int(np.count_nonzero(over))


def _rows_needed(share: float, limit: float) -> int | None:
    """Rows at which the interval around the same share no longer holds the limit; None if no number is enough."""
    rows = 1
    while rows < 10**9:
        low, high = wilson(round(share * rows), rows)
        if low >= limit or high < limit:
            return rows
        rows = math.ceil(rows * 1.05)
    return None


def _kept(gate: Gate, subject: str, message: str, observed: float | None) -> Finding:
    return Finding.passed(subject, f"{gate.text}: {message}", expected=gate.text, observed=observed)


def _not_kept(gate: Gate, subject: str, message: str, observed: float | None) -> Finding:
    explanation = Explanation(Diagnosis.GATE_NOT_KEPT, f"{gate.text}: {message}")
    return Finding.failed(subject, explanation, expected=gate.text, observed=observed)


def _undecided(gate: Gate, subject: str, message: str, observed: float | None) -> Finding:
    explanation = Explanation(Diagnosis.GATE_UNDECIDED, f"{gate.text}: {message}")
    return Finding.unknown(subject, explanation, expected=gate.text, observed=observed)
