"""Bad input to any command of ours: one line that says what was expected and found, exit code 2, nothing started.

What the front door refuses is tried in `tests/locustfiles/run/test_front_door.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from answering import answering
from tests.running import ROOT, Ended, LoadTest, call

SINGLE = ROOT / "deploy" / "seldon" / "metrics-model.yaml"


def assert_refused(run: Ended, *words: str) -> None:
    """Exit code 2, one line on standard error which holds all the words, and no run."""
    assert run.code == 2, str(run)
    lines = run.err.strip().splitlines()
    assert len(lines) == 1, str(run)
    assert [word for word in words if word not in lines[0]] == [], lines[0]
    assert not (run.folder / "run.json").exists()


@pytest.fixture
def page() -> Iterator[str]:
    """URL of a server that answers everything with a page."""
    with answering(lambda _: (200, "text/html", b"<html>It works!</html>")) as url:
        yield url


@pytest.fixture
def seldon() -> Iterator[str]:
    """URL of a server that answers a health check as Seldon does."""
    with answering(lambda _: (200, "application/json", b"{}")) as url:
        yield url


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
        ("model.card", "--bogus"),
        ("model.card", "no/such.joblib", "--heldout", "rows.csv", "--target", "y"),
    ],
    ids=" ".join,
)
def test_every_command_refuses_in_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    """No usage text and no traceback for a user's slip: one line, exit code 2."""
    run = call("-m", *command, folder=tmp_path)
    assert_refused(run, "plumbline: ")
