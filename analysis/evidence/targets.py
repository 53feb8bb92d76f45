"""The scrape targets that a predictor's counts come from, and which targets had a part in the run."""

from __future__ import annotations

import itertools
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
    samples: Samples, deployment: str, targets: Sequence[ScrapeTarget], before: Iterable[Mapping[str, str]]
) -> tuple[ScrapeTarget, ...]:
    """Targets of the deployment that were up before the load (``before``: their labels), and that show no cells.

    A replica that has counted nothing publishes no cells, and whatever it counted since its last scrape is not known.
    So it is a target whose counts are 0 at each of its scrapes. ``targets``: those with cells, of all predictors. Where
    no target says which deployment it is of, those count that a job of theirs scrapes, if their pod is not another's.
    One that shows cells of a predictor that the run does not name is not silent.
    """
    jobs = {job for job, _ in (address_of(target.labels) for target in targets)}
    known = {address_of(series.labels) for series in samples.series if _is_of_cell(series.metric)}

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


def _is_of_cell(metric: str) -> bool:
    return metric in CELL_OF_METRIC or metric.removesuffix(COUNTER_SUFFIX) in CELL_OF_METRIC


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
    return gauges or tuple(series for series in published if _is_of_cell(series.metric))


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
    own_times = up is not None and any(_has_own_times(cell, up) for cell in series)
    times = [cell.time_ms for cell in series]
    time_ms = np.unique(np.concatenate([*times, up.time_ms] if up is not None else times))
    if own_times and up is not None:
        time_ms, series = up.time_ms, [_at_scrapes(cell, up) for cell in series]
    value = np.zeros((len(time_ms), len(CELLS)))
    present = np.zeros(len(time_ms), np.int64)
    for cell in series:
        at = np.searchsorted(time_ms, cell.time_ms)
        value[at, _cell_of(cell)] += cell.value
        present[at] += 1
    succeeded = present > 0
    if up is not None:
        succeeded[np.searchsorted(time_ms, up.time_ms)] = up.value == 1
    absent = np.zeros(len(time_ms), np.int64)
    appeared = np.zeros(len(CELLS))
    good = np.flatnonzero(succeeded)
    absences = _absences(series, time_ms[good])
    for cell, absence in zip(series, absences, strict=True):
        value[good, _cell_of(cell)] += absence.filling
        absent[good] += absence.filled
        if len(good) and len(cell.value) and cell.time_ms[0] > time_ms[good[0]]:
            appeared[_cell_of(cell)] += cell.value[0]
    return ScrapeTarget(
        labels=json.loads(key),
        time_ms=time_ms,
        up=succeeded,
        duration_ms=_durations(time_ms, duration),
        value=value,
        present=present,
        absent=absent,
        renewed=_renewed(absences, good, len(time_ms)),
        partial=_partial(series, time_ms) | _still_unpublished(absences, good, len(time_ms)),
        appeared=appeared,
        own_times=own_times,
    )


def _partial(series: Sequence[Series], time_ms: Ints) -> Bools:
    """Scrapes that lack a series whose first sample comes later, and have another one with the same labels."""
    lacking = np.zeros(len(time_ms), np.bool_)
    first: dict[str, list[int]] = {}
    for cell in series:
        if len(cell.time_ms):
            first.setdefault(canonical(cell.labels), []).append(int(cell.time_ms[0]))
    for times in first.values():
        lacking |= (time_ms >= min(times)) & (time_ms < max(times))
    return lacking


def _still_unpublished(absences: Sequence[_Absence], good: Ints, number: int) -> Bools:
    """``[number]``: good scrapes that lack a series which a restarted worker publishes later than another one."""
    lacking = np.zeros(number, np.bool_)
    for absence in absences:
        lacking[good] |= absence.reset & ~absence.is_gone
    return lacking


def _cell_of(series: Series) -> int:
    return CELLS.index(CELL_OF_METRIC[series.metric.removesuffix(COUNTER_SUFFIX)])


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


@dataclass(frozen=True, slots=True)
class _Absence:
    """The good scrapes of a target that lack a series after its first sample.

    ``absent`` [n]: which these are. ``reset`` [n]: those after which it comes again with less. ``filled`` [n]: those in
    which its last value still counts, ``filling`` [n]: that value, else 0. ``is_glitch`` [n]: of the filled ones, those
    that are no longer than a scrape, in which another series of the same worker is there. ``is_gone`` [n]: whether the
    scrape lacks all series of the worker. ``stored`` [n]: the series'
    own value at each good scrape, 0 where it has none.
    """

    absent: Bools
    reset: Bools
    filled: Bools
    filling: Floats
    is_glitch: Bools
    is_gone: Bools
    stored: Floats

    @property
    def is_away(self) -> Bools:
        """``[n]``: the filled ones that are no glitch."""
        return self.filled & ~self.is_glitch


def _absences(series: Sequence[Series], time_ms: Ints) -> list[_Absence]:
    """For each series, what is absent of it at the good scrapes of its target.

    A worker that restarts begins all of its series anew. So where one of them comes again with less, the others that
    were away with it did not come again either, even if they show more by now.
    """
    absences = [_absence(cell, time_ms) for cell in series]
    workers = [canonical(cell.labels) for cell in series]
    members = {name: [i for i, worker in enumerate(workers) if worker == name] for name in workers}
    joined = []
    for absence, worker in zip(absences, workers, strict=True):
        of_worker = [absences[i] for i in members[worker]]
        restarted = np.logical_or.reduce([other.reset for other in of_worker])
        is_gone = np.logical_and.reduce([other.absent for other in of_worker])
        filled = absence.filled & ~restarted
        joined.append(
            replace(
                absence,
                filled=filled,
                filling=np.where(filled, absence.filling, 0.0),
                is_gone=is_gone,
                is_glitch=filled & ~is_gone & ~_beside(filled),
            )
        )
    return joined


def _absence(cell: Series, time_ms: Ints) -> _Absence:
    """Absences of one series: its last value counts where a later scrape shows it again, no less.

    Also at the last good scrape, if the one before it has the series: whether it is gone, the next scrape would show.
    And at all of the last ones, if it has been away and come again before.
    """
    last = np.searchsorted(cell.time_ms, time_ms, "right") - 1
    before, after = np.maximum(last, 0), np.minimum(last + 1, len(cell.value) - 1)
    absent = (last >= 0) & (cell.time_ms[before] != time_ms)
    comes_again = last + 1 < len(cell.value)
    returns = comes_again & (cell.value[after] >= cell.value[before])
    reset = absent & comes_again & (cell.value[after] < cell.value[before])
    if len(time_ms) > 1 and absent[-1] and not absent[-2]:
        returns[-1] = True
    if (absent & returns & comes_again).any():  # it has come again before, so it may once more
        returns |= absent & ~comes_again
    filled = absent & returns
    filling = np.where(filled, cell.value[before], 0.0)
    stored = np.where((last >= 0) & ~absent, cell.value[before], 0.0)
    return _Absence(absent, reset, filled, filling, np.zeros_like(filled), absent, stored)


def _beside(chosen: Bools) -> Bools:
    """Which elements have a chosen neighbour."""
    beside = np.zeros_like(chosen)
    beside[1:] |= chosen[:-1]
    beside[:-1] |= chosen[1:]
    return beside


def _renewed(absences: Sequence[_Absence], good: Ints, number: int) -> Bools:
    """``[number]``: the good scrapes after which a series fell, or was away and not by a glitch."""
    renewed = np.zeros(number, np.bool_)
    for absence in absences:
        count = absence.stored + absence.filling
        renewed[good[:-1]] |= (count[1:] < count[:-1]) | (absence.is_away[1:] & ~absence.filled[:-1])
    return renewed


def _durations(time_ms: Ints, duration: Series | None) -> Floats:
    """Milliseconds that each scrape took; the time to the next scrape if Prometheus does not say."""
    durations = np.append(np.diff(time_ms), 0).astype(np.float64)
    if duration is not None:
        at = np.searchsorted(time_ms, duration.time_ms)
        known = (at < len(time_ms)) & (time_ms[np.minimum(at, len(time_ms) - 1)] == duration.time_ms)
        durations[at[known]] = duration.value[known] * 1000
    return durations


def scraped_twice(targets: Sequence[ScrapeTarget]) -> str | None:
    """Text like ``pod-0 is scraped by two jobs, a and b`` if two targets show one process at the same times, or None.

    A job that was renamed leaves an old target beside a new one. They are never both there, so no sum doubles. Two
    processes of a pod have counts of their own, and so have two pods of which the instance is their node.
    """
    for first, other in itertools.combinations(targets, 2):
        place = _place_of_both(first.labels, other.labels)
        if place and _show_one_process(first, other):
            return f"{place} is {_difference(first.labels, other.labels)}"
    return None


def _place_of_both(first: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The pod that two targets have in common, or the instance if one of them names no pod; else empty."""
    if first.get("namespace", "") != other.get("namespace", ""):
        return ""
    label = "pod" if first.get("pod") and other.get("pod") else "instance"
    return first.get(label, "") if first.get(label) == other.get(label) else ""


def _show_one_process(first: ScrapeTarget, other: ScrapeTarget) -> bool:
    """Whether two targets were scraped at the same times, and show the same counts, which grew meanwhile."""
    at_once = _is_between(other.time_ms[_whole(other)], first.time_ms[_whole(first)])
    counts = other.value[_whole(other)][at_once]
    return bool(
        len(counts) and (counts[-1] > counts[0]).any() and _never_falls(first, other) and _never_falls(other, first)
    )


def _whole(target: ScrapeTarget) -> Ints:
    """Indices of the good scrapes that lack no series."""
    return np.flatnonzero(target.up & (target.absent == 0))


def _is_between(time_ms: Ints, others_ms: Ints) -> Bools:
    """Which times lie between two neighbouring scrapes of another target, where it missed none."""
    if len(others_ms) < 2:
        return np.isin(time_ms, others_ms)
    steps = np.diff(others_ms)
    at = np.clip(np.searchsorted(others_ms, time_ms, "right") - 1, 0, len(steps) - 1)
    is_inside = (time_ms >= others_ms[0]) & (time_ms <= others_ms[-1])
    between: Bools = is_inside & (steps[at] <= 1.5 * np.median(steps))
    return between


def _never_falls(first: ScrapeTarget, other: ScrapeTarget) -> bool:
    """Whether no count of the second target is below what the first one showed in a scrape that had ended before."""
    chosen, later = _whole(first), _whole(other)
    ended_ms = first.time_ms[chosen] + first.duration_ms[chosen] + ALIGNMENT_MS
    following = np.searchsorted(other.time_ms[later], ended_ms, "right")
    exists = following < len(later)
    return bool(np.all(first.value[chosen][exists] <= other.value[later][following[exists]]))


def _difference(first: Mapping[str, str], other: Mapping[str, str]) -> str:
    """In what two targets of one pod differ: their jobs, or else some other label."""
    jobs = first.get("job", ""), other.get("job", "")
    if jobs[0] != jobs[1]:
        return f"scraped by two jobs, {jobs[0]} and {jobs[1]}"
    for name in sorted({*first, *other}):
        if first.get(name) != other.get(name):
            return f"stored twice, with {name} {first.get(name, 'unset')} and {other.get(name, 'unset')}"
    return "stored twice"


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
