"""The benchmark's own arithmetic and its client. A ratio of the wrong things would look just as good."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.parts.server import ratios, requests_of
from bench.servers.model_servers import COMMANDS
from bench.tools.bare_http import answered, drive, post
from bench.tools.spread import Spread


def test_ratios_are_taken_within_a_round() -> None:
    """Rounds in which the machine was twice as slow for all leave the ratios as they are."""
    rates = {(kind, name): [1.0, 2.0, 4.0] for kind in ("feedback", "predict") for name in COMMANDS}
    rates["feedback", "ours"] = [4.0, 10.0, 24.0]
    actual = ratios(rates)
    assert actual["feedback_over_stock"] == {"median": 5.0, "low": 4.0, "high": 6.0}
    assert actual["predict_over_stock"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert actual["requests_per_s"]["feedback_ours"]["median"] == 10.0


def test_a_spread_is_median_lowest_and_highest() -> None:
    assert Spread.of([3.0, 1.0, 10.0]).as_dict() == {"median": 3.0, "low": 1.0, "high": 10.0}


def test_the_load_is_the_load_tests(trained: Path) -> None:
    """Held-out rows with names, truth and reward; each request is one row."""
    load = requests_of(trained / "heldout.parquet")
    body = json.loads(load["feedback"][0].partition(b"\r\n\r\n")[2])
    assert body.keys() == {"request", "reward", "truth"}
    assert len(body["request"]["data"]["ndarray"]) == len(body["truth"]["data"]["ndarray"]) == 1
    assert len(set(load["predict"])) == len(load["predict"]) == 50


def test_an_answer_is_whole_only_with_all_of_its_body() -> None:
    """Cut anywhere it is not whole; whole, its status and whether the server closes are read."""
    whole = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"
    assert all(answered(whole[:end]) is None for end in range(len(whole)))
    assert answered(whole) == (201, True)
    assert answered(whole.replace(b"close", b"keep-alive")) == (201, False)


@pytest.fixture
def breaking() -> Iterator[int]:
    """Port of a server that answers every other request and breaks the connection of the rest."""
    listener = socket.create_server(("127.0.0.1", 0))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    def serve() -> None:
        for number in itertools.count():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer if number % 2 == 0 else answer[:10])

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_broken_connection_is_neither_acknowledged_nor_forgotten(breaking: int) -> None:
    """Of ten requests each is in exactly one count, and one that was cut short is indeterminate."""
    driven = drive(breaking, [post("/", b"{}")], itertools.repeat(0, 10), 1, lambda: True)
    totals = (driven.acknowledged.total(), driven.refused.total(), driven.indeterminate.total())
    assert sum(totals) == 10
    assert totals[0] > 0
    assert totals[2] > 0


def test_results_of_other_parts_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part writes under its own name."""
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    bench.keep("judge", {"peak_mb": 5})
    bench.keep("server", {"feedback_over_stock": {"median": 5.0, "low": 4.0, "high": 6.0}})
    assert json.loads((tmp_path / "results.json").read_text()) == {
        "judge": {"peak_mb": 5},
        "server": {"feedback_over_stock": {"median": 5.0, "low": 4.0, "high": 6.0}},
    }
