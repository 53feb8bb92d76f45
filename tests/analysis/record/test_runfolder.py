"""run.json: what is written is read back, and what is not a run is refused in one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from analysis.record import runfolder
from analysis.record.instants import rfc3339
from analysis.record.runfolder import PredictorSpec, RecorderReport, Run, RunFolderError

RUN = Run(
    id="20261123T000000000Z-d",
    deployment="d",
    namespace="seldon",
    manifest="m.yaml",
    manifest_sha256="ab",
    predictors=(PredictorSpec("default", "percept", "p.joblib", shadow=False, traffic=100, replicas=2),),
    host="http://h",
    prometheus_url="http://p",
    seed=3,
    options={"rate_per_s": 0.0, "duration_s": None},
    heldout="h.parquet",
    heldout_sha256="cd",
    artifacts={"p.joblib": "ef"},
    versions={"python": "3.12.1"},
    started="2026-11-23T00:00:00.000Z",
)


PREDICTOR = asdict(RUN.predictors[0])


def ended() -> Run:
    return RUN.finished(
        ended="2026-11-23T00:01:00.000Z",
        stop="finished",
        recorder=RecorderReport(events=10, unrecorded=0, workers=2, workers_lost=0, cpu_share=0.5),
        served_tags=({"artifact": "p.joblib"},),
    )


@pytest.mark.parametrize("run", [RUN, ended()], ids=["begun", "ended"])
def test_a_run_is_read_back_as_it_was_written(tmp_path: Path, run: Run) -> None:
    """After the first and the second writing, every field is read back, and no temporary file is left."""
    runfolder.write(tmp_path, run)
    assert runfolder.read(tmp_path) == run
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_the_second_writing_fills_in_the_end_and_changes_nothing_else() -> None:
    """The options stay as they were."""
    changed = {name for name in vars_of(RUN) if vars_of(RUN)[name] != vars_of(ended())[name]}
    assert changed == {"ended", "stop", "recorder", "served_tags"}


def vars_of(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in Run.__dataclass_fields__}


def test_a_field_that_this_version_does_not_know_is_passed_over(tmp_path: Path) -> None:
    """Schema 1 may grow; an older reader still reads it."""
    runfolder.write(tmp_path, RUN)
    raw = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**raw, "novelty": 1}))
    assert runfolder.read(tmp_path) == RUN


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a run folder with run.json"),
        ("{", "expected JSON"),
        ("[]", "expected schema 1"),
        ('{"schema": 2}', "expected schema 1"),
        ('{"schema": true}', "expected schema 1"),
        ('{"schema": 1}', "lacks or garbles a field"),
        ('{"schema": 1, "predictors": [{"name": 1, "x": 2}]}', "lacks or garbles a field"),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path, content: str | None, message: str) -> None:
    """A missing file, no JSON, another schema, a field too few: one line that names the place."""
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=message) as refusal:
        runfolder.read(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("runs", r"got .*runs: there is no run\.json in it\. Name one under runs/"),
        ("runs/r", r"got .*runs/r: its run\.json is a folder\. Name one under runs/"),
        ("runs/none", r"got .*runs/none: No such file or directory\."),
        ("file", r"got .*file: Not a directory\."),
    ],
)
def test_a_folder_that_is_there_is_not_called_missing(tmp_path: Path, name: str, message: str) -> None:
    """The line says what is missing: the folder, or ``run.json`` in it; or that ``run.json`` is a folder."""
    (tmp_path / "runs" / "r" / "run.json").mkdir(parents=True)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunFolderError, match=message):
        runfolder.read(tmp_path / name)


def test_latest_points_at_no_run_while_one_has_begun_and_has_no_run_json(tmp_path: Path) -> None:
    """An earlier run is not taken for it, nor a folder that is no run. A run elsewhere changes nothing."""
    runs = tmp_path / "runs"
    (runs / "a").mkdir(parents=True)
    runfolder.point_latest(runs / "a", runs)
    runfolder.forget_latest(tmp_path / "elsewhere", runs)
    assert (runs / "latest").resolve() == runs / "a"
    runfolder.forget_latest(runs / "b", runs)
    assert [path.name for path in runs.iterdir()] == ["a"]
    runfolder.forget_latest(runs / "b", runs)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash or a full disk in the middle of the second writing must not destroy the first."""
    runfolder.write(tmp_path, RUN)

    def broken(self: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OSError, match="No space left"):
        runfolder.write(tmp_path, ended())
    monkeypatch.undo()
    assert runfolder.read(tmp_path) == RUN


def test_a_runs_name_sorts_by_time() -> None:
    """UTC to the millisecond, then the deployment."""
    assert runfolder.run_id(1_795_000_000.123, "ab-test") == "20261118T110640123Z-ab-test"
    names = [runfolder.run_id(seconds, "d") for seconds in (999.999, 1000.0, 1000.001, 86400.0)]
    assert names == sorted(names)


def test_times_are_rfc_3339_utc() -> None:
    """With milliseconds and a Z."""
    assert rfc3339(0.5) == "1970-01-01T00:00:00.500Z"


@pytest.mark.parametrize("name", ["run.json", "capacity.json"])
def test_a_folder_that_holds_a_run_is_not_made_again(name: str, tmp_path: Path) -> None:
    """Nothing that a user has is overwritten; a folder with other files will do."""
    (tmp_path / "notes.txt").write_text("kept", encoding="utf-8")
    runfolder.make_folder(tmp_path, occupied_by=("run.json", "capacity.json"))
    assert (tmp_path / "logs").is_dir()
    (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(RunFolderError, match="expected a new one"):
        runfolder.make_folder(tmp_path, occupied_by=("run.json", "capacity.json"))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file stands in its way."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunFolderError, match="Not a directory"):
        runfolder.make_folder(tmp_path / "file" / "run")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"started": "yesterday"}, "Invalid isoformat string"),
        ({"ended": "2026-11-23T00:01:00"}, "expected an offset"),
        ({"predictors": [PREDICTOR, PREDICTOR]}, "two predictors have one name: default, default"),
        ({"predictors": [{**PREDICTOR, "traffic": 101}]}, r"traffic"),
        ({"predictors": [{**PREDICTOR, "replicas": -1}]}, r"replicas"),
        ({"asked": {"rate_per_s": [1]}}, "Expected"),
        ({"calibration": {"floor_ms": {}}}, "Expected"),
        ({"recorder": {"events": 1}}, "missing required field"),
        ({"served_tags": [["artifact"]]}, "Expected `object`, got `array`"),
        ({"seed": 1.5}, "Expected `int`, got `float`"),
    ],
)
def test_a_field_of_another_type_or_size_is_refused_in_one_line(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    """Where it is read, with its name, so that nothing behind it meets another type."""
    runfolder.write(tmp_path, ended())
    raw = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**raw, **change}))
    with pytest.raises(RunFolderError, match=words) as refusal:
        runfolder.read(tmp_path)
    assert "\n" not in str(refusal.value)
