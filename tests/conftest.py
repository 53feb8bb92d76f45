"""Fixtures of the whole-program tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import Ended, LoadTest, call


@pytest.fixture
def loadtest(tmp_path: Path) -> LoadTest:
    """The front door, ``python -m locustfiles``, with a run folder in the test's own folder."""

    def run(*arguments: str, name: str = "run", **environment: str) -> Ended:
        folder = tmp_path / name
        return call("-m", "locustfiles", "--run", str(folder), *arguments, folder=folder, **environment)

    return run
