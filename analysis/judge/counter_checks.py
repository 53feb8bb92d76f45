"""Check of the counters beside the cells: they count the same rows, so that rates over a window are right, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.bounds import Counted
from analysis.evidence.evidence import Evidence, Group
from analysis.judge.count_checks import samples_of_other_times
from analysis.verdict import Explanation, Finding, Verdict
from model.contract import CELLS, COUNTER_OF_CELL


def counters(evidence: Evidence) -> tuple[Finding, ...]:
    """After the last event, each counter of a cell has grown by what the cell has.

    A group that publishes no such counters passes and says so. One whose counters are stored and cannot be used does
    not. There is no finding where the cells themselves are wrong or not known: another check says so already.
    """
    findings = []
    for group, counted in evidence.counted():
        if not any(member.scored is not None for member in group.members):
            message = "it publishes no counters beside its cells, so rates over a window are not checked"
            findings.append(Finding.passed(group.name, message))
        elif not counted.broken[-1].any():
            findings.append(_of_group(group, counted))
    return tuple(findings)


def _of_group(group: Group, counted: Counted) -> Finding:
    scored = [member.scored for member in group.members if member.scored is not None]
    obstacle = next((counters.obstacle for counters in scored if counters.obstacle is not None), None)
    if obstacle is not None:
        message = f"the counters beside the cells cannot be compared with them: {obstacle.message}"
        return Finding.unknown(group.name, replace(obstacle, message=message))
    finding = _compared(group, counted)
    malformed = next((counters.malformed for counters in scored if counters.malformed is not None), None)
    if malformed is None or finding.verdict is Verdict.FAIL:
        return finding
    return Finding.unknown(group.name, malformed)


def _compared(group: Group, counted: Counted) -> Finding:
    paths = [(member.path, member.scored.path) for member in group.members if member.scored is not None]
    grown = np.zeros(len(CELLS))
    for cells, scored in paths:
        if cells is None or scored is None:
            continue
        if scored.start_ns[-1] != cells.start_ns[-1]:
            message = "the last scrape of the cells lacked the counters beside them, or the other way round"
            return Finding.unknown(group.name, Explanation(Diagnosis.SERIES_ABSENT, message))
        grown += scored.value[-1]
    low, high, _ = counted.last
    wrong = [
        f"{COUNTER_OF_CELL[cell]}_total grew by {grown[i]:,.0f} for {_range(low[i], high[i])}"
        for i, cell in enumerate(CELLS)
        if not low[i] <= grown[i] <= high[i]
    ]
    if not wrong:
        return Finding.passed(group.name, "the counters beside the cells have grown by as much")
    doubt = samples_of_other_times(group)
    if doubt is not None:
        return Finding.unknown(group.name, doubt)
    return Finding.failed(group.name, Explanation(Diagnosis.COUNTERS_DIFFER, "; ".join(wrong)))


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}..{high}"
