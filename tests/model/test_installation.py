"""Where the project lies, and how its command is typed."""

from __future__ import annotations

from pathlib import Path

from model.installation import COMMAND, ROOT, command_in


def test_the_command_that_is_shown_works_in_the_folder_where_it_is_shown(tmp_path: Path) -> None:
    """The tests run in a checkout."""
    assert command_in(ROOT) == ".venv/bin/python plumbline.py"
    assert command_in(tmp_path) == f"{ROOT}/.venv/bin/python {ROOT}/plumbline.py"
    assert command_in(tmp_path / "gone") == command_in(tmp_path)
    assert command_in(Path()) == COMMAND
