"""JSON of a run folder, decoded into the types that it must have, so that nothing behind it meets another type.

NaN, infinite numbers, numbers too large, and values of another type are refused where they are read.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Plain = str | bool | Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)] | float | None
"""A value that is no list and no object."""


def decode[T](content: bytes | str, kind: type[T]) -> T:
    """The value that the JSON text holds. Raises ValueError, with one line, for anything that is not of ``kind``."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(str(error).splitlines()[0]) from error


def convert[T](value: Any, kind: type[T]) -> T:
    """The decoded value as ``kind``. Raises ValueError as `decode` does."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise ValueError(str(error).splitlines()[0]) from error
