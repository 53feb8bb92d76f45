"""Fixtures of the whole-program tests."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from model import train
from tests.running import ROOT, VARIABLES, Ended, LoadTest, call

for _variable in VARIABLES:  # `make test SDEP=...`, or one left in a shell, is not meant for the tests
    os.environ.pop(_variable, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts us in the background has us ignore SIGINT, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both models, their cards and the held-out rows. Read only."""
    folder = tmp_path_factory.mktemp("artifacts")
    train.train(folder, seed=0)
    return folder


@pytest.fixture
def loadtest(tmp_path: Path) -> LoadTest:
    """The front door, ``python -m locustfiles``, with a run folder in the test's own folder."""

    def run(*arguments: str, name: str = "run", **environment: str) -> Ended:
        folder = tmp_path / name
        return call("-m", "locustfiles", "--run", str(folder), *arguments, folder=folder, **environment)

    return run


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A stack that was started apart from any run, as ``make up`` does: its HOST and PROMETHEUS_URL."""
    folder = tmp_path_factory.mktemp("up")
    places = ("--stacks", str(folder))
    manifest = ROOT / "deploy" / "seldon" / "ab-test.yaml"
    up = call("-m", "deploy.local", "up", str(manifest), *places, folder=folder)
    assert up.code == 0, str(up)
    yield dict(re.findall(r"^ *(HOST|PROMETHEUS_URL)=(\S+)$", up.out, re.MULTILINE))
    down = call("-m", "deploy.local", "down", *places, folder=folder)
    assert down.code == 0, str(down)
