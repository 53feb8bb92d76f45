"""For any ledger and any course of the counters: true worlds pass, and altered ones never do."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import worlds
from analysis.evidence.samples import Series
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Finding, Verdict
from any_world import (
    ANY,
    HALF,
    SPLIT,
    SURE,
    bound_of,
    late,
    pick,
    restarted,
    stamps_of,
    too_low_for_certain,
    true_worlds,
)
from model.contract import CELL_OF_METRIC
from worlds import MS, START_NS, Count, World

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def verdict_of(world: World) -> Verdict:
    with tempfile.TemporaryDirectory() as folder:
        verdict, _ = worlds.judged(Path(folder), world)
    return verdict


@settings(SETTINGS, max_examples=80)
@given(true_worlds(ANY, deployments=(*SURE, SPLIT, HALF)))
def test_any_true_world_passes(world: World) -> None:
    """For any ledger and any true counter process, batches, split traffic, mirrored parts, unknown outcomes: PASS."""
    with tempfile.TemporaryDirectory() as folder:
        verdict, findings = worlds.judged(Path(folder), world)
    assert is_true(verdict, findings), [finding for finding in findings if finding.verdict is not Verdict.PASS]


@SETTINGS
@given(true_worlds(ANY, deployments=(*SURE, SPLIT, HALF)), st.integers(0, 1000), st.sampled_from([5, 200]))
def test_true_counters_beside_the_cells_pass(world: World, seed: int, duration_ms: int) -> None:
    """They are read in the same scrape as the cells, earlier or later."""
    world = replace(world, duration_ns=duration_ms * MS)
    counters = [series for series in worlds.series_of(world, seed) if series.metric in CELL_OF_METRIC]
    scored = [replace(series, metric=f"scored_{series.metric}_total") for series in counters]
    with tempfile.TemporaryDirectory() as folder:
        verdict, findings = worlds.judged(Path(folder), replace(world, alter=lambda series: [*series, *scored]))
    assert is_true(verdict, findings), [finding for finding in findings if finding.verdict is not Verdict.PASS]


def is_true(verdict: Verdict, findings: Sequence[Finding]) -> bool:
    """Whether a true world is PASS, or INCONCLUSIVE for nothing but requests that failed or rows of one class."""
    wrong = {finding.diagnosis for finding in findings if finding.verdict is not Verdict.PASS}
    return wrong <= {"feedback failed", "predictions failed", "one class sent"} and verdict is not Verdict.FAIL


@FEW
@given(true_worlds(deployments=(*SURE, SPLIT)), st.data())
def test_one_event_dropped_never_passes(world: World, data: st.DataObject) -> None:
    """One acknowledged feedback is not counted, on any predictor."""
    name, counts, at = pick(world, data)
    assert verdict_of(worlds.with_counts(world, name, [*counts[:at], *counts[at + 1 :]])) is not Verdict.PASS


@FEW
@given(true_worlds(deployments=(*SURE, SPLIT)), st.data())
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
@given(true_worlds(ANY), st.data())
def test_events_of_unknown_outcome_hide_none_beyond_their_number(world: World, data: st.DataObject) -> None:
    """A cell may lack the events of unknown outcome, but not one event more.

    It may hold all of them, but not one event more.
    """
    predictor = data.draw(st.sampled_from(world.predictors))
    sure, all_of_them = (bound_of(world, predictor, *outcomes) for outcomes in ((ANY[0],), (ANY[0], ANY[-1])))
    cell = data.draw(st.sampled_from(sorted(all_of_them)))
    mine = [count for count in world.counts[predictor.name] if count.cell == cell]
    rest = [count for count in world.counts[predictor.name] if count.cell != cell]
    late_ns = max(event.done_ns for event in world.events)
    target = data.draw(st.sampled_from([sure[cell] - 1, all_of_them[cell] + 1]))
    assume(target >= 0)
    more = [Count(late_ns, 0, 0, cell)] * (target - len(mine))
    assert verdict_of(worlds.with_counts(world, predictor.name, [*rest, *mine[:target], *more])) is not Verdict.PASS


@FEW
@given(true_worlds(deployments=(HALF,)), st.data())
def test_a_mirror_of_a_part_never_counts_more_than_there_was(world: World, data: st.DataObject) -> None:
    """Whatever part is mirrored, a cell must not hold more events than were sent."""
    attempted = bound_of(world, world.predictors[1], Outcome.ACKNOWLEDGED)
    cell = data.draw(st.sampled_from(sorted(attempted)))
    late_ns = max(event.done_ns for event in world.events)
    others = [count for count in world.counts["shadow"] if count.cell != cell]
    more = [Count(late_ns, 0, 0, cell)] * (attempted[cell] + 1)
    assert verdict_of(worlds.with_counts(world, "shadow", [*others, *more])) is not Verdict.PASS


@FEW
@given(true_worlds(), st.data())
def test_a_restart_during_the_run_that_loses_counts_never_passes(world: World, data: st.DataObject) -> None:
    """From one scrape on, a target shows only what it counted since the scrape before."""
    first_ns = min((event.sent_ns for event in world.events), default=START_NS)
    began_ms = world.clock.prometheus_ms(first_ns) + 60
    restarts = [
        (up.labels["instance"], int(at))
        for up in worlds.series_of(world)
        if up.metric == "up"
        for before, at in itertools.pairwise(up.time_ms)
        if before > began_ms
        and any(restarted(one_series, up.labels["instance"], int(at)) for one_series in worlds.series_of(world))
    ]
    assume(restarts)
    instance, at = data.draw(st.sampled_from(restarts))
    lost = replace(
        world, alter=lambda series: [restarted(one_series, instance, at) or one_series for one_series in series]
    )
    assert verdict_of(lost) is not Verdict.PASS


@FEW
@given(true_worlds(), st.integers(1, 9))
def test_a_restart_before_the_run_is_none_of_its_business(world: World, more: int) -> None:
    """Counts that a target lost before its last scrape before the run are in no count of the run."""
    known = replace(world, prior=7)
    first = min(int(one_series.time_ms[0]) for one_series in worlds.series_of(known))

    def once_more(one_series: Series) -> Series:
        if one_series.metric in {"up", "scrape_duration_seconds"}:
            return replace(
                one_series,
                time_ms=np.append(first - 1000, one_series.time_ms),
                value=np.append(one_series.value[0], one_series.value),
            )
        old = np.array([first - 1000]), np.array([one_series.value[0] + more])
        return replace(
            one_series, time_ms=np.append(old[0], one_series.time_ms), value=np.append(old[1], one_series.value)
        )

    with tempfile.TemporaryDirectory() as folder:
        verdict, findings = worlds.judged(
            Path(folder), replace(known, alter=lambda series: [once_more(one_series) for one_series in series])
        )
    assert is_true(verdict, findings), [finding for finding in findings if finding.verdict is not Verdict.PASS]


@FEW
@given(true_worlds(), st.data())
def test_one_answer_of_another_class_never_passes(world: World, data: st.DataObject) -> None:
    """One acknowledged prediction names the class that the artefact does not give."""
    answered = [at for at, event in enumerate(world.events) if event.kind is Kind.PREDICT and event.predicted >= 0]
    assume(answered)
    at = data.draw(st.sampled_from(answered))
    events = list(world.events)
    events[at] = replace(events[at], predicted=1 - events[at].predicted)
    assert verdict_of(replace(world, events=tuple(events))) is not Verdict.PASS


@FEW
@given(true_worlds(), st.data())
def test_one_scrape_late_never_passes(world: World, data: st.DataObject) -> None:
    """One scrape gives the values of the scrape before, which are fewer than were acknowledged between the two."""
    stamps = stamps_of(world)[0]
    detectable = [at for at in range(1, len(stamps)) if too_low_for_certain(world, stamps[at - 1], stamps[at])]
    assume(detectable)
    at = data.draw(st.sampled_from(detectable))
    stale = replace(world, alter=lambda series: [late(one_series, stamps[at - 1], stamps[at]) for one_series in series])
    assert verdict_of(stale) is not Verdict.PASS
