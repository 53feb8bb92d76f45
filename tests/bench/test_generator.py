"""The benchmark of the generator: real clients against a real nginx, and counts that must agree."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.record.ledger_file import read_ledger
from bench.__main__ import table
from bench.clients import loads
from bench.clients.loads import LoadRequest
from bench.parts import generator, stall
from bench.parts.open_loop import Timed, figures
from bench.servers import nginx
from bench.tools.errors import BenchError
from tests.running import ROOT

MS = 1_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[nginx.Nginx]:
    """One trivial server for all tests."""
    with nginx.running() as running_server:
        yield running_server


@pytest.fixture
def load_request(server: nginx.Nginx, tmp_path: Path) -> LoadRequest:
    """A short load."""
    request = LoadRequest(server.url, ROOT / "artifacts", tmp_path, 4, 1.0)
    request.write_body()
    return request


@pytest.mark.stack
def test_the_server_counts_each_request_once(server: nginx.Nginx) -> None:
    """A POST and the query for the count are two more requests."""
    before = server.requests()
    with urllib.request.urlopen(server.url, data=b"{}", timeout=5) as answer:
        assert answer.read().decode() == nginx.ANSWER
    assert server.requests() - before == 2


@pytest.mark.stack
@pytest.mark.parametrize("name", loads.NAMES)
def test_every_client_counts_what_the_server_counts(name: str, server: nginx.Nginx, load_request: LoadRequest) -> None:
    """Its load is counted, costs CPU, and is held against the server's count on the way."""
    done = generator.one_load(name, load_request, server)
    if done is None:
        pytest.skip(f"no {name} here")
    assert done.counted > 100
    assert done.cpu_s > 0


@pytest.mark.stack
def test_ours_counts_alike_in_locusts_table_the_ledger_and_the_server(
    server: nginx.Nginx, load_request: LoadRequest
) -> None:
    """To the request, with nothing dropped."""
    before = server.requests()
    done = loads.load("ours", load_request)
    served = server.requests() - before - 1
    assert done is not None
    assert done.counted == done.counts["recorded"] == read_ledger(load_request.ledger).events.num_rows == served


@pytest.mark.stack
def test_requests_that_fail_end_the_benchmark(load_request: LoadRequest) -> None:
    """Fast refusals are not throughput: nothing listens on port 1."""
    with pytest.raises(BenchError, match="ours: expected every request acknowledged"):
        loads.load("ours", replace(load_request, url="http://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("counted", "rows", "served", "right"),
    [
        (100, 100, 100, True),
        (100, 100, 101, False),
        (101, 100, 101, False),
        (100, 99, 100, False),
        (100, None, 104, True),
        (100, None, 105, False),
        (100, None, 99, False),
    ],
)
def test_counts_are_equal_or_the_benchmark_ends(counted: int, rows: int | None, served: int, right: bool) -> None:
    """Ours to the request, with the ledger; others may drop one request for each of 4 connections, at their end."""
    if right:
        generator.check_counts("it", counted, rows, served, 4)
    else:
        with pytest.raises(BenchError, match="counts: expected the server's to be the client's"):
            generator.check_counts("it", counted, rows, served, 4)


def test_ratios_are_within_a_round_and_null_without_the_program() -> None:
    """The second round was twice as slow for all."""
    rates = {name: [30.0, 15.0] for name in loads.NAMES} | {"ours": [60.0, 30.0], "wrk": []}
    figures = generator.figures(rates)
    assert figures["ours_over_fasthttpuser"] == {"median": 2.0, "low": 2.0, "high": 2.0}
    assert figures["ours_over_wrk"] is None
    assert figures["requests_per_core_s"]["ours"] == {"median": 45.0, "low": 30.0, "high": 60.0}


def test_a_rate_is_counted_from_the_first_due_time_to_the_last_answer() -> None:
    """Ten requests due each 100 ms; the last is sent 100 ms late and answered 100 ms later: 10 in 1.2 s."""
    planned = np.arange(10, dtype=np.int64) * 100 * MS
    sent = planned + np.array([1] * 9 + [100]) * MS
    done = sent + np.array([1] * 9 + [100]) * MS
    assert figures(Timed(planned, sent, done), 10, 0.25) == {
        "rate": 10,
        "achieved": 8.33,
        "achieved_over_asked": 0.8333,
        "lateness_p50_ms": 1.0,
        "lateness_p99_ms": 100.0,
        "waited_share": 0.25,
    }


@pytest.mark.stack
def test_a_stall_shows_in_ours_and_in_every_request_that_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2 s at 200/s the server stands still for one: half of the requests wait, the longest the whole second."""
    for name, seconds in {"BEFORE_S": 0.5, "STALL_S": 1.0, "SECONDS": 2.0}.items():
        monkeypatch.setattr(stall, name, seconds)
    actual = stall.latencies("ours", ROOT / "artifacts")
    assert actual["ours_p99_ms"] > 900
    assert actual["ours_p90_ms"] > 500


def test_the_table_has_a_row_for_each_figure() -> None:
    """Spreads with their lowest and highest; entries of a list by their first key; null as none."""
    measured = {
        "one": {"ratio": {"median": 4.5, "low": 4, "high": 5}, "absent": None},
        "open_loop": [{"rate": 50, "achieved": 49.9}],
    }
    assert [line.split() for line in table(measured)] == [
        ["figure", "median", "low", "high"],
        ["one.ratio", "4.5", "4", "5"],
        ["one.absent", "none"],
        ["open_loop.50.achieved", "49.9"],
    ]


def test_no_figures_are_no_table() -> None:
    assert table({}) == []
