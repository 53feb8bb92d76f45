"""Fixtures of the served model: trained files."""

from __future__ import annotations

from pathlib import Path

import pytest

from model import train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both models, their cards and the held-out rows. Read only."""
    folder = tmp_path_factory.mktemp("artifacts")
    train.train(folder, seed=0)
    return folder
