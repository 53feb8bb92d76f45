"""Files in a user's folder: a command overwrites its own, as it left them, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.own_files import ForeignFileError, OwnFiles


def test_its_own_file_is_written_again_until_somebody_changes_it(tmp_path: Path) -> None:
    own = OwnFiles(tmp_path, ".note")
    for content in (b"first", b"second"):
        own.check([("a", content)])
        own.write("a", content)
        assert (tmp_path / "a").read_bytes() == content
        assert own.holds("a")
    (tmp_path / "a").write_bytes(b"mine")
    assert not own.holds("a")
    with pytest.raises(ForeignFileError, match="did not make, or that was changed since"):
        own.check([("b", b"new"), ("a", b"third")])


def test_a_file_of_the_same_content_is_no_trouble_and_stays_the_users(tmp_path: Path) -> None:
    """The user's own model in the folder is used where it is, and never replaced by another."""
    own = OwnFiles(tmp_path, ".note")
    (tmp_path / "a").write_bytes(b"model")
    own.check([("a", b"model")])
    own.write("a", b"model")
    with pytest.raises(ForeignFileError):
        own.check([("a", b"another model")])


@pytest.mark.parametrize("note", [b"", b"[]", b"{", b'{"a": 1}', b"\xff"])
def test_a_spoiled_note_makes_every_file_somebody_elses(tmp_path: Path, note: bytes) -> None:
    own = OwnFiles(tmp_path, ".note")
    own.write("a", b"first")
    (tmp_path / ".note").write_bytes(note)
    assert not own.holds("a")
