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


def run(options: argparse.Namespace) -> int:
    """Run the step that the arguments name; its exit code."""
    return told(options, _STEPS[options.step], (InputError, OfflineError, PrometheusError, ReportError))


def _baseline(options: argparse.Namespace) -> int:
    run = runfolder.read(options.folder)
    prometheus = Prometheus(options.prometheus_url or run.prometheus_url, options.timeout)
    if options.gate is not None or not (options.folder / runfolder.GATES_FILE).exists():
        settle_gates(options.folder, options.gate if options.gate is not None else project.gates())
    prometheus.ask("time()")  # before anything that takes long: is there a Prometheus at all?
    _score(options.folder, run)
    say(baseline.write(options.folder, run, prometheus, options.wait, time.time, time.sleep))
    return 0


def _collect(options: argparse.Namespace) -> int:
    run = runfolder.read(options.folder)
    _score_once(options.folder, run)
    stored = _gather(options, run)
    if stored.problem:
        return complain(stored.problem)
    say(f"collected {sum(len(series.time_ms) for series in stored.series):,} samples of {len(stored.series)} series")
    return 0


def _report(options: argparse.Namespace) -> int:
    runfolder.read(options.folder)
    if not (options.folder / RESULT_FILE).exists():
        raise InputError(
            f"report: expected {options.folder / RESULT_FILE}, got none. "
            f"Judge first: python -m analysis judge {options.folder}"
        )
    for path in files.write_reports(options.folder):
        say(str(path))
    return 0


def _finish(options: argparse.Namespace) -> int:
    """Collect, judge and report; the judge itself says what a failure to collect means."""
    run = runfolder.read(options.folder)
    problems = [_problem_of(lambda: _score_once(options.folder, run)), _problem_of(lambda: _gather(options, run))]
    content, verdict = judgement(options.folder, options.gate)
    say(spoken(content))  # before the reports: a full disk must not take the verdict along
    paths = files.write_reports(options.folder)
    for problem in problems:
        if problem:
            say(f"  note: {problem}")
    say(f"  report: {_page(paths) or options.folder / RESULT_FILE}")
    if run.ended:
        say(f"  {time.time() - epoch_s(run.ended):.1f} s from the end of the load to this verdict")
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
        samples = step()
    except (OfflineError, PrometheusError) as error:
        return str(error)
    return samples.problem if samples is not None else None


def _score(folder: Path, run: Run) -> None:
    offline.write(folder / OFFLINE_FILE, answers_for(run, artifacts_folder()))


def _score_once(folder: Path, run: Run) -> None:
    if not (folder / OFFLINE_FILE).exists():
        _score(folder, run)


def _gather(options: argparse.Namespace, run: Run) -> Samples:
    prometheus = Prometheus(options.prometheus_url or run.prometheus_url, options.timeout)
    patience = None if options.interrupted else stored_samples.Patience(options.wait, options.settle)
    stored = stored_samples.collect(options.folder, run, prometheus, patience, time.time, time.sleep)
    endpoints.write(options.folder, os.environ, run.host)
    return stored


def _page(paths: Sequence[Path]) -> Path | None:
    return next((path for path in paths if path.suffix == ".html"), None)
