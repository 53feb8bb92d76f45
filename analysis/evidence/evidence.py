"""Everything that a run left behind, read once and arranged for the checks.

What is missing or unreadable is not an exception here: it is an entry of `Evidence.problems`, and a
check turns it into a finding. After this nothing reads a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from analysis.evidence import exposed as shown
from analysis.evidence import obstacles, offline, samples
from analysis.evidence.bounds import Counted, Share, bounds_of
from analysis.evidence.gateway import Gateway, gateway
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import ClockOffset, Samples
from analysis.evidence.tally import Axes, Tally, tally
from analysis.evidence.trajectories import ScrapeTarget, Trajectory, cell_series, living, targets, trajectory
from analysis.record import ledger
from analysis.record.arrays import Ints
from analysis.record.arrow import to_numpy
from analysis.record.instants import epoch_s
from analysis.record.runfolder import BASELINE_FILE, LEDGER_FILE, OFFLINE_FILE, SAMPLES_FILE, PredictorSpec, Run
from analysis.verdict import Explanation

GATES_FILE: Final = "gates.json"
"""Gates that the run was judged by, so that a copied folder is judged by the same."""
_FULL: Final = 100
_NO_ANSWERS: Final = OfflineAnswers(np.empty(0, np.int32), np.empty(0, np.int16), (0, 1), 1, "", {})


@dataclass(frozen=True, slots=True)
class Group:
    """Predictors that are judged together: one alone, or several that share the traffic by weight.

    ``found`` and ``paths``: scrape targets and counts of each member, by its name. ``counted``: their summed
    counts beside the bounds of these, or None where these cannot be known, and then ``why_not`` says why.
    ``odd``: what is wrong with its series whatever they count. ``passed_on``: what the gateway says of a group of
    one, where it says anything.
    """

    name: str
    predictors: tuple[PredictorSpec, ...]
    share: Share
    found: Mapping[str, tuple[ScrapeTarget, ...]] = field(default_factory=dict)
    paths: Mapping[str, Trajectory] = field(default_factory=dict)
    counted: Counted | None = None
    passed_on: Gateway | None = None
    why_not: Explanation | None = None
    odd: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run, its folded ledger, its samples, the offline answers, and what could not be read (by file name).

    ``provided``: the offline answers as they were found; ``offline``: what of them is of this run.
    """

    run: Run
    tally: Tally | None
    cut: str | None
    samples: Samples | None
    provided: OfflineAnswers | None
    offline: OfflineAnswers | None
    baseline: Mapping[str, Any]
    groups: tuple[Group, ...]
    exposed: tuple[shown.ExposedCounts, ...]
    gates: tuple[str, ...]
    problems: Mapping[str, str]

    def counted(self) -> tuple[tuple[Group, Counted], ...]:
        """The groups whose counts are known, with these."""
        return tuple((group, group.counted) for group in self.groups if group.counted is not None)


def load(folder: Path, run: Run) -> Evidence:
    """Evidence in a run folder."""
    problems: dict[str, str] = {}
    found = _read(problems, SAMPLES_FILE, lambda: samples.read(folder / SAMPLES_FILE), samples.SamplesError)
    provided = _read(problems, OFFLINE_FILE, lambda: offline.read(folder / OFFLINE_FILE), offline.OfflineError)
    answers = obstacles.of_run(provided, run)
    baseline = _read_baseline(folder / BASELINE_FILE, problems)
    scan = ledger.Scan(folder / LEDGER_FILE)
    first_ns = _read(problems, LEDGER_FILE, lambda: first_sent(scan), ledger.LedgerError)
    if found is not None and first_ns is not None:
        found = living(found, first_ns / 1e6 + _clock(found, baseline).offset_s * 1000)
    groups = tuple(_with_answers(one, provided, answers) for one in groups_of(run))
    sums: dict[str, Trajectory] = {}
    if found is not None:
        clock = _clock(found, baseline)
        groups = tuple(_with_paths(group, found, run, first_ns, clock) for group in groups)
        sums = {one.name: trajectory(_all(one.found), first_ns, clock) for one in groups if one.paths and first_ns}
    folded = None
    if LEDGER_FILE not in problems:
        every = [*sums.values(), *(path for group in groups for path in group.paths.values())]
        folded = tally(scan, _plan(run, answers or _NO_ANSWERS, groups, every, first_ns))
        groups = tuple(_with_bounds(group, folded, sums.get(group.name)) for group in groups)
    seen = _read(problems, shown.EXPOSED_FILE, lambda: shown.read(folder / shown.EXPOSED_FILE), ValueError) or ()
    asked = _read(problems, GATES_FILE, lambda: read_gates(folder), ValueError) or ()
    return Evidence(run, folded, scan.cut, found, provided, answers, baseline, groups, seen, asked, problems)


def read_gates(folder: Path) -> tuple[str, ...]:
    """The run's gates, as written; none where there is no such file. Raises ValueError for one that is not a list."""
    try:
        content = json.loads((folder / GATES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    if not isinstance(content, list) or not all(isinstance(one, str) for one in content):
        raise ValueError(f"reading gates: expected a list of texts in {folder / GATES_FILE}, got something else.")
    return tuple(content)


def groups_of(run: Run) -> tuple[Group, ...]:
    """The run's predictors, grouped: primaries that share the traffic, then the shadow."""
    primaries = [one for one in run.predictors if not one.shadow]
    serving = [one for one in primaries if one.traffic > 0] or primaries
    groups = [_group(serving)] if serving else []
    return (*groups, *(_group([one]) for one in run.predictors if one.shadow))


def _group(members: Sequence[PredictorSpec]) -> Group:
    first = members[0]
    artifacts = tuple(dict.fromkeys(one.artifact for one in members))
    share = Share(artifacts, sees_all=not first.shadow or first.traffic in {0, _FULL}, mirrored=first.shadow)
    return Group("+".join(one.name for one in members), tuple(members), share)


def _with_answers(group: Group, provided: OfflineAnswers | None, answers: OfflineAnswers | None) -> Group:
    artifacts = {one.name: one.artifact for one in group.predictors}
    return replace(group, why_not=obstacles.by_answers(artifacts, provided, answers))


def first_sent(scan: ledger.Scan) -> int | None:
    """When the first event was sent, on the ledger's clock; None of an empty ledger."""
    firsts = [int(to_numpy(batch.column("sent_ns")).min()) for batch in scan if batch.num_rows]
    return min(firsts, default=None)


def _with_paths(group: Group, found: Samples, run: Run, first_ns: int | None, clock: ClockOffset) -> Group:
    seen = {one.name: targets(found, one.name) for one in group.predictors}
    group = replace(group, found=seen, odd=obstacles.odd([one for name in seen for one in cell_series(found, name)]))
    why_not = group.why_not or obstacles.by_samples(seen, first_ns, clock)
    if why_not or first_ns is None:
        return replace(group, why_not=why_not)
    paths = {name: trajectory(every, first_ns, clock) for name, every in seen.items()}
    ended_s = epoch_s(run.ended) if run.ended else 0.0
    window_ms = first_ns / 1e6 + clock.offset_s * 1000, (ended_s + clock.offset_s) * 1000
    passed_on = gateway(found, run.deployment, group.name, window_ms) if len(seen) == 1 else None
    return replace(group, paths=paths, passed_on=passed_on)


def _all(found: Mapping[str, tuple[ScrapeTarget, ...]]) -> tuple[ScrapeTarget, ...]:
    return tuple(target for every in found.values() for target in every)


def _plan(
    run: Run, answers: OfflineAnswers, groups: Sequence[Group], paths: Sequence[Trajectory], first_ns: int | None
) -> Axes:
    artifacts = dict.fromkeys([*(name for group in groups for name in group.share.artifacts), *sorted(answers.answers)])
    return Axes(
        offline=answers,
        artifacts=tuple(name for name in artifacts if name in answers.answers),
        starts_ns=_distinct([path.start_ns for path in paths]),
        ends_ns=_distinct([path.end_ns for path in paths]),
        window_ns=_window(run, first_ns),
    )


def _window(run: Run, first_ns: int | None) -> tuple[int, int]:
    """From the first event to the end of the run, on the ledger's clock; a run without an end is given a minute."""
    first = first_ns or round(epoch_s(run.started) * 1e9)
    return first, max(first, round(epoch_s(run.ended) * 1e9)) if run.ended else first + 60 * 10**9


def _with_bounds(group: Group, folded: Tally, path: Trajectory | None) -> Group:
    if path is None:
        return group
    return replace(group, counted=Counted(path, bounds_of(folded, path, group.share)))


def _clock(found: Samples | None, baseline: Mapping[str, Any]) -> ClockOffset:
    """The clock, by the reading at the collection and, where there is one, the reading before the load."""
    late = found.clock if found is not None else ClockOffset(0.0, 0.0)
    if "clock_offset_s" not in baseline:
        return late
    return late.joined(ClockOffset(float(baseline["clock_offset_s"]), float(baseline["clock_uncertainty_s"])))


def clock_of(evidence: Evidence) -> ClockOffset:
    """Prometheus' clock against the ledger's over the whole run."""
    return _clock(evidence.samples, evidence.baseline)


def _read(problems: dict[str, str], name: str, reader: Any, error: type[Exception]) -> Any:
    try:
        return reader()
    except error as reason:
        problems[name] = str(reason)
        return None


def _read_baseline(path: Path, problems: dict[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problems[path.name] = f"reading the baseline: expected JSON in {path}, got: {error}"
        return {}
    return found if isinstance(found, dict) else {}


def _distinct(arrays: Sequence[Ints]) -> Ints:
    return np.unique(np.concatenate(arrays)) if arrays else np.empty(0, np.int64)
