"""The seal: what has changed since the evidence was complete, and what a new collection may seal anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import worlds
from alterations import ALONE
from analysis.evidence import exposed
from analysis.record import runfolder, seal
from analysis.record.runfolder import EXPOSED_FILE, GATES_FILE, LEDGER_FILE, SAMPLES_FILE, SEAL_FILE

PRESENT = tuple(name for name in seal.SEALED if name != EXPOSED_FILE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sealed run folder without endpoints."""
    worlds.put(tmp_path, ALONE)
    return tmp_path


def test_a_folder_as_it_was_sealed_has_nothing_broken(folder: Path) -> None:
    """Every file that a verdict rests on is in the seal."""
    assert seal.broken(folder) == {}
    assert sorted(json.loads((folder / SEAL_FILE).read_text())["sha256"]) == sorted(PRESENT)


@pytest.mark.parametrize("name", PRESENT)
def test_each_file_that_is_altered_or_missing_is_named(folder: Path, name: str) -> None:
    """One byte is enough; a file that is not there is told from one that is another."""
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    (altered,) = seal.broken(folder).items()
    (folder / name).unlink()
    (missing,) = seal.broken(folder).items()
    assert (altered[0], missing[0]) == (name, name)
    assert "was altered after" in altered[1]
    assert "is missing" in missing[1]


def test_a_file_that_was_added_is_named(folder: Path) -> None:
    """Endpoints that nobody read at the time are no evidence."""
    (folder / EXPOSED_FILE).write_text(exposed.text([]))
    assert list(seal.broken(folder)) == [EXPOSED_FILE]


def test_sealing_again_covers_only_what_was_written(folder: Path) -> None:
    """A later collection writes its own digests; it does not make an altered ledger right."""
    for name in (LEDGER_FILE, SAMPLES_FILE, GATES_FILE):
        with (folder / name).open("ab") as file:
            file.write(b" ")
    seal.write(folder, (SAMPLES_FILE, GATES_FILE))
    assert list(seal.broken(folder)) == [LEDGER_FILE]


def test_a_missing_file_stays_missing_when_the_folder_is_sealed_again(folder: Path) -> None:
    """The digest of a file that is gone is kept."""
    (folder / GATES_FILE).unlink()
    seal.write(folder, (SAMPLES_FILE,))
    assert list(seal.broken(folder)) == [GATES_FILE]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"schema": 2, "sha256": {}}', '{"schema": 1, "sha256": {"run.json": 7}}', "[" * 100_000],
)
def test_a_seal_that_is_none_is_refused_in_one_line_and_not_replaced(folder: Path, content: str) -> None:
    """Neither reading nor sealing again takes it for a folder that was never sealed."""
    (folder / SEAL_FILE).write_text(content)
    for use in (seal.broken, seal.write):
        with pytest.raises(seal.SealError, match=SEAL_FILE) as refusal:
            use(folder)
        assert "\n" not in str(refusal.value)
    assert (folder / SEAL_FILE).read_text() == content


def test_a_folder_without_a_seal_says_so(folder: Path) -> None:
    """Its reader learns what usually leads to it."""
    (folder / SEAL_FILE).unlink()
    with pytest.raises(seal.SealError, match="was not completed"):
        seal.broken(folder)


def test_a_file_written_anew_has_another_stamp(folder: Path) -> None:
    """What was written between two stamps is known, also with equal content; what was not, is not touched."""
    before = seal.stamps(folder)
    runfolder.write(folder, runfolder.read(folder))
    after = seal.stamps(folder)
    assert {name for name in after if after[name] != before[name]} == {runfolder.RUN_FILE}
    assert set(before) == set(PRESENT)
