"""The argument parser of every command: a mistake is answered with one line, not with the whole usage."""

from __future__ import annotations

import argparse
from typing import Final, NoReturn

BAD_INPUT: Final = 2
"""Exit code of every command for bad arguments or bad input."""


class OneLineParser(argparse.ArgumentParser):
    """Like ``argparse.ArgumentParser``, but an error is one line; options are never abbreviated."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """End the process with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"plumbline: {message}. `{self.prog} --help` lists the options.\n")
