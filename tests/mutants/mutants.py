"""``make mutants``: alter recorded run folders in judged_all way, judge each, and say which came out too well.

Exit codes: 0 no mutant is a defect, 3 at least one is, 2 bad arguments. A mutant is a defect if judging it raises an
exception, if its run was no PASS and now is one, or if a file was altered after the seal and the verdict is PASS, or
FAIL where the run itself was none. ``--record`` records the folders again on real stacks, which takes ten minutes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))  # before anything of ours is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recordings import RECORDED, RECORDINGS, record
from survey import UNCHANGED, Mutant, mutations_of, survey
from unused import reason_of

EACH = 1000
PROCESSES = 2
REPORT_EVERY = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code, see the module."""
    options = _parser().parse_args(arguments)
    wrong = [name for name in options.only if name not in RECORDINGS]
    if wrong:
        print(f"mutants: expected names of recordings ({', '.join(RECORDINGS)}), got {wrong[0]}.", file=sys.stderr)
        return 2
    names = options.only or list(RECORDINGS)
    if options.record:
        with tempfile.TemporaryDirectory() as scratch:
            for name in names:
                print(f"{name:16} {record(name, Path(scratch))}", flush=True)
        return 0
    return _survey_all(names, options.each)


def _survey_all(names: Sequence[str], each: int) -> int:
    began = time.monotonic()
    judged_all: list[Mutant] = []
    with multiprocessing.Pool(PROCESSES) as pool:
        work = [(name, each) for name in names]
        for name, mutants in zip(names, pool.imap(_surveyed, work), strict=True):
            judged_all += mutants
            verdicts = Counter(mutant.verdict for mutant in mutants)
            counts = "  ".join(f"{verdict} {number}" for verdict, number in sorted(verdicts.items()))
            print(f"{name:16} {mutants[0].original:12} {counts}", flush=True)
            for mutant in mutants:
                if mutant.is_defect:
                    print(
                        f"  DEFECT {mutant.made}: {mutant.verdict}  {mutant.mutation.kind}  {mutant.detail}", flush=True
                    )
    defects = [mutant for mutant in judged_all if mutant.is_defect]
    unexplained = _print_survivors(judged_all)
    judged = sum(mutant.verdict != UNCHANGED for mutant in judged_all)
    minutes = (time.monotonic() - began) / 60
    print(f"{judged:,} mutants of {len(names)} folders in {minutes:.0f} min: {len(defects)} defects")
    return 3 if defects or unexplained else 0


def _surveyed(work: tuple[str, int]) -> list[Mutant]:
    name, each = work
    number = list(RECORDINGS).index(name)
    others = [RECORDED / other for other in RECORDINGS if other != name]
    mutations = mutations_of(RECORDED / name, others, number, each)
    mutants = survey(RECORDED / name, mutations, REPORT_EVERY)
    return [replace(mutant, mutation=mutant.mutation.named()) for mutant in mutants]


def _print_survivors(mutants: Sequence[Mutant]) -> int:
    """Print the kinds of mutants that stay PASS, with the reason; the number of those without one."""
    kept = [mutant for mutant in mutants if mutant.verdict == mutant.original == "PASS"]
    by_place = Counter((mutant.mutation.file, mutant.mutation.place) for mutant in kept)
    by_reason: dict[str, list[str]] = {}
    for (file, place), number in sorted(by_place.items()):
        by_reason.setdefault(reason_of(file, place), []).append(f"{file} {place} ({number})")
    for reason, places in sorted(by_reason.items()):
        print(f"stays PASS: {reason or 'NO REASON KNOWN'}\n    " + ", ".join(places))
    return len(by_reason.get("", []))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__, allow_abbrev=False)
    parser.add_argument("--each", type=int, default=EACH, metavar="N", help="mutations of each folder (default: 1000)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="recordings to alter")
    parser.add_argument("--record", action="store_true", help="record the folders again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
