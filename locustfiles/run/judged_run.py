"""One run, from its folder to its verdict: run.json, baseline, ledger, judging. On the controlling process only."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from analysis.claims import metric_map
from analysis.record import runfolder
from analysis.record.instants import rfc3339
from analysis.record.runfolder import (
    AnswersSource,
    FirstFailure,
    PredictorSpec,
    RecorderReport,
    Run,
    RunFolderError,
    Stop,
)
from locustfiles.calibration.calibration import CALIBRATING_ENV, CALIBRATION_FILE, Calibration, CalibrationProcess
from locustfiles.drive.plan import WorkerPlan
from locustfiles.drive.recorder import EventTotals, LedgerFile, Tags
from locustfiles.load.options import LoadOptions
from locustfiles.load.schedule import planned_per_s
from locustfiles.run.analysis_stages import start_judge, take_baseline
from locustfiles.run.setup import Setup, SetupError, calibration_plan
from model.artifact import card_digest
from model.installation import COMMAND

PACKAGES: Final = ("locust", "gevent", "grpcio", "httptools", "numpy", "pyarrow", "scikit-learn", "seldon-core")
INCONCLUSIVE: Final = 4


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the options ask for, apart from the load itself.

    ``folder``: the run folder; empty for a new one under ``runs/``. ``calibrate``: measure the generator before an open
    loop. ``judge``: take a baseline before and judge after; without it the load is only recorded. ``files``: path of
    each file and folder that the user named, by option, to be named again when the run is repeated.
    """

    host: str
    prometheus_url: str
    folder: str
    users: int
    spawn_rate_per_s: float
    duration_s: float | None
    processes: int
    calibrate: bool = True
    judge: bool = True
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgeOutput:
    """``code``: exit code of the judging. ``text``: what it printed."""

    code: int
    text: str


class JudgedRun:
    """One run. ``judge``: the process of its judging, which waits for the end of the load; None if none is wanted."""

    def __init__(self, folder: Path, run: Run, setup: Setup, judge: subprocess.Popen[str] | None) -> None:
        self.folder = folder
        self.run = run
        self._setup = setup
        self._judge = judge
        self.ledger: LedgerFile | None = None
        self.calibration: Calibration | None = None

    def calibrated(self, calibration: Calibration | None) -> None:
        """Note what the generator can send, if that was measured."""
        self.calibration = calibration
        if calibration is not None:
            self.run = replace(self.run, calibration=asdict(calibration))
            runfolder.write(self.folder, self.run)

    def begin(self) -> None:
        """Open the ledger: the load is about to start."""
        self.ledger = LedgerFile(self.folder / runfolder.LEDGER_FILE)

    @property
    def timeout_s(self) -> float:
        """How long a request in flight may take."""
        return self._setup.load.timeout_s

    @property
    def duration_s(self) -> float | None:
        """How long the load lasts; None if that was not given."""
        duration_s: float | None = self.run.options["duration_s"]
        return duration_s

    def counts(self) -> EventTotals:
        """Totals of the ledger so far."""
        return self.ledger.counts if self.ledger is not None else EventTotals()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch to the ledger; raises ``OSError`` if that fails."""
        assert self.ledger is not None  # noqa: S101 - the run has begun
        self.ledger.append(batch)

    @property
    def load(self) -> LoadOptions:
        """The options of the load."""
        return self._setup.load

    def plan(self, worker: int, workers: int) -> WorkerPlan:
        """The plan of generator process ``worker`` of ``workers``; when to begin is sent later."""
        setup = self._setup
        return WorkerPlan(
            run=self.run.id,
            worker=worker,
            workers=workers,
            start_ns=time.time_ns(),
            host=self.run.host,
            namespace=self.run.namespace,
            deployment=self.run.deployment,
            heldout=str(setup.heldout_path),
            heldout_sha256=setup.heldout.sha256,
            features=setup.card.features,
            types=setup.card.feature_types,
            classes=setup.card.classes,
            load=setup.load,
            duration_s=self.duration_s if setup.load.open else None,
        )

    def end(
        self, stop: Stop, recorder: RecorderReport, tags: Sequence[Tags], failures: tuple[FirstFailure, ...]
    ) -> None:
        """Close the ledger and complete ``run.json``."""
        if self.ledger is not None:
            self.ledger.close()
        self.run = self.run.finished(
            ended=rfc3339(time.time()),
            stop=stop,
            recorder=recorder,
            served_tags=tuple(dict(pairs) for pairs in tags),
            failures=failures,
        )
        runfolder.write(self.folder, self.run)

    def judge(self, limit_s: float | None = None) -> JudgeOutput:
        """The output of ``python -m analysis finish``; after ``limit_s``, a Ctrl-C or `abandon` it is ended unfinished.

        A run that is not judged ends as INCONCLUSIVE: exit code 0 is kept for a PASS.
        """
        if self._judge is None:
            return _inconclusive(f"recorded and not judged, as --no-judge asks: {self.folder}")
        ending = "finished" if self.run.stop == "finished" else "interrupted"
        try:
            output, _ = self._judge.communicate(ending + "\n", timeout=limit_s)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self.abandon()
            output, _ = self._judge.communicate()
        if self._judge.returncode >= 0:
            return JudgeOutput(self._judge.returncode, output)
        advice = f"To continue: {COMMAND} collect {self.folder}, then {COMMAND} judge {self.folder}"
        return _inconclusive(f"the judging was interrupted. {advice}", output)

    def abandon(self) -> None:
        """End the judging, if it has not ended."""
        if self._judge is not None and self._judge.poll() is None:
            self._judge.kill()


def _inconclusive(reason: str, output: str = "") -> JudgeOutput:
    """The output of a judging that came to no end, after what it has printed."""
    return JudgeOutput(INCONCLUSIVE, f"{output}INCONCLUSIVE: {reason}\n  exit code {INCONCLUSIVE}\n")


def make_run(setup: Setup, request: RunRequest) -> JudgedRun:
    """A new run, with its folder, its first ``run.json`` and its baseline. Raises `SetupError` if that fails."""
    now = time.time()
    deployment = setup.deployment
    name = runfolder.run_id(now, deployment.name)
    folder = Path(request.folder) if request.folder else runfolder.RUNS / name
    try:
        runfolder.make_folder(folder)
    except RunFolderError as error:
        raise SetupError(str(error)) from error
    run = _run_of(setup, request, folder.resolve().name if request.folder else name, now)
    runfolder.write(folder, run)
    runfolder.point_latest(folder.resolve())  # also if this run never gets a verdict: the last one's is not this one's
    judge = start_judge(folder.resolve()) if request.judge else None
    judged_run = JudgedRun(folder.resolve(), run, setup, judge)
    calibrating = _calibrating(setup, folder / runfolder.LOGS_FOLDER) if request.calibrate and setup.load.open else None
    try:
        if request.judge:
            take_baseline(folder.resolve())
        if calibrating is not None:
            judged_run.calibrated(calibrating.result())
    except BaseException:
        if judge is not None:
            judge.kill()
            judge.communicate()
        if calibrating is not None:
            calibrating.end()
        raise
    return judged_run


def _calibrating(setup: Setup, logs: Path) -> CalibrationProcess:
    """The calibration that the front door has begun, else a new one."""
    path = logs.resolve() / CALIBRATION_FILE
    if os.environ.get(CALIBRATING_ENV) == str(path):
        return CalibrationProcess(path)
    return CalibrationProcess.begin(calibration_plan(setup), path)


def _run_of(setup: Setup, request: RunRequest, name: str, now: float) -> Run:
    deployment = setup.deployment
    return Run(
        id=name,
        deployment=deployment.name,
        namespace=deployment.namespace,
        manifest=str(setup.manifest),
        manifest_sha256=deployment.sha256,
        predictors=tuple(
            PredictorSpec(
                predictor.name,
                predictor.model,
                setup.expected[predictor.name].artifact,
                predictor.shadow,
                predictor.traffic,
                predictor.replicas,
            )
            for predictor in deployment.predictors
        ),
        host=request.host,
        prometheus_url=request.prometheus_url,
        seed=setup.load.seed,
        options=_options(setup, request),
        heldout=str(setup.heldout_path),
        heldout_sha256=setup.heldout.sha256,
        artifacts={given.artifact: given.card.sha256 for given in setup.expected.values()},
        cards={given.artifact: card_digest(given.card) for given in setup.expected.values()},
        sources={
            given.artifact: AnswersSource(str(given.path), given.sha256)
            for given in setup.expected.values()
            if given.from_file
        },
        versions=_versions(),
        started=rfc3339(now),
        metrics=metric_map.recorded(setup.metrics),
        rate_planned_per_s=planned_per_s(setup.load, request.duration_s),
    )


def _options(setup: Setup, request: RunRequest) -> dict[str, Any]:
    return setup.load.as_dict() | {
        "users": request.users,
        "spawn_rate_per_s": request.spawn_rate_per_s,
        "duration_s": request.duration_s,
        "processes": request.processes,
        **request.files,
    }


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES}
