"""The commands that the front door becomes: Locust, inside a local stack or on an existing deployment."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

from analysis.record.runfolder import LOGS_FOLDER
from locustfiles.load.options import BY_DEST, NO_CALIBRATION, NO_JUDGE, ROOT, plain_number
from locustfiles.run.setup import Setup
from model.installation import own_process


def command_of(parsed: argparse.Namespace, setup: Setup, folder: Path | None) -> list[str]:
    """The command that runs the test: Locust alone with ``--host``, else Locust in a local stack."""
    locust = locust_command(parsed, setup, folder)
    return locust if parsed.host else [*stack_command(parsed, setup, folder), "--", *locust]


def stack_command(parsed: argparse.Namespace, setup: Setup, folder: Path | None) -> list[str]:
    """The command that starts a local stack, without the ``--`` and the command to run in it."""
    stack = own_process("deploy.local", "run", str(setup.manifest))
    for flag, value in (
        ("--namespace", setup.deployment.namespace),
        ("--images", parsed.images),
        ("--workers", str(parsed.workers or "")),
        ("--breakers", parsed.breakers),
        ("--logs", str(folder / LOGS_FOLDER) if folder else ""),
    ):
        if value:
            stack += [flag, value]
    return stack


def locust_command(parsed: argparse.Namespace, setup: Setup, folder: Path | None) -> list[str]:
    """The command that drives ``--host``, or what HOST names, and leaves ``folder``."""
    name = "shadow.py" if any(predictor.shadow for predictor in setup.deployment.predictors) else "single.py"
    users = str(parsed.users)
    command = own_process("locust", "-f", str(ROOT / "locustfiles" / name), "-u", users, "-r", users)
    command += ["--only-summary"] if parsed.shape else ["-t", f"{plain_number(parsed.duration_s)}s", "--only-summary"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(parsed.web_port)] if parsed.web else ["--headless"]
    if folder:
        command += ["--run", str(folder), "--logfile", str(folder / LOGS_FOLDER / "locust.log")]
    for flag, is_set in ((NO_CALIBRATION, parsed.no_calibration), (NO_JUDGE, parsed.no_judge)):
        if is_set:
            command.append(flag)
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
    """A port that was free a moment ago. Locust's master cannot be given 0, because its workers could not find it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
