"""The wrapper's own counter of feedback requests: what it must hold, and what it may."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, with_feedback_requests
from analysis.evidence.arrange import arrange
from analysis.evidence.files import read
from analysis.evidence.gateway import REQUESTS, RETRIES
from analysis.evidence.samples import Series
from analysis.judge.reward_checks import rewards
from analysis.record import runfolder
from analysis.record.ledger import Kind
from analysis.verdict import Finding, Verdict
from model.contract import CELL_OF_METRIC
from worlds import PRIMARY, START_NS, World


def finding_of(folder: Path, world: World, reward: str = "correct") -> Finding:
    """What the check says of the world, whose load sent such rewards."""
    folder.mkdir(exist_ok=True)
    run = worlds.put(folder, world)
    run = replace(run, options={**run.options, "reward": reward, "batch": 1})
    runfolder.write(folder, run)
    worlds.reseal(folder)
    (finding,) = rewards(arrange(read(folder, run)))
    return finding


def with_gateway(world: World, retries: int) -> World:
    """The gateway is scraped, and sent so many requests again."""
    labels = {"envoy_cluster_name": "metrics-model-default", "job": "envoy", "instance": "envoy:1"}
    times = np.array([START_NS // 10**6 - 500, START_NS // 10**6 + 90_000])

    def alter(stored: list[Series]) -> list[Series]:
        counters = ((REQUESTS, 500.0), (RETRIES, float(retries)))
        return [
            *world.alter(stored),
            *(Series(name, labels, times, np.array([0.0, value])) for name, value in counters),
        ]

    return replace(world, alter=alter)


@pytest.mark.parametrize(
    ("share", "reward", "verdict"),
    [
        (1.0, "correct", Verdict.PASS),
        (1.0, "none", Verdict.PASS),
        (0.5, "correct", Verdict.FAIL),
        (0.5, "none", Verdict.INCONCLUSIVE),
        (0.0, "none", Verdict.PASS),
        (4.0, "correct", Verdict.INCONCLUSIVE),
        (4.0, "none", Verdict.INCONCLUSIVE),
    ],
)
def test_the_counter_holds_each_rewarded_request_once(
    tmp_path: Path, share: float, reward: str, verdict: Verdict
) -> None:
    """Without a reward it may hold all or none; with a gateway that nobody asks, its retries are unknown."""
    assert finding_of(tmp_path, with_feedback_requests(share), reward).verdict is verdict


@pytest.mark.parametrize(("retries", "verdict"), [(0, Verdict.FAIL), (1000, Verdict.PASS)])
def test_what_the_gateway_sent_again_may_be_counted_again(tmp_path: Path, retries: int, verdict: Verdict) -> None:
    finding = finding_of(tmp_path, with_gateway(with_feedback_requests(2.0), retries))
    assert finding.verdict is verdict, finding.message


def unseen(folder: Path, change: Callable[[World], World]) -> tuple[Finding, ...]:
    run = worlds.put(folder, change(with_feedback_requests(2.0)))
    return rewards(arrange(read(folder, run)))


def test_cells_that_hold_too_much_as_well_are_another_checks_matter(tmp_path: Path) -> None:
    """Counted twice by everybody: the cells say so already."""
    world = with_feedback_requests(2.0)
    doubled = tuple(count for count in world.counts["default"] for _ in range(2))
    assert unseen(tmp_path, lambda given: worlds.with_counts(given, "default", doubled)) == ()


RIGHT = sum(
    worlds.answers(PRIMARY.artifact).predicted[event.row] == event.truth
    for event in ALONE.events
    if event.kind is Kind.FEEDBACK
)


def with_rewards(total: float) -> World:
    """The world whose wrapper also sums up rewards, 5 of which are older than the run."""

    def alter(stored: list[Series]) -> list[Series]:
        (cell, *_) = [series for series in stored if series.metric == "true_pos"]
        (up,) = [series for series in stored if series.metric == "up"]
        value = np.full(len(up.value), 5.0)
        value[-3:] += total
        return [*stored, Series("seldon_api_model_feedback_reward_total", cell.labels, up.time_ms, value)]

    return replace(ALONE, alter=alter)


@pytest.mark.parametrize(
    ("reward", "total", "verdict"),
    [
        ("correct", RIGHT, Verdict.PASS),
        ("correct", RIGHT - 1, Verdict.FAIL),
        ("correct", RIGHT + 1, Verdict.INCONCLUSIVE),
        ("none", 0, Verdict.PASS),
        ("none", 1, Verdict.FAIL),
    ],
)
def test_the_sum_of_rewards_is_that_of_the_rewards_sent(
    tmp_path: Path, reward: str, total: int, verdict: Verdict
) -> None:
    """One for each right answer. More may come from a gateway that sends again, if nobody asks it."""
    finding = finding_of(tmp_path, with_rewards(total), reward)
    assert finding.verdict is verdict, finding.message


def test_a_gateway_that_sent_nothing_again_explains_no_reward(tmp_path: Path) -> None:
    finding = finding_of(tmp_path, with_gateway(with_rewards(RIGHT + 1), 0))
    assert (finding.verdict, finding.diagnosis) == (Verdict.FAIL, "sum of rewards differs")
    assert finding_of(tmp_path / "again", with_gateway(with_rewards(RIGHT + 1), 1)).verdict is Verdict.PASS


def fallen(stored: list[Series], *, cells: bool) -> list[Series]:
    """The counters begin anew at the seventh scrape; with ``cells`` these too, as if the process had ended."""
    return [
        replace(series, value=np.where(np.arange(len(series.value)) > 6, series.value / 100, series.value))
        if series.metric.startswith("seldon_api") or (cells and series.metric in CELL_OF_METRIC)
        else series
        for series in stored
    ]


@pytest.mark.parametrize("cells", [False, True])
def test_counters_that_fall_are_wrong_unless_the_cells_fell_with_them(tmp_path: Path, cells: bool) -> None:
    """If their process has ended, the check of the cells says so."""
    right = with_feedback_requests(1.0)
    world = replace(right, prior=500, alter=lambda stored: fallen(right.alter(stored), cells=cells))
    findings = rewards(arrange(read(tmp_path, worlds.put(tmp_path, world))))
    assert [finding.verdict for finding in findings] == ([] if cells else [Verdict.FAIL])


def test_a_request_of_an_earlier_load_is_no_proof_of_one_too_many(tmp_path: Path) -> None:
    """It was under way when this load began; without it, the gateway's counters prove the surplus."""
    world = with_gateway(with_feedback_requests(2.0), 0)
    run = worlds.put(tmp_path, world)
    path = tmp_path / runfolder.BASELINE_FILE
    for under_way, verdict in ((0, Verdict.FAIL), (1, Verdict.INCONCLUSIVE)):
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"under_way": under_way}))
        worlds.reseal(tmp_path)
        (finding,) = rewards(arrange(read(tmp_path, run)))
        assert finding.verdict is verdict, finding.message
    assert finding.diagnosis == "earlier load under way"
