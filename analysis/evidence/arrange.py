"""From the files of a run to its evidence, in one pass: each value is made once and handed on. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence import obstacles
from analysis.evidence.bounds import Counted, Share, bounds_of, counted_beside
from analysis.evidence.curve import CurveError, CurveUnknownError, curve_of
from analysis.evidence.evidence import CellCounters, Evidence, Group, PredictorEvidence
from analysis.evidence.files import Baseline, RunFiles
from analysis.evidence.gateway import gateway
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.queries import COUNTER_SUFFIX, TARGET_METRICS
from analysis.evidence.rounding import name_of_rounded, with_rounded
from analysis.evidence.samples import ClockOffset, Samples, increased
from analysis.evidence.scrapes.duplicates import scraped_twice
from analysis.evidence.scrapes.targets import ScrapeTarget, cell_series, living, silent_targets, targets_of
from analysis.evidence.scrapes.trajectories import Trajectory, trajectory
from analysis.evidence.tally import Axes, Tally, tally
from analysis.record.arrays import Ints
from analysis.record.instants import epoch_s
from analysis.record.runfolder import PredictorSpec, Run
from analysis.verdict import Explanation
from model.contract import CELLS, COUNTER_OF_CELL, LABEL_PREDICTOR, METRIC_OF_CELL

_FULL: Final = 100
"""Per cent of the traffic that a complete mirror gets. A manifest without the field has 0, and Istio mirrors all."""
_UNFINISHED_NS: Final = 60 * 10**9
"""Length of the timeline of a run without an end."""
_NO_ANSWERS: Final = OfflineAnswers(np.empty(0, np.int32), np.empty(0, np.int16), (0, 1), 1, "", {})


def arrange(files: RunFiles) -> Evidence:
    """The evidence that the files of a run give."""
    run, first_ns = files.run, files.first_ns
    clock = clock_of(files.samples, files.baseline, run)
    samples, before = files.samples, files.baseline.targets if files.baseline is not None else ()
    if samples is not None and first_ns is not None:
        samples = living(samples, clock.prometheus_ms(first_ns), before)
    answers = obstacles.answers_of_run(files.offline, run)
    answers = with_rounded(answers) if answers is not None else None
    predictors = _predictors(run, samples, before)
    groups = [
        replace(group, obstacle=obstacles.without_answers(_artifacts(group), files.offline, answers))
        for group in _groups(run, predictors, answers or _NO_ANSWERS)
    ]
    sums: dict[str, Trajectory] = {}
    if samples is not None:
        if files.batches is None:
            groups = [replace(group, obstacle=group.obstacle or obstacles.WITHOUT_LEDGER) for group in groups]
        groups = [_with_paths(group, samples, run, first_ns, clock) for group in groups]
        sums = {group.name: path for group in groups if (path := _sum_of(group, first_ns, clock)) is not None}
    counts = None
    if files.batches is not None:
        counts = tally(files.batches, _axes(run, answers or _NO_ANSWERS, groups, sums, first_ns))
        damage = obstacles.other_truths(counts)
        groups = [
            replace(group, obstacle=group.obstacle or damage)
            if damage is not None
            else _with_counts(group, counts, sums.get(group.name), samples, clock)
            for group in groups
        ]
    predictors |= {member.name: member for group in groups for member in group.members}
    return Evidence(
        run=run,
        tally=counts,
        cut=files.cut,
        samples=samples,
        clock=clock,
        provided=files.offline,
        offline=answers,
        predictors=predictors,
        groups=tuple(groups),
        exposed=files.exposed,
        gates=files.gates,
        problems=files.problems,
        under_way=files.baseline.under_way if files.baseline is not None else 0,
        endpoints=files.baseline.endpoints if files.baseline is not None else 0,
    )


def clock_of(samples: Samples | None, baseline: Baseline | None, run: Run) -> ClockOffset:
    """Prometheus' clock against the ledger's, from the readings after the load and, if there is one, before it.

    The clocks of load generators on other machines make the ledger's own times that much less certain.
    """
    late = samples.clock if samples is not None else ClockOffset(0.0, 0.0)
    if run.recorder is not None:
        late = replace(late, uncertainty_s=late.uncertainty_s + run.recorder.clock_uncertainty_s)
    if baseline is None:
        return late
    return late.joined(ClockOffset(baseline.clock_offset_s, baseline.clock_uncertainty_s))


def _predictors(run: Run, samples: Samples | None, before: Sequence[Mapping[str, str]]) -> dict[str, PredictorEvidence]:
    """What Prometheus stored of each predictor. ``before``: labels of the targets that were up before the load."""
    if samples is None:
        return {spec.name: PredictorEvidence(spec) for spec in run.predictors}
    targets = {spec.name: targets_of(samples, spec.name) for spec in run.predictors}
    silent = silent_targets(samples, run.deployment, list(itertools.chain(*targets.values())), before)
    return {spec.name: _predictor(spec, samples, targets[spec.name], silent) for spec in run.predictors}


def _predictor(
    spec: PredictorSpec, samples: Samples, targets: tuple[ScrapeTarget, ...], silent: tuple[ScrapeTarget, ...]
) -> PredictorEvidence:
    series = cell_series(samples, spec.name)
    return PredictorEvidence(spec, series, targets, silent, scraped_twice(targets), obstacles.malformed(series))


def _groups(run: Run, predictors: Mapping[str, PredictorEvidence], answers: OfflineAnswers) -> list[Group]:
    """The primaries that share the traffic, as one group, then each shadow."""
    primaries = [predictors[spec.name] for spec in run.predictors if not spec.shadow]
    shadows = [predictors[spec.name] for spec in run.predictors if spec.shadow]
    serving = [primary for primary in primaries if primary.spec.traffic > 0] or primaries
    return [_group(members, answers) for members in (serving, *([shadow] for shadow in shadows)) if members]


def _group(members: Sequence[PredictorEvidence], answers: OfflineAnswers) -> Group:
    first = members[0].spec
    artifacts = tuple(dict.fromkeys(member.spec.artifact for member in members))
    rounded = tuple(other for name in artifacts if (other := name_of_rounded(name)) in answers.answers)
    share = Share(artifacts, rounded, sees_all=not first.shadow or first.traffic in {0, _FULL}, mirrored=first.shadow)
    together = [series for member in members for series in member.series]
    malformed = members[0].malformed if len(members) == 1 else obstacles.malformed(together)
    return Group(tuple(members), share, malformed=malformed)


def _artifacts(group: Group) -> dict[str, str]:
    """Artefact of each member, by the member's name."""
    return {member.name: member.spec.artifact for member in group.members}


def _with_paths(group: Group, samples: Samples, run: Run, first_ns: int | None, clock: ClockOffset) -> Group:
    """The group with the counts of each member over time, or with the obstacle that makes them unknown."""
    targets = {member.name: member.targets for member in group.members}
    obstacle = group.obstacle or obstacles.in_samples(targets, first_ns, clock)
    if obstacle is not None or first_ns is None:
        return replace(group, obstacle=obstacle)
    members = tuple(
        replace(
            member,
            path=trajectory(member.awaited, first_ns, clock),
            scored=_scored(samples, member, first_ns, clock),
        )
        for member in group.members
    )
    ended_s = epoch_s(run.ended) if run.ended is not None else 0.0
    window_ms = clock.prometheus_ms(first_ns), clock.prometheus_s(ended_s) * 1000
    counters = gateway(samples, run.deployment, group.name, window_ms) if len(members) == 1 else None
    return replace(group, members=members, gateway=counters)


def _scored(samples: Samples, member: PredictorEvidence, first_ns: int, clock: ClockOffset) -> CellCounters | None:
    """The counters beside the cells over time, counted as the cells are; None if the predictor publishes none."""
    cell_of = {COUNTER_OF_CELL[cell] + COUNTER_SUFFIX: METRIC_OF_CELL[cell] for cell in CELLS}
    counters = [series for series in samples.of(*cell_of) if series.labels.get(LABEL_PREDICTOR) == member.name]
    if not counters:
        return None
    malformed = obstacles.malformed(counters)
    renamed = [increased(replace(series, metric=cell_of[series.metric])) for series in counters]
    targets = targets_of(replace(samples, series=(*renamed, *samples.of(*TARGET_METRICS))), member.name)
    obstacle = obstacles.in_samples({member.name: targets}, first_ns, clock)
    if obstacle is not None:
        return CellCounters(malformed, malformed or obstacle)
    counting = [target.labels for target in targets]
    targets = (*targets, *(_without_counts(target) for target in member.targets if target.labels not in counting))
    falls = obstacles.falls(counters, clock.earliest_prometheus_ms(first_ns))
    path = trajectory((*targets, *member.silent), first_ns, clock)
    return CellCounters(malformed, falls=falls, targets=targets, path=path)


def _without_counts(target: ScrapeTarget) -> ScrapeTarget:
    """The target of a replica that publishes no counters: they are 0 at each of its scrapes."""
    scrapes = np.zeros(len(target.time_ms), np.int64)
    return replace(
        target,
        value=np.zeros_like(target.value),
        present=scrapes,
        absent=scrapes,
        partial=scrapes > 0,
        appeared=np.zeros_like(target.appeared),
    )


def _sum_of(group: Group, first_ns: int | None, clock: ClockOffset) -> Trajectory | None:
    """The counts of all members together; None if they are not known."""
    if first_ns is None or any(member.path is None for member in group.members):
        return None
    if len(group.members) == 1:
        return group.members[0].path
    return trajectory(group.awaited, first_ns, clock)


def _axes(
    run: Run, answers: OfflineAnswers, groups: Sequence[Group], sums: Mapping[str, Trajectory], first_ns: int | None
) -> Axes:
    artifacts = dict.fromkeys([*(name for group in groups for name in group.share.answers), *sorted(answers.answers)])
    members = [member.path for group in groups for member in group.members if member.path is not None]
    paths = [*sums.values(), *members]
    return Axes(
        offline=answers,
        artifacts=tuple(name for name in artifacts if name in answers.answers),
        starts_ns=_distinct([path.start_ns for path in paths]),
        ends_ns=_distinct([path.end_ns for path in paths]),
        window_ns=_window(run, first_ns),
    )


def _window(run: Run, first_ns: int | None) -> tuple[int, int]:
    """From the first event to the end of the run, on the ledger's clock."""
    first = first_ns if first_ns is not None else round(epoch_s(run.started) * 1e9)
    return first, max(first, round(epoch_s(run.ended) * 1e9)) if run.ended is not None else first + _UNFINISHED_NS


def _with_counts(
    group: Group, counts: Tally, path: Trajectory | None, samples: Samples | None, clock: ClockOffset
) -> Group:
    """The group with its summed counts beside their bounds, and with its score curve."""
    if path is None:
        return group
    members = tuple(replace(member, scored=_with_bounds(group, member, counts)) for member in group.members)
    group = replace(group, members=members, counted=Counted(path, bounds_of(counts, path, group.share)))
    if samples is None or counts.span_ns is None:
        return group
    first_ms = clock.earliest_prometheus_ms(counts.span_ns[0])
    try:
        curves = {
            member.name: curve_of(samples, counts, member.spec, member.awaited, first_ms) for member in group.members
        }
    except CurveError as error:
        return replace(group, curve_problem=Explanation(Diagnosis.NOT_A_COUNT, str(error)))
    except CurveUnknownError as error:
        return replace(group, curve_problem=Explanation(Diagnosis.COUNTS_BEFORE, str(error)))
    if len(group.members) == 1:
        return replace(group, curve=curves[group.name])
    return replace(group, member_curves=tuple((name, curve) for name, curve in curves.items() if curve is not None))


def _with_bounds(group: Group, member: PredictorEvidence, counts: Tally) -> CellCounters | None:
    """The counters of a member beside their bounds; as they are if there are none, or if they are unknown."""
    if member.scored is None or member.scored.path is None or member.path is None:
        return member.scored
    sharer = member.spec.artifact if len(group.members) > 1 else None
    counted = counted_beside(counts, member.scored.path, member.path, group.share, sharer)
    return replace(member.scored, counted=counted)


def _distinct(arrays: Sequence[Ints]) -> Ints:
    return np.unique(np.concatenate(arrays)) if arrays else np.empty(0, np.int64)
