"""The scrape targets that a predictor's counts come from, and which targets had a part in the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.claims.selection import Selection
from analysis.evidence.queries import LABEL_TARGET_DEPLOYMENT, SCRAPE_DURATION, UP
from analysis.evidence.samples import Samples, Series, canonical
from analysis.evidence.scrapes.absences import absences, partial, renewed, still_unpublished
from analysis.evidence.scrapes.published import Published
from analysis.record.arrays import Bools, Floats, Ints

ALIGNMENT_MS: Final = 2
"""Prometheus moves a scrape's time by up to this to the scrape interval (``scrapeTimestampTolerance``, scrape.go)."""


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """The scrapes of one target.

    ``time_ms`` [n]: its scrapes, increasing. ``up`` [n]: whether the scrape succeeded; where no series ``up``
    is stored, whether it has any sample of a cell. ``duration_ms`` [n].
    ``value`` [n, cells]: sum of the target's series of each cell. ``present`` [n]: number of series in the scrape.
    ``absent`` [n]: number of series that the scrape lacked and a later one had again; their values before are in the
    sum, because absent is not 0. Those that only the last scrape lacks are among them: whether they come again is not
    known. ``renewed`` [n]: whether the target may have restarted between this good scrape and the next: a series fell,
    or was away for longer than by a glitch. ``partial`` [n]: whether the scrape lacked a cell that was not published
    yet, and had another of the same worker. ``appeared`` [cells]: first values of the series that its first scrape
    lacked. ``own_times``: the samples are not of the times of the scrapes, so before the last one
    they may be older than their scrape.
    """

    labels: Mapping[str, str]
    time_ms: Ints
    up: Bools
    duration_ms: Floats
    value: Floats
    present: Ints
    absent: Ints
    renewed: Bools
    partial: Bools
    appeared: Floats
    own_times: bool = False

    @property
    def is_unsettled(self) -> bool:
        """Whether its last good scrape lacked a series that the one before it had."""
        return bool(self.up.any() and self.absent[np.flatnonzero(self.up)[-1]])


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
    samples: Samples,
    deployment: str,
    targets: Sequence[ScrapeTarget],
    before: Iterable[Mapping[str, str]],
    predictors: Sequence[str],
    selection: Selection,
) -> tuple[ScrapeTarget, ...]:
    """Targets of the deployment that were up before the load (``before``: their labels), and that show no cells.

    A replica that has counted nothing publishes no cells, and whatever it counted since its last scrape is not known.
    So it is a target whose counts are 0 at each of its scrapes. ``targets``: those with cells, of all predictors. Where
    no target says which deployment it is of, those count that a job of theirs scrapes, if their pod is not another's.
    One that shows claims of a predictor that the run does not name is not silent; one that shows other claims of ours,
    such as counters beside the cells, is. ``predictors``: names of the run's.
    """
    jobs = {job for job, _ in (address_of(target.labels) for target in targets)}
    known = {address_of(target.labels) for target in targets}
    known |= {address_of(series.labels) for series in samples.series if _is_of_others(selection, series, predictors)}

    def belongs(labels: Mapping[str, str]) -> bool:
        owner = labels.get(LABEL_TARGET_DEPLOYMENT)
        pod = labels.get("pod", deployment)
        return owner == deployment or (owner is None and labels.get("job") in jobs and pod.startswith(deployment))

    expected = {address_of(labels) for labels in before if belongs(labels)}
    durations = {canonical(duration.labels): duration for duration in samples.of(SCRAPE_DURATION)}
    nothing = Published(selection.accounts[0])
    return tuple(
        _target(canonical(up.labels), up, durations.get(canonical(up.labels)), nothing)
        for up in samples.of(UP)
        if address_of(up.labels) in expected - known and len(up.time_ms)
    )


def _is_of_others(selection: Selection, series: Series, predictors: Sequence[str]) -> bool:
    """Whether the series makes a claim, and of no predictor of the run."""
    is_ours = any(selection.is_of(series.labels, name) for name in predictors)
    return not is_ours and selection.makes_claim(series.metric, series.labels)


def targets_of(samples: Samples, published: Published) -> tuple[ScrapeTarget, ...]:
    """The targets that the published series come from."""
    by_target: dict[str, list[Series]] = {}
    ups = {canonical(up.labels): up for up in samples.of(UP)}
    durations = {canonical(duration.labels): duration for duration in samples.of(SCRAPE_DURATION)}
    matching = _Matching([up.labels for up in ups.values()])
    for series in published.series:
        by_target.setdefault(matching.target_of(series.labels), []).append(series)
    return tuple(
        _target(key, ups.get(key), durations.get(key), replace(published, series=tuple(series)))
        for key, series in sorted(by_target.items())
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


def _target(key: str, up: Series | None, duration: Series | None, published: Published) -> ScrapeTarget:
    series: Sequence[Series] = published.series
    number = len(published.account.claims)
    own_times = up is not None and any(_has_own_times(cell, up) for cell in series)
    times = [cell.time_ms for cell in series]
    time_ms = np.unique(np.concatenate([*times, up.time_ms] if up is not None else times))
    if own_times and up is not None:
        time_ms, series = up.time_ms, [_at_scrapes(cell, up) for cell in series]
    value = np.zeros((len(time_ms), number))
    present = np.zeros(len(time_ms), np.int64)
    for cell in series:
        at = np.searchsorted(time_ms, cell.time_ms)
        value[at, published.claim_of(cell)] += cell.value
        present[at] += 1
    succeeded = present > 0
    if up is not None:
        succeeded[np.searchsorted(time_ms, up.time_ms)] = up.value == 1
    absent = np.zeros(len(time_ms), np.int64)
    appeared = np.zeros(number)
    good = np.flatnonzero(succeeded)
    lacking = absences(series, time_ms[good], published.account.process_of)
    for cell, absence in zip(series, lacking, strict=True):
        value[good, published.claim_of(cell)] += absence.filling
        absent[good] += absence.filled
        if len(good) and len(cell.value) and cell.time_ms[0] > time_ms[good[0]]:
            appeared[published.claim_of(cell)] += cell.value[0]
    return ScrapeTarget(
        labels=json.loads(key),
        time_ms=time_ms,
        up=succeeded,
        duration_ms=_durations(time_ms, duration),
        value=value,
        present=present,
        absent=absent,
        renewed=renewed(lacking, good, len(time_ms)),
        partial=partial(series, time_ms, published.account.process_of) | still_unpublished(lacking, good, len(time_ms)),
        appeared=appeared,
        own_times=own_times,
    )


def _has_own_times(cell: Series, up: Series) -> bool:
    """Whether a sample lies between scrapes: the exposition gives times, or two servers answer for one Prometheus."""
    inside = cell.time_ms[(cell.time_ms >= up.time_ms[0]) & (cell.time_ms <= up.time_ms[-1])]
    return not bool(np.isin(inside, up.time_ms).all())


def _at_scrapes(cell: Series, up: Series) -> Series:
    """The series as of each scrape: its last sample until then; at the last scrape, its very last."""
    last = np.searchsorted(cell.time_ms, up.time_ms, "right") - 1
    last[-1] = len(cell.time_ms) - 1
    known = last >= 0
    return replace(cell, time_ms=up.time_ms[known], value=cell.value[last[known]])


def _durations(time_ms: Ints, duration: Series | None) -> Floats:
    """Milliseconds that each scrape took; the time to the next scrape if Prometheus does not say."""
    durations = np.append(np.diff(time_ms), 0).astype(np.float64)
    if duration is not None:
        at = np.searchsorted(time_ms, duration.time_ms)
        known = (at < len(time_ms)) & (time_ms[np.minimum(at, len(time_ms) - 1)] == duration.time_ms)
        durations[at[known]] = duration.value[known] * 1000
    return durations


def baseline_index(target: ScrapeTarget, first_ms: float) -> int | None:
    """Index of the scrape that is the target's baseline: the last that ended before ``first_ms`` and lacked no series.

    -1 if there is no such scrape, but the first whole one shows 0 in each cell: then nothing was counted before it.
    None if the baseline is not known.
    """
    good = np.flatnonzero(target.up & (target.absent == 0))
    before = good[target.time_ms[good] + target.duration_ms[good] + ALIGNMENT_MS + 1 < first_ms]
    if len(before):
        return int(before[-1])
    return -1 if len(good) and not target.value[good[0]].any() else None
