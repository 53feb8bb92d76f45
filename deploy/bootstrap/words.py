"""``python -m deploy.bootstrap.words WORD...``: become Python with these words and those of the variable ARGS.

ARGS is split as a shell splits words, quotes and all, and no shell ever reads it: ``ARGS="; touch x"`` is two words.
"""

from __future__ import annotations

import os
import shlex
import sys


def main() -> None:
    """Run the command. Exit code 2, with one line, if ARGS has a quote without its other one."""
    try:
        more = shlex.split(os.environ.pop("ARGS", ""))
    except ValueError as error:
        print(f"make: reading ARGS: expected words as a shell takes them, got: {error}.", file=sys.stderr)
        sys.exit(2)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:], *more])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
