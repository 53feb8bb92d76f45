"""Guards of Locust's page: what a stranger's page, or a form with other hosts and files, cannot have it do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.locustfiles.locust_page import Page
from tests.locustfiles.run.test_drain import ROOT, started, workers

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("headers", "form", "words"),
    [
        ({"Origin": "http://evil.example"}, {}, "from another site"),
        ({"Origin": "null"}, {}, "from another site"),
        ({"Referer": "http://evil.example/page"}, {}, "from another site"),
        ({"Sec-Fetch-Site": "cross-site"}, {}, "from another site"),
        ({"Host": "evil.example"}, {}, "got one to evil.example"),
        ({}, {"host": "http://127.0.0.1:2"}, "host: expected http://127.0.0.1:1 as at the start"),
        ({}, {"sdep": "/etc/passwd"}, "sdep: expected none as at the start"),
        ({}, {"run": "elsewhere"}, "run: expected none as at the start"),
        ({}, {"artifacts": "/srv"}, "artifacts: expected "),
        ({}, {"web_host": "0.0.0.0"}, "web_host: expected 127.0.0.1 as at the start"),
        ({}, {"logfile": "x.log"}, "logfile: expected none as at the start"),
    ],
)
def test_the_page_takes_no_orders_from_strangers(
    page_without_server: Page, headers: dict[str, str], form: dict[str, str], words: str
) -> None:
    """Neither a form of another site, nor another name for this address, nor one that changes hosts and files."""
    answer = page_without_server.post_with(headers, user_count="1", spawn_rate="1", **form)
    assert answer["success"] is False
    assert words in answer["message"]
    assert json.loads(page_without_server.get("/stats/requests"))["state"] in {"ready", "stopped"}


def test_the_page_takes_its_own_form(page_without_server: Page) -> None:
    """All that the page itself sends: every option as it stands, and the page's own address as its origin."""
    given = page_without_server.options()
    assert {"sdep", "artifacts", "rate"} <= set(given)
    origin = {"Origin": page_without_server.url, "Sec-Fetch-Site": "same-origin"}
    answer = page_without_server.post_with(
        origin, user_count="1", spawn_rate="1", **(given | {"host": "http://127.0.0.1:1", "predict_ratio": "7"})
    )
    assert "at the start" not in answer["message"]
    assert "another site" not in answer["message"]
    page_without_server.until(lambda: "expected 0 to 1, got 7" in page_without_server.get("/exceptions"))
    page_without_server.until(lambda: json.loads(page_without_server.get("/stats/requests"))["state"] == "stopped")


@pytest.fixture(scope="module")
def page_without_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Locust's page with our options, started with a host at which nobody listens."""
    port = int(workers(1)[3])
    folder = tmp_path_factory.mktemp("page")
    process = subprocess.Popen(
        [sys.executable, "-m", "locust", *started("http://127.0.0.1:1"), "--web-port", str(port)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    page = Page(SimpleNamespace(process=process), port)
    page.until(page.up)
    yield page
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
