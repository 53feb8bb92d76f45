"""Check of the counters beside the cells: they count the same rows, so that rates over a window are right, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted, as_claims, is_explained
from analysis.evidence.doubts import before_load, in_another_spelling, samples_of_other_times
from analysis.evidence.evidence import CellCounters, Evidence, Group, PredictorEvidence
from analysis.evidence.samples import count_text
from analysis.evidence.scrapes.targets import ScrapeTarget
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.record.arrays import Ints
from analysis.record.instants import rfc3339
from analysis.verdict import Explanation, Finding, Verdict


def counters(evidence: Evidence) -> tuple[Finding, ...]:
    """At each scrape, each counter beside the cells has grown by what it can have, and in the end by what it has.

    A group that publishes no such counters passes and says so. One whose counters are stored and cannot be used does
    not. There is no finding where the cells themselves are wrong or not known: another check says so already.
    """
    findings = []
    for group, counted in evidence.counted():
        if not group.beside:
            message = "it publishes no counters beside its cells, so rates over a window are not checked"
            findings.append(Finding.passed(group.name, message))
        elif not counted.broken[-1].any():
            findings.append(_of_group(evidence, group))
    return tuple(findings)


def _of_group(evidence: Evidence, group: Group) -> Finding:
    """The worst finding of the members that publish counters; a PASS names those that do not."""
    of_members = [
        _of_member(evidence, group, member, counters) for member in group.members for counters in member.beside
    ]
    findings = [*of_members, *(_of_member(evidence, group, group.members[0], counters) for counters in group.together)]
    worst = max(findings, key=lambda finding: finding.verdict)
    without = [member.name for member in group.members if not member.beside] if of_members else []
    if worst.verdict is Verdict.PASS and without:
        return Finding.passed(group.name, f"{worst.message}; {', '.join(without)} publishes none, and is not checked")
    return worst


def _of_member(evidence: Evidence, group: Group, member: PredictorEvidence, scored: CellCounters) -> Finding:
    explanation = _failure(scored)
    if explanation is not None:
        doubt = (
            samples_of_other_times(group)
            or _before_load(scored)
            or _of_no_class(evidence, group, scored)
            or _published_late(member, scored)
        )
        return Finding.failed(group.name, explanation) if doubt is None else Finding.unknown(group.name, doubt)
    doubt = _doubt(group, member, scored) or _contradiction(evidence, group, scored)
    if doubt is not None:
        return Finding.unknown(group.name, doubt)
    if scored.account.account.claims.of_predictions and not group.share.sees_all:
        message = "no counter of predictions is above what was attempted; its mirror takes a part only"
        return Finding.passed(group.name, message)
    return Finding.passed(group.name, "the counters beside the cells have grown by as much")


def _failure(scored: CellCounters) -> Explanation | None:
    """What the counters show that they cannot, or None."""
    if scored.counted is None or not scored.counted.broken.any():
        return None
    return Explanation(Diagnosis.COUNTERS_DIFFER, _difference(scored.counted, scored.falls))


def _before_load(scored: CellCounters) -> Explanation | None:
    """What may have happened before the load that makes the counters right, or None."""
    return before_load(scored.counted) if scored.counted is not None else None


def _of_no_class(evidence: Evidence, group: Group, scored: CellCounters) -> Explanation | None:
    """That what the counters lack may be in series of theirs that name no class of the run, or None."""
    if scored.counted is None:
        return None
    account = scored.account.account
    series = [own for member in group.members for own in member.of_no_class]
    return in_another_spelling(
        evidence, [own for own in series if account.is_of_no_class(own.metric, own.labels)], scored.counted
    )


def _contradiction(evidence: Evidence, group: Group, scored: CellCounters) -> Explanation | None:
    """That counters which claim other things than the judged series are not of the same events as these, or None.

    Each may be right by itself, where requests were not answered.
    """
    own, counted = group.counted, scored.counted
    if evidence.tally is None or own is None or counted is None or counted.claims.of_predictions:
        return None
    is_exact = all(np.array_equal(*part.last[:2]) for part in (own, counted))
    if (
        is_exact
        or len(group.members) > 1
        or own.path.doubt.any()
        or is_explained(evidence.tally, own, group.share, counted)
    ):
        return None
    message = "counters beside the cells and the cells may each be right, and no events explain both of them"
    return Explanation(Diagnosis.COUNTERS_DIFFER, message)


def _doubt(group: Group, member: PredictorEvidence, scored: CellCounters) -> Explanation | None:
    """Why counters that are not proven wrong are not proven right, or None."""
    if scored.obstacle is not None:
        message = f"the counters beside the cells cannot be compared with them: {scored.obstacle.message}"
        return replace(scored.obstacle, message=message)
    if scored.counted is None or member.path is None:
        message = "the last scrape of the cells lacked the counters beside them, or the other way round"
        return Explanation(Diagnosis.SERIES_ABSENT, message)
    own = scored.counted.claims
    if own.of_predictions:
        last_ms = max(int(other.path.time_ms[-1]) for other in group.members if other.path is not None)
        if scored.counted.path.time_ms[-1] != last_ms:
            message = "the last scrape lacked the counters of predictions, or the cells"
            return Explanation(Diagnosis.SERIES_ABSENT, message)
        return scored.malformed or _unproven(scored, scored.counted, None, int(member.path.time_ms[0]))
    cells = as_claims(member.path, member.account.account.claims, scored.counted.claims)
    return scored.malformed or _unproven(scored, scored.counted, cells, int(member.path.time_ms[0]))


def _unproven(scored: CellCounters, counted: Counted, cells: Trajectory | None, first_ms: int) -> Explanation | None:
    """What of counters within their bounds Prometheus may read as something else, or None.

    ``cells``: the judged counts as these counters would have them; None if they do not follow. ``first_ms``: their
    first scrape.
    """
    if scored.falls:
        message = f"{scored.falls[0]}, which Prometheus takes for a restart, and nothing shows whether it was one"
        return Explanation(Diagnosis.COUNTERS_DIFFER, message)
    absent = [target for target in scored.targets if _is_absent_twice(target, first_ms)]
    if absent:
        instance = absent[0].labels.get("instance", "a target")
        message = f"several scrapes in a row of {instance} lacked a counter that a later one had again"
        return Explanation(Diagnosis.SERIES_ABSENT, message)
    if cells is None:
        return None
    growth, of_cells = counted.path.value[-1], cells.value[-1]
    unequal = np.flatnonzero(growth != of_cells).tolist()
    if unequal:
        parts = [
            f"{counted.claims.names[i]} grew by {growth[i]:,.0f} and its cell by {of_cells[i]:,.0f}" for i in unequal
        ]
        message = f"{'; '.join(parts)}, which requests that were not answered may explain"
        return Explanation(Diagnosis.COUNTERS_DIFFER, message)
    return None


def _is_absent_twice(target: ScrapeTarget, first_ms: int) -> bool:
    """Whether two good scrapes in a row lacked a series, as is asked of the cells in `stored_checks`."""
    absent = target.absent[target.up & (target.time_ms >= first_ms)] > 0
    return bool((absent[1:] & absent[:-1]).any())


def _published_late(member: PredictorEvidence, scored: CellCounters) -> Explanation | None:
    """Whether the counters are right, but for scrapes before they were published and for counts of before the load.

    A series that appears may bring any count up to its first value along, and brings the same one to each later scrape.
    What is not published is not 0.
    """
    counted = scored.counted
    if counted is None:
        return None
    appeared_ms = max((_last_appearance_ms(target) for target in scored.targets), default=0)
    later = counted.path.time_ms >= appeared_ms
    below = (counted.sums < counted.bounds.low).any(axis=1)
    lacking = np.isin(counted.path.time_ms, np.concatenate([_lacking_ms(member, target) for target in scored.targets]))
    if not later.any() or below[later].any() or np.any(below & ~lacking):
        return None
    appeared = np.sum([target.appeared for target in scored.targets], axis=0)
    surplus = np.maximum(counted.path.value - counted.high, 0)
    spare = counted.path.value - counted.low
    if np.any(surplus > appeared) or np.any(surplus[later].max(axis=0) > spare[later].min(axis=0)):
        return None
    if not surplus.any():
        message = f"{int(below.sum())} scrapes lacked a counter beside the cells that was published later"
        return Explanation(Diagnosis.SERIES_ABSENT, message)
    most = int(surplus.max(axis=0).sum())
    message = f"{most:,} counts too many came with a counter beside the cells that appeared, and none since"
    return Explanation(Diagnosis.COUNTS_BEFORE, message)


def _last_appearance_ms(target: ScrapeTarget) -> int:
    """The last good scrape that had a series which none before it had; 0 if there is none."""
    known = (target.present + target.absent)[target.up]
    appeared = np.flatnonzero(known[1:] > np.maximum.accumulate(known)[:-1])
    return int(target.time_ms[target.up][appeared[-1] + 1]) if len(appeared) else 0


def _lacking_ms(member: PredictorEvidence, target: ScrapeTarget) -> Ints:
    """Scrapes of the target that had fewer counters than cells."""
    cells = next((cells for cells in member.targets if cells.labels == target.labels), target)
    times, of_counters, of_cells = np.intersect1d(target.time_ms, cells.time_ms, return_indices=True)
    return times[target.present[of_counters] < cells.present[of_cells]]


def _difference(counted: Counted, falls: Sequence[str]) -> str:
    """What the counters show that they cannot: at the last scrape, or else at the first one that is wrong."""
    wrong = counted.broken.any(axis=1)
    scrape = len(wrong) - 1 if wrong[-1] else int(np.argmax(wrong))
    growth, bounds = counted.sums[scrape], counted.bounds
    parts = [
        f"{counted.claims.name_of_sum(i)} grew by {count_text(growth[i])} for "
        f"{_range(bounds.low[scrape, i], bounds.high[scrape, i])}"
        for i in np.flatnonzero(counted.broken[scrape]).tolist()
    ]
    message = "; ".join(parts[: len(counted.claims)])
    if not wrong[-1]:
        moment = rfc3339(counted.path.time_ms[scrape] / 1000)
        message += f" until {moment} ({int(wrong.sum())} of {len(wrong)} scrapes are wrong)"
    return f"{message}; {falls[0]}, which Prometheus takes for a restart" if falls else message


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}..{high}"
