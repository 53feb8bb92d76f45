"""The seal of a run folder, ``seal.json``: the SHA-256 of each file of evidence, written when the evidence is complete.

It shows that a file was damaged, lost, exchanged or added afterwards. It does not show who did it, and it protects
against nobody who also writes a new seal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analysis.record.decoding import decode
from analysis.record.runfolder import (
    BASELINE_FILE,
    EXPOSED_FILE,
    GATES_FILE,
    LEDGER_FILE,
    OFFLINE_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SEAL_FILE,
)
from model.atomic import write_text

SCHEMA_VERSION: Final = 1
SEALED: Final = (RUN_FILE, LEDGER_FILE, SAMPLES_FILE, OFFLINE_FILE, BASELINE_FILE, EXPOSED_FILE, GATES_FILE)
"""Every file that a verdict rests on."""


class SealError(Exception):
    """There is no seal, or it is not readable; one line says which."""


@dataclass(frozen=True, slots=True)
class _Seal:
    """The file's content. ``sha256``: by file name, the digest as hexadecimal text."""

    schema: int
    sha256: dict[str, str]


def write(folder: Path, written: Collection[str] = SEALED) -> None:
    """Seal the folder. ``written``: the files that were just written, of which new digests are taken.

    All other files keep the digests of the earlier seal, so that an alteration since then stays visible. Without an
    earlier seal, each file is sealed as it is now. Raises `SealError` if the earlier seal is unreadable, ``OSError``
    if the new one cannot be written.
    """
    earlier = _read(folder) if (folder / SEAL_FILE).exists() else None
    kept = {} if earlier is None else {name: earlier[name] for name in SEALED if name in earlier}
    fresh = SEALED if earlier is None else written
    digests = kept | {name: _digest(folder / name) for name in fresh if (folder / name).exists()}
    write_text(folder / SEAL_FILE, json.dumps({"schema": SCHEMA_VERSION, "sha256": digests}, indent=1) + "\n")


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """For each sealed file that is there, what changes when it is written anew: its inode and time in nanoseconds."""
    by_name = {}
    for name in SEALED:
        with suppress(FileNotFoundError):
            status = (folder / name).stat()
            by_name[name] = status.st_ino, status.st_mtime_ns
    return by_name


def broken(folder: Path) -> dict[str, str]:
    """By file name, one line for each file that is not as it was sealed. Raises `SealError` without a readable seal."""
    sealed = _read(folder)
    lines = {name: _difference(folder / name, sealed.get(name)) for name in SEALED}
    return {name: line for name, line in lines.items() if line is not None}


def _difference(path: Path, sealed: str | None) -> str | None:
    """How the file differs from what was sealed, or None. ``sealed``: its digest, None if the seal has none."""
    try:
        digest = _digest(path)
    except FileNotFoundError:
        return f"{path.name} is missing: it was there when the run folder was sealed" if sealed is not None else None
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    if sealed is None:
        return f"{path.name} was added after the run folder was sealed"
    if digest != sealed:
        return f"{path.name} was altered after the run folder was sealed (SHA-256 {digest[:12]}, sealed {sealed[:12]})"
    return None


def _read(folder: Path) -> dict[str, str]:
    """Digest of each file in the seal."""
    path = folder / SEAL_FILE
    try:
        content = decode(path.read_bytes(), _Seal)
    except FileNotFoundError as error:
        raise SealError(
            f"there is no {SEAL_FILE}: collecting the evidence was not completed, or an earlier version did it"
        ) from error
    except (OSError, ValueError) as error:
        raise SealError(f"{SEAL_FILE} cannot be read: {error}") from error
    if content.schema != SCHEMA_VERSION:
        raise SealError(f"{SEAL_FILE} is of schema {content.schema}, expected {SCHEMA_VERSION}")
    return content.sha256


def _digest(path: Path) -> str:
    """SHA-256 of the file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
