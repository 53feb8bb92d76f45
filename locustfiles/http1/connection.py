"""One kept HTTP/1.1 connection: send a request, read its answer, know whether it can be used again."""

from __future__ import annotations

from typing import Final

import httptools

from locustfiles.http1.sockets import Socket

MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 16 * 1024 * 1024
_FRAMING: Final = (b"content-length", b"transfer-encoding")
"""Headers that say where a body ends; without one, the end of the connection does."""


class NothingSent(Exception):  # noqa: N818 - it says what is known, not that something is an error
    """The kernel took no byte of the request, so no server can have read one."""


class BrokenResponse(Exception):  # noqa: N818
    """The request left, at least in part, and no whole answer arrived. ``status``: of its head, 0 without one."""

    def __init__(self, fault: str, status: int) -> None:
        super().__init__(fault)
        self.status = status


class Connection:
    """A socket and the parser of its answers. ``alive`` and ``close`` are the socket's.

    ``sent_total``: bytes of the present request that left. ``status``: of the answer so far. ``reusable``:
    whether the last answer was read whole, both sides keep the connection, and nothing follows.
    """

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._parser = httptools.HttpResponseParser(self)
        self._begin()
        self.sent_total = 0
        self.reusable = False
        self.alive = socket.alive
        self.close = socket.close

    def send(self, request: bytes) -> None:
        """Hand the whole request to the kernel.

        Raises `NothingSent` if it took no byte. A failure after that is left to `answer`: a server may refuse a request
        early (413) and close the connection, and its answer says more than the broken pipe.
        """
        self._begin()
        self.reusable = False
        self.sent_total = 0
        try:
            self.sent_total = self._socket.send(request)
            while self.sent_total < len(request):
                self.sent_total += self._socket.send(memoryview(request)[self.sent_total :])
        except OSError as error:
            if not self.sent_total and not self._socket.partial:
                raise NothingSent(f"connection lost before sending: {error.strerror or error}") from error
            self.sent_total = self.sent_total or 1
            self._broken = True

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the answer; raises `BrokenResponse` if it is not whole, malformed or too large."""
        while not self._whole:
            try:
                piece = self._socket.receive()
            except OSError as error:
                raise BrokenResponse(f"connection lost: {error.strerror or error}", self.status) from error
            if not piece:
                self._end_of_stream()
                break
            self._feed(piece)
        self.reusable = self._kept and not self._broken and not self._closing
        body = self._body
        return self.status, body[0] if len(body) == 1 else b"".join(body)

    def _begin(self) -> None:
        self.status = 0
        self._whole = False
        self._kept = False
        self._closing = False
        self._broken = False
        self._in_body = False
        self._framed = False
        self._body: list[bytes] = []
        self._read_total = 0

    def _feed(self, piece: bytes) -> None:
        self._read_total += len(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as error:
            raise BrokenResponse("unasked protocol upgrade", self.status) from error
        except httptools.HttpParserError as error:
            if not self._whole:
                raise BrokenResponse(f"malformed answer: {str(error)[:60]}", self.status) from error
            self._closing = True  # a whole answer with other bytes behind it
        if not self._in_body and self._read_total > MAX_HEAD:
            raise BrokenResponse(f"answer's head over {MAX_HEAD} bytes", self.status)
        if self._read_total > MAX_HEAD + MAX_BODY:
            raise BrokenResponse(f"answer over {MAX_BODY} bytes", self.status)

    def _end_of_stream(self) -> None:
        """The peer closed the connection: this ends a body without a length, and is a fault in any other place."""
        if not self._in_body:
            fault = "connection closed without an answer" if not self._read_total else "answer's head cut short"
            raise BrokenResponse(fault, self.status)
        if self._framed:
            raise BrokenResponse("answer's body cut short", self.status)
        self._closing = True

    # httptools calls these
    def on_message_begin(self) -> None:
        """An answer begins. A second answer, behind a whole one, is not ours."""
        if self._whole:
            self._closing = True
        else:
            self._framed = False

    def on_header(self, name: bytes, _: bytes) -> None:
        """A header of this head, or of an interim one before it: whether it says where the body ends."""
        if not self._whole and name.lower() in _FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """The head is complete: take the status."""
        if not self._whole:
            self.status = self._parser.get_status_code()
            self._in_body = self.status >= 200

    def on_body(self, piece: bytes) -> None:
        """A piece of the body arrived."""
        if not self._whole:
            self._body.append(piece)

    def on_message_complete(self) -> None:
        """The answer ends; an interim one (1xx) is skipped, because the real one follows."""
        if self._in_body and not self._whole:
            self._whole = True
            self._kept = self._parser.should_keep_alive()  # llhttp no longer knows it after the callback
