"""The HTTP client's connections: which are kept, which are replaced, and when nothing was sent."""

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
from locustfiles.http1.pool import ConnectionPool

BODY = b"x" * 500
REQUEST = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
ACKNOWLEDGED, REFUSED, INDETERMINATE = Outcome


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
