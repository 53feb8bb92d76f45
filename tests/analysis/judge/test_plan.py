"""An open loop, and the plan that it was to send."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import FULL, refused
from analysis.record.ledger import Kind
from analysis.record.runfolder import RecorderReport
from analysis.verdict import Verdict
from worlds import World

SENT = 600
LOAD = replace(worlds.world(worlds.load_of(SENT, span_s=10.0)), duration_s=10.0)
ONE_WORKER = replace(FULL, events=len(LOAD.events))


def planned(visits: float, world: World = LOAD, report: RecorderReport = ONE_WORKER, **options: str | float) -> World:
    """The world, of which so many visits were planned, of two requests each."""
    return replace(world, planned_per_s=2 * visits / 10.0, recorder=report, options=options)


def judged(folder: Path, world: World) -> set[tuple[str, str | None]]:
    """Subject and diagnosis of what the generator's check finds wrong."""
    _, findings = worlds.judged(folder, world)
    wrong = [finding for finding in findings if finding.verdict is not Verdict.PASS and finding.check == "generator"]
    return {(finding.subject, finding.diagnosis) for finding in wrong}


SHORT = {("plan", "load shorter than asked")}


@pytest.mark.parametrize(
    ("visits", "arrivals", "wrong"),
    [
        (SENT, "constant", set()),
        (SENT + 60, "constant", set()),
        (SENT + 70, "constant", SHORT),
        (SENT * 50, "constant", SHORT),
        (SENT + 70, "poisson", set()),
        (SENT + 140, "poisson", SHORT),
        (SENT * 50, "poisson", SHORT),
        (SENT / 2, "constant", set()),
    ],
)
def test_an_open_loop_sends_what_it_planned(
    tmp_path: Path, visits: float, arrivals: str, wrong: set[tuple[str, str]]
) -> None:
    """At least nine tenths, and less only by chance: five deviations are 120 of 600."""
    assert judged(tmp_path, planned(visits, arrivals=arrivals)) == wrong


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_two_arrivals_of_two_are_no_short_load(tmp_path: Path, arrivals: str) -> None:
    """The last arrival may be due at the very end."""
    world = replace(worlds.world(worlds.load_of(2)), duration_s=10.0)
    report = replace(FULL, events=len(world.events))
    assert judged(tmp_path, planned(2.5, world, report, arrivals=arrivals)) == set()


@pytest.mark.parametrize(
    ("predict_ratio", "feedback_ratio", "wrong"),
    [(1.0, 1.0, set()), (0.5, 1.0, set()), (1.0, 0.25, SHORT), (0.0, 1.0, SHORT)],
)
def test_the_ratios_are_of_the_visits(
    tmp_path: Path, predict_ratio: float, feedback_ratio: float, wrong: set[tuple[str, str]]
) -> None:
    """1,320 requests are 660 visits of two, or 1,320 of feedback alone; 600 of each kind were sent."""
    world = planned(SENT * 1.1, predict_ratio=predict_ratio, feedback_ratio=feedback_ratio)
    assert judged(tmp_path, world) == wrong


def test_feedback_that_waits_for_no_answer_is_no_part_of_the_plan(tmp_path: Path) -> None:
    """Predictions that are not answered before the end have none; each was begun as planned."""
    events = tuple(event for i, event in enumerate(LOAD.events) if event.kind is Kind.PREDICT or i < SENT)
    world = replace(worlds.world(events), duration_s=10.0)
    assert judged(tmp_path, planned(SENT, world, replace(FULL, events=len(events)))) == set()


def test_refused_requests_are_sent_ones(tmp_path: Path) -> None:
    events = tuple(refused(event) if event.request % 5 == 0 else event for event in LOAD.events)
    world = replace(worlds.world(events), duration_s=10.0)
    assert judged(tmp_path, planned(SENT, world)) == set()


def test_dropped_arrivals_are_told_once(tmp_path: Path) -> None:
    report = replace(ONE_WORKER, dropped=200)
    assert judged(tmp_path, planned(SENT + 200, report=report)) == {("arrivals", "arrivals dropped")}


def test_an_interrupted_load_is_not_short(tmp_path: Path) -> None:
    assert judged(tmp_path, planned(50 * SENT, replace(LOAD, stop="interrupted"))) == set()
