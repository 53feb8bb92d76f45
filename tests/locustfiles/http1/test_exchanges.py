"""Answers of every form, whole and broken: what was delivered, and which outcome is reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from analysis.record.ledger import Outcome
from locustfiles.http1.connection import MAX_BODY, MAX_HEAD
from locustfiles.http1.pool import ConnectionPool

BODY = b"x" * 500
REQUEST = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
ACKNOWLEDGED, REFUSED, INDETERMINATE = Outcome


def chunked(peer: Any) -> None:
    peer.request()
    peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;note=1\r\n{"\r\n3\r\na":\r\n')
    peer.send(b"3\r\n1 }\r\n0\r\nTrailer: x\r\n\r\n")


def until_closed(peer: Any) -> None:
    peer.request()
    peer.send(b'HTTP/1.1 200 OK\r\n\r\n{"a":')
    peer.send(b"1 }")


def http_1_0(peer: Any) -> None:
    peer.request()
    peer.send(b'HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}')


def interim(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    peer.answer(b'{"a":1}')


def framed_interim(peer: Any) -> None:
    """The length of an interim answer says nothing about the real one, which ends with the connection."""
    peer.request()
    peer.send(b'HTTP/1.1 103 Early Hints\r\nX-Content-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{"a":1}')


def drop_by_drop(peer: Any) -> None:
    peer.request()
    for byte in b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}':
        peer.send(bytes([byte]))


@pytest.mark.parametrize("behaviour", [chunked, until_closed, http_1_0, interim, framed_interim, drop_by_drop])
def test_a_whole_answer_is_read_in_every_form_that_http_allows(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any], behaviour: Callable[[Any], None]
) -> None:
    """Chunked, close-delimited, HTTP/1.0, behind interim answers, in many pieces: acknowledged, with the body."""
    server = misbehaving(behaviour)
    exchange = pool_of(server.url).exchange(REQUEST)
    assert (exchange.outcome, exchange.status, exchange.body.replace(b" ", b"")) == (ACKNOWLEDGED, 200, b'{"a":1}')
    assert len(server.whole) == 1


def fin_after_reading(peer: Any) -> None:
    peer.request()


def reset_after_reading(peer: Any) -> None:
    peer.request()
    peer.reset()


def half_request(peer: Any) -> None:
    peer.some(60)
    peer.reset()


def half_head(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")


def half_body(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def half_body_after_interim(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def half_chunks_after_interim(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


def half_chunks(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


def garbage(peer: Any) -> None:
    peer.request()
    peer.send(b"\x00\xff no HTTP at all\r\n\r\n")
    peer.request()


def two_lengths(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ")
    peer.request()


def switching(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    peer.request()


def endless_head(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        peer.send(b"X-%d: %b\r\n" % (number, b"y" * 1000))


def endless_interim(peer: Any) -> None:
    peer.request()
    for _ in range(100_000):
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 40)


def endless_body(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    for _ in range(100_000):
        peer.send(b"z" * 65536)


def status(line: bytes) -> Callable[[Any], None]:
    def behave(peer: Any) -> None:
        while peer.request() is not None:
            peer.answer(b'{"status":{}}', line, b"Location: /elsewhere\r\n")

    return behave


@pytest.mark.parametrize(
    ("behaviour", "outcome", "code", "delivered"),
    [
        pytest.param(fin_after_reading, INDETERMINATE, 0, 1, id="closes without an answer"),
        pytest.param(reset_after_reading, INDETERMINATE, 0, 1, id="resets without an answer"),
        pytest.param(half_request, INDETERMINATE, 0, 0, id="resets while reading"),
        pytest.param(half_head, INDETERMINATE, 0, 1, id="half a head"),
        pytest.param(half_body, INDETERMINATE, 200, 1, id="half a body"),
        pytest.param(half_chunks, INDETERMINATE, 200, 1, id="half the chunks"),
        pytest.param(half_body_after_interim, INDETERMINATE, 200, 1, id="half a body after an interim answer"),
        pytest.param(half_chunks_after_interim, INDETERMINATE, 200, 1, id="half the chunks after an interim answer"),
        pytest.param(garbage, INDETERMINATE, 0, 1, id="garbage"),
        pytest.param(two_lengths, INDETERMINATE, 0, 1, id="two lengths"),
        pytest.param(switching, INDETERMINATE, 101, 1, id="another protocol"),
        pytest.param(endless_head, INDETERMINATE, 0, 1, id="a head without end"),
        pytest.param(endless_interim, INDETERMINATE, 100, 1, id="interim answers without end"),
        pytest.param(endless_body, INDETERMINATE, 200, 1, id="a body without end"),
        pytest.param(status(b"500 No"), INDETERMINATE, 500, 1, id="500"),
        pytest.param(status(b"503 No"), INDETERMINATE, 503, 1, id="503"),
        pytest.param(status(b"302 Found"), INDETERMINATE, 302, 1, id="a redirect, not followed"),
        pytest.param(status(b"307 Again"), INDETERMINATE, 307, 1, id="a redirect to post again, not followed"),
        pytest.param(status(b"400 Bad"), REFUSED, 400, 1, id="400"),
        pytest.param(status(b"404 None"), REFUSED, 404, 1, id="404"),
    ],
)
def test_every_misbehaviour_ends_as_one_outcome_and_is_sent_once(
    pool_of: Callable[..., ConnectionPool],
    misbehaving: Callable[..., Any],
    behaviour: Callable[[Any], None],
    outcome: Outcome,
    code: int,
    delivered: int,
) -> None:
    """Outcome and status are what the client can be sure of, and no second delivery is made."""
    server = misbehaving(behaviour)
    pool = pool_of(server.url)
    exchange = pool.exchange(REQUEST)
    pool.close()
    assert (exchange.outcome, exchange.status, bool(exchange.fault)) == (outcome, code, True)
    assert server.settled(1)
    assert (len(server.whole), server.connections) == (delivered, 1)


def test_bounds_of_an_answer_are_those_stated() -> None:
    """The two bounds that the endless answers run into: 64 KiB for a head, 16 MiB for a body."""
    assert (MAX_HEAD, MAX_BODY) == (65536, 16777216)


@pytest.mark.parametrize(
    "piece", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], ids=["silence", "dripping"]
)
def test_the_deadline_is_for_the_whole_request(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any], piece: bytes
) -> None:
    """A server that is silent, or sends a byte now and then, is given up after the timeout, not after each byte."""
    gone = threading.Event()

    def behave(peer: Any) -> None:
        peer.request()
        peer.send(piece)
        while not gone.wait(0.05):
            if piece:
                peer.send(b"x")

    server = misbehaving(behave)
    began = time.monotonic()
    exchange = pool_of(server.url, timeout_s=0.4).exchange(REQUEST)
    took_s = time.monotonic() - began
    gone.set()
    assert (exchange.outcome, exchange.status) == (INDETERMINATE, 200 if piece else 0)
    assert 0.35 < took_s < 5
    assert (len(server.whole), server.connections) == (1, 1)
