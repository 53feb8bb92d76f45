"""One fault is not diagnosed as another: a renamed job, a lost mirror and an old sample are not other faults."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from analysis.evidence.targets import ScrapeTarget, scraped_twice
from analysis.judge.reward_checks import _cells_lack_as_much
from analysis.record.ledger import Kind, Outcome
from model.contract import CELLS


def target(job: str, *times_ms: int) -> ScrapeTarget:
    """A target of the same pod, scraped at the given times by the given job."""
    number = len(times_ms)
    return ScrapeTarget(
        {"job": job, "pod": "a-pod", "instance": "127.0.0.1:6000"},
        np.array(times_ms, np.int64),
        np.ones(number, np.bool_),
        np.full(number, 5.0),
        np.zeros((number, len(CELLS))),
        np.ones(number, np.int64),
        np.zeros(number, np.int64),
        np.zeros(number, np.bool_),
        np.zeros(number, np.bool_),
        np.zeros(len(CELLS)),
    )


def test_two_jobs_at_once_scrape_a_pod_twice() -> None:
    """Their scrapes lie in one stretch of time, so a sum over them doubles."""
    assert scraped_twice([target("old", 1000, 2000, 3000), target("new", 2500, 3500)]) == (
        "a-pod is scraped by two jobs, old and new"
    )


def test_two_copies_of_prometheus_store_a_pod_twice_and_the_label_that_differs_is_named() -> None:
    first, second = target("job", 1000, 2000), target("job", 1500, 2500)
    first.labels["prometheus_replica"], second.labels["prometheus_replica"] = "a", "b"  # type: ignore[index]
    assert scraped_twice([first, second]) == "a-pod is stored twice, with prometheus_replica a and b"


def test_a_renamed_job_does_not_scrape_a_pod_twice() -> None:
    """The old job's last scrape is before the new one's first: no sum ever holds both."""
    assert scraped_twice([target("old", 1000, 2000), target("new", 2500, 3500)]) is None


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
