"""Readings that never end: a server that drips bytes, or sends without end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.collect import endpoints, prometheus
from analysis.collect.deadline import DeadlineError, within
from analysis.collect.prometheus import Prometheus, PrometheusError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def sending(parts: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """URL of a server that answers any request with these parts, each when the one before has gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def answer(peer: socket.socket) -> None:
            with peer:
                peer.recv(65536)
                for part in parts():
                    if ended.is_set():
                        return
                    try:
                        peer.sendall(part)
                    except OSError:
                        return

        def accept() -> None:
            while not ended.is_set():
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(peer,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended.set()


def dripping_body() -> Iterator[bytes]:
    yield HEAD
    yield from drops(b" ")


def dripping_head() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Slow: "
    yield from drops(b"a")


def drops(drop: bytes) -> Iterator[bytes]:
    while True:
        threading.Event().wait(0.05)
        yield drop


@pytest.mark.parametrize("parts", [dripping_body, dripping_head])
def test_a_prometheus_that_drips_is_given_up_in_one_line(parts: Callable[[], Iterator[bytes]]) -> None:
    """Each byte comes within the timeout, and the answer never does."""
    with sending(parts) as url:
        began = time.monotonic()
        with pytest.raises(PrometheusError, match=r"no whole answer within 0\.9 s"):
            Prometheus(url, 0.3).ask("up")
        assert time.monotonic() - began < 5
        assert Prometheus(url, 0.3).version() == ""
        assert Prometheus(url, 0.3).scrape_intervals() == {}


SELECTION = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1)


def test_an_endpoint_that_drips_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "TIMEOUT_S", 0.3)
    with sending(dripping_body) as url:
        reading = endpoints._read(url, SELECTION, time.time)
    assert reading.problem == f"reading {url}: no whole answer within 0.3 s"


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not until memory is full: there is a cap on what is read of one answer."""
    monkeypatch.setattr(prometheus, "MOST_BYTES", 50_000)
    with (
        sending(lambda: iter([HEAD, *[b" " * 1000] * 100])) as url,
        pytest.raises(PrometheusError, match="more than 50,000"),
    ):
        Prometheus(url, 2.0).ask("up")
    monkeypatch.setattr(endpoints, "MOST_BYTES", 50_000)
    with sending(lambda: iter([HEAD, *[b" " * 1000] * 100])) as url:
        assert "more than 50,000 bytes" in str(endpoints._read(url, SELECTION, time.time).problem)


def test_a_reading_in_time_gives_its_value_or_its_exception() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    with pytest.raises(DeadlineError):
        within(0.01, threading.Event().wait)
