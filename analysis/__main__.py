"""Command line of the judge: ``python -m analysis STEP [RUN]``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from analysis.access.access import ACCESS_ENV, CA_FILE_ENV
from model.command_line import BAD_INPUT, OneLineParser

LATEST: Final = Path("runs/latest")
STEPS: Final = {
    "baseline": "before the load: ask Prometheus, wait for a fresh scrape (baseline.json, offline.parquet)",
    "collect": "after the load: fetch what Prometheus stored (samples.parquet)",
    "judge": "hold the stored counts against the offline ones (result.json); needs no server",
    "report": "write report.html, report.md and junit.xml from result.json",
    "finish": "collect, judge and report in one go, as a load test does at its end",
}
CODES: Final = (
    "exit codes: 0 PASS, 3 FAIL, 4 INCONCLUSIVE (could not tell, and why), 2 bad arguments or input, 1 a crash"
)
EXAMPLES: Final = {
    "baseline": "example:\n  python -m analysis baseline runs/latest",
    "collect": "example:\n  python -m analysis collect runs/latest && python -m analysis judge runs/latest\n\n"
    "exit codes: 0 done, 2 bad arguments or input, or Prometheus does not answer",
    "judge": "examples:\n  python -m analysis judge\n"
    "  python -m analysis judge runs/20261128T013659820Z-ab-test --gate 'recall>=0.9' --gate 'p99_predict_ms<=50'\n\n"
    f"The gates that are given replace those of the run.\n{CODES}",
    "report": "examples:\n  python -m analysis report\n"
    "  python -m analysis report --annotations     at most ten lines for a job on GitHub\n\n"
    "exit codes: 0 done, 2 bad arguments or input",
    "finish": f"example:\n  python -m analysis finish runs/latest\n\n{CODES}",
}
_EPILOG: Final = f"""\
{CODES}

RUN is a run folder, runs/latest by default. A copied run folder is judged again, byte for byte, anywhere:
  python -m analysis judge runs/latest
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; its exit code."""
    options = _parser().parse_args(arguments)
    if options.step == "judge":
        from analysis.command import judge_step  # noqa: PLC0415  (so that --help and a typo answer at once)

        return judge_step.run(options)
    from analysis.command import steps  # noqa: PLC0415  (and so that a judge does not wait for what asks and draws)

    if getattr(options, "when_told", False):
        word = sys.stdin.readline().strip()
        if not word:
            return BAD_INPUT  # the process that started this ended without a message
        options.interrupted = word == "interrupted"
    return steps.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m analysis",
        description="Judge a load test: are the live counts in Prometheus those of the offline model?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, description in STEPS.items():
        step = steps.add_parser(
            name, help=description, description=f"{description[0].upper()}{description[1:]}.",
            epilog=EXAMPLES[name], formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        step.add_argument("folder", type=Path, nargs="?", default=LATEST, metavar="RUN", help="default: %(default)s")
        _add_options(name, step)
    return parser


def _add_options(name: str, parser: argparse.ArgumentParser) -> None:
    def seconds(option: str, default: float | None, text: str) -> None:
        parser.add_argument(option, type=_seconds, default=default, metavar="SECONDS", help=text)

    if name in {"baseline", "collect", "finish"}:
        parser.add_argument("--prometheus-url", metavar="URL", help="instead of the one in run.json")
        text = "access file: headers, logins and certificates for Prometheus (default: PLUMBLINE_ACCESS)"
        parser.add_argument("--access", metavar="FILE", default=os.environ.get(ACCESS_ENV, ""), help=text)
        text = "certificates of the authorities to trust (default: PLUMBLINE_CA_FILE)"
        parser.add_argument("--ca-file", metavar="FILE", default=os.environ.get(CA_FILE_ENV, ""), help=text)
        seconds("--timeout", 10.0, "for one answer of Prometheus (default: %(default)s)")
    if name == "baseline":
        seconds("--wait", None, "for a fresh scrape of every target (default: a scrape interval and 10, at least 60)")
    if name in {"collect", "finish"}:
        seconds("--wait", None, "for a last scrape of every target (default: up to four scrape intervals, at least 10)")
        seconds("--settle", 8.0, "that an incomplete shadow may stand still (default: %(default)s)")
        parser.add_argument("--interrupted", action="store_true", help="wait for nothing: the run was interrupted")
    if name == "finish":
        text = "get ready, then wait for a line on standard input: finished or interrupted"
        parser.add_argument("--when-told", action="store_true", help=text)

    if name == "report":
        parser.add_argument("--annotations", action="store_true", help="print annotations for GitHub in place of paths")
    if name in {"baseline", "judge", "finish"}:
        text = "like precision>=0.9, once for each (default: tool.plumbline.gates in pyproject.toml)"
        parser.add_argument("--gate", action="append", metavar="GATE", help=text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
