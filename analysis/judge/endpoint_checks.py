"""Checks of the exposed witness, and where an error is according to all witnesses.

Four witnesses: *offline* (the artefact on the rows), *served* (the answers that clients got), *exposed* (the model's
own metrics endpoint), *stored* (Prometheus). The first pair that disagrees shows where the error is: offline and
served, serving skew; served and exposed, instrumentation; exposed and stored, the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence, Group, PredictorEvidence
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.targets import ScrapeTarget
from analysis.judge.answer_checks import has_wrong_answers
from analysis.verdict import Explanation, Finding
from model.contract import CELLS, METRIC_OF_CELL


@dataclass(frozen=True, slots=True)
class EndpointPair:
    """One endpoint beside the target that Prometheus scraped it as."""

    predictor: str
    endpoint: ExposedCounts
    target: ScrapeTarget

    def differences(self) -> list[str]:
        """``metric, exposed, stored`` as text for each cell in which the two differ."""
        exposed = self.endpoint.counts.get(self.predictor, (0.0,) * len(CELLS))
        stored = self.target.value[np.flatnonzero(self.target.up)[-1]]
        return [
            f"{METRIC_OF_CELL[cell]} {exposed[i]:.0f} exposed, {stored[i]:.0f} stored"
            for i, cell in enumerate(CELLS)
            if exposed[i] != stored[i]
        ]


def endpoint_pairs(evidence: Evidence, predictor: PredictorEvidence) -> tuple[EndpointPair, ...]:
    """Every endpoint of the predictor that could be read, with the target of the same address.

    A target whose last scrape is older than the last event is left out: the endpoint may rightly show more by now.
    """
    if evidence.samples is None or evidence.span_ms is None:
        return ()
    _, ended_ms = evidence.span_ms
    by_instance = {endpoint.instance: endpoint for endpoint in evidence.exposed if endpoint.problem is None}
    return tuple(
        EndpointPair(predictor.name, by_instance[instance], target)
        for target in predictor.targets
        if (instance := target.labels.get("instance", "")) in by_instance
        and target.up.any()
        and target.time_ms[target.up][-1] > ended_ms
    )


def exposed(evidence: Evidence) -> tuple[Finding, ...]:
    """Prometheus stored what each endpoint shows, and each endpoint that the stack names could be read."""
    unreadable = [_unreadable(endpoint) for endpoint in evidence.exposed if endpoint.problem is not None]
    compared = [
        _exposed(predictor.name, pairs)
        for predictor in evidence.predictors.values()
        if (pairs := endpoint_pairs(evidence, predictor))
    ]
    return (*unreadable, *compared, *_unscraped(evidence))


def _unscraped(evidence: Evidence) -> list[Finding]:
    """For each predictor of which no endpoint can be compared, because none was scraped after the last event."""
    readable = {endpoint.instance for endpoint in evidence.exposed if endpoint.problem is None}
    findings = []
    for predictor in evidence.predictors.values():
        instances = sorted({target.labels.get("instance", "") for target in predictor.targets} & readable)
        if evidence.span_ms is not None and instances and not endpoint_pairs(evidence, predictor):
            message = f"{instances[0]} was not scraped after the last event, so its endpoint is compared with nothing"
            findings.append(Finding.unknown(predictor.name, Explanation(Diagnosis.NO_LAST_SCRAPE, message)))
    return findings


def _unreadable(endpoint: ExposedCounts) -> Finding:
    return Finding.unknown(endpoint.instance, Explanation(Diagnosis.ENDPOINT_UNREADABLE, str(endpoint.problem)))


def _exposed(subject: str, pairs: tuple[EndpointPair, ...]) -> Finding:
    differences = [f"{pair.endpoint.instance}: {text}" for pair in pairs for text in pair.differences()]
    if differences:
        message = f"Prometheus' last samples are not what the endpoint shows: {'; '.join(differences)}"
        return Finding.failed(subject, Explanation(Diagnosis.PIPELINE, message))
    endpoints = f"{len(pairs)} endpoint{'s' * (len(pairs) > 1)}"
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
    return "instrumentation: the model's own endpoint shows these counts too"
