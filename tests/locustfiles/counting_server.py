"""A Seldon-shaped HTTP server that counts what it receives: `python counting_server.py [--delay S] [--close] ...`.

It prints its port, then answers until it is killed. ``GET /counts`` tells how many requests of each kind
it has read whole, and how many it has answered; a request that is read counts even if it is never answered.
"""

import argparse
import asyncio
import json
import sys

PREDICTION = {"data": {"names": ["t:0"], "ndarray": [1]}, "meta": {"tags": {"artifact": "counting"}}}
counts = {"predict": 0, "feedback": 0, "answered": 0}
bodies: list[dict[str, object]] = []


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes] | None:
    """Path and body of the next request, None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return head.split(" ")[1], body


def answer_to(path: str) -> object:
    """JSON for ``path``; counts what it is asked."""
    if path == "/counts":
        return counts
    if path == "/bodies":
        return bodies
    if path.endswith("/predictions"):
        counts["predict"] += 1
        return PREDICTION
    if path.endswith("/feedback"):
        counts["feedback"] += 1
        return {"meta": {}}
    return {}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, options: argparse.Namespace) -> None:
    """Answer one connection until it ends."""
    while (request := await read_request(reader)) is not None:
        path, body = request
        content = json.dumps(answer_to(path)).encode()
        loaded = path.endswith(("/predictions", "/feedback"))
        if loaded and options.keep:
            bodies.append({"path": path, "body": json.loads(body)})
        if loaded and options.delay:
            await asyncio.sleep(options.delay)
        close = b"Connection: close\r\n" if options.close else b""
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (close, len(content), content))
            await writer.drain()
        except ConnectionError:
            break
        counts["answered"] += loaded
        if options.close:
            break
    writer.close()


async def main() -> None:
    """Serve on a free port until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--close", action="store_true", help="close after each answer, as gunicorn's sync worker does")
    parser.add_argument("--keep", action="store_true", help="keep the bodies for GET /bodies")
    options = parser.parse_args()
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, options), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
