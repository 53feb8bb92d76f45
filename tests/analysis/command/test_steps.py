"""The command line: exit codes, one-line errors, and what is left when something is missing."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import ALONE, BASE, fewer, with_buckets
from analysis.__main__ import main
from analysis.command import judge_step, steps
from analysis.evidence import arrange, samples
from analysis.evidence.samples import Series
from analysis.record import runfolder
from analysis.report import terminal_counts
from twins import TWINS

ROOT = Path(__file__).parents[3]
CAPTURE = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run folder of a true world, whose Prometheus is gone."""
    run = worlds.put(tmp_path, ALONE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    runfolder.write(tmp_path, replace(run, prometheus_url=gone))
    worlds.reseal(tmp_path)
    return tmp_path


def one_line(captured: str) -> bool:
    return captured.startswith("plumbline: ") and captured.count("\n") == 1


@pytest.mark.parametrize("step", ["baseline", "collect", "judge", "report", "finish"])
def test_a_folder_that_is_no_run_is_refused_in_one_line(step: str, tmp_path: Path, capsys: CAPTURE) -> None:
    """Exit code 2 and one line that names the folder, by every step; nothing is written."""
    assert main([step, str(tmp_path / "nowhere")]) == 2
    assert one_line(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 1}', '{"schema": 99}', "\x00"])
def test_a_garbled_run_is_refused_in_one_line(content: str, tmp_path: Path, capsys: CAPTURE) -> None:
    """Whatever `run.json` holds: exit code 2, one line, no traceback."""
    (tmp_path / runfolder.RUN_FILE).write_text(content)
    assert main(["judge", str(tmp_path)]) == 2
    assert one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "arguments", [[], ["jugde"], ["judge", "--fast"], ["finish", "--wait", "-1"], ["finish", "--wait", "x"]]
)
def test_an_unknown_argument_is_exit_code_two(arguments: list[str], capsys: CAPTURE) -> None:
    """Argparse's own line, and no abbreviations."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert one_line(capsys.readouterr().err)


def test_the_exit_code_is_the_verdicts(tmp_path: Path, capsys: CAPTURE) -> None:
    """0 PASS, 3 FAIL, 4 INCONCLUSIVE, and the word is printed first."""
    by_code = {0: ALONE, 3: next(twin.world for twin in TWINS if twin.fault == "all doubled")}
    by_code[4] = next(twin.world for twin in TWINS if twin.fault == "interrupted")
    words = {0: "PASS", 3: "FAIL", 4: "INCONCLUSIVE"}
    for code, world in by_code.items():
        (tmp_path / str(code)).mkdir()
        worlds.put(tmp_path / str(code), world)
        assert main(["judge", str(tmp_path / str(code))]) == code
        assert capsys.readouterr().out.startswith(words[code] + " ")


def test_the_verdict_shows_expected_above_live_counts(tmp_path: Path, capsys: CAPTURE) -> None:
    """Every predictor with its four cells, twice."""
    worlds.put(tmp_path, BASE)
    main(["judge", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.count("    expected  tp ") == printed.count("    live      tp ") == 2


def test_the_verdict_answers_what_people_ask(tmp_path: Path, capsys: CAPTURE) -> None:
    """The live ratios are those of `result.json`, and the comparison has a sentence of its own."""
    worlds.put(tmp_path, BASE)
    main(["judge", str(tmp_path)])
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / runfolder.RESULT_FILE).read_text(encoding="utf-8"))
    for predictor in result["predictors"].values():
        assert f"recall {100 * predictor['live']['recall']:.2f} %" in printed
    assert f"which is better: {result['comparison']['message']}" in printed


def test_a_ratio_of_nothing_is_a_word() -> None:
    """Without a row called positive there is no precision, and no number is printed in its place."""
    assert terminal_counts._percent(None) == "undefined"
    assert terminal_counts._percent(0.5) == "50.00 %"


def test_a_prometheus_that_is_gone_stops_baseline_and_collect(folder: Path, capsys: CAPTURE) -> None:
    """Before a load: exit code 2, one line, nothing left half done."""
    (folder / runfolder.BASELINE_FILE).unlink()
    assert main(["baseline", str(folder)]) == 2
    assert one_line(capsys.readouterr().err)
    assert not (folder / runfolder.BASELINE_FILE).exists()
    assert main(["collect", str(folder)]) == 2
    assert one_line(capsys.readouterr().err)


def test_a_garbled_result_is_one_line(folder: Path, capsys: CAPTURE) -> None:
    """`report` of a result that is cut short: exit code 2, one line."""
    (folder / runfolder.RESULT_FILE).write_text('{"schema": 1', encoding="utf-8")
    assert main(["report", str(folder)]) == 2
    assert one_line(capsys.readouterr().err)


def test_finish_without_prometheus_is_inconclusive_and_says_why(folder: Path, capsys: CAPTURE) -> None:
    """After a load there is a ledger to keep: judged, reported, exit code 4."""
    (folder / runfolder.SAMPLES_FILE).unlink()
    assert main(["finish", str(folder)]) == 4
    printed = capsys.readouterr().out
    assert printed.startswith("INCONCLUSIVE")
    assert "asking Prometheus" in printed
    assert (folder / "report.html").exists()


def test_an_access_file_that_cannot_be_used_stops_a_step_and_not_a_verdict(
    folder: Path, capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option or variable: `baseline` and `collect` refuse in one line; `finish` judges what is there."""
    assert main(["baseline", str(folder), "--access", "none.toml"]) == 2
    assert one_line(capsys.readouterr().err)
    monkeypatch.setenv("PLUMBLINE_ACCESS", "none.toml")
    assert main(["collect", str(folder)]) == 2
    assert "reading --access: expected a TOML file" in capsys.readouterr().err
    (folder / runfolder.SAMPLES_FILE).unlink()
    assert main(["finish", str(folder)]) == 4
    printed = capsys.readouterr().out
    assert "note: reading --access: expected a TOML file" in printed
    assert "INCONCLUSIVE" in printed


def test_finish_again_after_prometheus_is_gone_keeps_the_evidence(folder: Path, capsys: CAPTURE) -> None:
    """The evidence that was collected before is kept; the note says that nothing new was collected."""
    before = (folder / runfolder.SAMPLES_FILE).read_bytes()
    assert main(["finish", str(folder)]) == 0
    assert (folder / runfolder.SAMPLES_FILE).read_bytes() == before
    assert "note: asking Prometheus" in capsys.readouterr().out


def test_an_interrupted_run_is_finished_without_waiting(folder: Path) -> None:
    """`finish --interrupted` takes less than a second and a half, imports aside."""
    (folder / runfolder.SAMPLES_FILE).unlink()
    began = time.monotonic()
    assert main(["finish", "--interrupted", str(folder)]) == 4
    assert time.monotonic() - began < 1.5


def test_evidence_that_cannot_be_arranged_is_inconclusive_with_the_place(
    folder: Path, capsys: CAPTURE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours, or a folder that nobody thought of: a verdict, `result.json`, and no traceback."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("of something")

    monkeypatch.setattr(arrange, "tally", broken)
    assert main(["judge", str(folder)]) == 4
    assert re.search(r"ZeroDivisionError: of something \(test_steps\.py, line \d+\)", capsys.readouterr().out)
    findings = json.loads((folder / runfolder.RESULT_FILE).read_text())["findings"]
    assert [finding["subject"] for finding in findings if finding["check"] == "folder"] == ["evidence"]
    assert "FAIL" not in {finding["verdict"] for finding in findings}


def test_a_run_that_is_not_the_sealed_one_is_judged_by_nothing(folder: Path, capsys: CAPTURE) -> None:
    """What was asked for stands in `run.json`: with another one, neither PASS nor FAIL means anything."""
    run = runfolder.read(folder)
    runfolder.write(folder, replace(run, artifacts=dict.fromkeys(run.artifacts, "0" * 64)))
    assert main(["judge", str(folder)]) == 4
    assert "run.json was altered after the run folder was sealed" in capsys.readouterr().out


def test_gates_may_be_given_after_the_seal_and_are_sealed(folder: Path, capsys: CAPTURE) -> None:
    """`judge --gate` writes them down; lost later, they are missed."""
    assert main(["judge", str(folder), "--gate", "accuracy>=0.99"]) == 3
    assert main(["judge", str(folder)]) == 3
    (folder / runfolder.GATES_FILE).unlink()
    capsys.readouterr()
    assert main(["judge", str(folder)]) == 4
    assert "gates.json is missing" in capsys.readouterr().out


@pytest.mark.parametrize("step", ["collect", "finish"])
def test_samples_of_a_step_that_never_ended_are_not_sealed(folder: Path, step: str) -> None:
    """Prometheus is gone: what the folder holds may be a part, and a witness may be missing beside it."""
    for name in (runfolder.SEAL_FILE, runfolder.EXPOSED_FILE):
        (folder / name).unlink(missing_ok=True)
    assert main(["judge", str(folder)]) == 4
    assert main([step, str(folder)]) in {2, 4}
    assert not (folder / runfolder.SEAL_FILE).exists()
    assert main(["judge", str(folder)]) == 4


def test_a_report_needs_a_result(folder: Path, capsys: CAPTURE) -> None:
    """One line that says which step comes first."""
    assert main(["report", str(folder)]) == 2
    assert "Judge first" in capsys.readouterr().err


def test_a_copied_run_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    """`result.json` depends on the files of the run and on nothing else: no clock, no server, no place."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    worlds.put(first, BASE)
    main(["judge", str(first)])
    shutil.copytree(first, second)
    (second / runfolder.RESULT_FILE).unlink()
    main(["judge", str(second)])
    assert (second / runfolder.RESULT_FILE).read_bytes() == (first / runfolder.RESULT_FILE).read_bytes()


def test_result_json_has_the_fields_of_schema_one(tmp_path: Path) -> None:
    """The stable keys, at every level, so that programs which read `result.json` still work after a release."""
    worlds.put(tmp_path, BASE)
    main(["judge", str(tmp_path)])
    result = json.loads((tmp_path / runfolder.RESULT_FILE).read_text())
    assert {"schema", "run", "verdict", "findings", "load", "predictors", "comparison"} <= set(result)
    assert set(result["run"]) == {
        "id", "deployment", "namespace", "manifest", "started", "ended", "seed", "versions",
    }  # fmt: skip
    finding = {"check", "subject", "verdict", "expected", "observed", "diagnosis", "message", "advice"}
    assert all(set(each_finding) == finding for each_finding in result["findings"])
    load = {"attempted", "acknowledged", "refused", "indeterminate", "rate_asked", "rate_achieved", "latency_ms"}
    assert load | {"lateness_ms"} <= set(result["load"])
    percentiles = {"p50", "p90", "p99", "p999", "p9999", "max"}
    for times in ("latency_ms", "service_ms"):
        assert set(result["load"][times]["predict"]) == set(result["load"][times]["feedback"]) == percentiles
    assert set(result["load"]["percentile_needs"]) == percentiles - {"max"}
    assert set(result["load"]["generator"]) == {"verdict", "processes", "cpu_share", "waited_share", "dropped"}
    cells = {"tp", "fp", "tn", "fn", "accuracy", "precision", "recall", "specificity"}
    for predictor in result["predictors"].values():
        assert set(predictor["live"]) == set(predictor["offline"]) == cells
        assert predictor["live"] == predictor["offline"]
        assert set(predictor["timeline"]["live"]) == {"accuracy", "precision", "recall", "specificity"}


def test_a_judgement_by_another_gate_renews_the_reports(tmp_path: Path) -> None:
    """Nobody finds PASS in a report whose run was judged FAIL since; where there were no reports, none are written."""
    worlds.put(tmp_path, ALONE)
    assert main(["judge", str(tmp_path)]) == 0
    assert not (tmp_path / "report.md").exists()
    assert main(["report", str(tmp_path)]) == 0
    assert "PASS" in (tmp_path / "report.md").read_text("utf-8").splitlines()[0]
    assert main(["judge", str(tmp_path), "--gate", "accuracy>=99.9%"]) == 3
    assert "FAIL" in (tmp_path / "report.md").read_text("utf-8").splitlines()[0]
    assert "<failure" in (tmp_path / "junit.xml").read_text("utf-8")


@pytest.mark.parametrize(
    ("world", "code"), [(ALONE, 4), (fewer(lambda number: number % 3 > 0), 3)], ids=["PASS", "FAIL"]
)
@pytest.mark.parametrize("step", [["judge"], ["finish", "--interrupted"]], ids=["judge", "finish"])
def test_a_full_disk_does_not_lose_the_verdict_and_makes_no_pass(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    world: worlds.World,
    code: int,
    step: list[str],
) -> None:
    """A FAIL stays one; a PASS whose result is not kept is none, and a line says what to do."""
    worlds.put(tmp_path, world)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(judge_step, "write_result", full)
    monkeypatch.setattr(steps, "_collect_samples", lambda *_: samples.read(tmp_path / "samples.parquet"))
    assert main([*step, str(tmp_path)]) == code
    shown = capsys.readouterr().out
    assert shown.startswith({3: "FAIL", 4: "INCONCLUSIVE"}[code])
    assert "No space left on device" in shown
    assert "Make room there" in shown


@pytest.mark.parametrize(
    ("world", "code"), [(ALONE, 4), (fewer(lambda number: number % 3 > 0), 3)], ids=["PASS", "FAIL"]
)
def test_a_folder_that_may_only_be_read_does_not_lose_the_verdict(
    tmp_path: Path, world: worlds.World, code: int
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    worlds.put(folder, world)
    folder.chmod(0o555)
    # root may write anywhere, unless it gives that right up
    rights = "-dac_override,-dac_read_search"
    command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    command += [sys.executable, "-m", "analysis", "judge", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    folder.chmod(0o755)
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith({3: "FAIL", 4: "INCONCLUSIVE"}[code])
    assert "Permission denied" in done.stdout
    assert "make it writable" in done.stdout
    assert not (folder / runfolder.RESULT_FILE).exists()
    assert "Traceback" not in done.stderr


def test_buckets_that_are_no_curve_do_not_take_the_other_findings_along(tmp_path: Path) -> None:
    """Without the negative class's bucket of all rows, its counts are below 0 and the page has no average precision."""
    right = with_buckets()

    def alter(series: list[Series]) -> list[Series]:
        return [
            part for part in right.alter(series) if (part.labels.get("truth"), part.labels.get("le")) != ("0", "inf")
        ]

    folder = tmp_path / "run"
    folder.mkdir()
    worlds.put(folder, replace(right, alter=alter))
    assert main(["judge", str(folder)]) == 3
    result = json.loads((folder / runfolder.RESULT_FILE).read_text())
    assert {finding["check"] for finding in result["findings"] if finding["verdict"] == "FAIL"} == {"curve"}
    assert main(["report", str(folder)]) == 0
