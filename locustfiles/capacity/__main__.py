"""``python -m locustfiles.capacity``: the highest rate at which every gate holds and the live counts are exact.

With HOST and PROMETHEUS_URL an existing deployment is driven. Without them one local stack is started for all steps.
Each step has a run folder of its own, judged like any other. This is not a locustfile: it starts Locust.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from analysis.capacity.file import HTML_FILE, SearchRecord, SearchRequest, closing_lines, line
from analysis.capacity.gates import gates_of, length_s
from analysis.capacity.report import render_all
from analysis.capacity.search import NextStep, Search, StopReason, next_step, step_without_limit
from analysis.command.project import gates as gates_of_project
from analysis.judge.gates import GateError
from analysis.record import runfolder
from analysis.record.instants import rfc3339
from locustfiles.capacity.step_runner import StepRunner
from locustfiles.command.checks import INPUT_ERRORS, checked
from locustfiles.command.commands import locust_command, stack_command
from locustfiles.command.parser import FrontDoorParser, parser
from locustfiles.load.options import (
    OptionsError,
    forget_empty_variables,
    forget_foreign_variables,
    parse_run_time,
    plain_number,
)
from locustfiles.run.setup import Setup
from model.artifact_name import ARTIFACTS_ENV
from model.atomic import write_text
from model.command_line import BAD_INPUT
from model.installation import own_process
from model.printable import printable

OVERHEAD_S: Final = 10.0
"""Assumed time of a step besides its load, until it has been measured."""
GATES_TEXT: Final = (
    "What a rate is held to, as p99_predict_ms<=50, once for each (default: tool.plumbline.gates in pyproject.toml, "
    "else failures<=0.1%%, p99_predict_ms<=100 and p99_feedback_ms<=100)"
)
EPILOG: Final = """\
examples:
  python -m locustfiles.capacity --sdep deploy/seldon/metrics-model.yaml
  python -m locustfiles.capacity --from 50 --to 5000 --gate 'p99_predict_ms<=50' --gate 'failures<=1%' --budget 10m

The rate is that of requests, predictions and feedback together. It is doubled from --from until it does not hold,
then the interval is halved, until it is within --within or --budget ends.
exit codes: 0 found (both ends of the interval were seen), 4 could not tell, and why, 2 bad arguments or input."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Check, make the folder, and search; in a local stack unless a deployment is given."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser()
    parsed = options.parse_args(words)
    try:
        search, gates = _search_of(parsed), gates_of(parsed.gate or [], gates_of_project())
        setup = _checked(parsed)
        folder = _folder_of(parsed, setup)
    except (*INPUT_ERRORS, GateError, ValueError) as error:
        print(f"plumbline: {printable(options.naming_variables(str(error)))}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    if not parsed.host:
        _enter_stack(parsed, setup, folder, words)
    sys.exit(_search(parsed, setup, folder, search, gates))


def _parser() -> FrontDoorParser:
    """The front door's options, and those of the search."""
    options = parser(GATES_TEXT)
    options.prog, options.epilog = "python -m locustfiles.capacity", EPILOG
    options.description = "Find the highest rate at which every gate holds and the live counts are exact."
    group = options.add_argument_group("the search (it chooses --rate and --duration)")
    group.add_argument("--from", dest="low", type=float, default=100.0, help="Lowest rate (now 100)", metavar="X")
    group.add_argument("--to", dest="high", type=float, default=5000.0, help="Highest rate (now 5000)", metavar="X")
    group.add_argument("--budget", default="5m", metavar="X", help="Time for all steps (now 5m)")
    group.add_argument("--within", default="10%", metavar="X", help="Stop when the interval is this narrow (now 10%%)")
    group.add_argument("--step-duration", default="10s", metavar="X", help="Shortest load of a step (now 10s)")
    group.add_argument("--warm-up", default="3s", metavar="X", help="Warm-up before each step, at its rate (now 3s)")
    return options


def _search_of(parsed: argparse.Namespace) -> Search:
    for flag in ("--rate", "--trace", "--shape", "--users", "--web"):
        value = getattr(parsed, flag[2:])
        if value:
            raise OptionsError(f"reading {flag}: expected none, since the search chooses the load, got {value}.")
    parsed.step_duration_s = _seconds("--step-duration", parsed.step_duration)
    parsed.warm_up_s = 0.0 if parsed.warm_up in {"0", "0s"} else _seconds("--warm-up", parsed.warm_up)
    try:
        within = float(parsed.within.removesuffix("%")) / (100 if parsed.within.endswith("%") else 1)
    except ValueError as error:
        raise OptionsError(f"reading --within: expected a share as 10%, got {parsed.within!r}.") from error
    return Search(parsed.low, parsed.high, within, _seconds("--budget", parsed.budget))


def _seconds(flag: str, text: str) -> float:
    try:
        return parse_run_time(text)
    except OptionsError as error:
        raise OptionsError(str(error).replace("--duration", flag)) from error


def _checked(parsed: argparse.Namespace) -> Setup:
    """The checks of the front door, at the lowest rate."""
    parsed.duration, parsed.rate = f"{plain_number(parsed.step_duration_s)}s", parsed.low
    return checked(parsed)


def _folder_of(parsed: argparse.Namespace, setup: Setup) -> Path:
    name = f"{runfolder.run_id(time.time(), setup.deployment.name)}-capacity"
    folder = Path(parsed.run or Path("runs") / name).absolute()
    runfolder.check_unused(folder, besides=(runfolder.LOGS_FOLDER,))  # the stack around us writes its logs there
    runfolder.make_folder(folder)
    return folder


def _enter_stack(parsed: argparse.Namespace, setup: Setup, folder: Path, words: Sequence[str]) -> NoReturn:
    """Become the launcher of a local stack, which runs this same command in it, with HOST and PROMETHEUS_URL set."""
    again = own_process("locustfiles.capacity", *words, "--run", str(folder))
    command = [*stack_command(parsed, setup, folder), "--", *again]
    os.environ[ARTIFACTS_ENV] = str(Path(parsed.artifacts).resolve())  # servers and judge take the same as the load
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _search(parsed: argparse.Namespace, setup: Setup, folder: Path, search: Search, gates: tuple[str, ...]) -> int:
    """Exit code of the whole search. After each step, everything known is on disk."""
    request = SearchRequest(
        setup.deployment.name, setup.deployment.namespace, str(setup.manifest), parsed.host, gates, parsed.warm_up_s,
        parsed.step_duration_s, setup.load.seed, parsed.processes, rfc3339(time.time()),
    )  # fmt: skip
    runner = StepRunner(parsed, setup, folder, gates, parsed.warm_up_s, locust_command)
    searched = SearchRecord(request, search)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    _write(folder, searched)
    _print_line(f"capacity: {search.low:g} to {search.high:g}/s, held to {', '.join(gates)}, and live counts exact")
    try:
        while not isinstance(step := _next(parsed, searched), str):
            length = _length(parsed, gates, step)
            searched = replace(
                searched,
                steps=(
                    *searched.steps,
                    runner.make(len(searched.steps) + 1, step.rate, step.lengthened, length),
                ),
            )
            _print_line(line(searched.steps[-1]))
            _write(folder, searched)
        searched = replace(searched, why=step)
    except KeyboardInterrupt:
        searched = replace(searched, why="interrupted")
    _write(folder, searched)
    _print_line(closing_lines(searched, _relative(folder / HTML_FILE)))
    return searched.exit_code


def _next(parsed: argparse.Namespace, searched: SearchRecord) -> NextStep | StopReason:
    """The next step, if there is time for it, given the overhead of the steps so far."""
    attempts = [step.as_attempt() for step in searched.steps]
    step = step_without_limit(searched.search, attempts)
    if not isinstance(step, NextStep):
        return step
    beside = [step.lasted_s - step.sent_for_s for step in searched.steps]
    overhead = sum(beside) / len(beside) if beside else OVERHEAD_S
    needs_s = _length(parsed, searched.request.gates, step) + overhead
    return next_step(searched.search, attempts, {step.lengthened: needs_s})


def _length(parsed: argparse.Namespace, gates: Sequence[str], step: NextStep) -> float:
    """Seconds for which the step's rate is sent."""
    both = parsed.predict_ratio + parsed.feedback_ratio
    shares = {"predict": parsed.predict_ratio / both, "feedback": parsed.feedback_ratio / both}
    return step.lengthened * length_s(gates, step.rate, shares, parsed.step_duration_s)


def _interrupt(_: int, __: FrameType | None) -> None:
    """The first signal ends the search; later ones are ignored while it writes its results."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _write(folder: Path, searched: SearchRecord) -> None:
    for name, content in render_all(searched).items():
        write_text(folder / name, content)


def _relative(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _print_line(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    forget_empty_variables()
    for note in forget_foreign_variables():
        print(f"plumbline: {printable(note)}", file=sys.stderr)
    main()
