"""A pool of HTTP/1.1 connections for gevent: one request in, one `Exchange` out. It never raises.

A request is whole bytes that were made beforehand (`protocol.rest_requests`). llhttp (httptools) parses the answer.
Each exchange says truthfully whether the server may have counted the request (`outcome`).

No request is sent twice, with one exception that no server can see: a kept connection that is found dead before the
kernel has taken a single byte is replaced by a new one. If a connection dies later, somebody may have read the request,
whatever the error is, so the outcome is INDETERMINATE. Redirects are not followed, and no proxy is used.
"""

from __future__ import annotations

from typing import Final

import gevent
import gevent.socket
import gevent.ssl

from analysis.record.ledger import Outcome
from locustfiles.http1.connection import BrokenResponse, Connection, NothingSent
from locustfiles.http1.deadlines import Deadlines, Expired
from locustfiles.http1.outcome import Exchange, outcome_of
from locustfiles.http1.sockets import PlainSocket, TlsSocket
from locustfiles.http1.target import Target

CONNECT_TIMEOUT_S: Final = 5.0


class ConnectionPool:
    """A pool of kept connections to one target; any number of greenlets may call `exchange` at once."""

    def __init__(self, target: Target, *, timeout_s: float, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._target = target
        self._mask = target.access.mask
        self._timeout_s = timeout_s
        self._connect_timeout_s = min(connect_timeout_s, timeout_s)
        self._idle: list[Connection] = []
        self._deadlines = Deadlines(timeout_s)

    def exchange(self, request: bytes) -> Exchange:
        """Send ``request`` once and read its answer, all within the whole-request deadline.

        Killing the calling greenlet closes the connection and passes the kill on.
        """
        ticket = self._deadlines.enter()
        connection: Connection | None = None
        try:
            connection = self._connection()
            try:
                connection.send(request)
            except NothingSent:  # a kept connection that had died unnoticed
                connection.close()
                connection = self._connect()
                connection.send(request)
            return self._concluded(connection)
        except (_ConnectError, NothingSent) as error:
            return Exchange(Outcome.REFUSED, 0, b"", str(error), reached=False)
        except BrokenResponse as error:
            return Exchange(Outcome.INDETERMINATE, error.status, b"", str(error))
        except Expired:
            return self._expired(connection)
        finally:
            self._deadlines.leave(ticket)
            if connection is not None and not connection.reusable:
                connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._deadlines.close()
        while self._idle:
            self._idle.pop().close()

    def _concluded(self, connection: Connection) -> Exchange:
        status, body = connection.answer()
        body = self._mask(body)
        if connection.reusable:
            self._idle.append(connection)
        outcome = outcome_of(status)
        return Exchange(outcome, status, body, "" if outcome is Outcome.ACKNOWLEDGED else f"HTTP {status}")

    def _expired(self, connection: Connection | None) -> Exchange:
        fault = f"no whole answer within {self._timeout_s:g} s"
        if connection is None or not connection.sent_total:
            return Exchange(Outcome.REFUSED, 0, b"", fault + ", nothing sent", reached=False)
        return Exchange(Outcome.INDETERMINATE, connection.status, b"", fault)

    def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive():
                return connection
            connection.close()
        return self._connect()

    def _connect(self) -> Connection:
        target = self._target
        try:
            with gevent.Timeout(self._connect_timeout_s, _ConnectError("connect timed out")):
                plain = _dial(target.host, target.port)
                if target.tls is None:
                    return Connection(PlainSocket(plain))
                try:
                    return Connection(TlsSocket(target.tls.wrap_socket(plain, server_hostname=target.server_name)))
                except BaseException:
                    plain.close()
                    raise
        except OSError as error:  # SSLError and gaierror are OSErrors
            raise _ConnectError(f"no connection: {error.strerror or error}") from error


def _dial(host: str, port: int) -> gevent.socket.socket:
    """A socket that is connected to the first address that accepts. Raises the ``OSError`` of the last address."""
    failure: OSError = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in gevent.socket.getaddrinfo(host, port, type=gevent.socket.SOCK_STREAM):
        sock = gevent.socket.socket(family, kind, protocol)
        try:
            sock.connect(address)
            sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        except BaseException as error:  # also a deadline: nothing else would close the socket
            sock.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return sock
    raise failure


class _ConnectError(Exception):
    """There is no connection, so no byte of a request left."""
