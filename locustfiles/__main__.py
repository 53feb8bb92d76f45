"""``python -m locustfiles``: check everything, then run a load test to its verdict, with or without a stack.

With HOST and PROMETHEUS_URL an existing deployment is driven. Without them the local stack is started for
the manifest, driven, and stopped. Every input is checked before anything starts: one line and exit code 2.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

if __name__ == "__main__":  # until the command runs, there is nothing that a Ctrl-C would have to end in order
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from analysis.record.runfolder import LOGS_FOLDER
from locustfiles.calibration.calibration import CALIBRATING_ENV, CALIBRATION_FILE, CalibrationProcess
from locustfiles.command.checks import INPUT_ERRORS, checked, run_folder
from locustfiles.command.commands import command_of
from locustfiles.command.parser import parser
from locustfiles.load.options import IMAGES_ENV, OWN_STACK_ENV, forget_empty_variables, forget_foreign_variables
from locustfiles.run.progress import PROGRESS_ENV
from locustfiles.run.setup import calibration_plan
from model.artifact_name import ARTIFACTS_ENV
from model.command_line import BAD_INPUT
from model.printable import printable


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Check, make the run folder, and become the command that runs the test."""
    options = parser()
    parsed = options.parse_args(arguments)
    try:
        setup = checked(parsed)
        folder = run_folder(parsed, setup)
    except INPUT_ERRORS as error:
        print(f"plumbline: {printable(options.naming_variables(str(error)))}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    for line in setup.deployment.cluster_settings if parsed.host else ():
        print(f"plumbline: {printable(line)}", file=sys.stderr)
    command = command_of(parsed, setup, folder)
    os.environ[PROGRESS_ENV] = "1"
    if not parsed.host:
        os.environ[OWN_STACK_ENV] = "1"
    if parsed.images and not parsed.host:
        os.environ[IMAGES_ENV] = str(Path(parsed.images).resolve())
    os.environ[ARTIFACTS_ENV] = str(Path(parsed.artifacts).resolve())  # servers and judge take the same as the load
    if folder is not None and setup.load.open and setup.load.transport == "rest" and not parsed.no_calibration:
        path = folder.resolve() / LOGS_FOLDER / CALIBRATION_FILE
        os.environ[CALIBRATING_ENV] = str(path)
        CalibrationProcess.begin(calibration_plan(setup), path)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    forget_empty_variables()
    for line in forget_foreign_variables():
        print(f"plumbline: {printable(line)}", file=sys.stderr)
    main()
