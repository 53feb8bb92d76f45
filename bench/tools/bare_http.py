"""A small client for measuring servers: raw keep-alive sockets, one request in flight on each, nothing retried."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

READ_BYTES: Final = 1 << 16


@dataclass
class DriveFigures:
    """How the requests ended: how often each was answered with 2xx, by its index; the others likewise; wall seconds."""

    acknowledged: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    indeterminate: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Acknowledged requests per second."""
        return self.acknowledged.total() / self.seconds


def post(path: str, body: bytes, kind: str = "application/json") -> bytes:
    """One HTTP/1.1 request, as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def whole_request(received: bytes) -> int | None:
    """Length of the first whole request in ``received``, or None if it is not complete."""
    head, separator, _ = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    _, _, after = head.lower().partition(b"content-length:")
    length = len(head) + len(separator) + int(after.split(b"\r\n", 1)[0] or 0)
    return length if len(received) >= length else None


class _Connection:
    """One connection with at most one request on its way."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = self._connected()
        self.sent = -1
        self.received = b""

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def reopen(self) -> None:
        self.socket.close()
        self.socket = self._connected()
        self.received = b""

    def send(self, index: int, request: bytes) -> None:
        self.sent, self.received = index, b""
        self.socket.sendall(request)


def answered(received: bytes) -> tuple[int, bool] | None:
    """Status of a whole answer and whether the server closes, or None if it is not complete."""
    head, separator, rest = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    lower = head.lower()
    _, _, after = lower.partition(b"content-length:")
    if len(rest) < int(after.split(b"\r\n", 1)[0] or 0):
        return None
    return int(head[9:12]), b"connection: close" in lower


def drive(
    port: int, requests: Sequence[bytes], order: Iterator[int], connections: int, go_on: Callable[[], bool]
) -> DriveFigures:
    """Sends the requests in ``order`` until it ends or ``go_on`` is false, then waits for the remaining answers.

    A connection that breaks before the whole answer came leaves its request indeterminate.
    """
    driven = DriveFigures()
    selector = selectors.DefaultSelector()
    began = time.monotonic()
    waiting = 0

    def next_on(connection: _Connection) -> int:
        index = next(order, None) if go_on() else None
        if index is None:
            connection.socket.close()
            return 0
        try:
            connection.send(index, requests[index])
        except OSError:
            driven.indeterminate[index] += 1
            connection.reopen()
            return next_on(connection)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        return 1

    for _ in range(connections):
        waiting += next_on(_Connection(port))
    while waiting:
        for key, _ in selector.select(1.0):
            connection: _Connection = key.data
            if not _take(connection, driven):
                continue
            waiting -= 1
            selector.unregister(key.fileobj)
            if connection.received == b"":
                connection.reopen()
            waiting += next_on(connection)
    driven.seconds = time.monotonic() - began
    selector.close()
    return driven


def _take(connection: _Connection, driven: DriveFigures) -> bool:
    """Whether the request on its way is over; ``received`` is then empty if the connection cannot be used again."""
    try:
        received = connection.socket.recv(READ_BYTES)
    except OSError:
        received = b""
    if not received:
        driven.indeterminate[connection.sent] += 1
        connection.received = b""
        return True
    connection.received += received
    whole = answered(connection.received)
    if whole is None:
        return False
    status, closes = whole
    (driven.acknowledged if 200 <= status < 300 else driven.refused)[connection.sent] += 1
    if closes:
        connection.received = b""
    return True
