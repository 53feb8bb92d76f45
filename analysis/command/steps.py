"""The steps of the command line but `judgement`: each reads a run folder and leaves a file in it."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from analysis.collect import baseline, endpoints, stored_samples
from analysis.collect.offline_answers import answers_for, artifacts_folder
from analysis.collect.prometheus import Prometheus, PrometheusError
from analysis.command import project
from analysis.command.judge_step import EXIT_CODE, complain, judgement, say, settle_gates, told
from analysis.evidence import offline
from analysis.evidence.offline import OfflineError
from analysis.evidence.samples import Samples
from analysis.record import runfolder
from analysis.record.instants import epoch_s
from analysis.record.runfolder import OFFLINE_FILE, RESULT_FILE, Run
from analysis.report import files
from analysis.report.terminal import spoken
from analysis.result.fields import ReportError


class InputError(Exception):
    """What the user gave cannot be used; one line says what was expected and found, and what to do."""


def run(asked: argparse.Namespace) -> int:
    """Run the step that the arguments name; its exit code."""
    return told(asked, _STEPS[asked.step], (InputError, OfflineError, PrometheusError, ReportError))


def _baseline(asked: argparse.Namespace) -> int:
    found = runfolder.read(asked.folder)
    prometheus = Prometheus(asked.prometheus_url or found.prometheus_url, asked.timeout)
    if asked.gate is not None or not (asked.folder / runfolder.GATES_FILE).exists():
        settle_gates(asked.folder, asked.gate if asked.gate is not None else project.gates())
    prometheus.ask("time()")  # before anything that takes long: is there a Prometheus at all?
    _score(asked.folder, found)
    say(baseline.write(asked.folder, found, prometheus, asked.wait, time.time, time.sleep))
    return 0


def _collect(asked: argparse.Namespace) -> int:
    found = runfolder.read(asked.folder)
    _score_once(asked.folder, found)
    stored = _gather(asked, found)
    if stored.problem:
        return complain(stored.problem)
    say(f"collected {sum(len(one.time_ms) for one in stored.series):,} samples of {len(stored.series)} series")
    return 0


def _report(asked: argparse.Namespace) -> int:
    runfolder.read(asked.folder)
    if not (asked.folder / RESULT_FILE).exists():
        raise InputError(
            f"report: expected {asked.folder / RESULT_FILE}, got none. "
            f"Judge first: python -m analysis judge {asked.folder}"
        )
    for path in files.write_reports(asked.folder):
        say(str(path))
    return 0


def _finish(asked: argparse.Namespace) -> int:
    """Collect, judge and report; the judge itself says what a failure to collect means."""
    found = runfolder.read(asked.folder)
    problems = [_problem_of(lambda: _score_once(asked.folder, found)), _problem_of(lambda: _gather(asked, found))]
    content, verdict = judgement(asked.folder, asked.gate)
    say(spoken(content))  # before the reports: a full disk must not take the verdict along
    paths = files.write_reports(asked.folder)
    for problem in problems:
        if problem:
            say(f"  note: {problem}")
    say(f"  report: {_page(paths) or asked.folder / RESULT_FILE}")
    if found.ended:
        say(f"  {time.time() - epoch_s(found.ended):.1f} s from the end of the load to this verdict")
    return EXIT_CODE[verdict]


_STEPS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "baseline": _baseline,
    "collect": _collect,
    "report": _report,
    "finish": _finish,
}


def _problem_of(step: Callable[[], Samples | None]) -> str | None:
    """What the step could not do, on one line; None when it did all."""
    try:
        found = step()
    except (OfflineError, PrometheusError) as error:
        return str(error)
    return found.problem if found is not None else None


def _score(folder: Path, found: Run) -> None:
    offline.write(folder / OFFLINE_FILE, answers_for(found, artifacts_folder()))


def _score_once(folder: Path, found: Run) -> None:
    if not (folder / OFFLINE_FILE).exists():
        _score(folder, found)


def _gather(asked: argparse.Namespace, found: Run) -> Samples:
    prometheus = Prometheus(asked.prometheus_url or found.prometheus_url, asked.timeout)
    patience = None if asked.interrupted else stored_samples.Patience(asked.wait, asked.settle)
    stored = stored_samples.collect(asked.folder, found, prometheus, patience, time.time, time.sleep)
    endpoints.write(asked.folder, os.environ, found.host)
    return stored


def _page(paths: Sequence[Path]) -> Path | None:
    return next((path for path in paths if path.suffix == ".html"), None)
