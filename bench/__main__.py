"""``python -m bench [PART ...]``: measures, keeps the figures in bench/results.json, and prints one table of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.parts import generator, harness, judge, memory, open_loop, server, stack, stall
from bench.tools.errors import BenchError
from model.command_line import OneLineParser

PARTS: Final[dict[str, Any]] = {
    "generator": generator,
    "harness": harness,
    "open_loop": open_loop,
    "stall": stall,
    "server": server,
    "judge": judge,
    "memory": memory,
    "stack": stack,
}
"""Each part is a module with ``options(parser)`` and ``run(arguments)``; its figures go under its name."""

KEYS: Final = {"harness": "harness_over_wrk"}
"""Where a part's figures go, if not under its name."""

RESULTS: Final = Path(__file__).resolve().parent / "results.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 if a measurement cannot be made."""
    parser = OneLineParser(prog="python -m bench", description="Measures Plumbline beside others, in ratios.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default all)")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), metavar="DIR")
    parser.add_argument("--rounds", type=int, help="alternating rounds (default: each part's own)")
    for part in PARTS.values():
        part.options(parser)
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.parts if name not in PARTS]
    if unknown:
        parser.error(f"expected parts of {', '.join(PARTS)}, got {unknown[0]}")
    measured: dict[str, Any] = {}
    try:
        for name in arguments.parts or PARTS:
            key = KEYS.get(name, name)
            measured[key] = PARTS[name].run(arguments)
            keep(key, measured[key])
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    finally:
        print("\n".join(table(measured)))
    return 0


def keep(name: str, figures: Any) -> None:
    """Puts one part's figures into results.json and leaves the others as they are, because a later part may fail."""
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(before | {name: figures}, indent=2) + "\n", encoding="utf-8")


def table(measured: dict[str, Any]) -> list[str]:
    """The lines of one table: each figure, and the lowest and highest of its rounds if there are several."""
    table = [row for name, figures in measured.items() for row in rows(name, figures)]
    if not table:
        return []
    header = ("figure", "median", "low", "high")
    widths = [max(len(row[column]) for row in [header, *table]) for column in range(4)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in [header, *table]
    ]


def rows(path: str, figures: Any) -> list[tuple[str, str, str, str]]:
    """One row of the table for each figure; those of a list differ in their first key."""
    if isinstance(figures, dict) and figures.keys() == {"median", "low", "high"}:
        median, low, high = (f"{figures[name]:,g}" for name in ("median", "low", "high"))
        return [(path, median, low, high)]
    if isinstance(figures, dict):
        return [row for name, inner in figures.items() for row in rows(f"{path}.{name}", inner)]
    if isinstance(figures, list):
        return [
            row
            for figure in figures
            for row in rows(f"{path}.{next(iter(figure.values())):g}", dict([*figure.items()][1:]))
        ]
    return [(path, "none" if figures is None else f"{figures:,g}", "", "")]


if __name__ == "__main__":
    sys.exit(main())
