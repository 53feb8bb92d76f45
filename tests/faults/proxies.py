"""Servers on loopback that stand between two real parts: an old answer, a late one, one of another clock."""

from __future__ import annotations

import itertools
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Answer = Callable[[str], bytes]
"""Body of the answer to a path with its query."""


def served(answer: Answer, cleanup: ExitStack) -> str:
    """Address (``host:port``) at which the answers are given until the cleanup."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                status, body = 200, answer(self.path)
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            except OSError as error:
                status, body = 502, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if body[:1] == b"{" else "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # who asked has gone, as a scrape that took too long
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the runner prints one row per fault."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cleanup.callback(server.server_close)
    cleanup.callback(server.shutdown)
    return f"127.0.0.1:{server.server_port}"


def read(url: str) -> bytes:
    """Body at an address of loopback, whatever proxy the environment names."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def caching(url: str, seconds: float, cleanup: ExitStack) -> str:
    """Address of a proxy that fetches anew only when what it holds is older than ``seconds``."""
    held: dict[str, tuple[float, bytes]] = {}
    lock = threading.Lock()

    def answer(path: str) -> bytes:
        with lock:
            if path not in held or time.monotonic() - held[path][0] > seconds:
                held[path] = time.monotonic(), read(url + path)
            return held[path][1]

    return served(answer, cleanup)


def delaying(url: str, seconds: float, cleanup: ExitStack) -> str:
    """URL of a proxy that takes ``seconds`` longer over each answer."""

    def answer(path: str) -> bytes:
        body = read(url + path)
        time.sleep(seconds)
        return body

    return f"http://{served(answer, cleanup)}"


def stamping(url: str, cleanup: ExitStack) -> str:
    """Address of a proxy that gives each sample of an exposition its own time: when it was read."""

    def answer(path: str) -> bytes:
        lines = read(url + path).decode().splitlines()
        now_ms = round(time.time() * 1000)
        return ("\n".join(line if line.startswith("#") else f"{line} {now_ms}" for line in lines) + "\n").encode()

    return served(answer, cleanup)


def forgetting(url: str, metric: str, period: int, missing: int, cleanup: ExitStack) -> str:
    """Address of a proxy that leaves a metric out of ``missing`` of each ``period`` answers, the second among them."""
    number = itertools.count(-1)

    def answer(path: str) -> bytes:
        body = read(url + path)
        if next(number) % period >= missing:
            return body
        return b"\n".join(line for line in body.split(b"\n") if not line.startswith(f"{metric}{{".encode()))

    return served(answer, cleanup)


def shifting(url: str, ahead_s: Callable[[], float], cleanup: ExitStack) -> str:
    """URL of a Prometheus whose clock is ``ahead_s`` ahead: each time that goes in or comes out is moved by that."""

    def answer(path: str) -> bytes:
        ahead = ahead_s()
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "time" in query:
            query["time"] = f"{float(query['time']) - ahead:.3f}"
        body = json.loads(read(f"{url}{parts.path}?{urlencode(query)}"))
        _move(body.get("data", {}), ahead)
        if query.get("query") == "time()":
            body["data"]["result"][1] = str(float(body["data"]["result"][1]) + ahead)
        return json.dumps(body).encode()

    return f"http://{served(answer, cleanup)}"


def _move(content: Any, ahead: float) -> None:
    """Add to the time of every sample of a query's result."""
    result = content.get("result") if isinstance(content, dict) else None
    if not isinstance(result, list):
        return
    if content["resultType"] in {"scalar", "string"}:
        result[0] += ahead
        return
    for series in result:
        for sample in [*series.get("values", ()), *([series["value"]] if "value" in series else ())]:
            sample[0] = round(sample[0] + ahead, 3)
