"""The judge on servers that count the first row of each request only (``rows = "first"``)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from analysis.claims import metric_map
from analysis.record.ledger import Kind, Outcome
from analysis.verdict import Verdict
from mapped import CELL_SERIES, HEAD, in_cells, judged, published, wrong
from worlds import MS, PRIMARY, START_NS, World

FIRST = metric_map.parse('rows = "first"\n' + HEAD + CELL_SERIES, "own")


def batches(rows: Callable[[int], list[int]], number: int = 60, refused: Collection[int] = ()) -> World:
    """A load of feedback in batches of ``rows(request)``, of which the first row is counted."""
    events = tuple(
        worlds.event(
            Kind.FEEDBACK,
            row,
            START_NS + request * 150 * MS,
            START_NS + request * 150 * MS + 10 * MS,
            Outcome.REFUSED if request in refused else Outcome.ACKNOWLEDGED,
            request=request,
            position=position,
        )
        for request in range(number)
        for position, row in enumerate(rows(request))
    )
    heads = [event for event in events if event.position == 0]
    counts = worlds.true_counts(heads, PRIMARY)
    return replace(
        worlds.with_counts(worlds.world(events), "default", counts), alter=published(in_cells), duration_s=None
    )


def test_first_rows_of_each_class_pass(tmp_path: Path) -> None:
    verdict, findings = judged(tmp_path, batches(lambda request: [request % 12, (request + 1) % 12, 3]), FIRST)
    assert verdict is Verdict.PASS, wrong(findings)


def test_a_class_that_is_never_first_is_not_shown_to_be_counted(tmp_path: Path) -> None:
    """Rows of it were sent, in second place."""
    world = batches(lambda request: [2 * request % 12, (2 * request + 1) % 12])
    verdict, findings = judged(tmp_path, world, FIRST)
    assert verdict is Verdict.INCONCLUSIVE
    assert wrong(findings)["equality"].diagnosis == "one class sent"


def test_a_refused_batch_moves_no_ratio_because_other_rows_are_not_counted(tmp_path: Path) -> None:
    """All first rows are right, and all others wrong: that is no loss of feedback."""
    world = batches(lambda request: [[0, 3, 4, 5][request % 4], 1, 2], number=400, refused=[7])
    verdict, findings = judged(tmp_path, world, FIRST)
    assert verdict is Verdict.PASS, wrong(findings)


def test_refused_first_rows_that_the_model_gets_wrong_are_a_loss(tmp_path: Path) -> None:
    world = batches(
        lambda request: [request % 12, 3, 4], number=120, refused=[n for n in range(120) if n % 12 in {1, 2}]
    )
    verdict, findings = judged(tmp_path, world, FIRST)
    assert verdict is not Verdict.PASS
    assert "accuracy is 100.00% on what was counted, and 83.33% on what was sent" in wrong(findings)["losses"].message


@pytest.mark.parametrize("lost", [1, 5])
def test_a_lost_first_row_fails(tmp_path: Path, lost: int) -> None:
    world = batches(lambda request: [request % 12, (request + 1) % 12])
    less = worlds.with_counts(world, "default", world.counts["default"][:-lost])
    verdict, findings = judged(tmp_path, less, FIRST)
    assert verdict is Verdict.FAIL
    assert wrong(findings)["equality"].diagnosis == "counts lost"
