"""``python tests/faults``: run the catalogue, a row at a time, and say of each whether the judge saw what it is.

Prints a row as it ends. Exit codes: 0 every row as expected, 3 any not, 2 bad arguments. ``--runs N`` runs
the row ``clean`` so many times, ten seconds each, in place of the catalogue.
"""

from __future__ import annotations

import argparse
import fnmatch
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # before anything of ours is imported

from catalogue import ROWS
from drive import run
from rows_clean import CLEAN
from scene import ROOT, Found, Row

HEADER = ("fault", "what is done", "expected", "found", "seconds")
WIDTHS = (28, 0, 56, 56, 7)
CLEAN_DURATION = "10s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code, see the module."""
    options = parser().parse_args(arguments)
    if options.list:
        for row in ROWS:
            print(f"{row.name:28}  {_told(row.verdict, row.diagnoses):56}  {row.what}")
        return 0
    rows = chosen(options.only, options.runs)
    if not rows:
        print(f"faults: expected names of rows, got {' '.join(options.only)}. --list names them.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    folder = options.folder or ROOT / "runs" / "faults" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return 0 if run_all(rows, folder.absolute()) else 3


def run_all(rows: Sequence[Row], folder: Path) -> bool:
    """Whether all rows were as expected; prints each as it ends and keeps ``table.md`` up to date."""
    print(_line(HEADER), flush=True)
    done: list[tuple[Row, Found]] = []
    for row in rows:
        outcome = run(row, folder / row.name)
        done.append((row, outcome))
        print(_line(_cells(row, outcome)), flush=True)
        if not outcome.is_expected(row):
            for message in outcome.messages:
                print(f"    {message}", flush=True)
        (folder / "table.md").write_text(table(done), encoding="utf-8")
    wrong = [row.name for row, outcome in done if not outcome.is_expected(row)]
    print(f"{len(done) - len(wrong)} of {len(done)} as expected" + (f"; not: {', '.join(wrong)}" if wrong else ""))
    print(f"table: {folder / 'table.md'}")
    return not wrong


def chosen(names: Sequence[str], runs: int) -> tuple[Row, ...]:
    """The rows to run: those whose names match, all without a name; none if a name matches nothing."""
    if runs:
        return tuple(replace(CLEAN, name=f"clean-{i:02}", duration=CLEAN_DURATION) for i in range(1, runs + 1))
    if any(not any(fnmatch.fnmatch(row.name, name) for row in ROWS) for name in names):
        return ()
    return tuple(row for row in ROWS if not names or any(fnmatch.fnmatch(row.name, name) for name in names))


def table(done: Sequence[tuple[Row, Found]]) -> str:
    """The rows as a markdown table; what was not as expected is bold."""
    lines = [f"| {' | '.join(HEADER)} |", "|---|---|---|---|---|"]
    for row, outcome in done:
        cells = list(_cells(row, outcome))
        cells[3] = cells[3].removeprefix("! ") if outcome.is_expected(row) else f"**{cells[3].removeprefix('! ')}**"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(row: Row, outcome: Found) -> tuple[str, ...]:
    mark = "" if outcome.is_expected(row) else "! "
    expected = _told(row.verdict, row.diagnoses)
    return row.name, row.what, expected, mark + _told(outcome.verdict, outcome.diagnoses), f"{outcome.seconds:.0f}"


def _told(verdict: str, diagnoses: Sequence[str]) -> str:
    return f"{verdict}: {', '.join(sorted(diagnoses))}" if diagnoses else verdict


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True) if width).rstrip()


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python tests/faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--only", action="append", default=[], metavar="NAME", help="rows to run; * stands for anything")
    made.add_argument("--runs", type=int, default=0, metavar="N", help="run the clean row N times in place of all")
    made.add_argument("--list", action="store_true", help="name the rows, run none")
    made.add_argument("--folder", type=Path, help="where the runs go (default: runs/faults/<time>)")
    return made


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
