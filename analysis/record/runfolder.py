"""The run folder: the names of its files, and ``run.json``, which says what was asked for and what was recorded.

The load generator writes ``run.json`` twice: when the run starts (``ended`` and ``recorder`` are null) and when it has
drained. If the second writing is missing, the run was cut short, and the judge says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from analysis.record.decoding import Count, NonNegative, Percent, Plain, convert, decode
from analysis.record.instants import epoch_s
from model.atomic import write_text
from model.installation import COMMAND

SCHEMA_VERSION: Final = 1
RUN_FILE: Final = "run.json"
LEDGER_FILE: Final = "ledger.arrow"
SAMPLES_FILE: Final = "samples.parquet"
OFFLINE_FILE: Final = "offline.parquet"
BASELINE_FILE: Final = "baseline.json"
GATES_FILE: Final = "gates.json"
"""Gates that the run is judged by, so that a copied folder is judged by the same."""
EXPOSED_FILE: Final = "exposed.json"
SEAL_FILE: Final = "seal.json"
RESULT_FILE: Final = "result.json"
LOGS_FOLDER: Final = "logs"

Stop = Literal["finished", "interrupted", "failed"]


class RunFolderError(Exception):
    """The folder is not a run, or its ``run.json`` is not readable; one line says why and what to do."""


@dataclass(frozen=True, slots=True)
class PredictorSpec:
    """One predictor of the manifest. ``traffic``: percent of live traffic, or mirrored percent of a shadow."""

    name: str
    model: str
    artifact: str
    shadow: bool
    traffic: Percent
    replicas: Count


@dataclass(frozen=True, slots=True)
class RecorderReport:
    """What the load generator reports of its recording.

    ``events``: rows handed to the ledger. ``unrecorded``: attempts that it could not record. ``workers``,
    ``workers_lost``: generator processes at the start, and those that never sent their last report. ``cpu_share``:
    highest share of one core that a generator process used over the run. ``dropped``: visits of an open loop that were
    due while too many were in flight; they were not sent. ``waited_share``: largest share of the run for which a
    generator process waited for a CPU that others had; None if the kernel does not say. ``broken_off``: visits that an
    exception in the load generator ended. ``clock_offset_s``: of the worker whose clock was furthest off the master's,
    taken off the times of its events; ``clock_uncertainty_s``: how far a corrected time may be off, either way.
    ``users``: of a closed loop, the most users that visited at once; None in a folder of an earlier version.
    """

    events: Count
    unrecorded: Count
    workers: Count
    workers_lost: Count
    cpu_share: NonNegative
    dropped: Count = 0
    waited_share: NonNegative | None = None
    broken_off: Count = 0
    clock_offset_s: float = 0.0
    clock_uncertainty_s: NonNegative = 0.0
    users: Count | None = None


@dataclass(frozen=True, slots=True)
class FirstFailure:
    """The first failed request of a kind and status in a generator process.

    ``kind``: predict or feedback. ``status``: as in the ledger. ``reason``: one line of the answer, or what was wrong.
    """

    kind: str
    status: Count
    reason: str


@dataclass(frozen=True, slots=True)
class AnswersSource:
    """A file from which the expected answers of an artefact come, in place of the artefact itself."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """All of ``run.json``. Times are RFC 3339 UTC.

    ``options``: the options of the load, by name with unit; the file calls them ``asked``. ``served_tags``: the
    distinct ``meta.tags`` of answers, each a flat mapping. ``failures``: one of each kind and status. ``artifacts``:
    SHA-256 of each artefact named by a predictor, as its card gives it. ``cards``: SHA-256 of what the card of each
    says; empty in a folder of an earlier version. ``rate_planned_per_s``: mean rate of requests
    that was planned for an open loop; None for a closed loop and for a trace. ``calibration``: what one generator
    process can send to a server that costs nothing, measured before the start by `locustfiles.calibration.measure`;
    None without such a measurement. ``metrics``: name and text of the metric map; empty for the project's own names.
    ``sources``: of each artefact whose expected answers come from a file.
    """

    id: str
    deployment: str
    namespace: str
    manifest: str
    manifest_sha256: str
    predictors: tuple[PredictorSpec, ...]
    host: str
    prometheus_url: str
    seed: int
    options: dict[str, Any]
    heldout: str
    heldout_sha256: str
    artifacts: dict[str, str]
    versions: dict[str, str]
    started: str
    ended: str | None = None
    stop: Stop | None = None
    recorder: RecorderReport | None = None
    served_tags: tuple[dict[str, str], ...] = ()
    failures: tuple[FirstFailure, ...] = ()
    cards: dict[str, str] = field(default_factory=dict)
    rate_planned_per_s: float | None = None
    calibration: dict[str, Any] | None = None
    metrics: dict[str, str] = field(default_factory=dict)
    sources: dict[str, AnswersSource] = field(default_factory=dict)

    def finished(
        self,
        *,
        ended: str,
        stop: Stop,
        recorder: RecorderReport,
        served_tags: tuple[dict[str, str], ...],
        failures: tuple[FirstFailure, ...] = (),
    ) -> Run:
        """This run with its end: the fields of the second writing."""
        return replace(self, ended=ended, stop=stop, recorder=recorder, served_tags=served_tags, failures=failures)


def run_id(seconds: float, deployment: str) -> str:
    """Name of a run folder: UTC time to the millisecond, then the deployment."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z-{deployment}"


WRITTEN: Final = (
    RUN_FILE, LEDGER_FILE, SAMPLES_FILE, OFFLINE_FILE, BASELINE_FILE, EXPOSED_FILE, SEAL_FILE, RESULT_FILE,
    "report.html", "report.md", "junit.xml",
)  # fmt: skip
"""What a run leaves, apart from the gates, which may be there before it."""


def check_unused(folder: Path, besides: Sequence[str] = ()) -> None:
    """Raise `RunFolderError` if the folder is there and holds anything: a user's files are never written over.

    ``besides``: names that may be there.
    """
    try:
        names = sorted({path.name for path in folder.iterdir()} - set(besides))
    except OSError:  # there is none, or `make_folder` says what is wrong with it
        return
    if names:
        holding = "a run" if RUN_FILE in names else names[0]
        raise RunFolderError(
            f"making the run folder: expected a new or an empty one, got {folder}, which holds {holding}. Name another."
        )


def make_folder(folder: Path, *, occupied_by: Sequence[str] = WRITTEN) -> None:
    """Make a run folder with its folder of logs; an existing folder that holds no run is accepted.

    ``occupied_by``: names of files that must not be there. Raises `RunFolderError` if one is, or if the folder cannot
    be made.
    """
    if any((folder / name).exists() for name in occupied_by):
        raise RunFolderError(
            f"making the run folder: expected a new one, got {folder}, which holds a run. Name another."
        )
    try:
        (folder / LOGS_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"making the run folder {folder}: {error.strerror}.") from error


def write(folder: Path, run: Run) -> None:
    """Write ``run.json``, whole or not at all."""
    values = {KEY_OF_FIELD.get(name, name): value for name, value in asdict(run).items()}
    text = json.dumps({"schema": SCHEMA_VERSION, **values}, indent=1, sort_keys=True)
    write_text(folder / RUN_FILE, text + "\n")


def read(folder: Path) -> Run:
    """Run in ``folder``. Raises `RunFolderError` when there is none or it is of another schema."""
    path = folder / RUN_FILE
    try:
        raw = decode(path.read_bytes(), object)
    except OSError as error:
        raise RunFolderError(
            f"reading a run: expected a run folder with {RUN_FILE}, got {folder}: {_unread(folder, error)}. "
            f"Name one under runs/, or start one with `{COMMAND} loadtest`."
        ) from error
    except ValueError as error:
        raise RunFolderError(f"reading a run: expected JSON in {path}, got: {error}.") from error
    if not isinstance(raw, dict) or raw.get("schema") is True or raw.get("schema") != SCHEMA_VERSION:
        version = raw.get("schema") if isinstance(raw, dict) else type(raw).__name__
        raise RunFolderError(f"reading a run: expected schema {SCHEMA_VERSION} in {path}, got {version!r}.")
    return _run_of(raw, path)


def _unread(folder: Path, error: OSError) -> str:
    """Why ``run.json`` was not read. The system's own words do not say whether folder or file is missing."""
    if isinstance(error, FileNotFoundError) and folder.is_dir():
        return f"there is no {RUN_FILE} in it"
    if isinstance(error, IsADirectoryError):
        return f"its {RUN_FILE} is a folder"
    return error.strerror or str(error)


KEY_OF_FIELD: Final = {"options": "asked"}
"""Key in ``run.json`` of each field of `Run` that has another name there."""


def _run_of(raw: dict[str, Any], path: Path) -> Run:
    """The run in the content of the file, of which every field has its type. Raises `RunFolderError` if one has not."""
    keys = {KEY_OF_FIELD.get(field.name, field.name): field.name for field in fields(Run)}
    try:
        run = convert({keys[key]: value for key, value in raw.items() if key in keys}, Run)
        for plain in (run.options, run.calibration or {}):
            convert(plain, dict[str, Plain])
        names = [predictor.name for predictor in run.predictors]
        if len(set(names)) < len(names):
            raise ValueError(f"two predictors have one name: {', '.join(names)}")
        for moment in (run.started, run.ended):
            if moment is not None:
                epoch_s(moment)
    except ValueError as error:
        message = str(error)
        for key, name in keys.items():
            message = message.replace(f"`$.{name}", f"`$.{key}")
        raise RunFolderError(f"reading a run: {path} lacks or garbles a field: {message}.") from error
    return run


RUNS: Final = Path("runs")
LATEST_LINK: Final = "latest"


def forget_latest(folder: Path, runs: Path = RUNS) -> None:
    """Remove ``runs/latest`` if ``folder``, in which a run is about to begin, lies in ``runs/``.

    If the run ends before its ``run.json`` is written, the verdict of an earlier run is not taken for its own.
    """
    if folder.parent == runs.resolve() and (runs / LATEST_LINK).is_symlink():
        (runs / LATEST_LINK).unlink(missing_ok=True)


def point_latest(folder: Path, runs: Path = RUNS) -> None:
    """Make ``runs/latest`` point at ``folder``, which holds a ``run.json``, if it lies in ``runs/``.

    Two runs that start together may both try.
    """
    if folder.parent != runs.resolve():
        return
    temporary = runs / f".{LATEST_LINK}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(folder, runs.resolve()))
    temporary.replace(runs / LATEST_LINK)
