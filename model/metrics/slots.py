"""Shared memory for counts: one region for each worker, which outlives the worker.

Forked workers of one server share an anonymous file. Each process claims a region ("slot") of its own, so every value
has a single writing process; its threads take turns under a lock. A slot is held by a lock on one byte of the file,
which the kernel drops when its process ends, however it ends. The next worker then takes over the same slot and
continues its counts: nothing is lost, nothing is counted twice, and a restart makes no new series.

Prometheus' own multiprocess mode (``prometheus_client.mmap_dict``) keeps a file for each pid instead: files remain
after a kill, and series grow with each restart. Two things are taken from it: a record is appended first and the new
length is published last, and an aligned eight-byte value is read and written as a whole.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from typing import Final

SLOT_BYTES: Final = 1 << 20
"""Room in a slot; pages that are never touched take no memory. About 4,000 series."""

_WORD: Final = 8
_HEADER_WORDS: Final = 1  # how many words of the slot are in use, itself included


class SlotsError(Exception):
    """No slot or no room is left; one line says which."""


class Slots:
    """``count`` slots. Create it before forking; every process then sees the same memory.

    A record is a key (bytes) with a fixed number of float64 values, all zero at first. Its handle is the index of its
    first value in `values`.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._file = _anonymous_file(count * SLOT_BYTES)
        self._map = mmap.mmap(self._file, count * SLOT_BYTES)
        self._ints = memoryview(self._map).cast("q")
        self.values = memoryview(self._map).cast("d")
        """The whole memory as float64: index it with a record's handle, plus i for its value i."""

    def claim(self) -> int:
        """Number of the lowest free slot, held by this process until it ends. `SlotsError` if there is none."""
        for slot in range(self.count):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
            except OSError:  # another process holds it
                continue
            return slot
        raise SlotsError(f"metrics store: expected a free slot among {self.count}, got none. Run fewer workers.")

    def append(self, slot: int, key: bytes, width: int) -> int:
        """Handle of a new record of ``width`` values in a slot that this process holds. `SlotsError` if it is full.

        The length is published last: a reader, or a successor after a kill in the middle, sees the record whole or
        not at all.
        """
        start = slot * SLOT_BYTES // _WORD
        used = self._ints[start] or _HEADER_WORDS
        key_words = -(-len(key) // _WORD)
        after = used + 2 + key_words + width
        if after > SLOT_BYTES // _WORD:
            raise SlotsError(f"metrics store: expected room for {key!r}, got a full slot. Publish fewer series.")
        at = start + used
        self._ints[at], self._ints[at + 1] = len(key), width
        first = (at + 2) * _WORD
        self._map[first : first + len(key)] = key
        self._ints[start] = after
        return at + 2 + key_words

    def records(self, slot: int, seen: int = 0) -> tuple[list[tuple[bytes, int, int]], int]:
        """(key, handle, width) of each record of a slot from word ``seen`` on, and the word to go on from.

        Records are never moved or removed: a reader that returns passes the word that it got, and receives the new
        records.
        """
        start = slot * SLOT_BYTES // _WORD
        used = self._ints[start]
        records: list[tuple[bytes, int, int]] = []
        at = seen or _HEADER_WORDS
        while at < used:
            length, width = self._ints[start + at], self._ints[start + at + 1]
            first = (start + at + 2) * _WORD
            handle = start + at + 2 - (-length // _WORD)
            records.append((bytes(self._map[first : first + length]), handle, width))
            at = handle + width - start
        return records, at


def _anonymous_file(size: int) -> int:
    """Descriptor of a file of zeros without a name: it goes when the last process that has it ends."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("plumbline-metrics")
    else:
        with tempfile.TemporaryFile() as unnamed:
            handle = os.dup(unnamed.fileno())
    os.ftruncate(handle, size)
    return handle
