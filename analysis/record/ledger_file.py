"""The ledger's file: an Arrow IPC stream, written batch by batch and read batch by batch.

A stream without a footer is readable up to its last whole batch after a crash or on a full disk. The file itself does
not show whether the ledger is complete: ``run.json`` holds how many events the recorder handed over, and the judge
compares (`runfolder.RecorderReport`).
"""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from analysis.record.ledger import SCHEMA, LedgerError, check_schema


class LedgerWriter:
    """Appends batches to a ledger file. A batch has been handed to the operating system when `append` returns.

    `append` raises ``OSError`` when the disk is full; the file keeps every earlier batch.
    """

    def __init__(self, path: Path) -> None:
        self._sink = _WholeWrites(path, "x")
        self._writer = pa.ipc.new_stream(self._sink, SCHEMA)
        self._sink.flush()

    def append(self, batch: pa.RecordBatch) -> None:
        """Write one batch and flush it."""
        self._writer.write_batch(batch)
        self._sink.flush()

    def close(self) -> None:
        """Write the end-of-stream mark and close the file."""
        self._writer.close()
        self._sink.close()

    def abandon(self) -> None:
        """Close the file without its mark, after a write that failed: it stays cut."""
        self._sink.close()


class _WholeWrites(io.FileIO):
    """An unbuffered file whose `write` writes all or raises.

    A buffered file would keep the bytes that a full disk did not take, and write them later without our knowledge. A
    plain unbuffered file may write only a part, and Arrow does not check how much.
    """

    def write(self, content: Any) -> int:
        """Number of bytes, all of them."""
        view = memoryview(content).cast("B")
        done = 0
        while done < len(view):
            done += super().write(view[done:]) or 0
        return done


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every event that could be read, and where the reading stopped.

    ``cut``: None if the stream ends with its mark, else one line that says where it breaks off.
    """

    events: pa.Table
    cut: str | None


def read_ledger(path: Path) -> Ledger:
    """Ledger in ``path``, up to the last whole batch.

    Raises `LedgerError` when the file is missing or does not begin as a ledger of this version.
    """
    scan = Scan(path)
    batches = list(scan)
    return Ledger(pa.Table.from_batches(batches, schema=SCHEMA), scan.cut)


class Scan:
    """The batches of a ledger one at a time, so that a long ledger does not have to fit into memory.

    Each iteration reads the file from its beginning to the last whole batch; `cut` then says where it stopped (as in
    `Ledger`). Raises `LedgerError` as `read_ledger` does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cut: str | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        pages = Pages(self._path)
        reader = _open(pages.source, self._path)
        number = 0
        while True:
            pages.forget_read()
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                self.cut = None if _ends_with_mark(self._path) else f"no end-of-stream mark after batch {number}"
                return
            except (pa.ArrowException, OSError) as error:
                self.cut = f"batch {number + 1} is broken: {str(error).splitlines()[0]}"
                return
            number += 1
            yield batch


class Pages:
    """A file mapped into memory, of which only a window is resident.

    Pages that have been read are given back to the kernel a window at a time; otherwise the whole ledger would be
    resident in the end. A batch that is still in use stays valid: its pages are pages of the file, and are loaded again
    when they are touched.
    """

    WINDOW: Final = 16 * 2**20
    """Bytes, a multiple of the page size."""

    def __init__(self, path: Path) -> None:
        self._forgotten = 0
        self._mapped: mmap.mmap | None = None
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size:  # an empty file cannot be mapped
                    self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise LedgerError(f"reading the ledger: expected a file at {path}, got: {error.strerror}") from error
        self.source = pa.BufferReader(pa.py_buffer(self._mapped if self._mapped is not None else b""))

    def forget_read(self) -> None:
        """Give back the pages that have been read."""
        upto = self.source.tell() // self.WINDOW * self.WINDOW
        if self._mapped is not None and upto > self._forgotten:
            self._mapped.madvise(mmap.MADV_DONTNEED, self._forgotten, upto - self._forgotten)
            self._forgotten = upto


def _open(source: Any, path: Path) -> Any:
    try:
        reader = pa.ipc.open_stream(source)
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(f"reading the ledger: expected an Arrow IPC stream in {path}, got: {error}") from error
    check_schema(reader.schema, str(path))
    return reader


_END_OF_STREAM: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def _ends_with_mark(path: Path) -> bool:
    """Whether the file's last eight bytes are Arrow's end-of-stream mark.

    pyarrow's reader takes any end of file for the end of the stream. Without this check, a ledger whose writer was
    killed between two batches would look complete.
    """
    with path.open("rb") as source:
        if source.seek(0, io.SEEK_END) < len(_END_OF_STREAM):
            return False
        source.seek(-len(_END_OF_STREAM), io.SEEK_END)
        return source.read() == _END_OF_STREAM
