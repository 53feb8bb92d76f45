"""A small HTTP/1.1 keep-alive client for gevent: one request in, one `Exchange` out, nothing ever raised.

A request is whole bytes made beforehand (`protocol.rest_requests`); the answer is parsed by llhttp (httptools). What
matters here is that each exchange says truthfully whether the server may have counted it:

* REFUSED only if no byte of the request left, or the server answered 4xx;
* ACKNOWLEDGED only for a 2xx answer read whole;
* everything else is INDETERMINATE.

No request is sent twice. The one exception cannot be seen by any server: a kept connection that turns
out dead before the kernel has taken a single byte is replaced by a new one. A connection that dies after
that is not proof that nobody read the request, whatever the error, so it is INDETERMINATE.
Redirects are not followed; a proxy is never used.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import gevent
import gevent.socket
import gevent.ssl

from analysis.record.ledger import Outcome
from locustfiles.http1.connection import BrokenResponse, Connection, NothingSent
from locustfiles.http1.deadlines import Deadlines, Expired
from locustfiles.http1.sockets import PlainSocket, TlsSocket

CONNECT_TIMEOUT_S: Final = 5.0


class TargetError(ValueError):
    """The URL is not one that this client can reach; one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go. ``path``: what the URL adds in front of Seldon's path, without a slash at its end."""

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None

    @property
    def header(self) -> str:
        """Value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


def target_of(url: str, ca_file: str | None = None) -> Target:
    """Target of ``url``; with ``ca_file`` TLS trusts the authorities in it, else those of the system.

    Raises `TargetError` for another scheme than http and https, a missing host, a bad port, or an unreadable CA file.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TargetError(
            f"reading the host: expected a URL as http://127.0.0.1:8003, got {url!r} ({error})."
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise TargetError(f"reading the host: expected a URL as http://127.0.0.1:8003, got {url!r}.")
    tls: ssl.SSLContext | None = None
    if parts.scheme == "https":
        try:
            tls = gevent.ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise TargetError(f"reading the CA file: expected certificates in {ca_file}, got: {error}.") from error
    return Target(parts.hostname, port or (443 if tls else 80), parts.path.rstrip("/"), tls)


class Exchange(NamedTuple):
    """How one request ended.

    ``status``: HTTP status, 0 without an answer's head; or gRPC status, which is 0 for OK. ``fault``: empty unless
    something went wrong. ``reached``: False if there was nobody to send it to.
    """

    outcome: Outcome
    status: int
    body: bytes
    fault: str
    reached: bool = True


def outcome_of(status: int) -> Outcome:
    """Outcome of an answer read whole. 3xx and 5xx may follow after the request was counted."""
    if 200 <= status < 300:
        return Outcome.ACKNOWLEDGED
    return Outcome.REFUSED if 400 <= status < 500 else Outcome.INDETERMINATE


class ConnectionPool:
    """A pool of kept connections to one target; any number of greenlets may call `exchange` at once."""

    def __init__(self, target: Target, *, timeout_s: float, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._target = target
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
            except NothingSent:  # it was kept from before and died unseen
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
        """Close the connections that nobody uses."""
        self._deadlines.close()
        while self._idle:
            self._idle.pop().close()

    def _concluded(self, connection: Connection) -> Exchange:
        status, body = connection.answer()
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
                    return Connection(TlsSocket(target.tls.wrap_socket(plain, server_hostname=target.host)))
                except BaseException:
                    plain.close()
                    raise
        except OSError as error:  # SSLError and gaierror are OSErrors
            raise _ConnectError(f"no connection: {error.strerror or error}") from error


def _dial(host: str, port: int) -> gevent.socket.socket:
    """A connected socket; of several addresses the first that takes it. Raises the last one's ``OSError``."""
    failure: OSError = OSError(f"no address for {host}")
    for family, kind, protocol, _, address in gevent.socket.getaddrinfo(host, port, type=gevent.socket.SOCK_STREAM):
        sock = gevent.socket.socket(family, kind, protocol)
        try:
            sock.connect(address)
            sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        except BaseException as error:  # a deadline too: nobody else would close it
            sock.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return sock
    raise failure


class _ConnectError(Exception):
    """No connection, so no byte of a request left."""
