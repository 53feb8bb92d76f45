"""Behind a login, under Locust: each process reads its secrets itself, and no page, argument, file or line has one."""

from __future__ import annotations

import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.gateway import Gateway, gateway
from tests.locustfiles.locust_page import Page
from tests.locustfiles.run.test_drain import ROOT, headless, started, workers

pytestmark = pytest.mark.stack
SECRET = "gehe1m-t0ken"
PAGES = ("/", "/stats/requests", "/stats/report", "/exceptions", "/logs", "/tasks", "/stats/failures/csv")
FILE = '[ingress]\nbearer_token = { env = "INGRESS_TOKEN" }\n[prometheus]\nbearer_token = { env = "INGRESS_TOKEN" }\n'


@pytest.fixture
def chatty(counting: Callable[..., Any]) -> Iterator[Gateway]:
    """A gateway that repeats in each tenth answer, and to all without a login, what it was sent."""
    turns = itertools.count()

    def refuses(headers: Any) -> bool:
        return headers.get("Authorization") != f"Bearer {SECRET}" or next(turns) % 10 == 9

    with gateway(counting().url, refuses=refuses) as server:
        yield server


def access_file(folder: Path, text: str = FILE) -> str:
    path = folder / "access.toml"
    path.write_text(text)
    return str(path)


def arguments() -> str:
    """Arguments of all processes of the machine."""
    return "\n".join(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def holders(folder: Path) -> list[str]:
    """Files that hold the secret."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_the_page_shows_no_secret_also_of_a_server_that_repeats_it(
    locust: Callable[..., Any], chatty: Gateway, tmp_path: Path
) -> None:
    """The form, the tables, the failures, the logs and the report of Locust; and our run folder."""
    port = int(workers(1)[3])
    running = locust(
        *(*started(chatty.url), "--web-port", str(port), "--access", access_file(tmp_path)),
        environment={"INGRESS_TOKEN": SECRET},
    )
    page = Page(running, port)
    page.until(page.up)
    page.post("/swarm", user_count="4", spawn_rate="100", run_time="1s")
    page.until(lambda: json.loads(page.get("/stats/requests"))["state"] == "stopped")
    page.until((running.run / "result.json").exists)
    shown = "".join(map(page.get, PAGES))
    assert "HTTP 401" in shown
    assert SECRET not in shown
    assert SECRET not in arguments()
    running.signal(2)
    _, out, err = running.end()
    (failure, *_) = json.loads((running.run / "run.json").read_text())["failures"]
    assert "*" * len(SECRET) in failure["reason"]
    assert SECRET not in out + err
    assert holders(tmp_path) == []


@pytest.mark.parametrize("field", ["host", "prometheus_url"])
def test_a_login_that_is_typed_into_the_form_is_refused_and_not_shown(locust: Callable[..., Any], field: str) -> None:
    """A page that was started without addresses takes them from its form."""
    port = int(workers(1)[3])
    running = locust("-f", str(ROOT / "locustfiles" / "single.py"), "--web-port", str(port))
    page = Page(running, port)
    page.until(page.up)
    answer = page.post_with({}, user_count="1", spawn_rate="1", **{field: f"http://me:{SECRET}@h"})
    assert "expected a URL without a login" in answer["message"]
    assert SECRET not in json.dumps(answer) + "".join(map(page.get, PAGES))


def test_plain_locust_refuses_a_login_in_a_variable_before_its_page_shows_it(locust: Callable[..., Any]) -> None:
    """Its form would show the variable's value."""
    running = locust(
        *("-f", str(ROOT / "locustfiles" / "single.py"), "--host", "http://127.0.0.1:1"),
        *("--web-port", workers(1)[3]),
        environment={"PROMETHEUS_URL": f"http://me:{SECRET}@p"},
    )
    code, out, err = running.end()
    assert (code, out) == (2, "")
    assert "expected a URL without a login, got http://***@p" in err
    assert SECRET not in err


def test_a_worker_of_another_machine_has_its_own_file(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path
) -> None:
    """The master hands out paths and no secrets; a worker's own option or variable comes before the master's path."""
    login = 'bearer_token = { env = "INGRESS_TOKEN" }'
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, name in ((ours, "master"), (theirs, "worker")):
        folder.mkdir()
        access_file(folder, f'[ingress]\n{login}\nheaders = {{ X-From = "{name}" }}\n')
    port = str(_free_port())
    environment = {"INGRESS_TOKEN": SECRET, "PLUMBLINE_ACCESS": str(theirs / "access.toml")}
    with gateway(counting().url, refuses=lambda headers: SECRET not in headers.get("Authorization", "")) as server:
        worker = locust(
            *("-f", str(ROOT / "locustfiles" / "single.py"), "--worker", "--master-port", port), environment=environment
        )
        master = locust(
            *(*headless(server.url, "-t", "1s"), "--master", "--expect-workers", "1", "--master-bind-port", port),
            *("--master-bind-host", "127.0.0.1", "--access", str(ours / "access.toml")),
            environment={"INGRESS_TOKEN": SECRET},
        )
        code, _, err = master.end()
        assert code == 0, err
        worker.end()
    posts = [headers for headers in server.headers if "Content-Type" in headers]
    assert len(posts) > 1
    assert {headers["X-From"] for headers in posts} == {"worker"}
    assert {headers["X-From"] for headers in server.headers if "Content-Type" not in headers} == {"master"}


def test_a_worker_without_the_secret_says_so_and_the_run_is_not_passed(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path
) -> None:
    port = str(_free_port())
    worker = locust(
        *("-f", str(ROOT / "locustfiles" / "single.py"), "--worker", "--master-port", port),
        environment={name: "" for name in os.environ if name == "INGRESS_TOKEN"},
    )
    with gateway(counting().url) as server:
        master = locust(
            *(*headless(server.url, "-t", "1s"), "--master", "--expect-workers", "1", "--master-bind-port", port),
            *("--master-bind-host", "127.0.0.1", "--access", access_file(tmp_path)),
            environment={"INGRESS_TOKEN": SECRET},
        )
        master.end()
        _, _, err = worker.end()
    assert "this worker cannot take part" in err
    assert "got no text in the variable INGRESS_TOKEN" in err
    run = json.loads((master.run / "run.json").read_text())
    assert run["recorder"]["workers_lost"] == 1


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
