"""Mutations of files as bytes: lost, cut, overwritten, exchanged with the file of another run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mutation import Mutation, Random

FLIPS = 40
"""Bytes that are altered in each file, one in each mutant."""


def mutations(folder: Path, names: Sequence[str], others: Sequence[Path], random: Random) -> Iterator[Mutation]:
    """Mutations of each named file that is in the folder. ``others``: run folders to exchange a file with."""
    for name in names:
        path = folder / name
        if not path.exists():
            continue
        yield Mutation(name, "file", "lost", partial(_lose, name))
        yield Mutation(name, "file", "a folder", _as_folder(name))
        size = path.stat().st_size
        for kept in sorted({0, 1, size // 4, size // 2, 3 * size // 4, max(size - 8, 0), max(size - 1, 0)}):
            yield Mutation(name, "file", "cut", _content(name, partial(_cut, kept=kept)))
        for _ in range(FLIPS):
            at, bit = int(random.integers(size)), 1 << int(random.integers(8))
            yield Mutation(name, "byte", "flipped", _content(name, _flip(at, bit)))
        for _ in range(FLIPS // 4):
            at, length = int(random.integers(size)), int(random.integers(1, 64))
            junk = partial(_spliced, at=at, length=length, by=random.bytes(length))
            yield Mutation(name, "bytes", "overwritten", _content(name, junk))
            yield Mutation(name, "bytes", "removed", _content(name, partial(_spliced, at=at, length=length, by=b"")))
        yield Mutation(name, "file", "doubled", _content(name, lambda content: content + content))
        for other in others:
            if (other / name).exists() and (other / name).read_bytes() != path.read_bytes():
                yield Mutation(name, "file", "of another run", partial(_exchange, name, other))


def _lose(name: str, folder: Path) -> None:
    (folder / name).unlink()


def _exchange(name: str, other: Path, folder: Path) -> None:
    shutil.copyfile(other / name, folder / name)


def _cut(content: bytes, kept: int) -> bytes:
    return content[:kept]


def _spliced(content: bytes, at: int, length: int, by: bytes) -> bytes:
    return content[:at] + by + content[at + length :]


def _flip(at: int, bit: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def _content(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return apply


def _as_folder(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return apply
