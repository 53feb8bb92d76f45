"""Text of others on a terminal and in reports."""

from __future__ import annotations

import pytest

from model.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m", "a\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("over\rwritten", "over\\rwritten"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("turned \u202egnp.exe", "turned \\u202egnp.exe"),
        ("nul \x00", "nul \\x00"),
        ("two\nlines\tand a tab, ä, 模", "two\nlines\tand a tab, ä, 模"),
    ],
)
def test_what_steers_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
