"""The HTTP client against servers that behave in every way: what was delivered, and which outcome it reports."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from analysis.record.ledger import Outcome
from locustfiles.http1.connection import MAX_BODY, MAX_HEAD
from locustfiles.http1.outcome import outcome_of
from locustfiles.http1.pool import ConnectionPool
from locustfiles.http1.target import TargetError, target_of

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


def keep_alive(peer: Any) -> None:
    while peer.request() is not None:
        peer.answer()


def test_connections_are_kept(pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any]) -> None:
    """Twenty requests one after another go over one connection."""
    server = misbehaving(keep_alive)
    pool = pool_of(server.url)
    assert {pool.exchange(REQUEST).outcome for _ in range(20)} == {ACKNOWLEDGED}
    assert (len(server.whole), server.connections) == (20, 1)


def test_a_server_that_closes_after_each_answer_gets_a_new_connection_each_time(
    pool_of: Callable[..., ConnectionPool],
    misbehaving: Callable[..., Any],
) -> None:
    """Gunicorn's sync worker: says Connection: close, and does; nothing is lost, nothing is sent twice."""

    def behave(peer: Any) -> None:
        peer.request()
        peer.answer(headers=b"Connection: close\r\n")

    server = misbehaving(behave)
    pool = pool_of(server.url)
    assert {pool.exchange(REQUEST).outcome for _ in range(20)} == {ACKNOWLEDGED}
    assert (len(server.whole), server.connections) == (20, 20)


@pytest.mark.parametrize("ending", ["fin", "reset"])
def test_a_connection_that_died_while_idle_is_replaced(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any], ending: str
) -> None:
    """No byte was sent over it, so the request goes over a new one, once."""

    def behave(peer: Any) -> None:
        peer.request()
        peer.answer()
        if ending == "reset":
            peer.reset()

    server = misbehaving(behave)
    pool = pool_of(server.url)
    outcomes = []
    for number in range(5):
        outcomes.append(pool.exchange(REQUEST).outcome)
        assert server.settled(1), number
    assert outcomes == [ACKNOWLEDGED] * 5
    assert (len(server.whole), server.connections) == (5, 5)


@pytest.mark.parametrize("ending", ["fin", "reset"])
def test_a_post_that_a_server_read_before_it_closed_is_never_sent_again(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any], ending: str
) -> None:
    """The keep-alive race: the second request is read, and the connection closed. Only the server knows more."""

    def behave(peer: Any) -> None:
        peer.request()
        peer.answer()
        peer.request()
        if ending == "reset":
            peer.reset()

    server = misbehaving(behave)
    pool = pool_of(server.url)
    assert [pool.exchange(REQUEST).outcome for _ in range(2)] == [ACKNOWLEDGED, INDETERMINATE]
    assert server.settled(1)
    assert (len(server.whole), server.connections) == (2, 1)


def test_bytes_behind_an_answer_are_not_taken_for_the_next_one(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any]
) -> None:
    """A surplus answer, at once or later, ends the connection and does not affect the next request."""

    def behave(peer: Any) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        peer.request()

    server = misbehaving(behave)
    pool = pool_of(server.url)
    assert [pool.exchange(REQUEST).status for _ in range(3)] == [200, 200, 200]
    assert server.connections == 3


def test_an_early_refusal_is_heard_though_the_request_was_not_read(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any]
) -> None:
    """A server may answer 413 before it has read the body; the client hears it instead of a broken pipe."""

    def behave(peer: Any) -> None:
        peer.some(10)
        peer.answer(status=b"413 Too Large", headers=b"Connection: close\r\n")
        peer.socket.shutdown(socket.SHUT_WR)
        while peer.some(65536):
            pass

    large = b"POST /p HTTP/1.1\r\nContent-Length: 20000000\r\n\r\n" + b"x" * 20_000_000
    exchange = pool_of(misbehaving(behave).url, timeout_s=5).exchange(large)
    assert (exchange.outcome, exchange.status) == (REFUSED, 413)


def test_nobody_listening_is_refused_since_no_byte_left(pool_of: Callable[..., ConnectionPool]) -> None:
    """A refused connection certainly was not counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        exchange = pool_of(f"http://127.0.0.1:{free.getsockname()[1]}").exchange(REQUEST)
    assert (exchange.outcome, exchange.status) == (REFUSED, 0)
    assert "refused" in exchange.fault


def test_an_unknown_name_is_refused_since_no_byte_left(pool_of: Callable[..., ConnectionPool]) -> None:
    """The name is looked up when connecting; .invalid never exists (RFC 6761)."""
    exchange = pool_of("http://nowhere.invalid", timeout_s=5).exchange(REQUEST)
    assert (exchange.outcome, exchange.status) == (REFUSED, 0)


def test_a_connection_that_is_never_accepted_ends_at_the_connect_deadline(
    pool_of: Callable[..., ConnectionPool],
) -> None:
    """A full backlog swallows the first packet; the connect deadline is shorter than the request's."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        exchange = pool_of(f"http://127.0.0.1:{port}", timeout_s=10, connect_timeout_s=0.4).exchange(REQUEST)
        took_s = time.monotonic() - began
        for filler in fillers:
            filler.close()
    assert (exchange.outcome, exchange.status, exchange.fault) == (REFUSED, 0, "connect timed out")
    assert 0.35 < took_s < 8


def test_ipv6_is_spoken(pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any]) -> None:
    """A URL with an address in brackets."""
    server = misbehaving(keep_alive, host="::1")
    assert pool_of(server.url).exchange(REQUEST).outcome is ACKNOWLEDGED


def over_tls(certified: Any) -> Callable[[Any], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified.certificate, certified.key)

    def behave(peer: Any) -> None:
        with context.wrap_socket(peer.socket, server_side=True) as secured:
            peer.socket = secured
            keep_alive(peer)

    return behave


def test_tls_is_verified_against_the_given_authorities(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any], certified: Any
) -> None:
    """With the CA file requests go through, over one kept connection though TLS 1.3 sends tickets in between."""
    server = misbehaving(over_tls(certified))
    pool = pool_of(server.url.replace("http", "https"), certified.certificate, timeout_s=5)
    assert [pool.exchange(REQUEST).outcome for _ in range(5)] == [ACKNOWLEDGED] * 5
    assert (len(server.whole), server.connections) == (5, 1)


@pytest.mark.parametrize("how", ["not trusted", "another name"])
def test_tls_that_cannot_be_verified_is_refused_before_a_byte_of_the_request(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any], certified: Any, how: str
) -> None:
    """An authority nobody trusts, or a certificate for another host: the request never leaves."""
    server = misbehaving(over_tls(certified))
    host, trusted = ("127.0.0.1", None) if how == "not trusted" else ("localhost", certified.certificate)
    exchange = pool_of(f"https://{host}:{server.port}", trusted, timeout_s=5).exchange(REQUEST)
    assert (exchange.outcome, exchange.status) == (REFUSED, 0)
    assert "certificate" in exchange.fault.lower()
    assert server.whole == []


def test_a_killed_exchange_closes_its_connection(
    pool_of: Callable[..., ConnectionPool], misbehaving: Callable[..., Any]
) -> None:
    """The late answer to a killed request must not be read as the answer to the next one."""
    release = threading.Event()

    def behave(peer: Any) -> None:
        if peer.request() is not None:
            release.wait(5)
            peer.answer(status=b"404 Late")

    server = misbehaving(behave)
    pool = pool_of(server.url, timeout_s=5)
    killed = gevent.spawn(pool.exchange, REQUEST)
    while not server.whole:
        gevent.sleep(0.01)
    killed.kill()
    release.set()
    assert server.settled(1)
    second = gevent.spawn(pool.exchange, REQUEST)
    second.join(timeout=5)
    assert (second.value.status, server.connections) == (404, 2)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "ftp://h", "http://", "http://h:port", "http://h:99999", "http://u:p@h", "http://h/?q"]
)
def test_a_url_that_is_none_is_refused_in_one_line(url: str) -> None:
    """The message shows what was given and what one looks like."""
    with pytest.raises(TargetError, match=r"expected a URL as http://127\.0\.0\.1:8003, got") as refusal:
        target_of(url)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "header", "path"),
    [
        ("http://h", "h", ""),
        ("http://h:8003/", "h:8003", ""),
        ("http://h:80/a/b/", "h", "/a/b"),
        ("https://h:443", "h", ""),
        ("http://[::1]:81", "[::1]:81", ""),
    ],
)
def test_the_host_header_leaves_out_only_the_schemes_own_port(url: str, header: str, path: str) -> None:
    """RFC 9110, section 7.2; a path in front of Seldon's is kept, without its last slash."""
    target = target_of(url)
    assert (target.header, target.path) == (header, path)


def test_each_status_has_the_outcome_that_the_ledger_states() -> None:
    """2xx acknowledged, 4xx refused, all else indeterminate, over every status there is."""
    actual = {code: outcome_of(code) for code in range(100, 600)}
    assert {code for code, outcome in actual.items() if outcome is ACKNOWLEDGED} == set(range(200, 300))
    assert {code for code, outcome in actual.items() if outcome is REFUSED} == set(range(400, 500))
