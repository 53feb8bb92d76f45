"""The counters of a predictor beside the account that is judged: over time, and beside their bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.claims.selection import Selection
from analysis.diagnoses import Diagnosis
from analysis.evidence import obstacles
from analysis.evidence.bounds import Counted, Share, as_claims, bounds_of, counted_beside
from analysis.evidence.evidence import CellCounters, Group, PredictorEvidence
from analysis.evidence.samples import ClockOffset, Samples, increased
from analysis.evidence.scrapes.published import Published, published
from analysis.evidence.scrapes.targets import ScrapeTarget, targets_of
from analysis.evidence.scrapes.trajectories import trajectory
from analysis.evidence.tally import Tally
from analysis.verdict import Explanation


def beside(
    samples: Samples, member: PredictorEvidence, first_ns: int, clock: ClockOffset, selection: Selection
) -> tuple[CellCounters, ...]:
    """What else the predictor publishes of the same events, account by account, over time."""
    others = published(samples, member.name, selection)
    own = member.account.account.name
    return tuple(_counters(samples, member, part, first_ns, clock) for part in others if part.account.name != own)


def _counters(
    samples: Samples, member: PredictorEvidence, account: Published, first_ns: int, clock: ClockOffset
) -> CellCounters:
    """The counters of an account over time, counted as those are that are judged."""
    malformed = obstacles.malformed([account])
    risen = replace(account, series=tuple(increased(series) for series in account.series))
    targets = targets_of(samples, risen)
    obstacle = obstacles.in_samples({member.name: targets}, first_ns, clock)
    if obstacle is not None:
        return CellCounters(account, malformed, malformed or obstacle)
    counting = [target.labels for target in targets]
    number = len(account.account.claims)
    idle = [_without_counts(target, number) for target in member.targets if target.labels not in counting]
    silent = [_without_counts(target, number) for target in member.silent if target.labels not in counting]
    falls = obstacles.falls(account.series, clock.earliest_prometheus_ms(first_ns))
    path = trajectory((*targets, *idle, *silent), first_ns, clock)
    return CellCounters(account, malformed, falls=falls, targets=(*targets, *idle), path=path)


def _without_counts(target: ScrapeTarget, claims: int) -> ScrapeTarget:
    """The target of a replica that publishes no counters: they are 0 at each of its scrapes."""
    scrapes = np.zeros(len(target.time_ms), np.int64)
    return replace(
        target,
        value=np.zeros((len(target.time_ms), claims)),
        present=scrapes,
        absent=scrapes,
        partial=scrapes > 0,
        appeared=np.zeros(claims),
    )


def together(members: Sequence[PredictorEvidence], first_ns: int, clock: ClockOffset) -> tuple[CellCounters, ...]:
    """The counters of predictions of several predictors that share the traffic, account by account, as their sum.

    Which predictions each of them got is not known; that together they got all of them is. So where one of them
    publishes none, those of the others are held against nothing.
    """
    accounts = [part.account.account for member in members for part in member.beside if _is_of_predictions(part)]
    return tuple(_sum(name, members, first_ns, clock) for name in dict.fromkeys(account.name for account in accounts))


def apart(member: PredictorEvidence) -> PredictorEvidence:
    """The predictor without the counters that are held together with those of others (`together`)."""
    return replace(member, beside=tuple(part for part in member.beside if not _is_of_predictions(part)))


def _is_of_predictions(counters: CellCounters) -> bool:
    return counters.account.account.claims.of_predictions


def _sum(name: str, members: Sequence[PredictorEvidence], first_ns: int, clock: ClockOffset) -> CellCounters:
    own = {member.name: part for member in members for part in member.beside if part.account.account.name == name}
    parts = tuple(own.values())
    unknown = [part for part in parts if part.path is None]
    account = Published(parts[0].account.account, tuple(series for part in parts for series in part.account.series))
    malformed = next((part.malformed for part in parts if part.malformed is not None), None)
    missing = [member.name for member in members if member.name not in own]
    if missing:
        message = f"{' and '.join(missing)} publishes none of predictions, and how many of them it got is not known"
        return CellCounters(account, malformed, obstacle=Explanation(Diagnosis.COUNTERS_DIFFER, message))
    if unknown:
        return replace(unknown[0], account=account, malformed=malformed)
    targets = tuple(target for part in parts for target in part.targets)
    known = [target.labels for target in targets]
    silent = [
        _without_counts(target, len(account.account.claims))
        for target in members[0].silent
        if target.labels not in known
    ]
    falls = tuple(sentence for part in parts for sentence in part.falls)
    path = trajectory((*targets, *silent), first_ns, clock)
    return CellCounters(account, malformed, falls=falls, targets=targets, path=path)


def with_bounds(group: Group, counts: Tally) -> Group:
    """The group with its counters beside their bounds; with those as they are whose bounds are unknown."""
    members = tuple(
        replace(member, beside=tuple(_bounded(group, member, counters, counts) for counters in member.beside))
        for member in group.members
    )
    joint = tuple(_within(group.share, counters, counts) for counters in group.together)
    return replace(group, members=members, together=joint)


def _bounded(group: Group, member: PredictorEvidence, counters: CellCounters, counts: Tally) -> CellCounters:
    claims = counters.account.account.claims
    if counters.path is None or member.path is None:
        return counters
    if claims.of_predictions:
        return _within(group.share, counters, counts)
    path = as_claims(member.path, group.claims, claims)
    if path is None and (len(group.members) > 1 or group.share.mirrored):
        return replace(counters, obstacle=obstacles.OTHER_CLAIMS)
    sharer = member.spec.artifact if len(group.members) > 1 else None
    counted = counted_beside(counts, counters.path, path or member.path, group.share, sharer, claims)
    return replace(counters, counted=counted)


def _within(share: Share, counters: CellCounters, counts: Tally) -> CellCounters:
    """Counters of all predictions that a group got, beside their bounds."""
    if counters.path is None:
        return counters
    claims = counters.account.account.claims
    return replace(counters, counted=Counted(counters.path, bounds_of(counts, counters.path, share, claims), claims))
