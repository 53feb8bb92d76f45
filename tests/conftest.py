"""Fixtures of the whole-program tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.running import VARIABLES, Ended, LoadTest, call

for _variable in VARIABLES:  # `make test SDEP=...`, or one left in a shell, is not meant for the tests
    os.environ.pop(_variable, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts us in the background has us ignore SIGINT, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def loadtest(tmp_path: Path) -> LoadTest:
    """The front door, ``python -m locustfiles``, with a run folder in the test's own folder."""

    def run(*arguments: str, name: str = "run", **environment: str) -> Ended:
        folder = tmp_path / name
        return call("-m", "locustfiles", "--run", str(folder), *arguments, folder=folder, **environment)

    return run
