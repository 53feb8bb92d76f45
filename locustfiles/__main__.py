"""``python -m locustfiles``: check everything, then run a load test to its verdict, with or without a stack.

With HOST and PROMETHEUS_URL an existing deployment is driven. Without them the local stack is started for
the manifest, driven, and stopped. Every input is checked before anything starts: one line and exit code 2.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from analysis.record import runfolder
from analysis.record.runfolder import RunFolderError
from deploy.manifest.deployment import ManifestError, require_runnable
from locustfiles.calibration.calibration import CALIBRATING_ENV, CALIBRATION_FILE, CalibrationProcess
from locustfiles.load.options import (
    BY_DEST,
    NO_CALIBRATION,
    NO_CALIBRATION_TEXT,
    OPTIONS,
    ROOT,
    VARIABLES,
    OptionsError,
    parse_duration,
    variable_of,
)
from locustfiles.run.setup import SHADOW, Setup, SetupError, artifact_of, check_host, read_setup
from model.artifact import ArtifactError, load_model
from model.command_line import BAD_INPUT, OneLineParser

PROGRESS_ENV: Final = "PLUMBLINE_PROGRESS"
DURATION: Final = "30s"
DESCRIPTION: Final = "Drive a Seldon deployment, hold its live metrics against scikit-learn, and print a verdict."
EPILOG: Final = """\
examples:
  python -m locustfiles                                   primary and shadow on the local stack, 30 s
  python -m locustfiles --sdep deploy/seldon/metrics-model.yaml --duration 2m --users 20
  python -m locustfiles --rate 200 --arrivals poisson     an open loop: 200 requests per second, whatever the answers do
  python -m locustfiles --shape spike:50/s..300/s:20s     rates that change: hold, ramp, steps, spike, joined by commas
  python -m locustfiles --transport grpc                  the same by Seldon's gRPC, through the same ingress
  python -m locustfiles --host http://ingress.example --prometheus-url http://prometheus.example:9090
  python -m locustfiles --web                             Locust's page on http://127.0.0.1:8089

Each option may be set by a variable in the environment: SDEP DURATION USERS RATE SEED HOST PROMETHEUS_URL
NAMESPACE RUN IMAGES; the others by PLUMBLINE_ and the name in capitals, as PLUMBLINE_TIMEOUT.
exit codes: 0 PASS, 3 FAIL, 4 INCONCLUSIVE, 2 bad arguments or input."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Check, make the run folder, and become the command that runs the test."""
    parsed = parser().parse_args(arguments)
    try:
        setup = checked(parsed)
        folder = _folder_of(parsed, setup)
    except (SetupError, OptionsError, ManifestError, ArtifactError, RunFolderError) as error:
        sys.exit(_say(str(error)))
    command = _command(parsed, setup, folder)
    os.environ[PROGRESS_ENV] = "1"
    if folder is not None and setup.load.open and setup.load.transport == "rest" and not parsed.no_calibration:
        path = folder.resolve() / runfolder.LOGS_FOLDER / CALIBRATION_FILE
        os.environ[CALIBRATING_ENV] = str(path)
        CalibrationProcess.begin(setup, path)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def parser() -> argparse.ArgumentParser:
    """The options of the front door: those of the locustfiles, and how to run them."""
    command_parser = OneLineParser(
        prog="python -m locustfiles",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run = command_parser.add_argument_group("the run")
    _add(run, "--duration", "", str, "How long the load lasts, as 45, 30s, 5m or 1h30m (default 30s, or the shape's)")
    _add(run, "--users", "10", int, "Users of the closed loop, each waiting for its answers")
    _add(run, "--processes", "1", int, "Processes that share the load")
    run.add_argument("--web", action="store_true", help="Locust's web page in place of one test from the terminal")
    _add(run, "--web-port", "8089", int, "Port of the web page, on 127.0.0.1")
    target = command_parser.add_argument_group("an existing deployment")
    _add(target, "--host", "", str, "Ingress in front of Seldon, as http://127.0.0.1:8003")
    stack = command_parser.add_argument_group("the local stack (without --host)")
    _add(stack, "--images", "", str, "Image map: which command stands for which image (TOML)")
    _add(stack, "--workers", "", str, "Gunicorn workers of each model server")
    _add(stack, "--breakers", "", str, "Circuit breakers of the ingress: istio or envoy")
    load = command_parser.add_argument_group("the load")
    for option in OPTIONS:
        _add(load, option.flag, option.default, option.convert, option.text, option.choices)
    skip = os.environ.get(variable_of(NO_CALIBRATION), "").lower() in {"1", "true", "yes"}
    load.add_argument(NO_CALIBRATION, action="store_true", default=skip, help=NO_CALIBRATION_TEXT)
    return command_parser


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


def checked(parsed: argparse.Namespace) -> Setup:
    """What the options ask for, every input checked. Raises `SetupError` and its like, with one line."""
    if parsed.shape and parsed.duration:
        raise SetupError(
            f"reading --duration: expected none beside --shape, which says how long it lasts, got {parsed.duration}."
        )
    parsed.duration_s = parse_duration(parsed.duration or DURATION)
    _check_counts(parsed)
    setup = read_setup(parsed, SHADOW)
    for predictor in setup.deployment.predictors:
        load_model(artifact_of(predictor, Path(parsed.artifacts)))
    if bool(parsed.host) != bool(parsed.prometheus_url):
        given, missing = ("--host", "--prometheus-url") if parsed.host else ("--prometheus-url", "--host")
        raise SetupError(
            f"choosing what to drive: expected both --host and --prometheus-url, or neither for the local stack, "
            f"got {given} without {missing}."
        )
    if parsed.host:
        check_host(parsed.host, setup.deployment, setup.load)
    else:
        require_runnable(setup.deployment)
        if parsed.images and not Path(parsed.images).is_file():
            raise SetupError(f"reading the image map: expected a TOML file, got none at {parsed.images}.")
    if parsed.web:
        _check_port(parsed.web_port)
    return setup


def _check_counts(parsed: argparse.Namespace) -> None:
    for flag, value, high in (("--users", parsed.users, 100_000), ("--processes", parsed.processes, 256)):
        if not 1 <= value <= high:
            raise SetupError(f"reading {flag}: expected 1 to {high}, got {value}.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"opening the web page: expected a free port, got {port} ({error}). Name another with --web-port."
            ) from error


def _folder_of(parsed: argparse.Namespace, setup: Setup) -> Path | None:
    """The run folder, made; None for the web page, where each test makes its own."""
    if parsed.web and not parsed.run:
        return None
    folder = Path(parsed.run or Path("runs") / runfolder.run_id(time.time(), setup.deployment.name)).absolute()
    runfolder.make_folder(folder)
    return folder


def _command(parsed: argparse.Namespace, setup: Setup, folder: Path | None) -> list[str]:
    locust = locust_command(parsed, setup, folder)
    return locust if parsed.host else [*stack_command(parsed, setup, folder), "--", *locust]


def stack_command(parsed: argparse.Namespace, setup: Setup, folder: Path | None) -> list[str]:
    """The command that starts a local stack, but for the ``--`` and what to run in it."""
    stack = [sys.executable, "-m", "deploy.local", "run", str(setup.manifest)]
    for flag, value in (
        ("--namespace", setup.deployment.namespace),
        ("--images", parsed.images),
        ("--workers", parsed.workers),
        ("--breakers", parsed.breakers),
        ("--logs", str(folder / runfolder.LOGS_FOLDER) if folder else ""),
    ):
        if value:
            stack += [flag, value]
    return stack


def locust_command(parsed: argparse.Namespace, setup: Setup, folder: Path | None) -> list[str]:
    """The command that drives ``--host``, or what HOST names, and leaves ``folder``."""
    name = "shadow.py" if any(predictor.shadow for predictor in setup.deployment.predictors) else "single.py"
    users = str(parsed.users)
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfiles" / name), "-u", users, "-r", users]
    command += ["--only-summary"] if parsed.shape else ["-t", f"{parsed.duration_s:g}s", "--only-summary"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(parsed.web_port)] if parsed.web else ["--headless"]
    if folder:
        command += ["--run", str(folder), "--logfile", str(folder / runfolder.LOGS_FOLDER / "locust.log")]
    if parsed.no_calibration:
        command.append(NO_CALIBRATION)
    if parsed.processes > 1:
        port = str(_free_port())
        command += ["--processes", str(parsed.processes), "--master-port", port]
        command += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    if parsed.host:
        command += ["--host", parsed.host]
    for dest, option in BY_DEST.items():
        value = str(setup.manifest) if dest == "sdep" else getattr(parsed, dest)
        if dest != "run" and value != option.default:
            command += [option.flag, str(value)]
    return command


def _free_port() -> int:
    """A port that was free a moment ago; Locust's master cannot be given 0, its workers could not find it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(message: str) -> int:
    print(f"plumbline: {message}", file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    for name in VARIABLES:
        if os.environ.get(name) == "":
            del os.environ[name]
    main()
