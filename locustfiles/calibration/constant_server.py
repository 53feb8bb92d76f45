"""``python -m locustfiles.calibration.constant_server ROWS CLASS``: answers each request at once with a constant.

The trivial server of the calibration. It serves on a free port of loopback, which it prints, until its standard input
is closed. Of a request it reads only what it needs to find its end.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys

_LENGTH = b"content-length:"


def answer_of(content: object) -> bytes:
    """An HTTP answer with ``content`` as JSON."""
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def whole(request: bytes) -> bool:
    """Whether ``request`` is complete. Nothing may follow it."""
    head, blank, body = request.partition(b"\r\n\r\n")
    lowered = head.lower()
    place = lowered.find(_LENGTH)
    length = int(lowered[place + len(_LENGTH) :].split(b"\r\n", 1)[0]) if place >= 0 else 0
    return bool(blank) and len(body) >= length


def main() -> None:
    """Serve until standard input is closed."""
    rows, label = int(sys.argv[1]), json.loads(sys.argv[2])
    prediction = answer_of({"data": {"names": ["t:0"], "ndarray": [label] * rows}, "meta": {}})
    other = answer_of({"meta": {}})
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    waiting: dict[socket.socket, bytes] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is listener:
                    accepted, _ = listener.accept()
                    waiting[accepted] = b""
                    selector.register(accepted, selectors.EVENT_READ)
                    continue
                peer = key.fileobj
                assert isinstance(peer, socket.socket)  # noqa: S101 - the others are above
                piece = _piece(peer)
                if not piece:
                    selector.unregister(peer)
                    del waiting[peer]
                    peer.close()
                    continue
                waiting[peer] += piece
                if whole(waiting[peer]):
                    peer.sendall(prediction if b"/predictions " in waiting[peer][:400] else other)
                    waiting[peer] = b""


def _piece(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65536)
    except ConnectionError:
        return b""


if __name__ == "__main__":
    main()
