"""Files that appear whole or not at all: a temporary file beside the path, then a rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

MODE: Final = 0o644
"""Permissions of the new file; a temporary file is made with 0600."""


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Put at ``path`` what ``write`` leaves in the temporary file whose path it gets.

    A reader, or a crash, sees the old file or the new one and never a part. The temporary file is in the folder of
    ``path`` and is gone afterwards, also when ``write`` raises. Raises ``OSError`` if the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(MODE)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``; as `write_file`."""
    write_file(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` as UTF-8; as `write_file`."""
    write_bytes(path, text.encode())
