"""Checks of the exposed witness, and where an error is according to all witnesses.

Four witnesses: *offline* (the artefact on the rows), *served* (the answers that clients got), *exposed* (the model's
own metrics endpoint), *stored* (Prometheus). The first pair that disagrees shows where the error is: offline and
served, serving skew; served and exposed, instrumentation; exposed and stored, the pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.claims.claim import Claims
from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence, Group, PredictorEvidence
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.samples import ClockOffset
from analysis.evidence.scrapes.targets import ALIGNMENT_MS, ScrapeTarget
from analysis.judge.answer_checks import has_wrong_answers
from analysis.record.arrays import Floats
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Explanation, Finding


@dataclass(frozen=True, slots=True)
class EndpointPair:
    """One endpoint beside the last scrape of its target.

    ``names``: of the claims. ``stored`` [claims]: as Prometheus has it. ``low``, ``high`` [claims]: what the endpoint
    showed before that scrape began, and after it had ended; None where it was not read then. ``renewed``: the most that
    a reading after it showed which may be of a process that restarted since; None if there is no such reading.
    """

    instance: str
    names: tuple[str, ...]
    stored: Floats
    low: Floats | None
    high: Floats | None
    renewed: int | None = None

    def differences(self) -> list[str]:
        """``metric, exposed, stored`` as text for each cell in which the two certainly differ."""
        low = self.low if self.low is not None else np.full(len(self.names), -np.inf)
        high = self.high if self.high is not None else np.full(len(self.names), np.inf)
        return [
            f"{self.instance}: {name} {_exposed_text(low[i], high[i])} exposed, {self.stored[i]:.0f} stored"
            for i, name in enumerate(self.names)
            if low[i] <= high[i] and not low[i] <= self.stored[i] <= high[i]
        ]

    @property
    def open(self) -> bool:
        """Whether the endpoint showed more after the scrape, and was not read before it."""
        return self.low is None and self.high is not None and bool(np.any(self.stored < self.high))

    @property
    def moved(self) -> bool:
        """Whether the endpoint showed other counts before the scrape than after it."""
        return self.low is not None and self.high is not None and not np.array_equal(self.low, self.high)


def _exposed_text(low: float, high: float) -> str:
    if low == high or not np.isfinite([low, high]).all():
        return f"{high if np.isfinite(high) else low:.0f}"
    return f"{low:.0f} to {high:.0f}"


def endpoint_pairs(evidence: Evidence, predictor: PredictorEvidence) -> tuple[EndpointPair, ...]:
    """Every endpoint of the predictor that could be read, with the target of the same address.

    A target whose last scrape is older than the last event is left out: the endpoint may rightly show more by now.
    """
    if evidence.samples is None or evidence.span_ms is None:
        return ()
    _, ended_ms = evidence.span_ms
    by_instance: dict[str, list[ExposedCounts]] = {}
    claims = predictor.account.account.claims
    for reading in evidence.exposed:
        if reading.problem is None and reading.keys == claims.keys:
            by_instance.setdefault(reading.instance, []).append(reading)
    late = _late_counts(evidence, predictor)
    return tuple(
        _pair(predictor.name, claims, target, by_instance[instance], evidence.clock, late)
        for target in predictor.targets
        if (instance := target.labels.get("instance", "")) in by_instance
        and target.up.any()
        and target.time_ms[target.up][-1] > ended_ms
    )


def _late_counts(evidence: Evidence, predictor: PredictorEvidence) -> float:
    """How much a predictor may have counted after the last event: feedback of unknown outcome, and any copies."""
    if evidence.tally is None or predictor.spec.shadow:
        return np.inf
    return evidence.tally.count(Kind.FEEDBACK, Outcome.INDETERMINATE)


def _pair(
    name: str,
    claims: Claims,
    target: ScrapeTarget,
    readings: Sequence[ExposedCounts],
    clock: ClockOffset,
    late: float,
) -> EndpointPair:
    """``late``: how much a process that began after the last event may have counted."""
    last = int(np.flatnonzero(target.up)[-1])
    began_ms = float(target.time_ms[last]) - ALIGNMENT_MS
    ended_ms = float(target.time_ms[last] + target.duration_ms[last]) + ALIGNMENT_MS
    low, high = [], []
    for reading in readings:
        if reading.at_s is None or clock.earliest_prometheus_ms(reading.at_s[0] * 1e9) > ended_ms:
            high.append(_counts(reading, name, claims))
        elif clock.latest_prometheus_ms(reading.at_s[1] * 1e9) < began_ms:
            low.append(_counts(reading, name, claims))
    stored = target.value[last]
    renewed = [counts for counts in high if not low and np.any(counts < stored) and counts.sum() <= late]
    high = [counts for counts in high if not any(counts is other for other in renewed)]
    return EndpointPair(
        target.labels.get("instance", ""),
        claims.names,
        stored,
        np.max(low, axis=0) if low and not (target.own_times or target.is_unsettled) else None,
        np.min(high, axis=0) if high else None,
        max((int(counts.sum()) for counts in renewed), default=None),
    )


def _counts(reading: ExposedCounts, predictor: str, claims: Claims) -> Floats:
    """``[claims]``: what a reading shows of a predictor; a process that has counted nothing shows nothing.

    One that does not say of which predictor its counts are is of the one whose target it is.
    """
    return np.array(reading.counts.get(predictor, reading.counts.get("", (0.0,) * len(claims))))


def exposed(evidence: Evidence) -> tuple[Finding, ...]:
    """Prometheus stored what each endpoint shows, and each endpoint that the stack names could be read."""
    last_readings = {reading.instance: reading for reading in evidence.exposed}
    unreadable = [_unreadable(reading) for reading in last_readings.values() if reading.problem is not None]
    unreadable += _of_other_claims(evidence)
    compared = [
        _exposed(predictor.name, pairs)
        for predictor in evidence.predictors.values()
        if (pairs := endpoint_pairs(evidence, predictor))
    ]
    return (*unreadable, *compared, *_unscraped(evidence))


def _unscraped(evidence: Evidence) -> list[Finding]:
    """For each predictor of which no endpoint can be compared, because none was scraped after the last event."""
    judged = {member.account.account.claims.keys for member in evidence.predictors.values()}
    readable = {reading.instance for reading in evidence.exposed if reading.problem is None and reading.keys in judged}
    findings = []
    for predictor in evidence.predictors.values():
        instances = sorted({target.labels.get("instance", "") for target in predictor.targets} & readable)
        if evidence.span_ms is not None and instances and not endpoint_pairs(evidence, predictor):
            message = f"{instances[0]} was not scraped after the last event, so its endpoint is compared with nothing"
            findings.append(Finding.unknown(predictor.name, Explanation(Diagnosis.NO_LAST_SCRAPE, message)))
    return findings


def _of_other_claims(evidence: Evidence) -> list[Finding]:
    """Findings of the endpoints that were read by another metric map than that of the run."""
    judged = {member.account.account.claims.keys for member in evidence.predictors.values()}
    return [
        Finding.unknown(
            reading.instance,
            Explanation(
                Diagnosis.ENDPOINT_UNREADABLE,
                f"{reading.instance} was read for {', '.join(reading.keys)}, and the run is judged by "
                f"{' or '.join(', '.join(keys) for keys in sorted(judged))}",
            ),
        )
        for reading in {reading.instance: reading for reading in evidence.exposed}.values()
        if reading.problem is None and reading.counts and reading.keys not in judged
    ]


def _unreadable(endpoint: ExposedCounts) -> Finding:
    return Finding.unknown(endpoint.instance, Explanation(Diagnosis.ENDPOINT_UNREADABLE, str(endpoint.problem)))


def _exposed(subject: str, pairs: tuple[EndpointPair, ...]) -> Finding:
    differences = [text for pair in pairs for text in pair.differences()]
    if differences:
        message = f"Prometheus' last samples are not what the endpoint shows: {'; '.join(differences)}"
        return Finding.failed(subject, Explanation(Diagnosis.PIPELINE, message))
    for pair in pairs:
        if pair.renewed is not None:
            message = (
                f"the endpoint of {pair.instance} shows {pair.renewed:,} counts, and Prometheus had stored "
                f"{pair.stored.sum():,.0f} before: its process restarted since, or they are not from there"
            )
            return Finding.unknown(subject, Explanation(Diagnosis.ENDPOINT_UNREADABLE, message))
    later = [pair.instance for pair in pairs if pair.open]
    if later:
        message = f"the endpoint of {later[0]} shows more than Prometheus stored, and was not scraped since it was read"
        return Finding.unknown(subject, Explanation(Diagnosis.NO_LAST_SCRAPE, message))
    endpoints = f"{len(pairs)} endpoint{'s' * (len(pairs) > 1)}"
    if any(pair.moved for pair in pairs):
        return Finding.passed(subject, f"Prometheus' last samples lie between two readings of {endpoints}")
    return Finding.passed(subject, f"{endpoints} and Prometheus' last samples show the same counts")


def location_of_error(evidence: Evidence, group: Group) -> str:
    """Where an error in the group's counts is, as far as the witnesses can tell; empty if they cannot."""
    if has_wrong_answers(evidence, group):
        return "serving skew: the answers that clients got are wrong already"
    pairs = [pair for member in group.members for pair in endpoint_pairs(evidence, member)]
    if not pairs:
        return ""
    if any(member.scraped_twice for member in group.members):
        return "pipeline: one endpoint is stored twice"
    if any(pair.differences() for pair in pairs):
        return "pipeline: the model's own endpoint shows other counts than Prometheus stored"
    if any(pair.open or pair.moved or pair.renewed is not None for pair in pairs):
        return ""
    return "instrumentation: the model's own endpoint shows these counts too"
