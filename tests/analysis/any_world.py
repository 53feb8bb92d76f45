"""Any ledger, and any true world of it, for the property tests; and what is certain about a world."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import worlds
from analysis.evidence.samples import ClockOffset, Series
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import PredictorSpec
from events import Event
from worlds import MS, PRIMARY, SECOND, SHADOW, START_NS, Count, World

KNOWN = (Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.REFUSED)
ANY = (*KNOWN, Outcome.INDETERMINATE)

type Deployments = tuple[tuple[PredictorSpec, ...], ...]


SURE: Deployments = ((PRIMARY,), (PRIMARY, SHADOW))
"""Deployments in which it is certain which predictor, and which cell, each event belongs to."""
SPLIT = (
    replace(PRIMARY, traffic=60),
    PredictorSpec("canary", "lr-model", SHADOW.artifact, shadow=False, traffic=40, replicas=1),
)
HALF = (PRIMARY, replace(SHADOW, traffic=50))


@st.composite
def ledgers(draw: st.DrawFn, outcomes: tuple[Outcome, ...] = KNOWN) -> tuple[Event, ...]:
    """Requests of one to three rows at any times, overlapping or not; at least half of the feedback acknowledged."""
    requests = st.tuples(
        st.sampled_from([Kind.FEEDBACK, Kind.FEEDBACK, Kind.PREDICT]),
        st.integers(0, 1200),
        st.integers(1, 1500),
        st.lists(st.integers(0, 11), min_size=1, max_size=3),
        st.sampled_from(outcomes),
    )
    events, at = [], START_NS
    for number, (kind, gap, took, rows, outcome) in enumerate(draw(st.lists(requests, min_size=1, max_size=30))):
        at += gap * MS
        for position, row in enumerate(rows):
            events.append(worlds.event(kind, row, at, at + took * MS, outcome, request=number, position=position))
    right = {kind: [event.outcome is Outcome.ACKNOWLEDGED for event in events if event.kind is kind] for kind in Kind}
    assume(right[Kind.FEEDBACK] and 2 * sum(right[Kind.FEEDBACK]) >= len(right[Kind.FEEDBACK]))
    assume(any(right[Kind.PREDICT]) or not right[Kind.PREDICT])
    return tuple(events)


@st.composite
def true_worlds(
    draw: st.DrawFn, outcomes: tuple[Outcome, ...] = KNOWN, most: int = 3, deployments: Deployments = SURE
) -> World:
    """A true world of any ledger: any deployment, targets, workers, prior counts, clocks, scrape interval."""
    predictors = draw(st.sampled_from(deployments))
    targets, workers = draw(st.integers(1, most)), draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**20))
    made = worlds.world(draw(ledgers(outcomes)), predictors, seed, targets=targets, workers=workers)
    made = shared(made, seed) if predictors is SPLIT else half_mirrored(made, seed) if predictors is HALF else made
    assume(
        all(made.counts[predictor.name] for predictor in predictors)
    )  # of one that was given nothing, nobody can tell
    clock = ClockOffset(draw(st.sampled_from([-40.0, -0.25, 0.0, 3.0])), draw(st.sampled_from([0.0, 0.02])))
    interval_ns = draw(st.sampled_from([SECOND // 4, SECOND, 2 * SECOND]))
    return replace(made, clock=clock, interval_ns=interval_ns, prior=draw(st.sampled_from([0, 7])))


def shared(world: World, seed: int) -> World:
    """Each event is given to one of the predictors."""
    random = np.random.default_rng(seed)
    names = [predictor.name for predictor in world.predictors]
    parts: dict[str, list[Count]] = {name: [] for name in names}
    for each in zip(*(world.counts[name] for name in names), strict=True):
        at = int(random.integers(len(names)))
        parts[names[at]].append(each[at])
    return replace(world, counts={name: tuple(counts) for name, counts in parts.items()})


def half_mirrored(world: World, seed: int) -> World:
    """About half of the events are mirrored."""
    random = np.random.default_rng(seed)
    return worlds.with_counts(world, "shadow", [shadow for shadow in world.counts["shadow"] if random.random() < 0.5])


def pick(world: World, data: st.DataObject) -> tuple[str, list[Count], int]:
    """A predictor, its counts, and one of them."""
    name = data.draw(st.sampled_from([predictor.name for predictor in world.predictors]))
    counts = list(world.counts[name])
    assume(counts)
    return name, counts, data.draw(st.integers(0, len(counts) - 1))


def bound_of(world: World, predictor: PredictorSpec, *outcomes: Outcome) -> Counter[int]:
    """Feedback of these outcomes by cell, counted in the slow and obvious way."""
    return Counter(
        worlds.cell_of(predictor.artifact, event.row, event.truth)
        for event in world.events
        if event.kind is Kind.FEEDBACK and event.outcome in outcomes
    )


def restarted(series: Series, instance: str, at: int) -> Series | None:
    """The series without the counts up to the last scrape before ``at``; None if there are none."""
    if series.metric in {"up", "scrape_duration_seconds"} or series.labels["instance"] != instance:
        return None
    since = int(np.searchsorted(series.time_ms, at))
    if not 0 < since < len(series.value) or not series.value[since - 1]:
        return None
    value = series.value.copy()
    value[since:] -= value[since - 1]
    return replace(series, value=value)


def stamps_of(world: World) -> list[list[int]]:
    """Times of the scrapes of each of the primary's targets."""
    ups = [
        one_series
        for one_series in worlds.series_of(world)
        if one_series.metric == "up" and one_series.labels["instance"].endswith(":6000")
    ]
    return [[int(stamp) for stamp in up.time_ms] for up in ups]


def too_low_for_certain(world: World, before: int, after: int) -> bool:
    """Whether the counts at the one scrape are fewer, in some cell, than were acknowledged before the other.

    If they are not, no judge could see the fault: an event that was counted and not yet acknowledged compensates for
    it. The scrapes are of the first target; the others' last ones are added, and the sum is as old as the oldest of
    them.
    """
    slack_ms = world.clock.uncertainty_s * 2000 + 4 - world.clock.offset_s * 1000
    last = [max((time for time in times if time <= after), default=0) for times in stamps_of(world)[1:]]
    read_ms, now_ms = (at + world.duration_ns / MS + slack_ms for at in (before, after))
    began_ms = min([after, *last]) - 2 * world.clock.offset_s * 1000 - slack_ms
    counted = Counter(
        count.cell for count in world.counts[PRIMARY.name] if count.at_ns / MS <= (now_ms if count.target else read_ms)
    )
    acknowledged = Counter(
        worlds.cell_of(PRIMARY.artifact, event.row, event.truth)
        for event in world.events
        if event.kind is Kind.FEEDBACK and event.outcome is Outcome.ACKNOWLEDGED and event.done_ns / MS < began_ms
    )
    return any(acknowledged[cell] > counted[cell] for cell in acknowledged)


def late(series: Series, before: int, at: int) -> Series:
    """The series with its sample at ``at`` replaced by the one at ``before``, or left out if there was none."""
    if series.metric in {"up", "scrape_duration_seconds"} or series.labels["instance"] != "10.0.0.0:6000":
        return series
    value = series.value.copy()
    now = np.flatnonzero(series.time_ms == at)
    then = np.flatnonzero(series.time_ms == before)
    if len(now) and len(then):
        value[now] = value[then]
        return replace(series, value=value)
    keep = series.time_ms != at
    return replace(series, time_ms=series.time_ms[keep], value=value[keep])
