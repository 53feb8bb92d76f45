"""Checks of the exposed witness, and what the witnesses together say of where an error is.

Four witnesses: *offline* (the artefact on the rows), *served* (the answers that clients got), *exposed* (the model's
own metrics endpoint), *stored* (Prometheus). The first pair that disagrees names the culprit: offline and served,
serving skew; served and exposed, instrumentation; exposed and stored, the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.evidence.evidence import Evidence, clock_of
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.trajectories import ScrapeTarget, scraped_twice, targets
from analysis.judge.answer_checks import served
from analysis.verdict import Finding, Verdict
from model.contract import CELLS, METRIC_OF_CELL

_ADVICE: Final = (
    "The model shows one thing and Prometheus stored another: look at relabelling, at the address that is scraped "
    "and at honor_labels."
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One endpoint beside the target that Prometheus scraped it as."""

    predictor: str
    shown: ExposedCounts
    target: ScrapeTarget

    def differing(self) -> list[str]:
        """``metric exposed for stored`` of each cell in which the two differ."""
        exposed = self.shown.counts.get(self.predictor, (0.0,) * len(CELLS))
        stored = self.target.value[np.flatnonzero(self.target.up)[-1]]
        return [
            f"{METRIC_OF_CELL[cell]} {exposed[i]:.0f} exposed, {stored[i]:.0f} stored"
            for i, cell in enumerate(CELLS)
            if exposed[i] != stored[i]
        ]


def pairs(evidence: Evidence, predictor: str) -> tuple[Pair, ...]:
    """Every endpoint of the predictor that could be read, with the target of the same address.

    A target whose last scrape is older than the last event is left out: the endpoint may rightly show more by now.
    """
    if evidence.samples is None or evidence.tally is None or evidence.tally.span_ns is None:
        return ()
    ended_ms = evidence.tally.span_ns[1] / 1e6 + clock_of(evidence).offset_s * 1000
    by_instance = {one.instance: one for one in evidence.exposed if one.problem is None}
    found = targets(evidence.samples, predictor)
    return tuple(
        Pair(predictor, by_instance[instance], target)
        for target in found
        if (instance := target.labels.get("instance", "")) in by_instance
        and target.up.any()
        and target.time_ms[target.up][-1] > ended_ms
    )


def exposed(evidence: Evidence) -> tuple[Finding, ...]:
    """Prometheus stored what each endpoint shows; nothing is said where no endpoint could be read."""
    return tuple(_exposed(one.name, found) for one in evidence.run.predictors if (found := pairs(evidence, one.name)))


def _exposed(name: str, found: tuple[Pair, ...]) -> Finding:
    differing = [f"{pair.shown.instance}: {told}" for pair in found for told in pair.differing()]
    if differing:
        why = f"Prometheus' last samples are not what the endpoint shows: {'; '.join(differing)}"
        return Finding("exposed", name, Verdict.FAIL, why, None, None, "pipeline", _ADVICE)
    number = f"{len(found)} endpoint{'s' * (len(found) > 1)}"
    return Finding("exposed", name, Verdict.PASS, f"{number} and Prometheus' last samples show the same counts")


def placed(evidence: Evidence, predictors: tuple[str, ...]) -> str:
    """Where an error of the predictors' counts is, as far as the witnesses can tell; empty where they cannot."""
    if any(one.verdict is Verdict.FAIL and set(one.subject.split("+")) & set(predictors) for one in served(evidence)):
        return "serving skew: the answers that clients got are wrong already"
    found = [pair for name in predictors for pair in pairs(evidence, name)]
    if not found:
        return ""
    if any(scraped_twice(targets(evidence.samples, name)) for name in predictors if evidence.samples is not None):
        return "pipeline: one endpoint is stored twice"
    if any(pair.differing() for pair in found):
        return "pipeline: the model's own endpoint shows other counts than Prometheus stored"
    return "instrumentation: the model's own endpoint shows these counts too"
