"""Whatever the ledger and however the counters came to their counts: true worlds pass, altered ones never do."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import worlds
from analysis.ledger import Event, Kind, Outcome
from analysis.samples import Clock, Series
from analysis.verdict import Verdict
from worlds import MS, PRIMARY, SECOND, SHADOW, START_NS, Count, World

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
KNOWN = (Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.ACKNOWLEDGED, Outcome.REFUSED)
ANY = (*KNOWN, Outcome.INDETERMINATE)


@st.composite
def ledgers(draw: st.DrawFn, outcomes: tuple[Outcome, ...] = KNOWN) -> tuple[Event, ...]:
    """Feedback at any times, overlapping or not; at least half of it acknowledged."""
    rows = st.tuples(st.integers(0, 1200), st.integers(1, 1500), st.integers(0, 11), st.sampled_from(outcomes))
    events, at = [], START_NS
    for number, (gap, took, row, outcome) in enumerate(draw(st.lists(rows, min_size=1, max_size=30))):
        at += gap * MS
        events.append(worlds.event(Kind.FEEDBACK, row, at, at + took * MS, outcome, request=number))
    assume(2 * sum(one.outcome is Outcome.ACKNOWLEDGED for one in events) >= len(events))
    return tuple(events)


@st.composite
def true_worlds(draw: st.DrawFn, outcomes: tuple[Outcome, ...] = KNOWN, most: int = 3) -> World:
    """A true world of any ledger: shadow or not, targets, workers, prior counts, clocks, scrape interval."""
    predictors = draw(st.sampled_from([(PRIMARY,), (PRIMARY, SHADOW)]))
    targets, workers = draw(st.integers(1, most)), draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**20))
    made = worlds.world(draw(ledgers(outcomes)), predictors, seed, targets=targets, workers=workers)
    clock = Clock(draw(st.sampled_from([-40.0, -0.25, 0.0, 3.0])), draw(st.sampled_from([0.0, 0.02])))
    interval_ns = draw(st.sampled_from([SECOND // 4, SECOND, 2 * SECOND]))
    return replace(made, clock=clock, interval_ns=interval_ns, prior=draw(st.sampled_from([0, 7])))


def verdict_of(world: World) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        verdict, _ = worlds.judged(Path(folder), world)
    return verdict


@SETTINGS
@given(true_worlds(ANY))
def test_any_true_world_passes(world: World) -> None:
    """For any ledger and any true counter process, with or without events of unknown outcome: PASS."""
    with tempfile.TemporaryDirectory() as folder:
        verdict, findings = worlds.judged(Path(folder), world)
    assert verdict is Verdict.PASS, [one for one in findings if one.verdict is not Verdict.PASS]


@FEW
@given(true_worlds(), st.data())
def test_one_event_dropped_never_passes(world: World, data: st.DataObject) -> None:
    """One acknowledged feedback is not counted, on any predictor."""
    name, counts, at = pick(world, data)
    assert verdict_of(worlds.with_counts(world, name, [*counts[:at], *counts[at + 1 :]])) is not Verdict.PASS


@FEW
@given(true_worlds(), st.data())
def test_one_event_doubled_never_passes(world: World, data: st.DataObject) -> None:
    """One acknowledged feedback is counted twice, on any predictor."""
    name, counts, at = pick(world, data)
    assert verdict_of(worlds.with_counts(world, name, [*counts, counts[at]])) is not Verdict.PASS


@FEW
@given(true_worlds(), st.data())
def test_one_event_in_another_cell_never_passes(world: World, data: st.DataObject) -> None:
    """One acknowledged feedback is counted in a cell that is not its own, on any predictor."""
    name, counts, at = pick(world, data)
    other = data.draw(st.sampled_from([cell for cell in range(4) if cell != counts[at].cell]))
    flipped = replace(counts[at], cell=other)
    assert verdict_of(worlds.with_counts(world, name, [*counts[:at], flipped, *counts[at + 1 :]])) is not Verdict.PASS


@FEW
@given(true_worlds(most=1), st.data())
def test_one_scrape_late_never_passes(world: World, data: st.DataObject) -> None:
    """One scrape gives the values of the scrape before, which are fewer than were acknowledged between the two."""
    stamps = stamps_of(world)
    telling = [at for at in range(1, len(stamps)) if too_low_for_certain(world, stamps[at - 1], stamps[at])]
    assume(telling)
    at = data.draw(st.sampled_from(telling))
    stale = replace(world, alter=lambda series: [late(one, stamps[at - 1], stamps[at]) for one in series])
    assert verdict_of(stale) is not Verdict.PASS


def pick(world: World, data: st.DataObject) -> tuple[str, list[Count], int]:
    """A predictor, its counts, and one of them."""
    name = data.draw(st.sampled_from([one.name for one in world.predictors]))
    counts = list(world.counts[name])
    assume(counts)
    return name, counts, data.draw(st.integers(0, len(counts) - 1))


def stamps_of(world: World) -> list[int]:
    """Times of the primary's scrapes."""
    ups = [one for one in worlds.series_of(world) if one.metric == "up" and one.labels["instance"].endswith(":6000")]
    return [int(one) for one in ups[0].time_ms]


def too_low_for_certain(world: World, before: int, after: int) -> bool:
    """Whether the counts at the one scrape are fewer, in some cell, than were acknowledged before the other.

    Where they are not, no judge could tell: an event counted but not yet acknowledged makes up for it.
    """
    offset_ms, slack_ms = world.clock.offset_s * 1000, world.clock.uncertainty_s * 2000 + 4
    read_ms, began_ms = before + world.duration_ns / MS - offset_ms + slack_ms, after - offset_ms - slack_ms
    counted = Counter(one.cell for one in world.counts[PRIMARY.name] if one.at_ns / MS <= read_ms)
    acknowledged = Counter(
        worlds.cell_of(PRIMARY.artifact, one.row, one.truth)
        for one in world.events
        if one.outcome is Outcome.ACKNOWLEDGED and one.done_ns / MS < began_ms
    )
    return any(acknowledged[cell] > counted[cell] for cell in acknowledged)


def late(series: Series, before: int, at: int) -> Series:
    """The series with its sample at ``at`` replaced by the one at ``before``, or left out where there was none."""
    if series.metric in {"up", "scrape_duration_seconds"} or not series.labels["instance"].endswith(":6000"):
        return series
    value = series.value.copy()
    now = np.flatnonzero(series.time_ms == at)
    then = np.flatnonzero(series.time_ms == before)
    if len(now) and len(then):
        value[now] = value[then]
        return replace(series, value=value)
    keep = series.time_ms != at
    return replace(series, time_ms=series.time_ms[keep], value=value[keep])
