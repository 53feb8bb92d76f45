"""The options of the front door, ``python -m locustfiles``: those of the locustfiles, and how to run them."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from locustfiles.load.options import (
    NO_CALIBRATION,
    NO_CALIBRATION_TEXT,
    NO_JUDGE,
    NO_JUDGE_TEXT,
    OPTIONS,
    variable_of,
)
from model.command_line import OneLineParser

DESCRIPTION: Final = "Drive a Seldon deployment, hold its live metrics against scikit-learn, and print a verdict."
USERS: Final = 10
"""Users of a closed loop if ``--users`` is not given."""
BREAKERS: Final = ("istio", "envoy")
"""Circuit breakers of the local stack's ingress."""
GATES_TEXT: Final = (
    "What the run is held to, as recall>=0.9 or p99_predict_ms<=50, once for each (default: tool.plumbline.gates in "
    "pyproject.toml)"
)
EPILOG: Final = """\
examples:
  python -m locustfiles                                   primary and shadow on the local stack, 30 s
  python -m locustfiles --sdep deploy/seldon/metrics-model.yaml --duration 2m --users 20
  python -m locustfiles --rate 200 --arrivals poisson     an open loop: 200 requests per second, whatever the answers do
  python -m locustfiles --shape spike:50/s..300/s:20s     rates that change: hold, ramp, steps, spike, joined by commas
  python -m locustfiles --gate 'recall>=0.9' --gate 'failures<=0.1%'     FAIL also if a gate is not kept
  python -m locustfiles --transport grpc                  the same by Seldon's gRPC, through the same ingress
  python -m locustfiles --host http://ingress.example --prometheus-url http://prometheus.example:9090
  python -m locustfiles --host https://ingress.example --prometheus-url https://prometheus.example --access FILE.toml
  python -m locustfiles --web                             Locust's page on http://127.0.0.1:8089

Each option may be set by a variable in the environment: SDEP DURATION USERS RATE SEED HOST PROMETHEUS_URL
NAMESPACE RUN IMAGES; the others by PLUMBLINE_ and the name in capitals, as PLUMBLINE_TIMEOUT.
exit codes: 0 PASS, 3 FAIL, 4 INCONCLUSIVE, 2 bad arguments or input, 1 a crash; 129, 130 or 143: interrupted before
a verdict by SIGHUP, SIGINT (Ctrl-C) or SIGTERM."""


class FrontDoorParser(OneLineParser):
    """A parser whose options can be set by variables; an error names the variable that the value came from."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._variables: dict[str, str] = {}

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does it. The options that the words give are not those of the variables."""
        words: Sequence[str] = sys.argv[1:] if args is None else list(args)
        given = {word.partition("=")[0] for word in words}
        flags = [flag for action in self._actions for flag in action.option_strings if flag not in given]
        self._variables = {flag: variable_of(flag) for flag in flags if os.environ.get(variable_of(flag))}
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """As `OneLineParser.error`, with the variable."""
        super().error(self.naming_variables(message))

    def naming_variables(self, message: str) -> str:
        """The message, with the variable behind each option that has its value from one.

        This holds for the first sentence. The others are advice: they name options that the user may give.
        """
        problem, stop, advice = message.partition(". ")
        for flag, variable in self._variables.items():
            problem = re.sub(rf"(?<![\w-]){flag}(?![\w-])", f"{flag} (set by {variable})", problem, count=1)
        return problem + stop + advice


def parser(gates: str = GATES_TEXT) -> FrontDoorParser:
    """The parser of the front door. ``gates``: what ``--gate`` is for."""
    options = FrontDoorParser(
        prog="python -m locustfiles",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run = options.add_argument_group("the run")
    _add(run, "--duration", "", str, "How long the load lasts, as 45, 30s, 5m or 1h30m (default 30s, or the shape's)")
    _add(run, "--users", None, int, f"Users of the closed loop, each waiting for its answers (default {USERS})")
    _add(run, "--processes", "1", int, "Processes that share the load")
    run.add_argument("--gate", action="append", metavar="GATE", help=gates)
    run.add_argument("--web", action="store_true", help="Locust's web page in place of one test from the terminal")
    _add(run, "--web-port", "8089", int, "Port of the web page, on 127.0.0.1")
    target = options.add_argument_group("an existing deployment")
    _add(target, "--host", "", str, "Ingress in front of Seldon, as http://127.0.0.1:8003")
    stack = options.add_argument_group("the local stack (without --host)")
    _add(stack, "--images", "", str, "Image map: which command stands for which image (TOML)")
    _add(stack, "--workers", None, int, "Gunicorn workers of each model server")
    _add(stack, "--breakers", "", str, "Circuit breakers of the ingress", BREAKERS)
    load = options.add_argument_group("the load")
    for option in OPTIONS:
        _add(load, option.flag, option.default, option.convert, option.text, option.choices)
    for flag, text in ((NO_CALIBRATION, NO_CALIBRATION_TEXT), (NO_JUDGE, NO_JUDGE_TEXT)):
        load.add_argument(flag, action="store_true", default=_is_set(flag), help=text)
    return options


def _is_set(flag: str) -> bool:
    """Whether the environment sets the flag."""
    return os.environ.get(variable_of(flag), "").lower() in {"1", "true", "yes"}


def _add(
    group: Any,
    flag: str,
    default: Any,
    convert: Any,
    text: str,
    choices: tuple[str, ...] | None = None,
) -> None:
    value = os.environ.get(variable_of(flag)) or default
    group.add_argument(
        flag,
        default=value,
        type=convert,
        choices=choices,
        metavar="X" if choices is None else None,
        help=f"{text} (now {value})" if value not in ("", None) else text,
    )
