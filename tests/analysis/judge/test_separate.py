"""One fault is not diagnosed as another: a renamed job, a lost mirror and an old sample are not other faults."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

import worlds
from alterations import ALONE, doubled
from analysis.evidence.scrapes.duplicates import scraped_twice
from analysis.evidence.scrapes.targets import ScrapeTarget
from analysis.judge.reward_checks import _cells_lack_as_much
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Verdict
from model.contract import CELLS
from worlds import Count, World


def target(job: str, *times_ms: int, share: float = 1.0, **labels: str) -> ScrapeTarget:
    """A target of the same pod, scraped at these times by a job. ``share``: of the counts, which grow until 3000."""
    number = len(times_ms)
    counts = np.minimum(times_ms, 3000) // 100 * share
    return ScrapeTarget(
        {"job": job, "pod": "a-pod", "instance": "127.0.0.1:6000", **labels},
        np.array(times_ms, np.int64),
        np.ones(number, np.bool_),
        np.full(number, 5.0),
        np.repeat(np.floor(counts)[:, None], len(CELLS), axis=1),
        np.ones(number, np.int64),
        np.zeros(number, np.int64),
        np.zeros(number, np.bool_),
        np.zeros(number, np.bool_),
        np.zeros(len(CELLS)),
    )


def test_two_jobs_at_once_scrape_a_pod_twice() -> None:
    """Their scrapes lie in one stretch of time, so a sum over them doubles."""
    assert scraped_twice([target("old", 1000, 2000, 3000), target("new", 1500, 2500, 3500)]) == (
        "a-pod is scraped by two jobs, old and new"
    )


def test_two_copies_of_prometheus_store_a_pod_twice_and_the_label_that_differs_is_named() -> None:
    first, second = target("job", 1000, 2000, 3000), target("job", 1500, 2500)
    first.labels["prometheus_replica"], second.labels["prometheus_replica"] = "a", "b"  # type: ignore[index]
    assert scraped_twice([first, second]) == "a-pod is stored twice, with prometheus_replica a and b"


def test_a_renamed_job_does_not_scrape_a_pod_twice() -> None:
    """The old job's last scrape is before the new one's first: no sum ever holds both."""
    assert scraped_twice([target("old", 1000, 2000), target("new", 2500, 3500)]) is None


def test_a_job_that_was_renamed_and_back_does_not_scrape_a_pod_twice() -> None:
    """The scrapes of the new name lie between those of the old one, which misses just these."""
    old = target("old", 1000, 2000, 3000, 8000, 9000, 10000)
    assert scraped_twice([old, target("new", 4000, 5000, 6000, 7000)]) is None


def test_two_processes_of_a_pod_are_not_one_that_is_scraped_twice() -> None:
    """Each has a port and counts of its own."""
    first, second = (target("job", *range(1000, 6000, 1000), share=share, port=f"{share}") for share in (0.4, 0.6))
    assert scraped_twice([first, second]) is None


def test_two_pods_of_which_the_instance_is_their_node_are_not_one() -> None:
    """Whatever they count."""
    first, second = (target("job", 1000, 2000, 3000, pod=pod, instance="a-node") for pod in ("a", "b"))
    assert scraped_twice([first, second]) is None


def test_an_idle_process_that_is_stored_twice_adds_nothing() -> None:
    """There is no growth that could double."""
    first, second = (target(job, 1000, 2000, 3000, share=0.0) for job in ("a", "b"))
    assert scraped_twice([first, second]) is None


def relabelled(change: Callable[[dict[str, str]], dict[str, str]]) -> World:
    """Two replicas, of whose series the labels are changed."""
    return replace(
        worlds.world(worlds.load_of(60), targets=2),
        alter=lambda stored: [replace(series, labels=change(dict(series.labels))) for series in stored],
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda labels: {**labels, "pod": f"a-pod-{labels['instance'][7]}", "instance": "a-node"},
        lambda labels: {**labels, "pod": "a-pod", "instance": f"10.0.0.0:600{labels['instance'][7]}"},
    ],
    ids=["two pods of one node", "two ports of one pod"],
)
def test_counts_that_are_right_in_sum_are_not_called_stored_twice(
    tmp_path: Path, change: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    verdict, findings = worlds.judged(tmp_path, relabelled(change))
    assert verdict is Verdict.PASS, findings


def test_half_of_the_counts_stored_twice_never_pass(tmp_path: Path) -> None:
    """The sum is right by chance, and the same counts under two jobs are a reason to doubt it."""
    pairs = ALONE.counts["default"]
    half = [min(members, key=lambda count: count.at_ns) for cell in range(4) for members in _in_pairs(pairs, cell)]
    world = worlds.with_counts(ALONE, "default", half)
    twice = replace(world, alter=lambda stored: doubled(stored, job="again"))
    verdict, findings = worlds.judged(tmp_path, twice)
    assert verdict is not Verdict.PASS
    (finding,) = [finding for finding in findings if finding.check == "scrapes"]
    assert finding.diagnosis == "scraped twice"


def _in_pairs(counts: Sequence[Count], cell: int) -> list[tuple[Count, ...]]:
    """The counts of a cell, two by two."""
    return list(itertools.batched([count for count in counts if count.cell == cell], 2))


def cells_lack_as_much(share: float, rows_counted: int, rows_acknowledged: int) -> bool:
    """`_cells_lack_as_much` for the numbers that it compares."""
    cells = SimpleNamespace(path=SimpleNamespace(value=np.array([[rows_counted, 0, 0, 0]])))
    total = np.zeros((len(Kind), len(Outcome), 1))
    total[Kind.FEEDBACK, Outcome.ACKNOWLEDGED] = rows_acknowledged
    return _cells_lack_as_much(share, cast("Any", cells), cast("Any", SimpleNamespace(total=total)))


def test_feedback_that_never_came_is_not_blamed_on_its_reward() -> None:
    """A shadow that saw 60 of 100 requests counted 60 of 100 rows: the reward has no part in it."""
    assert cells_lack_as_much(0.6, 60, 100)
    assert cells_lack_as_much(0.6, 480, 800)  # batches of 8


def test_rewards_of_zero_left_out_are_still_seen() -> None:
    """All rows are in the cells, but only 60 of 100 requests in the wrapper's counter."""
    assert not cells_lack_as_much(0.6, 100, 100)
