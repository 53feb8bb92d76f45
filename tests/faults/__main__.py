"""Run the catalogue and print what was found: ``python tests/faults [--runs N] [--only TEXT]``.

Exit code 0 if every fault was found by its name and no clean run raised an alarm, else 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from catalogue import CLEAN, FAULTS, Case
from running import Outcome, outcome

HEAD = f"{'fault':<38} {'expected':<42} {'found':<60} {'s':>4}"


def main() -> int:
    """1 if anything was found wrong."""
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=0, help="clean runs of 10 s besides, in turn (default: none)")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    asked = parser.parse_args()
    wrong = 0
    print(HEAD)
    for number, case in enumerate(_cases(asked.only, asked.runs)):
        found = outcome(case, seed=number)
        wrong += not found.right
        print(line(found), flush=True)
        if not found.right:
            print(found.printed, flush=True)
    print(f"{wrong} wrong" if wrong else "every fault was found, and no clean run raised an alarm")
    return 1 if wrong else 0


def _cases(only: str, runs: int) -> Iterator[Case]:
    yield from (case for case in (*FAULTS, *CLEAN) if only in case.name)
    for number in range(runs):
        case = CLEAN[number % len(CLEAN)]
        yield Case(**{**vars(case), "duration_s": max(case.duration_s, 10)})


def line(found: Outcome) -> str:
    """A row of the table."""
    expected = f"{found.case.verdict} {found.case.diagnosis}"
    told = f"{found.verdict} {', '.join(found.diagnoses)}"
    return f"{found.case.name:<38} {expected:<42} {told:<60} {found.seconds:>4.0f}{'' if found.right else '  WRONG'}"


if __name__ == "__main__":
    sys.exit(main())
