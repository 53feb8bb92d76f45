"""Arrow arrays from and to numpy, through their buffers.

``pa.array`` and ``to_numpy`` do the same, but each imports pandas to see whether its argument is a pandas object, and
that takes longer than judging a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""numpy's names of Arrow's floating-point types. ``to_pandas_dtype`` knows them, too, and imports pandas."""


def to_numpy(array: pa.Array) -> Any:
    """The numbers of an array, as a view of its own buffer. Raises ValueError for one with nulls, or not of numbers."""
    if array.null_count:
        raise ValueError(f"arrow: expected no empty place, got {array.null_count}")
    dtype = dtype_of(array.type)
    buffer = array.buffers()[1]
    if buffer is None:
        return np.empty(0, dtype)
    return np.frombuffer(buffer, dtype)[array.offset : array.offset + len(array)]


def dtype_of(kind: pa.DataType) -> np.dtype[Any]:
    """The numpy type of the same bytes. Raises ValueError for anything but whole and floating-point numbers.

    Not by the type's name: what Arrow calls ``float`` has 32 bits, and numpy's has 64.
    """
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise ValueError(f"arrow: expected numbers, got {kind}")
    return np.dtype(_FLOATS.get(str(kind), str(kind)))


def of_numbers(values: Any) -> pa.Array:
    """The array of a one-dimensional numpy array."""
    flat = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(flat.dtype), len(flat), [None, pa.py_buffer(flat)])


def of_words(words: Sequence[str], times: Sequence[int]) -> pa.DictionaryArray:
    """Word i ``times[i]`` times, one word after the other, as an array with a dictionary of distinct words."""
    distinct = sorted(set(words))
    code = {word: i for i, word in enumerate(distinct)}
    codes = np.repeat(np.array([code[word] for word in words], np.int32), np.array(times, np.int64))
    encoded = [word.encode() for word in distinct]
    offsets = np.cumsum([0, *(len(word) for word in encoded)], dtype=np.int32)
    texts = pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))
    return pa.DictionaryArray.from_arrays(of_numbers(codes), texts)


def read_parquet(path: Path, *dictionaries: str) -> pa.Table:
    """The table in a parquet file, each column in one piece; the columns in ``dictionaries`` as dictionary arrays.

    It reads on one thread, because Arrow's thread pool sometimes aborts the process at its exit.
    """
    with pq.ParquetFile(path, read_dictionary=list(dictionaries)) as file:
        return file.read(use_threads=False).combine_chunks()
