"""Why the counts of a group cannot be judged, or would be wrong whatever was counted: each cause by its name."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import ClockOffset, Series
from analysis.evidence.trajectories import ScrapeTarget, baseline_index
from analysis.record.arrays import Bools, Floats
from analysis.record.runfolder import Run
from analysis.verdict import Explanation
from model.contract import LABEL_WORKER


def of_run(provided: OfflineAnswers | None, run: Run) -> OfflineAnswers | None:
    """What of the offline answers is the run's own: of its rows, and of the artefacts that it names.

    None where they are of other rows. Whatever is held against answers of something else looks wrong and is not.
    Artefacts that the run does not name stay: they tell which other model is behind a name.
    """
    if provided is None or provided.heldout_sha256 != run.heldout_sha256:
        return None
    asked = {one.artifact: run.artifacts.get(one.artifact, "") for one in run.predictors}
    own = {name: found for name, found in provided.answers.items() if asked.get(name, found.sha256) == found.sha256}
    return OfflineAnswers(
        provided.rows, provided.truth, provided.classes, provided.positive, provided.heldout_sha256, own
    )


def by_answers(
    artifacts: Mapping[str, str], provided: OfflineAnswers | None, own: OfflineAnswers | None
) -> Explanation | None:
    """Why nothing is known offline of a group, by ``artifacts``, the artefact of each of its predictors."""
    known = set(own.answers) if own is not None else set()
    missing = [name for name, artifact in artifacts.items() if artifact not in known]
    if not missing:
        return None
    if provided is not None and all(artifacts[name] in provided.answers for name in missing):
        why = (
            f"the offline answers for {', '.join(missing)} are not of this run, so its counts are held against nothing"
        )
        return Explanation(
            "provenance unequal", why, "Collect with the artefacts and the rows of the run, or run again."
        )
    why = f"there are no offline answers for {', '.join(missing)}"
    return Explanation(
        "no offline answers", why, "Run `make train`, or name the artefact in the manifest as model_name."
    )


def by_samples(
    seen: Mapping[str, tuple[ScrapeTarget, ...]], first_ns: int | None, clock: ClockOffset
) -> Explanation | None:
    """Why no count since the first event can be told from what Prometheus stored of a group's predictors."""
    empty = [name for name, found in seen.items() if not any(target.up.any() for target in found)]
    if empty:
        why = f"Prometheus has no sample of {', '.join(empty)}"
        return Explanation("no samples", why, "Check that Prometheus scrapes the model's metrics port.")
    if first_ns is None:
        advice = "Give the run more time (DURATION) or users (USERS)."
        return Explanation("nothing was sent", "nothing was sent, so there is nothing to count", advice)
    every = [target for found in seen.values() for target in found]
    if not all(np.isfinite(target.value).all() for target in every):
        return Explanation("not a count", "a sample is not a number", "Mend metrics() of the served class.")
    first_ms = first_ns / 1e6 + (clock.offset_s - clock.uncertainty_s) * 1000
    unknown = [target for target in every if baseline_index(target, first_ms) is None]
    if unknown:
        where = unknown[0].labels.get("instance", "a target")
        why = f"the counts before the first event are not known: {where} was first scraped after it"
        return Explanation("no baseline", why, "Let Prometheus scrape before the load starts.")
    return None


def odd(series: Sequence[Series]) -> Explanation | None:
    """What is wrong with series of a predictor's cells by themselves, whatever was counted; None of sound ones."""
    halves = [one for one in series if not _whole(one.value).all()]
    if halves:
        bad = halves[0].value[~_whole(halves[0].value)][0]
        why = f"{halves[0].metric} is {bad}, which is not a count"
        return Explanation("not a count", why, "Mend metrics() of the served class.")
    twice = _several(series)
    if twice:
        why = f"{twice} has several series in one worker where one is meant"
        return Explanation("several series", why, "Publish each cell once per worker, with labels that do not change.")
    return None


def _whole(value: Floats) -> Bools:
    found: Bools = np.isfinite(value) & (value >= 0) & (value == np.floor(value))
    return found


def _several(series: Iterable[Series]) -> str | None:
    """Metric of which one worker of one target had two series in the same scrape, or None."""
    by_source: dict[tuple[str, ...], list[Series]] = {}
    for one in series:
        source = tuple(one.labels.get(name, "") for name in ("job", "instance", "pod", LABEL_WORKER))
        by_source.setdefault((one.metric, *source), []).append(one)
    for source, found in sorted(by_source.items()):
        for a, b in itertools.combinations(found, 2):
            if len(np.intersect1d(a.time_ms, b.time_ms)):
                return source[0]
    return None
