"""Everything that a run left behind, read once. After this nothing reads a file, apart from the ledger's second pass.

A file that is missing, unreadable or not as it was sealed is not an exception here. It is an entry of
`RunFiles.problems`, and the check ``folder`` turns each of them into a finding. `exposed.json` alone may be missing,
because on a cluster there are no endpoints to read; where there were some, the check ``exposed`` is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from analysis.claims import metric_map
from analysis.claims.metric_map import MetricMap
from analysis.evidence import exposed, offline, samples
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import Samples
from analysis.record import ledger, ledger_rules, seal
from analysis.record.decoding import Count, NonNegative, decode
from analysis.record.ledger_file import Scan
from analysis.record.runfolder import (
    BASELINE_FILE,
    EXPOSED_FILE,
    GATES_FILE,
    LEDGER_FILE,
    OFFLINE_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SEAL_FILE,
    Run,
)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What ``baseline.json`` says of the time before the load that is needed after it; the file holds more.

    ``clock_offset_s``, ``clock_uncertainty_s``: Prometheus' clock, as `samples.ClockOffset` has it. ``targets``: labels
    of the targets that were up. ``under_way``: requests of an earlier load that the gateway had not got answers to.
    ``endpoints``: number of the models' metrics endpoints that could be read from here; 0 on a cluster.
    """

    schema: Literal[1]
    clock_offset_s: float
    clock_uncertainty_s: NonNegative
    targets: tuple[dict[str, str], ...] = ()
    under_way: Count = 0
    endpoints: Count = 0


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The contents of a run folder.

    ``batches``: the ledger's batches, which can be iterated any number of times; None if it cannot be read. ``cut``:
    where the ledger breaks off, as in `ledger.Ledger`. ``first_ns``: when the first event was sent, on the ledger's
    clock; None if there is no event. ``gates``: as the user wrote them. ``metric_map``: which series claim what; of the
    project's own names if the run names none, or one that is unreadable. ``problems``: what is wrong with a file, by
    file name, one line each. A file that was altered since it was sealed is not read, and if ``run.json`` was, none is.
    """

    run: Run
    metric_map: MetricMap
    batches: Iterable[pa.RecordBatch] | None
    cut: str | None
    first_ns: int | None
    samples: Samples | None
    offline: OfflineAnswers | None
    baseline: Baseline | None
    exposed: tuple[ExposedCounts, ...]
    gates: tuple[str, ...]
    problems: Mapping[str, str]


def read(folder: Path, run: Run) -> RunFiles:
    """The files in a run folder; ``run`` is its ``run.json``."""
    problems = _seal_problems(folder)
    unread = seal.SEALED if RUN_FILE in problems else tuple(problems)

    def attempt[T](name: str, reader: Callable[[], T], expected: type[Exception]) -> T | None:
        if name in unread:
            problems.setdefault(name, f"{name} was not read, because {RUN_FILE} is not the one that was sealed")
            return None
        try:
            return reader()
        except expected as error:
            problems[name] = str(error)
            return None

    stored = attempt(SAMPLES_FILE, lambda: samples.read(folder / SAMPLES_FILE), samples.SamplesError)
    answers = attempt(OFFLINE_FILE, lambda: offline.read(folder / OFFLINE_FILE), offline.OfflineError)
    baseline = attempt(BASELINE_FILE, lambda: _decoded(folder / BASELINE_FILE, "the baseline", Baseline), ValueError)
    scan = Scan(folder / LEDGER_FILE)
    first_ns = attempt(LEDGER_FILE, lambda: ledger_rules.check(scan, run), ledger.LedgerError)
    endpoints = attempt(EXPOSED_FILE, lambda: exposed.read(folder / EXPOSED_FILE), ValueError)
    gates = attempt(GATES_FILE, lambda: read_gates(folder), ValueError)
    chosen = attempt(RUN_FILE, lambda: metric_map.of_run(run.metrics), metric_map.MetricMapError)
    return RunFiles(
        run=run,
        metric_map=chosen or metric_map.load(metric_map.DEFAULT),
        batches=None if LEDGER_FILE in problems else scan,
        cut=scan.cut,
        first_ns=first_ns,
        samples=stored,
        offline=answers,
        baseline=baseline,
        exposed=endpoints if endpoints is not None else (),
        gates=gates if gates is not None else (),
        problems=problems,
    )


def read_gates(folder: Path) -> tuple[str, ...]:
    """The run's gates, as written. Raises ValueError if there is no such file, or if it is not a list of texts."""
    return _decoded(folder / GATES_FILE, "the gates", tuple[str, ...])


def _decoded[T](path: Path, what: str, kind: type[T]) -> T:
    """Content of a file. Raises ValueError, with one line, if it cannot be read or is not of ``kind``."""
    try:
        return decode(path.read_bytes(), kind)
    except OSError as error:
        raise ValueError(f"reading {what}: expected {path.name}, got: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"reading {what}: {path.name} is not what it should be: {error}") from error


def _seal_problems(folder: Path) -> dict[str, str]:
    """What is not as it was sealed, by file name; the seal itself, if there is none that can be read."""
    try:
        return seal.broken(folder)
    except seal.SealError as error:
        return {SEAL_FILE: str(error)}
