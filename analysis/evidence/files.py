"""Everything that a run left behind, read once. After this nothing reads a file, apart from the ledger's second pass.

A file that is missing or unreadable is not an exception here. It is an entry of `RunFiles.problems`, and a check turns
it into a finding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from analysis.evidence import exposed, offline, samples
from analysis.evidence.exposed import EXPOSED_FILE, ExposedCounts
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import Samples
from analysis.record import ledger
from analysis.record.arrow import to_numpy
from analysis.record.ledger_file import Scan
from analysis.record.runfolder import BASELINE_FILE, GATES_FILE, LEDGER_FILE, OFFLINE_FILE, SAMPLES_FILE, Run


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The contents of a run folder.

    ``batches``: the ledger's batches, which can be iterated any number of times; None if it cannot be read.
    ``cut``: where the ledger breaks off, as in `ledger.Ledger`. ``first_ns``: when the first event was sent, on the
    ledger's clock; None if there is no event. ``gates``: as the user wrote them.
    ``problems``: what could not be read, by file name, one line each.
    """

    run: Run
    batches: Iterable[pa.RecordBatch] | None
    cut: str | None
    first_ns: int | None
    samples: Samples | None
    offline: OfflineAnswers | None
    baseline: Mapping[str, Any]
    exposed: tuple[ExposedCounts, ...]
    gates: tuple[str, ...]
    problems: Mapping[str, str]


def read(folder: Path, run: Run) -> RunFiles:
    """The files in a run folder; ``run`` is its ``run.json``."""
    problems: dict[str, str] = {}

    def attempt[T](name: str, reader: Callable[[], T], error: type[Exception]) -> T | None:
        try:
            return reader()
        except error as reason:
            problems[name] = str(reason)
            return None

    stored = attempt(SAMPLES_FILE, lambda: samples.read(folder / SAMPLES_FILE), samples.SamplesError)
    answers = attempt(OFFLINE_FILE, lambda: offline.read(folder / OFFLINE_FILE), offline.OfflineError)
    baseline = attempt(BASELINE_FILE, lambda: _baseline(folder / BASELINE_FILE), ValueError)
    scan = Scan(folder / LEDGER_FILE)
    first_ns = attempt(LEDGER_FILE, lambda: first_sent(scan), ledger.LedgerError)
    endpoints = attempt(EXPOSED_FILE, lambda: exposed.read(folder / EXPOSED_FILE), ValueError)
    gates = attempt(GATES_FILE, lambda: read_gates(folder), ValueError)
    return RunFiles(
        run=run,
        batches=None if LEDGER_FILE in problems else scan,
        cut=scan.cut,
        first_ns=first_ns,
        samples=stored,
        offline=answers,
        baseline=baseline or {},
        exposed=endpoints or (),
        gates=gates or (),
        problems=problems,
    )


def read_gates(folder: Path) -> tuple[str, ...]:
    """The run's gates, as written; empty without such a file. Raises ValueError for a file that is not a list."""
    try:
        content = json.loads((folder / GATES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    if not isinstance(content, list) or not all(isinstance(gate, str) for gate in content):
        raise ValueError(f"reading gates: expected a list of texts in {folder / GATES_FILE}, got something else.")
    return tuple(content)


def first_sent(batches: Iterable[pa.RecordBatch]) -> int | None:
    """When the first event was sent, on the ledger's clock; None for an empty ledger."""
    firsts = [int(to_numpy(batch.column("sent_ns")).min()) for batch in batches if batch.num_rows]
    return min(firsts, default=None)


def _baseline(path: Path) -> dict[str, Any]:
    """Content of ``baseline.json``; empty if it is JSON but no object. Raises ValueError if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"reading the baseline: expected JSON in {path}, got: {error}") from error
    return content if isinstance(content, dict) else {}
