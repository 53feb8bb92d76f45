"""A world to judge: a ledger and a true counter process, as the run folder that they would leave.

No server is involved. The counter process is true by construction: each acknowledged feedback is counted
once, somewhere between its sending and its end; each scrape reads the counts somewhere within its
duration. A fault is a change to what was counted or stored, made before the folder is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from analysis.evidence import files, offline, samples
from analysis.evidence.arrange import arrange
from analysis.evidence.evidence import Evidence
from analysis.evidence.samples import ClockOffset, Samples, Series
from analysis.judge.registry import judge, verdict
from analysis.record import runfolder, seal
from analysis.record.arrays import Ints
from analysis.record.instants import rfc3339
from analysis.record.ledger import NO_CLASS, Kind, Outcome
from analysis.record.ledger_file import LedgerWriter
from analysis.record.runfolder import FirstFailure, PredictorSpec, RecorderReport, Run
from analysis.verdict import Finding, Verdict
from events import Event, batch_of_events
from model.contract import CELLS, METRIC_OF_CELL, TAG_ARTIFACT, TAG_DIGEST

START_NS = 1_800_000_000 * 10**9
MS = 10**6
SECOND = 10**9
ROWS = 12
SAME_CLOCK = ClockOffset(0.0, 0.0)
PRIMARY = PredictorSpec("default", "percept-model", "percept.joblib", shadow=False, traffic=100, replicas=1)
SHADOW = PredictorSpec("shadow", "lr-model", "lr.joblib", shadow=True, traffic=100, replicas=1)


@dataclass(frozen=True)
class Count:
    """One increment: when, at which target, in which worker, of which cell (index into CELLS)."""

    at_ns: int
    target: int
    worker: int
    cell: int


@dataclass(frozen=True)
class World:
    """Everything that is put into the folder. ``counts``: per predictor. ``prior``: counts before the run.

    ``predict_ratio``: as asked; None for 1 if there are predictions, else 0. ``duration_s``: as asked.
    ``planned_per_s``: requests that an open loop planned; None for a closed one. ``options``: others of the load.
    ``known``: artefacts whose offline answers are there besides those of the predictors.
    """

    events: tuple[Event, ...]
    counts: dict[str, tuple[Count, ...]]
    predictors: tuple[PredictorSpec, ...] = (PRIMARY,)
    targets: int = 1
    interval_ns: int = SECOND
    seed: int = 0
    clock: ClockOffset = SAME_CLOCK
    prior: int = 0
    duration_ns: int = 5 * MS
    stop: runfolder.Stop = "finished"
    recorder: RecorderReport | None = None
    tags: tuple[dict[str, str], ...] = ()
    failures: tuple[FirstFailure, ...] = ()
    known: tuple[str, ...] = ()
    predict_ratio: float | None = None
    duration_s: float | None = None
    planned_per_s: float | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    alter: Callable[[list[Series]], list[Series]] = field(default=lambda series: series)


def answers(name: str) -> offline.ArtifactAnswers:
    """Offline answers of an artefact on ROWS rows: the perceptron errs on 1 and 2, the regression on 2, 3, 5."""
    truth = np.arange(ROWS) % 2
    wrong = {"percept.joblib": [1, 2], "lr.joblib": [2, 3, 5]}.get(name, [])
    predicted = truth.copy()
    predicted[wrong] = 1 - predicted[wrong]
    return offline.ArtifactAnswers(name[0] * 64, predicted.astype(np.int16), (predicted - 0.5) * (1 + np.arange(ROWS)))


def truth_of(row: int) -> int:
    return row % 2


def cell_of(artifact: str, row: int, truth: int) -> int:
    """Index into CELLS, computed in the slow and obvious way."""
    predicted = int(answers(artifact).predicted[row])
    name = ("t" if predicted == truth else "f") + ("p" if predicted == 1 else "n")
    return [str(cell) for cell in CELLS].index(name)


def event(
    kind: Kind, row: int, sent_ns: int, done_ns: int, outcome: Outcome = Outcome.ACKNOWLEDGED, **more: int
) -> Event:
    predicted = NO_CLASS
    if kind is Kind.PREDICT and outcome is Outcome.ACKNOWLEDGED:
        predicted = int(answers(PRIMARY.artifact).predicted[row % ROWS])
    status = {Outcome.ACKNOWLEDGED: 200, Outcome.REFUSED: 400, Outcome.INDETERMINATE: 0}[outcome]
    values: dict[str, int] = {"worker": 0, "request": 0, "position": 0, "predicted": predicted} | more
    return Event(
        kind=kind, row=row, planned_ns=sent_ns, sent_ns=sent_ns, done_ns=done_ns, outcome=outcome,
        status=status, truth=truth_of(row), score=float("nan"), **values,
    )  # fmt: skip


def load_of(number: int, seed: int = 0, *, span_s: float = 10.0, indeterminate: int = 0) -> tuple[Event, ...]:
    """Pairs of prediction and feedback on rows in turn, sent evenly over the span; the last few of unknown outcome."""
    random = np.random.default_rng(seed)
    events = []
    for i in range(number):
        at = START_NS + int(i * span_s * SECOND / number)
        took = int(random.integers(1, 20)) * MS
        outcome = Outcome.INDETERMINATE if i >= number - indeterminate else Outcome.ACKNOWLEDGED
        events.append(event(Kind.PREDICT, i % ROWS, at, at + took, request=2 * i))
        sent = at + took + MS
        events.append(event(Kind.FEEDBACK, i % ROWS, sent, sent + took, outcome, request=2 * i + 1))
    return tuple(events)


def true_counts(
    events: Iterable[Event], predictor: PredictorSpec, seed: int = 0, *, targets: int = 1, workers: int = 1
) -> tuple[Count, ...]:
    """A counter process that could have been: an indeterminate event is counted or not, by chance."""
    random = np.random.default_rng(seed)
    counts = []
    for event in events:
        chance, target, worker, late = (
            random.random(),
            random.integers(targets),
            random.integers(workers),
            random.random(),
        )
        if event.kind is not Kind.FEEDBACK or event.outcome is Outcome.REFUSED:
            continue
        if event.outcome is Outcome.INDETERMINATE and chance < 0.5:
            continue
        at = event.sent_ns + int(late * (event.done_ns - event.sent_ns))
        if predictor.shadow:
            at += int(late * 2 * SECOND)
        counts.append(Count(at, int(target), int(worker), cell_of(predictor.artifact, event.row, event.truth)))
    return tuple(counts)


def world(
    events: Sequence[Event],
    predictors: Sequence[PredictorSpec] = (PRIMARY,),
    seed: int = 0,
    *,
    targets: int = 1,
    workers: int = 1,
) -> World:
    """A true world of the events."""
    counts = {
        predictor.name: true_counts(events, predictor, seed, targets=targets, workers=workers)
        for predictor in predictors
    }
    return World(tuple(events), counts, tuple(predictors), targets=targets, seed=seed)


def put(folder: Path, world: World) -> Run:
    """Write the run folder of the world, and seal it."""
    run = _run(world)
    runfolder.write(folder, run)
    writer = LedgerWriter(folder / runfolder.LEDGER_FILE)
    for at in range(0, len(world.events), 7):
        writer.append(batch_of_events(world.events[at : at + 7]))
    writer.close()
    truth = (np.arange(ROWS) % 2).astype(np.int16)
    names = {*(predictor.artifact for predictor in world.predictors), *world.known}
    offline.write(
        folder / runfolder.OFFLINE_FILE,
        offline.OfflineAnswers(
            np.arange(ROWS, dtype=np.int32), truth, (0, 1), 1, "h" * 64, {name: answers(name) for name in names}
        ),
    )
    stored = Samples(tuple(world.alter(series_of(world))), world.clock, "2.42.0")
    samples.write(folder / runfolder.SAMPLES_FILE, stored)
    about = {
        "schema": 1,
        "clock_offset_s": world.clock.offset_s,
        "clock_uncertainty_s": world.clock.uncertainty_s,
        "targets": [dict(up.labels) for up in stored.of("up") if up.time_ms[0] < world.clock.prometheus_ms(START_NS)],
    }
    (folder / runfolder.BASELINE_FILE).write_text(json.dumps(about), encoding="utf-8")
    (folder / runfolder.GATES_FILE).write_text("[]", encoding="utf-8")
    seal.write(folder)
    return run


def reseal(folder: Path) -> None:
    """Seal the folder as it is now, whatever it was before."""
    (folder / runfolder.SEAL_FILE).unlink(missing_ok=True)
    seal.write(folder)


def judged(folder: Path, world: World) -> tuple[Verdict, tuple[Finding, ...]]:
    """Verdict and findings of the world's run folder."""
    findings = judge(evidence_of(folder, world))
    return verdict(findings), findings


def evidence_of(folder: Path, world: World) -> Evidence:
    folder.mkdir(parents=True, exist_ok=True)
    return arrange(files.read(folder, put(folder, world)))


def _run(world: World) -> Run:
    last = max((event.done_ns for event in world.events), default=START_NS)
    artifacts = {predictor.artifact: answers(predictor.artifact).sha256 for predictor in world.predictors}
    primary = world.predictors[0].artifact
    predicts = float(any(event.kind is Kind.PREDICT for event in world.events))
    share = predicts if world.predict_ratio is None else world.predict_ratio
    options = {"predict_ratio": share, "duration_s": world.duration_s, "users": 4, "rate_per_s": world.planned_per_s}
    return Run(
        id="a-run", deployment="metrics-model", namespace="seldon", manifest="m.yaml", manifest_sha256="m" * 64,
        predictors=world.predictors, host="http://127.0.0.1:1", prometheus_url="http://127.0.0.1:2", seed=0,
        options={**options, **world.options}, heldout="heldout.parquet", heldout_sha256="h" * 64, artifacts=artifacts,
        rate_planned_per_s=world.planned_per_s,
        versions={"python": "3.12"}, started=rfc3339(START_NS / 1e9), ended=rfc3339(last / 1e9),
        stop=world.stop,
        recorder=world.recorder or RecorderReport(len(world.events), 0, 1, 0, 0.1),
        failures=world.failures,
        served_tags=world.tags or ({TAG_ARTIFACT: primary, TAG_DIGEST: artifacts[primary]},),
    )  # fmt: skip


def series_of(world: World, read_seed: int | None = None) -> list[Series]:
    """What Prometheus would have stored: scrapes of every target from before the run until after its end.

    ``read_seed``: the values are read at other moments of the same scrapes.
    """
    moments = np.random.default_rng(read_seed)
    random = np.random.default_rng(world.seed + 1)
    series = []
    ends = [event.done_ns for event in world.events] + [
        count.at_ns for counts in world.counts.values() for count in counts
    ]
    last = max(ends, default=START_NS)
    for predictor in world.predictors:
        for target in range(world.targets):
            phase = int(random.integers(world.interval_ns))
            begins = np.arange(
                START_NS - 2 * world.interval_ns + phase, last + 3 * world.interval_ns, world.interval_ns
            )
            begins = begins - 20 * MS  # so that a scrape ends before the first event
            reads = begins + random.integers(0, world.duration_ns + 1, len(begins))
            if read_seed is not None:
                reads = begins + moments.integers(0, world.duration_ns + 1, len(begins))
            series += _target_series(world, predictor.name, target, begins, reads)
    return series


def _target_series(world: World, name: str, target: int, begins: Ints, reads: Ints) -> list[Series]:
    names = [predictor.name for predictor in world.predictors]
    labels = {"job": "seldon", "instance": f"10.0.0.{target}:{6000 + names.index(name)}", "namespace": "seldon"}
    stamp = (begins + int(world.clock.offset_s * 1e9)) // MS
    took = np.full(len(stamp), world.duration_ns / 1e9)
    series = [Series("up", labels, stamp, np.ones(len(stamp))), Series("scrape_duration_seconds", labels, stamp, took)]
    mine = [count for count in world.counts[name] if count.target == target]
    for worker in sorted({event.worker for event in mine} | ({0} if world.prior else set())):
        for cell, word in enumerate(CELLS):
            at = np.array(
                sorted(event.at_ns for event in mine if event.cell == cell and event.worker == worker), np.int64
            )
            value = np.searchsorted(at, reads, "right") + world.prior * (worker == 0)
            first = min((event.at_ns for event in mine if event.worker == worker), default=0)
            shown = (reads >= first) | (world.prior > 0 and worker == 0)
            more = {
                "deployment_name": "metrics-model",
                "predictor_name": name,
                "worker_id": str(worker),
                "method": "feedback",
            }
            if shown.any():
                series.append(
                    Series(METRIC_OF_CELL[word], labels | more, stamp[shown], value[shown].astype(np.float64))
                )
    return series


def with_counts(world: World, name: str, counts: Sequence[Count]) -> World:
    return replace(world, counts={**world.counts, name: tuple(counts)})
