"""The generator's own ceiling and floor: measured, printed before the start, and kept with the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pytest

from analysis.record import runfolder
from locustfiles.calibration.calibration import Calibration, CalibrationProcess
from locustfiles.calibration.constant_server import whole
from locustfiles.command.parser import parser
from locustfiles.run.setup import SINGLE, Setup, calibration_plan, read_setup

ROOT: Final = Path(__file__).parents[3]
HELDOUT: Final = ROOT / "artifacts" / "heldout.parquet"
FOUND: Final = Calibration(1000.0, 0.1, 0.2)
SLOWED: Final = """
import runpy, time
from locustfiles.drive import driver
begin = driver.Recorder.begin
def slow(self, rows):
    until = time.process_time() + 0.002
    while time.process_time() < until:
        pass
    return begin(self, rows)
driver.Recorder.begin = slow
runpy.run_module("locustfiles.calibration.measure", run_name="__main__")
"""
"""The calibration with a generator that burns 2 ms of CPU for each request."""


@pytest.fixture(scope="module")
def setup() -> Setup:
    """What a load test of the single model is told."""
    words = ("--artifacts", str(HELDOUT.parent), "--shape=hold:100/s:9s", "--feedback-ratio=0.5", "--batch=3")
    return read_setup(parser().parse_args(words), SINGLE)


@pytest.mark.stack
def test_a_slower_generator_has_a_lower_ceiling(setup: Setup, tmp_path: Path) -> None:
    """Ours is measured beside a twin that uses 2 ms of CPU for each request, so it reaches at most 500 a second."""
    ours = CalibrationProcess.begin(calibration_plan(setup), tmp_path / "ours.json").result()
    assert ours is not None
    subprocess.run(
        [sys.executable, "-c", SLOWED, str(tmp_path / "twin.json")],
        cwd=ROOT,
        input=json.dumps(asdict(calibration_plan(setup))),
        text=True,
        check=True,
    )
    twin = CalibrationProcess(tmp_path / "twin.json").result()
    assert twin is not None
    assert 0 < ours.floor_ms <= ours.p50_ms
    assert twin.ceiling_per_s < 500 < ours.ceiling_per_s


@pytest.mark.stack
def test_a_calibration_that_fails_is_none(setup: Setup, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rows that are not there: a line in the log says where to look, and the run goes on without figures."""
    lost = replace(setup, heldout_path=tmp_path / "none.parquet")
    assert CalibrationProcess.begin(calibration_plan(lost), tmp_path / "figures.json").result() is None
    assert "calibrating the generator: expected figures" in caplog.text
    assert "none.parquet" in (tmp_path / "figures.log").read_text()


@pytest.mark.parametrize(
    ("peak_per_s", "processes", "cores", "message"),
    [
        (700, 1, 4, None),
        (701, 1, 4, "701/s is above 70% of the 1,000/s that it can send with 1 process here"),
        (701, 1, 4, "so it may be late: use --processes 2"),
        (701, 2, 4, None),
        (2000, 2, 2, "use --processes 3, and a machine with more than 2 cores"),
        (1500, 4, 2, "above 70% of the 2,000/s that it can send with 4 processes here"),
    ],
)
def test_a_rate_above_most_of_the_ceiling_is_warned_of(
    peak_per_s: float, processes: int, cores: int, message: str | None
) -> None:
    """One line that says how many processes would do, and none up to 70 %; processes beyond the cores bring nothing."""
    warning = FOUND.warning(peak_per_s, processes, cores)
    assert warning is None if message is None else warning is not None and message in warning


@pytest.mark.parametrize(
    ("request_", "ended"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\nCONTENT-LENGTH: 3\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n", False),
    ],
)
def test_the_trivial_server_waits_for_the_whole_request(request_: bytes, ended: bool) -> None:
    """It answers no half request, whatever the batch."""
    assert whole(request_) is ended


@pytest.mark.stack
@pytest.mark.parametrize(
    ("more", "measured", "warned"),
    [
        (["--rate", "40"], True, False),
        (["--shape", "spike:1/s..900000/s:0.1s", "--max-in-flight", "1"], True, True),
        (["--rate", "40", "--no-calibration"], False, False),
        ([], False, False),
    ],
    ids=["a rate", "a spike beyond it", "told not to", "a closed loop"],
)
def test_a_run_at_a_rate_is_calibrated_before_it_starts(
    locust: Callable[..., Any], counting: Callable[..., Any], more: list[str], measured: bool, warned: bool
) -> None:
    """The figures are in run.json and on the terminal, with a warning where the peak is out of reach."""
    length = [] if "--shape" in more else ["--duration", "1s"]
    running = locust(
        *("--host", counting().url, "--prometheus-url", "http://127.0.0.1:1", "--run", "here", *length, *more),
        module="locustfiles",
    )
    code, _, err = running.end()
    assert code == 0, err
    calibration = runfolder.read(running.folder / "here").calibration
    assert (calibration is not None) is measured
    assert ("requests/s at most for each process" in err) is measured
    assert ("use --processes" in err) is warned
    if calibration is not None:
        assert calibration["ceiling_per_s"] > 0 < calibration["floor_ms"] <= calibration["p50_ms"]
