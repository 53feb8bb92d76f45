"""Text of others, fit to be shown: what would steer a terminal or turn the direction of a line is written out."""

from __future__ import annotations

import re
from typing import Final

_STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""The text with each control character as ``\x1b`` or ``\u202e`` in place of it. Newlines and tabs stay.

    An answer's tags, a server's log and a manifest are anybody's text.
    """
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
