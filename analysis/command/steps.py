"""The steps that query servers or draw pages. Each reads a run folder and leaves a file there."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from analysis.access.access import AccessError
from analysis.access.access_file import read_access
from analysis.claims.metric_map import MetricMapError
from analysis.collect import baseline, endpoints, stored_samples
from analysis.collect.offline_answers import answers_for, artifacts_folder
from analysis.collect.prometheus import Prometheus, PrometheusError
from analysis.command import project
from analysis.command.judge_step import EXIT_CODE, complain, exit_code_of, judgement, print_line, save_gates, say_unkept
from analysis.evidence import offline
from analysis.evidence.offline import OfflineError
from analysis.evidence.samples import Samples
from analysis.record import runfolder, seal
from analysis.record.instants import epoch_s
from analysis.record.runfolder import GATES_FILE, OFFLINE_FILE, RESULT_FILE, SAMPLES_FILE, SEAL_FILE, Run
from analysis.report import reports
from analysis.report.terminal import summary
from analysis.result.fields import ReportError
from model.installation import COMMAND


class InputError(Exception):
    """The user's input cannot be used; one line says what was expected, what was found and what to do."""


def run(options: argparse.Namespace) -> int:
    """Run the step that the options name; its exit code."""
    errors = (AccessError, InputError, MetricMapError, OfflineError, PrometheusError, ReportError, seal.SealError)
    return exit_code_of(options, _STEPS[options.step], errors)


def _baseline(options: argparse.Namespace) -> int:
    folder = options.folder
    run = runfolder.read(folder)
    prometheus = _prometheus(options, run)
    if options.gate is not None or not (folder / GATES_FILE).exists():
        save_gates(folder, options.gate if options.gate is not None else project.gates())
    prometheus.ask("time()")  # before anything that takes long: is there a Prometheus at all?
    _answer_offline(folder, run)
    known = len(endpoints.endpoints(os.environ.get(endpoints.STACK_ENV, ""), run.host))
    clocks = time.time, time.sleep
    print_line(baseline.write(folder, run, prometheus, options.wait, *clocks, _say_first, endpoints=known))
    return 0


def _collect(options: argparse.Namespace) -> int:
    run = runfolder.read(options.folder)
    with _sealing(options.folder):
        _answer_offline_once(options.folder, run)
        samples = _collect_samples(options, run)
    if samples.problem:
        return complain(samples.problem)
    number = sum(len(series.time_ms) for series in samples.series)
    print_line(f"collected {number:,} samples of {len(samples.series)} series")
    return 0


def _report(options: argparse.Namespace) -> int:
    runfolder.read(options.folder)
    if not (options.folder / RESULT_FILE).exists():
        raise InputError(
            f"report: expected {options.folder / RESULT_FILE}, got none. Judge first: {COMMAND} judge {options.folder}"
        )
    paths = reports.write_reports(options.folder)
    for line in reports.annotation_lines(options.folder) if options.annotations else map(str, paths):
        print_line(line)
    return 0


def _finish(options: argparse.Namespace) -> int:
    """Collect, judge and report. A failure to collect does not stop it, because the judge says what that means."""
    folder = options.folder
    run = runfolder.read(folder)
    problems: list[str | None] = []
    try:
        with _sealing(folder):
            problems += [
                _problem_of(lambda: _answer_offline_once(folder, run)),
                _problem_of(lambda: _collect_samples(options, run)),
            ]
    except (OSError, seal.SealError) as error:
        problems.append(f"the run folder could not be sealed: {error}")
    judged = judgement(folder, options.gate)
    if judged.unkept is not None:
        return say_unkept(judged, folder)
    print_line(summary(judged.content))  # before the reports: a full disk would lose the verdict
    paths: tuple[Path, ...] = ()
    try:
        paths = reports.write_reports(folder)
    except ReportError as error:
        problems.append(f"{error} Then: {COMMAND} report {folder}")
    for problem in problems:
        if problem:
            print_line(f"  note: {problem}")
    print_line(f"  report: {_page(paths) or folder / RESULT_FILE}")
    code = EXIT_CODE[judged.verdict]
    took = f"{time.time() - epoch_s(run.ended):.1f} s from the end of the load to this verdict; " if run.ended else ""
    print_line(f"  {took}exit code {code}")
    return code


_STEPS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "baseline": _baseline,
    "collect": _collect,
    "report": _report,
    "finish": _finish,
}


@contextmanager
def _sealing(folder: Path) -> Iterator[None]:
    """Seal the folder at the end of the block: all of it, or, if it was sealed before, what the block wrote.

    A folder without a seal whose samples the block did not write stays without: they are of an earlier step that never
    ended, and nobody knows what is missing beside them.
    """
    before, was_sealed = seal.stamps(folder), (folder / SEAL_FILE).exists()
    yield
    after = seal.stamps(folder)
    if not was_sealed and SAMPLES_FILE in before and before[SAMPLES_FILE] == after.get(SAMPLES_FILE):
        return
    seal.write(folder, [name for name, stamp in after.items() if before.get(name) != stamp])


def _problem_of(step: Callable[[], Samples | None]) -> str | None:
    """One line about what the step could not do; None if it did everything."""
    try:
        samples = step()
    except (AccessError, MetricMapError, OfflineError, PrometheusError, OSError) as error:
        return str(error)
    return samples.problem if samples is not None else None


def _answer_offline(folder: Path, run: Run) -> None:
    offline.write(folder / OFFLINE_FILE, answers_for(run, artifacts_folder()))


def _answer_offline_once(folder: Path, run: Run) -> None:
    if not (folder / OFFLINE_FILE).exists():
        _answer_offline(folder, run)


def _collect_samples(options: argparse.Namespace, run: Run) -> Samples:
    prometheus = _prometheus(options, run)
    patience = None if options.interrupted else stored_samples.Patience(options.wait, options.settle)
    selection = stored_samples.selection_in(options.folder, run)
    readings = endpoints.read(os.environ, run.host, selection, time.time)
    since_s = time.time() if readings else 0.0
    samples = stored_samples.collect(options.folder, run, prometheus, patience, time.time, time.sleep, _say, since_s)
    endpoints.write(options.folder, (*readings, *endpoints.read(os.environ, run.host, selection, time.time)))
    return samples


def _prometheus(options: argparse.Namespace, run: Run) -> Prometheus:
    access = read_access(options.access, options.ca_file).prometheus
    return Prometheus(options.prometheus_url or run.prometheus_url, options.timeout, access)


def _say_first(line: str) -> None:
    """Print a line of progress at once, before what the step prints at its end."""
    print(line, flush=True)


def _say(line: str) -> None:
    """Print a line of progress where it does not mix with the verdict."""
    print(f"plumbline: {line}", file=sys.stderr, flush=True)


def _page(paths: Sequence[Path]) -> Path | None:
    return next((path for path in paths if path.suffix == ".html"), None)
