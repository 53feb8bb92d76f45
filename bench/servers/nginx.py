"""A trivial server: one nginx worker that answers every POST with the same prediction, and counts what it got."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.tools import programs
from bench.tools.errors import BenchError
from bench.tools.ports import READY_S, free_ports

ANSWER: Final = '{"data":{"names":["t:0"],"ndarray":[1.0]},"meta":{}}'
_CONFIGURATION: Final = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 60s; client_body_buffer_size 64k;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location = /requests {{ stub_status; }}
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx on a port of loopback."""

    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> int:
        """Requests that it has taken since its start, including this one (ngx_http_stub_status_module)."""
        with urllib.request.urlopen(f"{self.url}/requests", timeout=5) as answer:  # noqa: S310 - an address of ours
            page = answer.read().decode("ascii")
        match = re.search(r"^\s*\d+ \d+ (\d+)\s*$", page, re.MULTILINE)
        if match is None:
            raise BenchError(f"nginx: expected the counts of stub_status, got {page!r}.")
        return int(match[1])


@contextlib.contextmanager
def running() -> Iterator[Nginx]:
    """A trivial server, ready; stopped at the end, whatever happens. `BenchError` where there is no nginx."""
    program = programs.find("nginx")
    if program is None:
        raise BenchError("trivial server: expected nginx, got none. Install it with your system's packages.")
    with tempfile.TemporaryDirectory(prefix="plumbline-nginx-") as name:
        Path(name).chmod(0o755)  # if root starts it, its worker is another user
        port = free_ports(1)[0]
        configuration = Path(name) / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=name, port=port, answer=ANSWER), encoding="ascii")
        command = [program.path, "-p", name, "-e", f"{name}/error.log", "-c", str(configuration)]
        process = subprocess.Popen(command, env=program.environment, stdout=subprocess.DEVNULL)
        try:
            yield _ready(Nginx(port), process, Path(name) / "error.log")
        finally:
            process.terminate()
            process.wait(10)


def _ready(server: Nginx, process: subprocess.Popen[bytes], log: Path) -> Nginx:
    deadline = time.monotonic() + READY_S
    while True:
        with contextlib.suppress(OSError):
            server.requests()
            return server
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
            raise BenchError(f"nginx: expected it to answer at {server.url}, got {(lines or ['nothing'])[-1]}.")
        time.sleep(0.02)
