"""The counters beside the cells, which rates over a window are read from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import ALONE, fewer, with_scored
from analysis.verdict import Finding, Verdict


def counters(folder: Path, world: worlds.World) -> tuple[Verdict, list[Finding]]:
    verdict, findings = worlds.judged(folder, world)
    return verdict, [finding for finding in findings if finding.check == "counters"]


@pytest.mark.parametrize(("ahead", "verdict"), [(0, Verdict.PASS), (1, Verdict.FAIL), (-1, Verdict.FAIL)])
@pytest.mark.parametrize("prior", [0, 7])
def test_each_counter_grows_by_what_its_cell_does(tmp_path: Path, ahead: int, verdict: Verdict, prior: int) -> None:
    """From both sides, whatever was counted before."""
    judged, (finding,) = counters(tmp_path, replace(with_scored(ahead), prior=prior))
    assert judged is finding.verdict is verdict
    assert ("scored_true_pos_total grew by" in finding.message) is (verdict is Verdict.FAIL)


def test_without_counters_it_says_so(tmp_path: Path) -> None:
    judged, (finding,) = counters(tmp_path, ALONE)
    assert judged is Verdict.PASS
    assert finding.message.startswith("it publishes no counters")


def test_wrong_cells_are_another_checks_matter(tmp_path: Path) -> None:
    """Counters that are as wrong as the cells are not told a second time."""
    wrong = replace(fewer(lambda number: number % 3 > 0), alter=with_scored(0).alter)
    judged, (finding,) = counters(tmp_path, wrong)
    assert judged is Verdict.FAIL
    assert finding.verdict is Verdict.INCONCLUSIVE
