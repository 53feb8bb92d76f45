"""How the output of other clients is read: their counts, and their failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.clients import loads
from bench.parts.harness import script_of
from bench.parts.stack import times_of
from bench.tools import programs
from bench.tools.bare_http import post, whole_request
from bench.tools.errors import BenchError
from locustfiles.protocol.rest_requests import RestRequests
from model.dataset import load_heldout
from tests.running import ROOT

HEY = """
Summary:
  Total:	2.0011 secs
  Slowest:	0.0121 secs

Response time histogram:
  0.000 [1]	|
  0.001 [86998]	|■■■■■■■■

Status code distribution:
  [200]	86999 responses
"""
WRK = """Running 2s test @ http://127.0.0.1:8080/
  1 threads and 10 connections
  126543 requests in 2.00s, 22.93MB read
Requests/sec:  63271.50
"""


def test_heys_answers_are_counted_and_its_histogram_is_not() -> None:
    assert loads.counts_of_hey(HEY) == (86_999, 0)


def test_heys_failures_are_answers_that_are_not_2xx_and_those_that_never_came() -> None:
    """A 503 was answered; an error was not, and counts as a request all the same."""
    output = HEY + "  [503]\t12 responses\n\nError distribution:\n  [3]\tPost: connection refused\n"
    assert loads.counts_of_hey(output) == (87_014, 15)


def test_wrks_requests_are_counted() -> None:
    assert loads.counts_of_wrk(WRK) == (126_543, 0)


def test_wrks_failures_are_of_two_kinds() -> None:
    output = WRK + "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
    assert loads.counts_of_wrk(output) == (126_543, 15)


def test_wrk_without_a_count_ends_the_benchmark() -> None:
    with pytest.raises(BenchError, match="expected its count of requests, got 'unable to connect'"):
        loads.counts_of_wrk("unable to connect")


def test_a_program_and_its_libraries_are_found_in_an_unpacked_package(tmp_path: Path) -> None:
    """The loader gets the folder of the libraries that were unpacked too."""
    libraries = tmp_path / "wrk" / "usr" / "lib" / "x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    program = tmp_path / "wrk" / "usr" / "bin" / "wrk"
    program.parent.mkdir()
    program.touch()
    actual = programs.unpacked("wrk", tmp_path / "wrk")
    assert actual == programs.Program(str(program), (str(libraries),))
    assert actual.environment["LD_LIBRARY_PATH"].split(":")[0] == str(libraries)


def test_a_program_that_cannot_be_had_is_left_out_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("hey", tmp_path) is None
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["bench: no hey here, so it is left out: unpacking hey: no apt-get on this system"]


def test_wrks_script_holds_the_bytes_that_our_wire_sends() -> None:
    """For each held-out row its prediction and then its feedback, in the rows' order."""
    heldout = ROOT / "artifacts" / "heldout.parquet"
    rows = load_heldout(heldout)
    truth = [int(label) for label in rows.truth]
    ours = RestRequests(features=rows.rows.cells(), truth=truth, names=rows.names, host="127.0.0.1:80", path="/p")
    lines = script_of(heldout, "http://127.0.0.1:80", "/p").splitlines()
    actual = [json.loads(line.rstrip(",")).encode() for line in lines if line.startswith('"')]
    assert actual == [
        request for row in range(len(truth)) for request in (ours.predict((row,)), ours.feedback((row,), 1.0))
    ]


def test_a_run_says_its_own_times() -> None:
    output = "plumbline: stack ready in 5.6 s: http://a\n  2.4 s from the end of the load to this verdict\n"
    assert times_of(output) == {"ready_s": 5.6, "verdict_after_load_s": 2.4}


def test_a_run_that_does_not_print_its_times_ends_the_benchmark() -> None:
    with pytest.raises(BenchError, match="expected the run to print its verdict_after_load_s"):
        times_of("plumbline: stack ready in 5.6 s: http://a\n")


@pytest.mark.parametrize("missing", [0, 1])
def test_a_request_is_whole_with_its_last_byte(missing: int) -> None:
    """Bytes after it belong to the next one."""
    request = post("/", b"{}")
    assert whole_request(request[: len(request) - missing]) == (None if missing else len(request))
    assert whole_request(request + request) == len(request)
