"""``python -m bench.servers.stalling PORT AFTER_S STALL_S``: a server that answers at once, but stalls one time.

It stalls like a real server: the process sleeps, so connections open and bytes arrive, but nothing reads them.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.servers.nginx import ANSWER
from bench.tools.bare_http import whole_request

_RESPONSE = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n{ANSWER}"
).encode()


class Answering(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's own promise for TCP
        self._transport = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (length := whole_request(self._heard)) is not None:
            self._heard = self._heard[length:]
            _begun()
            self._transport.write(_RESPONSE)


def _begun() -> None:
    """Start the stall, some seconds after the first request."""
    if not _PLANNED:
        after_s, stall_s = map(float, sys.argv[2:4])
        _PLANNED.append(asyncio.get_running_loop().call_later(after_s, time.sleep, stall_s))


_PLANNED: list[asyncio.TimerHandle] = []


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
