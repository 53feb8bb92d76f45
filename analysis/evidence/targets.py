"""The scrape targets that a predictor's counts come from, and which targets had a part in the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.evidence.queries import COUNTER_SUFFIX, LABEL_TARGET_DEPLOYMENT, SCRAPE_DURATION, UP
from analysis.evidence.samples import Samples, Series, canonical
from analysis.record.arrays import Bools, Floats, Ints
from model.contract import CELL_OF_METRIC, CELLS, LABEL_PREDICTOR

ALIGNMENT_MS: Final = 2
"""Prometheus moves a scrape's time by up to this to the scrape interval (``scrapeTimestampTolerance``, scrape.go)."""


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """The scrapes of one target.

    ``time_ms`` [n]: its scrapes, increasing. ``up`` [n]: whether the scrape succeeded. ``duration_ms`` [n].
    ``value`` [n, cells]: sum of the target's series of each cell; a series missing from a scrape counts 0 there.
    ``present`` [n]: number of series in the scrape.
    """

    labels: Mapping[str, str]
    time_ms: Ints
    up: Bools
    duration_ms: Floats
    value: Floats
    present: Ints


def living(samples: Samples, first_ms: float, before: Iterable[Mapping[str, str]] = ()) -> Samples:
    """The series of the targets that had a part in the run; all series if no target had.

    Those are the targets that were scraped at ``first_ms`` or later, and those that were up before the load: ``before``
    are their labels. ``first_ms``: the first event, on Prometheus' clock. A target that was gone by then (a job that
    was renamed, a pod that was replaced) would look like one that stopped answering. A target that was up just before
    the load is not gone if it was not scraped again: where the scrape interval is longer than the run, none is.
    """
    last: dict[tuple[str, str], int] = {}
    for series in samples.series:
        if len(series.time_ms):
            address = address_of(series.labels)
            last[address] = max(last.get(address, 0), int(series.time_ms[-1]))
    took_part = {address for address, time_ms in last.items() if time_ms >= first_ms}
    if not took_part:
        return samples
    took_part |= {address_of(labels) for labels in before}
    return replace(samples, series=tuple(series for series in samples.series if address_of(series.labels) in took_part))


def silent_targets(
    samples: Samples, deployment: str, targets: Sequence[ScrapeTarget], before: Iterable[Mapping[str, str]]
) -> tuple[ScrapeTarget, ...]:
    """Targets of the deployment that were up before the load (``before``: their labels), and that show no cells.

    A replica that has counted nothing publishes no cells, and whatever it counted since its last scrape is not known.
    So it is a target whose counts are 0 at each of its scrapes. ``targets``: those with cells, of all predictors. Where
    no target says which deployment it is of, those count that a job of theirs scrapes, if their pod is not another's.
    """
    known = {address_of(target.labels) for target in targets}
    jobs = {job for job, _ in known}

    def belongs(labels: Mapping[str, str]) -> bool:
        owner = labels.get(LABEL_TARGET_DEPLOYMENT)
        pod = labels.get("pod", deployment)
        return owner == deployment or (owner is None and labels.get("job") in jobs and pod.startswith(deployment))

    expected = {address_of(labels) for labels in before if belongs(labels)}
    durations = {canonical(duration.labels): duration for duration in samples.of(SCRAPE_DURATION)}
    return tuple(
        _target(canonical(up.labels), up, durations.get(canonical(up.labels)), ())
        for up in samples.of(UP)
        if address_of(up.labels) in expected - known and len(up.time_ms)
    )


def targets_of(samples: Samples, predictor: str) -> tuple[ScrapeTarget, ...]:
    """The targets that have any series of the predictor's cells."""
    by_target: dict[str, list[Series]] = {}
    ups = {canonical(up.labels): up for up in samples.of(UP)}
    durations = {canonical(duration.labels): duration for duration in samples.of(SCRAPE_DURATION)}
    matching = _Matching([up.labels for up in ups.values()])
    for series in cell_series(samples, predictor):
        by_target.setdefault(matching.target_of(series.labels), []).append(series)
    return tuple(_target(key, ups.get(key), durations.get(key), series) for key, series in sorted(by_target.items()))


def cell_series(samples: Samples, predictor: str) -> tuple[Series, ...]:
    """Series of the predictor's cells: gauges if there are any, else Seldon's COUNTERs of the same name."""
    published = [series for series in samples.series if series.labels.get(LABEL_PREDICTOR) == predictor]
    gauges = tuple(series for series in published if series.metric in CELL_OF_METRIC)
    return gauges or tuple(
        series for series in published if series.metric.removesuffix(COUNTER_SUFFIX) in CELL_OF_METRIC
    )


class _Matching:
    """Finds the target that a series was scraped from: the one whose ``up`` series has only labels that it has too."""

    def __init__(self, ups: Iterable[Mapping[str, str]]) -> None:
        self._by_address: dict[tuple[str, str], list[Mapping[str, str]]] = {}
        for labels in ups:
            self._by_address.setdefault(address_of(labels), []).append(labels)

    def target_of(self, labels: Mapping[str, str]) -> str:
        """Canonical labels of the target; job and instance alone if no ``up`` series fits."""
        candidates = self._by_address.get(address_of(labels), [])
        fitting = [up for up in candidates if up.items() <= labels.items()] or candidates[:1]
        address = dict(zip(("job", "instance"), address_of(labels), strict=True))
        return canonical(fitting[0] if fitting else address)


def address_of(labels: Mapping[str, str]) -> tuple[str, str]:
    """Job and instance of the target that a series comes from; empty texts where it has no such label."""
    return labels.get("job", ""), labels.get("instance", "")


def _target(key: str, up: Series | None, duration: Series | None, series: Sequence[Series]) -> ScrapeTarget:
    times = [cell.time_ms for cell in series]
    time_ms = np.unique(np.concatenate([*times, up.time_ms] if up is not None else times))
    value = np.zeros((len(time_ms), len(CELLS)))
    present = np.zeros(len(time_ms), np.int64)
    for cell in series:
        at = np.searchsorted(time_ms, cell.time_ms)
        index = CELLS.index(CELL_OF_METRIC[cell.metric.removesuffix(COUNTER_SUFFIX)])
        value[at, index] += cell.value
        present[at] += 1
    succeeded = present > 0
    if up is not None:
        succeeded[np.searchsorted(time_ms, up.time_ms)] = up.value == 1
    return ScrapeTarget(json.loads(key), time_ms, succeeded, _durations(time_ms, duration), value, present)


def _durations(time_ms: Ints, duration: Series | None) -> Floats:
    """Milliseconds that each scrape took; the time to the next scrape if Prometheus does not say."""
    durations = np.append(np.diff(time_ms), 0).astype(np.float64)
    if duration is not None:
        at = np.searchsorted(time_ms, duration.time_ms)
        known = (at < len(time_ms)) & (time_ms[np.minimum(at, len(time_ms) - 1)] == duration.time_ms)
        durations[at[known]] = duration.value[known] * 1000
    return durations


def scraped_twice(targets: Iterable[ScrapeTarget]) -> str | None:
    """Pod or instance that two targets scraped during the same time, or None.

    A job that was renamed leaves an old target beside a new one. They do not overlap in time, so no sum doubles.
    """
    scrapes = [(target, target.time_ms[target.up]) for target in targets if target.up.any()]
    for label in ("pod", "instance"):
        earlier: dict[tuple[str, str], list[Ints]] = {}
        for target, times in scrapes:
            place = target.labels.get(label, ""), target.labels.get("namespace", "")
            if place[0] and any(other[0] <= times[-1] and times[0] <= other[-1] for other in earlier.get(place, [])):
                return place[0]
            earlier.setdefault(place, []).append(times)
    return None


def baseline_index(target: ScrapeTarget, first_ms: float) -> int | None:
    """Index of the scrape that gives the target's baseline: the last good one that ended before ``first_ms``.

    -1 if there is no such scrape, but the first good one shows 0 in each cell: then nothing was counted before it.
    None if the baseline is not known.
    """
    good = np.flatnonzero(target.up)
    before = good[target.time_ms[good] + target.duration_ms[good] + ALIGNMENT_MS + 1 < first_ms]
    if len(before):
        return int(before[-1])
    return -1 if len(good) and not target.value[good[0]].any() else None
