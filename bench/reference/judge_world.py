"""A clean run of any length, written as the folder that it would have left, without any server.

A primary and its shadow, every request acknowledged: pairs of prediction and feedback at an even rate, on held-out
rows drawn by chance. The ledger is written as the load generator writes it, in batches of as many events as that
flushes at once, so neither this nor the judge ever holds it whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from analysis.evidence import offline, samples
from analysis.evidence.samples import ClockOffset, Samples, Series
from analysis.record import ledger, runfolder, seal
from analysis.record.arrays import Codes, Ints
from analysis.record.arrow import of_numbers
from analysis.record.instants import rfc3339
from analysis.record.ledger import NO_CLASS, Kind
from analysis.record.ledger_file import LedgerWriter
from analysis.record.runfolder import PredictorSpec, RecorderReport, Run
from model.contract import CELLS, METRIC_OF_CELL

MS: Final = 10**6
SECOND: Final = 10**9
START_NS: Final = 1_800_000_000 * SECOND
ROWS: Final = 513
BATCH: Final = 4096
"""Events after which the load generator flushes; at `RATE` that is sooner than its other rule, each second."""
RATE: Final = 5000
"""Events per second of the run."""
SCRAPE_NS: Final = 5 * MS
MIRROR_NS: Final = 200 * MS
"""Longest that a copy for the shadow is under way."""
_CHUNK: Final = 32 * BATCH // 2
_PREDICTORS: Final = (
    PredictorSpec("default", "percept-model", "percept.joblib", shadow=False, traffic=100, replicas=1),
    PredictorSpec("shadow", "lr-model", "lr.joblib", shadow=True, traffic=100, replicas=1),
)


@dataclass(frozen=True, slots=True)
class Visits:
    """Some visits in a row, arrays of one length: the row asked about, and when each half was sent and done.

    ``first``: number of the first visit. ``late_ns``: from planned to sent.
    """

    first: int
    row: Ints
    late_ns: Ints
    asked_ns: Ints
    answered_ns: Ints
    told_ns: Ints
    done_ns: Ints


def visits(number: int, random: np.random.Generator) -> Iterator[Visits]:
    """All ``number`` visits, a chunk at a time."""
    apart_ns = 2 * SECOND // RATE
    for first in range(0, number, _CHUNK):
        size = min(_CHUNK, number - first)
        sent = START_NS + apart_ns * np.arange(first, first + size, dtype=np.int64)
        late, took, tells = (random.integers(0, limit * MS, size) for limit in (1, 20, 20))
        answered = sent + MS + took
        feedback = answered + MS
        yield Visits(first, random.integers(0, ROWS, size), late, sent, answered, feedback, feedback + MS + tells)


class Scraped:
    """Counts of one predictor at the scrapes of one interval, while the visits go by.

    A feedback is counted at some moment between its sending and its end (a mirrored one up to `MIRROR_NS` later),
    and a scrape reads at some moment between its begin and its end.
    """

    def __init__(self, interval_ns: int, until_ns: int, random: np.random.Generator) -> None:
        phase = int(random.integers(interval_ns // 2))
        self._begins = np.arange(START_NS - 2 * interval_ns + phase, until_ns + 3 * SECOND, interval_ns)
        self._reads = self._begins + random.integers(0, SCRAPE_NS, len(self._begins))
        self._new = np.zeros((len(self._reads) + 1, len(CELLS)), np.int64)

    def count(self, at_ns: Ints, cell: Ints) -> None:
        """Count feedback at the given moments; ``cell`` is an index into CELLS."""
        seen_by = np.searchsorted(self._reads, at_ns)
        self._new += np.bincount(seen_by * len(CELLS) + cell, minlength=self._new.size).reshape(self._new.shape)

    def series(self, name: str) -> list[Series]:
        """What Prometheus would have stored of it."""
        labels = {"job": "seldon", "instance": f"{name}:6000", "namespace": "seldon"}
        more = {"deployment_name": "metrics-model", "predictor_name": name, "worker_id": "0", "method": "feedback"}
        stamp, value = self._begins // MS, np.cumsum(self._new, axis=0)[:-1].astype(np.float64)
        ones = np.ones(len(stamp))
        return [
            Series("up", labels, stamp, ones),
            Series("scrape_duration_seconds", labels, stamp, ones * SCRAPE_NS / SECOND),
            *(Series(METRIC_OF_CELL[word], labels | more, stamp, value[:, i]) for i, word in enumerate(CELLS)),
        ]


def put(folders: dict[int, Path], events: int, seed: int = 0) -> None:
    """Write one run of ``events`` events into each of the folders, which are its scrape intervals in ns to where.

    The runs differ in their scrapes only; their ledger is one file under several names. ``events`` is even.
    """
    random = np.random.default_rng(seed)
    answers = _offline(random)
    until_ns = START_NS + events * SECOND // RATE + SECOND
    scraped = {
        predictor.name: {interval: Scraped(interval, until_ns, random) for interval in folders}
        for predictor in _PREDICTORS
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    first, *others = folders.values()
    last_ns = _put_ledger(first / runfolder.LEDGER_FILE, events, answers, scraped, random)
    for folder in others:
        os.link(first / runfolder.LEDGER_FILE, folder / runfolder.LEDGER_FILE)
    run = _run(events, seed, last_ns, answers)
    for interval, folder in folders.items():
        both = [by_interval[interval].series(name) for name, by_interval in scraped.items()]
        _put_rest(folder, run, answers, [stored for series in both for stored in series])


def _put_ledger(
    path: Path,
    events: int,
    answers: offline.OfflineAnswers,
    scraped: Mapping[str, Mapping[int, Scraped]],
    random: np.random.Generator,
) -> int:
    """Write the ledger and count its feedback; when the last event was done."""
    writer = LedgerWriter(path)
    last_ns = START_NS
    for some in visits(events // 2, random):
        last_ns = max(last_ns, int(some.done_ns.max()))
        for batch in _batches(some, answers):
            writer.append(batch)
        for predictor in _PREDICTORS:
            at = some.told_ns + random.integers(0, some.done_ns - some.told_ns)
            at += random.integers(0, MIRROR_NS, len(at)) * predictor.shadow
            cell = _cells(answers, predictor.artifact)[some.row]
            for target in scraped[predictor.name].values():
                target.count(at, cell)
    writer.close()
    return last_ns


def _put_rest(folder: Path, run: Run, answers: offline.OfflineAnswers, series: list[Series]) -> None:
    runfolder.write(folder, run)
    offline.write(folder / runfolder.OFFLINE_FILE, answers)
    samples.write(folder / runfolder.SAMPLES_FILE, Samples(tuple(series), ClockOffset(0.0, 0.001), "2.42.0"))
    about = {"schema": 1, "clock_offset_s": 0.0, "clock_uncertainty_s": 0.001}
    (folder / runfolder.BASELINE_FILE).write_text(json.dumps(about), encoding="utf-8")
    (folder / runfolder.GATES_FILE).write_text("[]", encoding="utf-8")
    seal.write(folder)


def _offline(random: np.random.Generator) -> offline.OfflineAnswers:
    """Held-out rows by chance; the primary errs on about one in ten, the shadow on one in twenty."""
    truth = (random.random(ROWS) < 0.63).astype(np.int16)
    answers = {}
    for predictor, errs in zip(_PREDICTORS, (0.1, 0.05), strict=True):
        predicted = np.where(random.random(ROWS) < errs, 1 - truth, truth).astype(np.int16)
        answers[predictor.artifact] = offline.ArtifactAnswers(
            predictor.artifact[0] * 64, predicted, (predicted - 0.5) * random.random(ROWS)
        )
    return offline.OfflineAnswers(np.arange(ROWS, dtype=np.int32), truth, (0, 1), 1, "h" * 64, answers)


def _cells(answers: offline.OfflineAnswers, artifact: str) -> Ints:
    """Index into CELLS of each row."""
    predicted = answers.answers[artifact].predicted
    names = np.where(predicted == answers.truth, "t", "f").astype(object) + np.where(predicted == 1, "p", "n")
    return np.array([CELLS.index(name) for name in names], np.int64)


def _batches(some: Visits, answers: offline.OfflineAnswers) -> Iterator[pa.RecordBatch]:
    """The visits' events in the order in which they ended, in batches as the load generator flushes them."""
    size = len(some.row)
    kind = np.repeat([Kind.PREDICT, Kind.FEEDBACK], size)
    sent = np.concatenate([some.asked_ns, some.told_ns])
    row = np.tile(some.row, 2)
    first = answers.answers[_PREDICTORS[0].artifact]
    columns: dict[str, Codes] = {
        "request": 2 * some.first + 2 * np.tile(np.arange(size), 2) + kind,
        "kind": kind,
        "row": row,
        "planned_ns": np.concatenate([some.asked_ns - some.late_ns, some.told_ns]),
        "sent_ns": sent,
        "done_ns": np.concatenate([some.answered_ns, some.done_ns]),
        "status": np.full(2 * size, 200),
        "predicted": np.where(kind == Kind.PREDICT, first.predicted[row], NO_CLASS),
        "truth": answers.truth[row],
    }
    score = np.where(kind == Kind.PREDICT, first.score[row], np.nan)
    order = np.argsort(columns["done_ns"], kind="stable")
    for at in range(0, len(order), BATCH):
        chosen = order[at : at + BATCH]
        zeros = np.zeros(len(chosen), np.int64)
        kept = {name: column[chosen] for name, column in columns.items()} | {"score": score[chosen]}
        arrays = [
            of_numbers(kept.get(field.name, zeros).astype(field.type.to_pandas_dtype())) for field in ledger.SCHEMA
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=ledger.SCHEMA)


def _run(events: int, seed: int, last_ns: int, answers: offline.OfflineAnswers) -> Run:
    return Run(
        id="bench", deployment="metrics-model", namespace="seldon", manifest="bench.yaml", manifest_sha256="m" * 64,
        predictors=_PREDICTORS, host="http://127.0.0.1:1", prometheus_url="http://127.0.0.1:2", seed=seed,
        options={"rate_per_s": RATE}, heldout="heldout.parquet", heldout_sha256=answers.heldout_sha256,
        artifacts={name: artifact.sha256 for name, artifact in answers.answers.items()}, versions={},
        started=rfc3339(START_NS / SECOND), ended=rfc3339(last_ns / SECOND), stop="finished",
        recorder=RecorderReport(events, 0, 1, 0, 0.1),
    )  # fmt: skip
