"""Files that a command writes into a user's folder: it never overwrites or removes one that it did not make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from model.atomic import write_bytes

_REMEMBERED: Final = 10
"""Digests that are noted of a file: a process that is killed between note and file leaves an older one."""


class ForeignFileError(Exception):
    """A file that would be written is there and somebody else's; one line says which and what to do."""


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The files that a command made in ``folder``. ``note_file``: name of the file with their digests."""

    folder: Path
    note_file: str

    def digests(self) -> dict[str, list[str]]:
        """Digests of what was written, by file name; empty if that is not known."""
        try:
            noted: Any = json.loads((self.folder / self.note_file).read_bytes())
            return {str(name): [str(digest) for digest in digests] for name, digests in noted.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def holds(self, name: str) -> bool:
        """Whether the file is there as it was written."""
        return self._digest(name) in self.digests().get(name, [])

    def check(self, contents: Iterable[tuple[str, bytes]]) -> None:
        """Raise `ForeignFileError` if a file of these is there, has another content, and is not as it was written."""
        for name, content in contents:
            path = self.folder / name
            if path.exists() and self._digest(name) != hashlib.sha256(content).hexdigest() and not self.holds(name):
                raise ForeignFileError(
                    f"expected to write {path}, got a file there that this command did not make, or that was changed "
                    "since. Give it another name, or write elsewhere with --out."
                )

    def write(self, name: str, content: bytes) -> None:
        """Write a file, after it was noted: a command that is killed in between has not made a stranger's file.

        A file that has that content already is left alone, and not taken for one of our own.
        """
        if self._digest(name) == hashlib.sha256(content).hexdigest():
            return
        self.note(name, content)
        write_bytes(self.folder / name, content)

    def note(self, name: str, content: bytes) -> None:
        """Note a file of this content as one of our own."""
        digest = hashlib.sha256(content).hexdigest()
        noted = self.digests()
        kept = [other for other in noted.get(name, [])[1 - _REMEMBERED :] if other != digest]
        noted[name] = [*kept, digest]
        write_bytes(self.folder / self.note_file, (json.dumps(noted, indent=1, sort_keys=True) + "\n").encode())

    def _digest(self, name: str) -> str:
        try:
            return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        except OSError:
            return ""
