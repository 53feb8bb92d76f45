"""What ``pyproject.toml`` of the working folder may say of Plumbline."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.command import project
from analysis.judge.gates import GateError


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``pyproject.toml`` of the working folder, to be written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pyproject.toml"


@pytest.mark.parametrize(
    ("text", "gates"),
    [
        ("[tool.plumbline]\ngates = ['recall>=0.9', 'failures<=1%']", ["recall>=0.9", "failures<=1%"]),
        ("[tool.plumbline]", []),
        ("[tool.other]\ngates = ['x']", []),
        ("", []),
    ],
)
def test_the_gates_are_those_that_are_written(written: Path, text: str, gates: list[str]) -> None:
    written.write_text(text)
    assert project.gates() == gates


def test_without_a_file_there_are_none(written: Path) -> None:
    assert project.gates() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[tool.plumbline]\ngates = 'recall>=0.9'", "expected a list of texts as tool.plumbline.gates"),
        (b"[tool.plumbline]\ngate = ['recall>=0.9']", "expected gates and no other key in tool.plumbline of pyproject"),
        (b"[tool]\nplumbline = 1", "expected a table tool.plumbline"),
        (b"[tool.plumbline", "expected TOML in pyproject.toml"),
        (b"\xff", "expected TOML in pyproject.toml"),
    ],
)
def test_what_cannot_be_read_is_refused(written: Path, text: bytes, message: str) -> None:
    """Also a key that nobody reads: a gate under a wrong name would seem to be kept."""
    written.write_bytes(text)
    with pytest.raises(GateError, match=message):
        project.gates()


def test_a_file_that_may_not_be_read_is_refused(written: Path) -> None:
    written.mkdir()
    with pytest.raises(GateError, match="expected to read pyproject"):
        project.gates()
