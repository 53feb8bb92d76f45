"""The content of ``result.json``, schema 1: the findings and the figures behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from analysis.claims.selection import cells
from analysis.evidence.bounds import cells_of
from analysis.evidence.curve import as_json
from analysis.evidence.evidence import Evidence, Group, PredictorEvidence
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.evidence.tally import Tally
from analysis.judge.compare import comparison
from analysis.judge.registry import verdict
from analysis.record.arrays import Floats, Ints
from analysis.record.ledger import Kind, Outcome
from analysis.result import classes, load, timeline
from analysis.result.fields import TOO_LARGE
from analysis.stats.confusion import RATIOS, Confusion
from analysis.verdict import Finding
from model.contract import CELLS

SCHEMA_VERSION: Final = 1
BINARY: Final = 2


def content_of(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, Any]:
    """The whole content of ``result.json``."""
    run = evidence.run
    return {
        "schema": SCHEMA_VERSION,
        "run": {
            "id": run.id,
            "deployment": run.deployment,
            "namespace": run.namespace,
            "manifest": run.manifest,
            "started": run.started,
            "ended": run.ended,
            "seed": run.seed,
            "versions": run.versions,
        },
        "verdict": verdict(findings).name,
        "findings": [_finding(finding) for finding in findings],
        "load": _load(evidence, findings),
        "predictors": {
            member.name: _predictor(evidence, group, member) for group in evidence.groups for member in group.members
        },
        "comparison": comparison(evidence),
        "evidence": _witnesses(evidence),
        **_metrics(evidence),
    }


def _metrics(evidence: Evidence) -> dict[str, Any]:
    """``metrics``, where the run records a metric map: what a reader of its series should know."""
    if not evidence.run.metrics:
        return {}
    metric_map = evidence.selection.metric_map
    return {"metrics": {"name": metric_map.name, "rows": metric_map.rows, "note": metric_map.note}}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "subject": finding.subject,
        "verdict": finding.verdict.name,
        "expected": _plain(finding.expected),
        "observed": _plain(finding.observed),
        "diagnosis": finding.diagnosis,
        "message": finding.message,
        "advice": finding.advice,
    }


def _plain(value: Any) -> Any:
    """The value without numpy's types, and without NaN and infinite numbers, which JSON lacks.

    A number of 10**18 and more is text, as an infinite one: it is no count, and `fields.number_or_none` refuses it.
    """
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None if math.isnan(value) else str(value)
        value = int(value) if value.is_integer() else value
    return f"{value:g}" if isinstance(value, int | float) and abs(value) >= TOO_LARGE else value


def _load(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, Any] | None:
    tally = evidence.tally
    if tally is None:
        return None
    first_ns, last_ns = tally.span_ns or (0, 0)
    seconds = (last_ns - first_ns) / 1e9
    requests = int(tally.sent.sum())
    return {
        "attempted": int(tally.outcomes.sum()),
        **{outcome.name.lower(): int(tally.outcomes[:, outcome].sum()) for outcome in Outcome},
        "requests": requests,
        "statuses": {str(status): number for status, number in tally.statuses.items()},
        "rate_asked": evidence.run.rate_planned_per_s or evidence.run.options.get("rate_per_s") or None,
        "shape": evidence.run.options.get("shape") or None,
        "calibration": evidence.run.calibration,
        "rate_achieved": round(requests / seconds, 3) if seconds else None,
        **load.times(tally),
        "generator": load.generator(evidence.run.recorder, findings),
        "timeline": timeline.load(tally),
    }


def _predictor(evidence: Evidence, group: Group, member: PredictorEvidence) -> dict[str, Any]:
    spec, path, tally = member.spec, member.path, evidence.tally
    known = evidence.offline is not None and spec.artifact in evidence.offline.answers
    offline = _offline(tally, spec.artifact) if tally is not None and known else None
    return {
        "model": spec.model,
        "artifact": spec.artifact,
        "shadow": spec.shadow,
        "traffic": spec.traffic,
        "group": [sharer.name for sharer in group.members],
        "feedback": _feedback(tally),
        "live": None if path is None else _live(member, path.value[-1:]),
        "offline": None if offline is None else _confusion(offline),
        "expected": _expected(group),
        "curve": as_json(group.curve),
        "timeline": _timeline(tally, member, path, spec.artifact if known else None),
        **_claims(group, member),
        **_by_class(tally, group, member, spec.artifact if known else None),
    }


def _claims(group: Group, member: PredictorEvidence) -> dict[str, Any]:
    """``claims``, where they are not the four cells: what is published.

    ``low`` and ``high`` are bounds of the sum over the group, as those of ``expected`` are.
    """
    claims, bounds = group.claims, _bounds(group)
    if claims.is_cells or member.path is None:
        return {}
    return {
        "claims": [
            {
                "key": claim.key,
                "name": claim.name,
                "low": None if bounds is None else int(bounds[0][at]),
                "high": None if bounds is None else int(bounds[1][at]),
                "live": _plain(member.path.value[-1, at]),
            }
            for at, claim in enumerate(claims.claims)
        ]
    }


def _bounds(group: Group) -> tuple[Ints, Ints] | None:
    """The lowest and the highest count of each claim at the last scrape, summed over the group."""
    return None if group.counted is None else group.counted.last[:2]


def _by_class(tally: Tally | None, group: Group, member: PredictorEvidence, artifact: str | None) -> dict[str, Any]:
    """``classes``, where there are more than two of them."""
    if tally is None or len(tally.axes.offline.classes) == BINARY:
        return {}
    live = None if member.path is None else member.path.value[-1]
    bounds = _bounds(group) if len(group.members) == 1 else None
    return {"classes": classes.quality(tally, member.account.account.claims, live, artifact, bounds)}


def _feedback(tally: Tally | None) -> dict[str, int] | None:
    if tally is None:
        return None
    by_outcome = {outcome.name.lower(): tally.count(Kind.FEEDBACK, outcome) for outcome in Outcome}
    return {"attempted": sum(by_outcome.values()), **by_outcome}


def _offline(tally: Tally, artifact: str) -> Ints | None:
    """``[cell]``: acknowledged feedback by the artefact's offline answers; None without a positive class."""
    return None if (weights := _cells(tally)) is None else tally.counted @ weights[tally.pairs[artifact]]


def _cells(tally: Tally) -> Ints | None:
    """``[pair, cell]``; None without a positive class."""
    answers = tally.axes.offline
    return cells(BINARY, answers.positive) if len(answers.classes) == BINARY else None


def _confusion(counts: Ints) -> dict[str, int | float | None]:
    confusion = Confusion.of(counts.tolist())
    return {**{cell: confusion.cell(cell) for cell in CELLS}, **{name: getattr(confusion, name) for name in RATIOS}}


def _live(member: PredictorEvidence, value: Floats) -> dict[str, int | float | None] | None:
    """The counts and their ratios; None if the claims do not give them, or if one is too large to be a count."""
    counts = cells_of(member.account.account.claims, value)
    if counts is None or not np.all(np.abs(counts) < TOO_LARGE):
        return None
    return _confusion(np.rint(counts[0]).astype(np.int64))


def _expected(group: Group) -> dict[str, dict[str, int]] | None:
    bounds = _bounds(group)
    if bounds is None:
        return None
    low, high = (cells_of(group.claims, bound[None].astype(np.float64)) for bound in bounds)
    if low is None or high is None:
        return None
    sides = {"low": low, "high": high}
    return {
        side: dict(zip(CELLS, np.rint(counts[0]).astype(int).tolist(), strict=True)) for side, counts in sides.items()
    }


def _timeline(
    tally: Tally | None, member: PredictorEvidence, path: Trajectory | None, artifact: str | None
) -> dict[str, Any] | None:
    """Live ratios of a predictor at each scrape, beside the offline ratios of what was acknowledged by then."""
    if tally is None or path is None or artifact is None:
        return None
    if len(tally.axes.offline.classes) != BINARY:
        return classes.over_time(tally, member.account.account.claims, path, artifact)
    by_pattern = tally.before[np.searchsorted(tally.axes.starts_ns, path.start_ns)]
    weights, live = _cells(tally), cells_of(member.account.account.claims, path.value)
    if weights is None or live is None:
        return None
    return timeline.quality(path, live, by_pattern @ weights[tally.pairs[artifact]])


def _witnesses(evidence: Evidence) -> dict[str, Any]:
    clock, samples = evidence.clock, evidence.samples
    paths = [counted.path for _, counted in evidence.counted()]
    return {
        "prometheus": samples.prometheus if samples is not None else None,
        "clock_offset_s": round(clock.offset_s, 6),
        "clock_uncertainty_s": round(clock.uncertainty_s, 6),
        "scrapes": sum(len(path.time_ms) for path in paths),
        "series": len(samples.series) if samples is not None else 0,
        "problems": dict(evidence.problems),
    }
