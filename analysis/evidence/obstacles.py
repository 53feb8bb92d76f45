"""Why the counts of a group cannot be judged, or are no counts at all: each reason with its diagnosis."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from analysis.claims.selection import Selection
from analysis.diagnoses import Diagnosis
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import ClockOffset, Series, is_count
from analysis.evidence.scrapes.published import Published
from analysis.evidence.scrapes.targets import ScrapeTarget, baseline_index
from analysis.evidence.tally import Tally
from analysis.record.instants import rfc3339
from analysis.record.runfolder import Run
from analysis.verdict import Explanation

WITHOUT_LEDGER: Final = Explanation(
    Diagnosis.LEDGER_INCOMPLETE, "the ledger cannot be read, so the counts are held against nothing"
)
OTHER_CLAIMS: Final = Explanation(
    Diagnosis.COUNTERS_DIFFER, "they claim other things than the series that are judged, and get a part of the traffic"
)


def answers_of_run(provided: OfflineAnswers | None, run: Run) -> OfflineAnswers | None:
    """The offline answers that belong to the run: to its rows, and to the artefacts that it names.

    None if they are of other rows: anything that is compared with those would look wrong without being wrong. Answers
    of artefacts that the run does not name are kept, because they show which other model is behind a name.
    """
    if provided is None or provided.heldout_sha256 != run.heldout_sha256:
        return None
    digests = {spec.artifact: run.artifacts.get(spec.artifact, "") for spec in run.predictors}
    kept = {
        name: answers
        for name, answers in provided.answers.items()
        if digests.get(name, answers.sha256) == answers.sha256
    }
    return OfflineAnswers(
        provided.rows, provided.truth, provided.classes, provided.positive, provided.heldout_sha256, kept
    )


def unclear_labels(selection: Selection, run: Run) -> Explanation | None:
    """Why the labels of series do not say what they count: of which predictor, or of which class; None if they do."""
    if selection.metric_map.predictor_label is None and len(run.predictors) > 1:
        names = ", ".join(spec.name for spec in run.predictors)
        message = f"no label of the metric map says of which predictor a series is, and there are {names}"
        return Explanation(Diagnosis.COUNTS_OF_NOBODY, message)
    alike = sorted({text for text in selection.classes if selection.classes.count(text) > 1})
    if alike:
        message = f"two classes of the rows are both written {alike[0]}, so labels do not tell them apart"
        return Explanation(Diagnosis.COUNTS_OF_NOBODY, message, "no class")
    return None


def other_truths(counts: Tally) -> Explanation | None:
    """Why the ledger is not one of the held-out rows: events carry another truth than their row has. None if none do.

    The offline answers must be those of the run.
    """
    answers = counts.axes.offline
    is_other = np.arange(len(answers.classes)) != answers.truth[:, None]
    events = np.where(is_other, counts.total.sum(axis=(0, 1)), 0)
    if not events.any():
        return None
    row = int(answers.rows[int(np.argmax(events.any(axis=1)))])
    message = f"{int(events.sum()):,} events carry another truth than the held-out file gives their row, such as {row}"
    return Explanation(Diagnosis.LEDGER_INCOMPLETE, message)


def without_answers(
    artifacts: Mapping[str, str], provided: OfflineAnswers | None, answers: OfflineAnswers | None
) -> Explanation | None:
    """Why some member of a group has no offline answers; None if all have. ``artifacts``: by predictor."""
    known = set(answers.answers) if answers is not None else set()
    missing = [name for name, artifact in artifacts.items() if artifact not in known]
    if not missing:
        return None
    if provided is not None and all(artifacts[name] in provided.answers for name in missing):
        message = (
            f"the offline answers for {', '.join(missing)} are not of this run, so its counts are held against nothing"
        )
        return Explanation(Diagnosis.PROVENANCE_UNEQUAL, message, "not judged")
    message = f"there are no offline answers for {', '.join(missing)}"
    return Explanation(Diagnosis.NO_OFFLINE_ANSWERS, message, "not judged")


def in_samples(
    targets: Mapping[str, tuple[ScrapeTarget, ...]], first_ns: int | None, clock: ClockOffset
) -> Explanation | None:
    """Why the samples of a group give no counts since the first event; None if they do. ``targets``: by predictor."""
    empty = [name for name, scraped in targets.items() if not any(target.up.any() for target in scraped)]
    if empty:
        return Explanation(Diagnosis.NO_SAMPLES, f"Prometheus has no sample of {', '.join(empty)}")
    if first_ns is None:
        return Explanation(Diagnosis.NOTHING_SENT, "nothing was sent, so there is nothing to count")
    together = [target for scraped in targets.values() for target in scraped]
    if not all(np.isfinite(target.value).all() for target in together):
        return Explanation(Diagnosis.NOT_A_COUNT, "a sample is not a number")
    first_ms = clock.earliest_prometheus_ms(first_ns)
    unknown = [target for target in together if baseline_index(target, first_ms) is None]
    if unknown:
        instance = unknown[0].labels.get("instance", "a target")
        message = f"the counts before the first event are not known: {instance} was first scraped after it"
        return Explanation(Diagnosis.NO_BASELINE, message)
    return None


def unlike(accounts: Mapping[str, Published]) -> Explanation | None:
    """Why the counts of predictors that share the traffic cannot be added up; None if they claim the same."""
    by_keys = {published.account.claims.keys: name for name, published in accounts.items()}
    if len(by_keys) == 1:
        return None
    names = " and ".join(f"{name} by {accounts[name].account.metrics[0]}" for name in sorted(by_keys.values()))
    return Explanation(
        Diagnosis.COUNTS_OF_NOBODY, f"predictors that share the traffic count in different ways: {names}"
    )


def malformed(accounts: Sequence[Published]) -> Explanation | None:
    """Why the series of an account are no counts, whatever was sent; None if they are sound."""
    fractional = [cell for account in accounts for cell in account.series if not is_count(cell.value).all()]
    if fractional:
        cell = fractional[0]
        value = cell.value[~is_count(cell.value)][0]
        return Explanation(Diagnosis.NOT_A_COUNT, f"{cell.metric} is {value}, which is not a count")
    metric = _published_twice(accounts)
    if metric is not None:
        message = f"{metric} has several series in one worker where one is meant"
        return Explanation(Diagnosis.SEVERAL_SERIES, message)
    return None


def falls(counters: Sequence[Series], first_ms: float) -> tuple[str, ...]:
    """A sentence for each counter that fell since the last scrape before ``first_ms``: when, and by how much."""
    sentences = []
    for counter in counters:
        baseline = max(int(np.searchsorted(counter.time_ms, first_ms)) - 1, 0)
        value, time_ms = counter.value[baseline:], counter.time_ms[baseline:]
        fallen = np.flatnonzero(value[1:] < value[:-1])
        if len(fallen):
            before, after = value[fallen[0]], value[fallen[0] + 1]
            place, moment = counter.labels.get("instance", "a target"), rfc3339(time_ms[fallen[0] + 1] / 1000)
            sentences.append(f"{counter.metric} of {place} fell from {before:g} to {after:g} at {moment}")
    return tuple(sentences)


def _published_twice(accounts: Sequence[Published]) -> str | None:
    """Metric of which one worker of one target had two series of one claim in the same scrape, or None.

    Unknown where the metric map does not say which label tells workers apart.
    """
    by_source: dict[tuple[str, ...], list[Series]] = {}
    for account in accounts:
        if not account.account.worker:
            continue
        place = ("job", "instance", "pod", account.account.worker)
        for cell in account.series:
            source = tuple(cell.labels.get(name, "") for name in place)
            by_source.setdefault((cell.metric, str(account.claim_of(cell)), *source), []).append(cell)
    for source, published in sorted(by_source.items()):
        for first, second in itertools.combinations(published, 2):
            if len(np.intersect1d(first.time_ms, second.time_ms)):
                return source[0]
    return None
