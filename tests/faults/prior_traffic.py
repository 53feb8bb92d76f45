"""Run a load test twice on one stack: what the first run counted must not disturb the second."""

from __future__ import annotations

import subprocess
import sys


def main(command: list[str]) -> int:
    """Exit code of the second run; of the first if that did not pass."""
    at = command.index("--run") + 1
    first = [*command[:at], command[at] + "-before", *command[at + 1 :]]
    return subprocess.call(first) or subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
