"""Bad input to any command of ours: one line that says what was expected and found, exit code 2, nothing started.

What the front door refuses is tried in `tests/locustfiles/test_front_door.py`.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT, Ended, LoadTest, call

SINGLE = ROOT / "deploy" / "seldon" / "metrics-model.yaml"


def assert_refused(run: Ended, *words: str) -> None:
    """Exit code 2, one line on standard error which holds all the words, and no run."""
    assert run.code == 2, str(run)
    lines = run.err.strip().splitlines()
    assert len(lines) == 1, str(run)
    assert [word for word in words if word not in lines[0]] == [], lines[0]
    assert not (run.folder / "run.json").exists()


class _Html(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html>It works!</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the test looks at the client."""


class _Json(_Html):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def page() -> Iterator[str]:
    """URL of a server that answers everything with a page."""
    yield from _served(_Html)


@pytest.fixture
def seldon() -> Iterator[str]:
    """URL of a server that answers a health check as Seldon does."""
    yield from _served(_Json)


def _served(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("prometheus", ["page", "nobody"])
def test_a_prometheus_that_is_none(prometheus: str, page: str, seldon: str, loadtest: LoadTest) -> None:
    """With a host that answers, a Prometheus that answers HTML, or not at all, stops the run before any load."""
    url = page if prometheus == "page" else "http://127.0.0.1:1"
    run = loadtest("--host", seldon, "--prometheus-url", url)
    assert run.code == 2, str(run)
    assert len(run.err.strip().splitlines()) == 1, str(run)
    assert url in run.err
    assert "Prometheus" in run.err
    assert not (run.folder / "ledger.arrow").exists()


@pytest.mark.parametrize("step", ["baseline", "collect", "judge", "report", "finish"])
def test_a_run_folder_that_is_none(step: str, tmp_path: Path) -> None:
    """Each step of the judge says in one line that the folder is no run."""
    run = call("-m", "analysis", step, str(tmp_path), folder=tmp_path)
    assert_refused(run, str(tmp_path))


@pytest.mark.parametrize(
    "command",
    [
        ("locustfiles", "--bogus"),
        ("analysis", "judge", "--bogus"),
        ("analysis", "no-such-step"),
        ("analysis",),
        ("deploy.local", "run"),
        ("deploy.local", "up", "--bogus", str(SINGLE)),
        ("deploy.local", "run", str(SINGLE), "--", "no-such-program"),
        ("deploy.local", "up", "no/such.yaml"),
        ("deploy.local", "up", str(SINGLE), "--images", "no/images.toml"),
        ("model.train", "--bogus"),
    ],
    ids=" ".join,
)
def test_every_command_refuses_in_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    """No usage text and no traceback for a user's slip: one line, exit code 2."""
    run = call("-m", *command, folder=tmp_path)
    assert_refused(run, "plumbline: ")
