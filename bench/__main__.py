"""``python -m bench [PART ...]``: measures, prints, and keeps the figures in bench/results.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import judge, server
from bench.servers import BenchError

PARTS: Final = {"server": server, "judge": judge}
"""Each part is a module with ``options(parser)`` and ``run(arguments)``; its figures go under its name."""

RESULTS: Final = Path(__file__).resolve().parent / "results.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 if a measurement cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Plumbline beside others, in ratios.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default all)")
    parser.add_argument("--artifacts", type=Path, default=Path("artifacts"), metavar="DIR")
    parser.add_argument("--rounds", type=int, help="alternating rounds (default: each part's own)")
    for part in PARTS.values():
        part.options(parser)
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.parts if name not in PARTS]
    if unknown:
        parser.error(f"expected parts of {', '.join(PARTS)}, got {unknown[0]}")
    try:
        for name in arguments.parts or PARTS:
            keep(name, PARTS[name].run(arguments))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def keep(name: str, figures: dict[str, Any]) -> None:
    """Puts one part's figures into results.json, leaving the others' as they are, and prints them."""
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(before | {name: figures}, indent=2) + "\n", encoding="utf-8")
    for line in lines(name, figures):
        print(line)


def lines(path: str, figures: Any) -> list[str]:
    """One line for each figure."""
    if isinstance(figures, dict) and figures.keys() == {"median", "low", "high"}:
        return [f"{path}: {figures['median']:g} ({figures['low']:g} to {figures['high']:g})"]
    if isinstance(figures, dict):
        return [line for name, inner in figures.items() for line in lines(f"{path}.{name}", inner)]
    return [f"{path}: {figures}"]


if __name__ == "__main__":
    sys.exit(main())
