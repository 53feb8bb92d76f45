"""Gauges that are far too large: what is proven is written down, and can be read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import any_world
import worlds
from alterations import ALONE, is_cell, stored_as, with_counters, with_value
from analysis.__main__ import main
from analysis.evidence.samples import Series
from worlds import World

SPLIT = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)


def huge(value: float, at: int, *, all_cells: bool = False) -> Callable[[Series], Series]:
    """One sample, of the true positives or of each cell, shows this value."""

    def change(series: Series) -> Series:
        return (
            with_value(series, at, value) if series.metric == "true_pos" or (all_cells and is_cell(series)) else series
        )

    return change


def judged_and_reported(folder: Path, world: World) -> str:
    """The verdict in ``result.json``; all three reports were written."""
    worlds.put(folder, world)
    main(["judge", str(folder)])
    assert main(["report", str(folder)]) == 0
    assert all((folder / name).is_file() for name in ("report.html", "report.md", "junit.xml"))
    text = (folder / "result.json").read_text(encoding="utf-8")
    assert "0" * 40 not in text
    return str(json.loads(text)["verdict"])


@pytest.mark.parametrize("value", [1e16, 1e18, 1e20, 1e300, 1.7e308])
@pytest.mark.parametrize("at", [-1, 5], ids=["last", "midway"])
@pytest.mark.parametrize("all_cells", [False, True], ids=["one cell", "all cells"])
def test_a_huge_gauge_fails_and_is_reported(tmp_path: Path, value: float, at: int, all_cells: bool) -> None:
    world = stored_as(huge(value, at, all_cells=all_cells))
    assert judged_and_reported(tmp_path, world) == "FAIL"


@pytest.mark.parametrize("value", [-1e20, -1e300, 1e300])
def test_a_huge_gauge_of_a_split_fails_and_is_reported(tmp_path: Path, value: float) -> None:
    assert judged_and_reported(tmp_path, stored_as(huge(value, -1), SPLIT)) == "FAIL"


@pytest.mark.parametrize("value", [1e20, 1.7e308])
def test_a_huge_counter_beside_a_cell_fails_and_is_reported(tmp_path: Path, value: float) -> None:
    world = with_counters(lambda counter: with_value(counter, -1, value))
    assert judged_and_reported(tmp_path, world) == "FAIL"


def test_the_result_says_the_value(tmp_path: Path) -> None:
    """As text: a report refuses a number of that size as it refuses an infinite one."""
    judged_and_reported(tmp_path, replace(stored_as(huge(1e20, -1))))
    findings = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["findings"]
    (equality,) = [finding for finding in findings if finding["check"] == "equality"]
    assert equality["observed"]["tp"] == "1e+20"
