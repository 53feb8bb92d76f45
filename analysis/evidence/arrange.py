"""From the files of a run to its evidence, in one pass: each value is made once and handed on. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from analysis.claims.metric_map import MetricMap
from analysis.claims.selection import Selection, select
from analysis.diagnoses import Diagnosis
from analysis.evidence import obstacles
from analysis.evidence.beside.counters import apart, beside, together, with_bounds
from analysis.evidence.bounds import Counted, Share, bounds_of
from analysis.evidence.curve import CurveError, CurveUnknownError, curve_of
from analysis.evidence.evidence import Evidence, Group, PredictorEvidence
from analysis.evidence.files import Baseline, RunFiles
from analysis.evidence.gateway import gateway
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.patterns import Axes
from analysis.evidence.rounding import names_of_rounded, with_rounded
from analysis.evidence.samples import ClockOffset, Samples
from analysis.evidence.scrapes.duplicates import scraped_twice
from analysis.evidence.scrapes.published import Published, judged, of_no_class
from analysis.evidence.scrapes.targets import ScrapeTarget, living, silent_targets, targets_of
from analysis.evidence.scrapes.trajectories import Trajectory, trajectory
from analysis.evidence.tally import Tally, tally
from analysis.record.arrays import Ints
from analysis.record.instants import epoch_s
from analysis.record.runfolder import PredictorSpec, Run
from analysis.verdict import Explanation

_FULL: Final = 100
"""Per cent of the traffic that a complete mirror gets. A manifest without the field has 0, and Istio mirrors all."""
BINARY: Final = 2
_UNFINISHED_NS: Final = 60 * 10**9
"""Length of the timeline of a run without an end."""
_NO_ANSWERS: Final = OfflineAnswers(np.empty(0, np.int32), np.empty(0, np.int16), (0, 1), 1, "", {})


def arrange(files: RunFiles) -> Evidence:
    """The evidence that the files of a run give."""
    run, first_ns = files.run, files.first_ns
    clock = clock_of(files.samples, files.baseline, run)
    samples, before = files.samples, files.baseline.targets if files.baseline is not None else ()
    selection = selection_of(files.metric_map, files.offline)
    if samples is not None and first_ns is not None:
        samples = living(samples, clock.prometheus_ms(first_ns), before)
    answers = obstacles.answers_of_run(files.offline, run)
    answers = with_rounded(answers) if answers is not None else None
    predictors = _predictors(run, samples, before, selection)
    unclear = obstacles.unclear_labels(selection, run)
    groups = [
        replace(group, obstacle=unclear or obstacles.without_answers(_artifacts(group), files.offline, answers))
        for group in _groups(run, predictors, answers or _NO_ANSWERS)
    ]
    sums: dict[str, Trajectory] = {}
    if samples is not None:
        if files.batches is None:
            groups = [replace(group, obstacle=group.obstacle or obstacles.WITHOUT_LEDGER) for group in groups]
        groups = [_with_paths(group, samples, run, first_ns, clock, selection) for group in groups]
        sums = {group.name: path for group in groups if (path := _sum_of(group, first_ns, clock)) is not None}
    counts = None
    if files.batches is not None:
        heads_only = selection.metric_map.rows == "first"
        axes = _axes(run, answers or _NO_ANSWERS, groups, sums, first_ns)
        counts = tally(files.batches, replace(axes, heads_only=heads_only, predictions=selection.counts_predictions))
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
        selection=selection,
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


def selection_of(metric_map: MetricMap, answers: OfflineAnswers | None) -> Selection:
    """The run's metric map, applied to the classes of the held-out rows."""
    known = answers or _NO_ANSWERS
    return select(metric_map, known.classes, known.positive if len(known.classes) == BINARY else None)


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


def _predictors(
    run: Run, samples: Samples | None, before: Sequence[Mapping[str, str]], selection: Selection
) -> dict[str, PredictorEvidence]:
    """What Prometheus stored of each predictor. ``before``: labels of the targets that were up before the load."""
    if samples is None:
        return {spec.name: PredictorEvidence(spec, Published(selection.accounts[0])) for spec in run.predictors}
    accounts = {spec.name: judged(samples, spec.name, selection) for spec in run.predictors}
    targets = {name: targets_of(samples, account) for name, account in accounts.items()}
    known = list(itertools.chain(*targets.values()))
    silent = silent_targets(samples, run.deployment, known, before, list(targets), selection)
    stored = {spec.name: _predictor(spec, accounts[spec.name], targets[spec.name], silent) for spec in run.predictors}
    return {name: replace(own, of_no_class=of_no_class(samples, name, selection)) for name, own in stored.items()}


def _predictor(
    spec: PredictorSpec, account: Published, targets: tuple[ScrapeTarget, ...], silent: tuple[ScrapeTarget, ...]
) -> PredictorEvidence:
    return PredictorEvidence(spec, account, targets, silent, scraped_twice(targets), obstacles.malformed([account]))


def _groups(run: Run, predictors: Mapping[str, PredictorEvidence], answers: OfflineAnswers) -> list[Group]:
    """The primaries that share the traffic, as one group, then each shadow."""
    primaries = [predictors[spec.name] for spec in run.predictors if not spec.shadow]
    shadows = [predictors[spec.name] for spec in run.predictors if spec.shadow]
    serving = [primary for primary in primaries if primary.spec.traffic > 0] or primaries
    return [_group(members, answers) for members in (serving, *([shadow] for shadow in shadows)) if members]


def _group(members: Sequence[PredictorEvidence], answers: OfflineAnswers) -> Group:
    first = members[0].spec
    artifacts = tuple(dict.fromkeys(member.spec.artifact for member in members))
    rounded = tuple(other for name in artifacts for other in names_of_rounded(name, answers.answers))
    share = Share(artifacts, rounded, sees_all=not first.shadow or first.traffic in {0, _FULL}, mirrored=first.shadow)
    malformed = members[0].malformed if len(members) == 1 else obstacles.malformed([own.account for own in members])
    return Group(tuple(members), share, malformed=malformed)


def _accounts(group: Group) -> dict[str, Published]:
    """What each member is judged by, by the member's name."""
    return {member.name: member.account for member in group.members}


def _artifacts(group: Group) -> dict[str, str]:
    """Artefact of each member, by the member's name."""
    return {member.name: member.spec.artifact for member in group.members}


def _with_paths(
    group: Group, samples: Samples, run: Run, first_ns: int | None, clock: ClockOffset, selection: Selection
) -> Group:
    """The group with the counts of each member over time, or with the obstacle that makes them unknown."""
    targets = {member.name: member.targets for member in group.members}
    obstacle = group.obstacle or obstacles.in_samples(targets, first_ns, clock) or obstacles.unlike(_accounts(group))
    if obstacle is not None or first_ns is None:
        return replace(group, obstacle=obstacle)
    members = tuple(
        replace(
            member,
            path=trajectory(member.awaited, first_ns, clock),
            beside=beside(samples, member, first_ns, clock, selection),
        )
        for member in group.members
    )
    joint = together(members, first_ns, clock) if len(members) > 1 else ()
    ended_s = epoch_s(run.ended) if run.ended is not None else 0.0
    window_ms = clock.prometheus_ms(first_ns), clock.prometheus_s(ended_s) * 1000
    counters = gateway(samples, run.deployment, group.name, window_ms) if len(members) == 1 else None
    return replace(group, members=tuple(map(apart, members)) if joint else members, together=joint, gateway=counters)


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
    counters = [part.path for group in groups for part in group.beside if part.path is not None]
    paths = [*sums.values(), *members, *counters]
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
    group, claims = with_bounds(group, counts), group.claims
    counted = Counted(path, bounds_of(counts, path, group.share, claims), claims)
    group = replace(group, counted=counted)
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


def _distinct(arrays: Sequence[Ints]) -> Ints:
    return np.unique(np.concatenate(arrays)) if arrays else np.empty(0, np.int64)
