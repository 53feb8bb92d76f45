"""The argument parser of every command: a mistake is answered with one line, not with the whole usage."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final, NoReturn

BAD_INPUT: Final = 2
"""Exit code of every command for bad arguments or bad input."""
_TYPED: Final[dict[str, str]] = {}


class OneLineParser(argparse.ArgumentParser):
    """Like ``argparse.ArgumentParser``, but an error is one line; options are never abbreviated.

    A help text names commands as ``python -m MODULE`` and shows them as `show_commands_as` says.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def format_help(self) -> str:
        """The help text, with the commands that the user types."""
        self.prog = _typed(self.prog)
        self.description, self.epilog = _typed(self.description or ""), _typed(self.epilog or "")
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """End the process with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"plumbline: {message}. `{_typed(self.prog)} --help` lists the options.\n")


def show_commands_as(typed: Mapping[str, str]) -> None:
    """From now on help texts show each command of ``typed`` (``python -m analysis judge``) as its value."""
    _TYPED.update(sorted(typed.items(), key=lambda pair: -len(pair[0])))  # a longer one holds a shorter one


def _typed(text: str) -> str:
    for command, shown in _TYPED.items():
        text = text.replace(command, shown)
    return text
