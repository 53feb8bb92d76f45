"""Checks of what Prometheus stored: it is readable, and it was written all through the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence, Group, PredictorEvidence
from analysis.evidence.queries import LABEL_TARGET_DEPLOYMENT, UP
from analysis.evidence.samples import ClockOffset, Samples, Series, count_text, is_count
from analysis.evidence.scrapes.published import has_changed
from analysis.evidence.scrapes.targets import ALIGNMENT_MS, ScrapeTarget
from analysis.record.instants import rfc3339
from analysis.record.runfolder import SAMPLES_FILE
from analysis.verdict import Explanation, Finding

GAP_INTERVALS: Final = 10
"""Scrapes missed in a row that make a gap. A restart of Prometheus misses about six at one per second, which the
next scrape makes good. With more than ten missing, the bounds were not watched for a part of the run that matters."""
MOST_NAMES: Final = 8
"""Names of other metrics in a message, at most."""
CLOCK_LIMIT_S: Final = 0.25
"""Uncertainty of the clocks above which the bounds are too wide: a quarter of the shortest scrape interval in use."""


def stored(evidence: Evidence) -> tuple[Finding, ...]:
    """Prometheus gave samples of every predictor: counts, one series where one is meant, with a known baseline.

    And of no other predictor of the deployment did it store counts that changed during the run.
    """
    samples = evidence.samples
    if samples is None:
        message = evidence.problems.get(SAMPLES_FILE, "there are no samples")
        return (Finding.unknown("prometheus", Explanation(Diagnosis.NO_SAMPLES, message, "not collected")),)
    findings = [_stored(evidence, group, member) for group in evidence.groups for member in group.members]
    if samples.problem:
        failure = Finding.unknown("prometheus", Explanation(Diagnosis.PROMETHEUS_FAILED, samples.problem))
        return (failure, *findings)
    unclassed = [_of_no_class(evidence, member) for group in evidence.groups for member in group.members]
    findings += [finding for finding in unclassed if finding is not None]
    return (*findings, *_of_others(evidence, samples))


def _of_others(evidence: Evidence, samples: Samples) -> list[Finding]:
    """A finding for each predictor to which nothing was sent, and whose counts changed or are no counts.

    A dashboard's sums over the deployment hold them. Whose feedback they count is not known. A predictor whose counts
    stand still, such as one of an earlier rollout, has no finding.
    """
    if evidence.span_ms is None:
        return []
    judged = {member.name for group in evidence.groups for member in group.members}
    others: dict[str, list[Series]] = {}
    for series in samples.of(*evidence.selection.metric_map.metrics):
        name = evidence.selection.predictor_of(series.labels)
        if evidence.selection.metric_map.predictor_label is not None and name not in judged:
            others.setdefault(name, []).append(series)
    findings = [_of_other(evidence, name, counts, evidence.span_ms[0]) for name, counts in sorted(others.items())]
    return [finding for finding in findings if finding is not None]


def _of_other(evidence: Evidence, name: str, counts: Sequence[Series], first_ms: float) -> Finding | None:
    known = name in evidence.predictors
    owner = evidence.selection.metric_map.predictor_label
    label = f"the label {owner}={name}" if name else f"no label {owner}"
    who = "it gets no traffic" if known else f"series with {label} are of no predictor of the manifest"
    changed = [series for series in counts if has_changed(series, first_ms)]
    if not changed:
        return None
    series = changed[0]
    change = f"went to {series.value[-1]:g} during the run" if is_count(series.value).all() else "is not a count"
    message = f"{who}, and {series.metric} of it {change}"
    return Finding.unknown(name or "no predictor", Explanation(Diagnosis.COUNTS_OF_NOBODY, message))


def _of_no_class(evidence: Evidence, predictor: PredictorEvidence) -> Finding | None:
    """That counts of the predictor changed which are of no class of the rows, so that no count of ours holds them."""
    if evidence.span_ms is None:
        return None
    changed = [series for series in predictor.of_no_class if has_changed(series, evidence.span_ms[0])]
    if not changed:
        return None
    series = changed[0]
    classes = ", ".join(evidence.selection.classes)
    labels = ", ".join(f"{name}={series.labels[name]}" for name in sorted(evidence.selection.apart & {*series.labels}))
    more = f" (and {len(changed) - 1} more such series)" if len(changed) > 1 else ""
    message = (
        f"{series.metric} with {labels or 'no label of a class'} changed during the run{more}, and is of none of the "
        f"classes {classes}: other rows, or the same in another spelling"
    )
    return Finding.unknown(predictor.name, Explanation(Diagnosis.COUNTS_OF_NOBODY, message, "no class"))


def _without_cells(evidence: Evidence) -> Explanation:
    elsewhere = evidence.samples.notes.get("elsewhere") if evidence.samples is not None else None
    if isinstance(elsewhere, list) and elsewhere:
        namespace, places = evidence.run.namespace, ", ".join(map(str, elsewhere[:5]))
        message = f"Prometheus has no sample of its cells in the namespace {namespace}; there are some in {places}"
        return Explanation(Diagnosis.NO_SAMPLES, message, "elsewhere")
    if evidence.samples is not None and any(_is_scraped(up, evidence.run.deployment) for up in evidence.samples.of(UP)):
        names = ", ".join(evidence.selection.accounts[0].metrics)
        message = f"Prometheus scrapes the deployment, and has no sample of {names} by feedback of this predictor"
        others = evidence.samples.notes.get("names")
        if isinstance(others, list) and others:
            message += f"; its targets show {', '.join(map(str, others[:MOST_NAMES]))}"
            return Explanation(Diagnosis.NO_SAMPLES, message, "other names")
        return Explanation(Diagnosis.NO_SAMPLES, message, "names")
    names = ", ".join(evidence.selection.accounts[0].metrics)
    message = f"Prometheus has no sample of its counts ({names})"
    return Explanation(Diagnosis.NO_SAMPLES, message, "no cells")


def _is_scraped(up: Series, deployment: str) -> bool:
    """Whether it is a target of the deployment, and its last scrape succeeded."""
    return up.labels.get(LABEL_TARGET_DEPLOYMENT) == deployment and len(up.value) > 0 and up.value[-1] == 1


def _stored(evidence: Evidence, group: Group, predictor: PredictorEvidence) -> Finding:
    if not predictor.series:
        return Finding.unknown(predictor.name, _without_cells(evidence))
    obstacle = predictor.malformed or group.obstacle
    if obstacle is not None:
        return Finding.unknown(predictor.name, obstacle)
    number = sum(len(series.time_ms) for series in predictor.series)
    message = f"{number:,} samples of {len(predictor.series)} series, with a baseline"
    return Finding.passed(predictor.name, message)


def clock(evidence: Evidence) -> tuple[Finding, ...]:
    """The offset between the clocks of load generator and Prometheus is known well enough to set bounds by."""
    if evidence.samples is None:
        return ()
    offset_ms, uncertainty_ms = evidence.clock.offset_s * 1000, evidence.clock.uncertainty_s * 1000
    message = f"Prometheus' clock is {offset_ms:+.1f} ms off, give or take {uncertainty_ms:.1f} ms"
    recorder = evidence.run.recorder
    if recorder is not None and recorder.clock_offset_s:
        message += f"; a load generator's clock is {recorder.clock_offset_s:+.3f} s off, and its times are corrected"
    if evidence.clock.uncertainty_s <= CLOCK_LIMIT_S:
        return (Finding.passed("prometheus", message),)
    return (Finding.unknown("prometheus", Explanation(Diagnosis.CLOCK_UNCERTAIN, f"{message}: too uncertain")),)


def scrapes(evidence: Evidence) -> tuple[Finding, ...]:
    """Every target was scraped all through the run, by one job only, and no count fell."""
    if evidence.samples is None or evidence.span_ms is None:
        return ()
    over = {member.name for group, counted in evidence.counted() if counted.is_over for member in group.members}
    findings: list[Finding] = []
    for predictor in evidence.predictors.values():
        if predictor.targets:
            seen = _scrapes(predictor, *evidence.span_ms, evidence.clock) + _twice(predictor, predictor.name in over)
            findings += seen or [_all_scraped(predictor, *evidence.span_ms)]
    return tuple(findings)


def _scrapes(predictor: PredictorEvidence, first_ms: float, last_ms: float, clock: ClockOffset) -> list[Finding]:
    name = predictor.name
    return [
        finding
        for target in predictor.targets
        for finding in (
            *_gaps(name, target, first_ms, last_ms),
            *_absences(name, target, first_ms),
            *_falls(predictor, target, first_ms, first_ms + clock.uncertainty_s * 1000 + ALIGNMENT_MS),
        )
    ]


def _twice(predictor: PredictorEvidence, is_over: bool) -> list[Finding]:
    """That a process is stored twice. It is proven by counts that are too high, so that they are not of two."""
    if not predictor.scraped_twice:
        return []
    if not is_over:
        message = f"{predictor.scraped_twice}, with the same counts each time; that their sum is too high is not shown"
        return [Finding.unknown(predictor.name, Explanation(Diagnosis.SCRAPED_TWICE, message), expected=1, observed=2)]
    message = f"{predictor.scraped_twice}, so every sum over its series doubles"
    return [Finding.failed(predictor.name, Explanation(Diagnosis.SCRAPED_TWICE, message), expected=1, observed=2)]


def _all_scraped(predictor: PredictorEvidence, first_ms: float, last_ms: float) -> Finding:
    """The PASS of a predictor, with the number of its scrapes, and of those within the load that failed."""
    targets = predictor.targets
    number = sum(int(np.count_nonzero(target.up)) for target in targets)
    failed = sum(
        int(np.count_nonzero(~target.up & (target.time_ms >= first_ms) & (target.time_ms <= last_ms)))
        for target in targets
    )
    gaps = f"no gap of more than {GAP_INTERVALS} scrapes" if failed else "no gap"
    message = f"{number} scrapes of {len(targets)} target{'s' * (len(targets) > 1)}, {gaps}, no reset"
    if failed:
        message += f"; another {failed} failed within the load"
    lacking = [target.absent[target.up] > 0 for target in targets]
    number = sum(int(np.count_nonzero(scrapes)) for scrapes in lacking)
    if number:
        which = "a later one" if any((scrapes[1:] & scrapes[:-1]).any() for scrapes in lacking) else "the next one"
        message += f"; {number} of them lacked a series that {which} had again"
    return Finding.passed(predictor.name, message)


def _gaps(name: str, target: ScrapeTarget, first_ms: float, last_ms: float) -> list[Finding]:
    """The longest time within the load without a successful scrape of the target, if it is too long."""
    succeeded = target.time_ms[target.up]
    inside = succeeded[(succeeded > first_ms) & (succeeded < last_ms)]
    edges = np.concatenate([[max(first_ms, float(target.time_ms[0]))], inside, [last_ms]])
    interval = float(np.median(np.diff(target.time_ms))) if len(target.time_ms) > 1 else 0.0
    widest = int(np.argmax(np.diff(edges)))
    gap_ms = float(np.diff(edges)[widest])
    if not interval or gap_ms <= GAP_INTERVALS * interval:
        return []
    instance = target.labels.get("instance", "a target")
    message = f"{instance} was not scraped for {gap_ms / 1000:.0f} s from {rfc3339(edges[widest] / 1000)}"
    return [Finding.unknown(name, Explanation(Diagnosis.SCRAPE_GAP, message))]


def _absences(name: str, target: ScrapeTarget, first_ms: float) -> list[Finding]:
    """Scrapes since the load began that lacked a series: several in a row, or the last one.

    A single one in between is a glitch, which the next scrape makes good. Several are a wrong sum on a dashboard.
    """
    good = np.flatnonzero(target.up & (target.time_ms >= first_ms))
    lacking = target.absent[good] > 0
    instance = target.labels.get("instance", "a target")
    in_a_row = lacking[1:] & lacking[:-1]
    if in_a_row.any():
        at_ms = target.time_ms[good[int(np.argmax(in_a_row))]]
        message = f"{int(lacking.sum())} scrapes of {instance} lacked a series, from {rfc3339(at_ms / 1000)}"
    elif target.is_unsettled:
        message = f"the last scrape of {instance} lacked a series that the one before it had"
    else:
        return []
    return [Finding.unknown(name, Explanation(Diagnosis.SERIES_ABSENT, message))]


def _falls(predictor: PredictorEvidence, target: ScrapeTarget, first_ms: float, latest_ms: float) -> list[Finding]:
    """The first scrape at which a claim's count of the target fell, from the last scrape before the load on.

    A loss before that (a restart between two runs) does not matter: the counts are differences from the baseline. A
    fall since a scrape that was not later than ``latest_ms``, which no first event is later than, may be such a loss.
    """
    value, time_ms = target.value[target.up], target.time_ms[target.up]
    baseline = max(int(np.searchsorted(time_ms, first_ms)) - 1, 0)
    value, time_ms = value[baseline:], time_ms[baseline:]
    falls = np.argwhere(value[1:] < value[:-1])
    if not len(falls):
        return []
    is_inside = time_ms[falls[:, 0]] > latest_ms
    scrape, cell = falls[int(np.argmax(is_inside))]
    instance = target.labels.get("instance", "a target")
    before, after = value[scrape, cell], value[scrape + 1, cell]
    name, metric = predictor.name, predictor.account.account.claims.names[cell]
    gone = target.present[target.up][baseline:]
    moment = rfc3339(time_ms[scrape + 1] / 1000)
    how = "lost a series and fell" if gone[scrape + 1] < gone[scrape] else "fell"
    message = f"{metric} of {instance} {how} from {count_text(before)} to {count_text(after)} at {moment}"
    if is_inside.any():
        return [Finding.failed(name, Explanation(Diagnosis.RECYCLED, message), expected=before, observed=after)]
    message += ": by a restart before the first event, which loses nothing of this load, or after it"
    explanation = Explanation(Diagnosis.RECYCLED, message, "before the load")
    return [Finding.unknown(name, explanation, expected=before, observed=after)]
