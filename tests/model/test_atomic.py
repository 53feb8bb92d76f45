"""A file is there whole or not at all, and a failed write leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.atomic import write_file, write_text


def test_a_file_is_replaced_by_its_new_content(tmp_path: Path) -> None:
    """The folder holds the one file, with the last text, readable by everybody."""
    for text in ("first", "second"):
        write_text(tmp_path / "a.json", text)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "second"
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    """Half of the new content was written when the disk was full: nobody sees it."""
    (tmp_path / "a.json").write_text("old", encoding="utf-8")

    def fail(temporary: Path) -> None:
        temporary.write_text("half of the ne", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "a.json", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "old"
