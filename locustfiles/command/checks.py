"""Every input of a load test, checked before anything starts."""

from __future__ import annotations

import argparse
import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from analysis.command import project
from analysis.judge.gates import QUALITY, GateError
from analysis.judge.gates import parse as parse_gate
from analysis.record import runfolder
from deploy.manifest.deployment import ManifestError, require_runnable
from locustfiles.command.parser import BREAKERS, USERS
from locustfiles.load.options import BY_DEST, OptionsError, parse_run_time
from locustfiles.run.setup import SHADOW, Setup, SetupError, check_host, check_logins, read_setup
from model.artifact_name import ArtifactError
from model.atomic import write_text
from model.estimator import load_model
from model.installation import artifacts_for
from model.train import make_example

DURATION: Final = "30s"
MOST_CHECKED: Final = 2000
"""Held-out rows on which a model is tried before anything starts: a forest answers some thousands in a second."""
INPUT_ERRORS: Final = (SetupError, OptionsError, ManifestError, ArtifactError, runfolder.RunFolderError, GateError)
"""What the functions of this module raise, each with one line."""


def checked(parsed: argparse.Namespace) -> Setup:
    """The setup that the options ask for. Sets ``parsed.duration_s``, ``users``, ``artifacts`` and ``gates``.

    Raises one of `INPUT_ERRORS`.
    """
    if parsed.shape and parsed.duration:
        raise SetupError(
            f"reading --duration: expected none beside --shape, which says how long it lasts, got {parsed.duration}."
        )
    check_logins(parsed.host, parsed.prometheus_url)
    parsed.duration_s = parse_run_time(parsed.duration or DURATION)
    _settle_users(parsed)
    _check_counts(parsed)
    _check_breakers(parsed.breakers)
    parsed.gates = _gates(parsed)
    _settle_artifacts(parsed)
    setup = read_setup(parsed, SHADOW)
    _check_gates(parsed.gates, setup)
    _check_models(setup)
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
        if setup.deployment.transport == "grpc" and setup.load.transport != "grpc":
            raise SetupError(
                "reading the manifest: it says transport grpc, and the load is sent by REST. Give --transport grpc."
            )
        if parsed.images and not Path(parsed.images).is_file():
            raise SetupError(f"reading the image map: expected a TOML file, got none at {parsed.images}.")
    if parsed.web:
        _check_port(parsed.web_port)
    return setup


def _check_gates(gates: Sequence[str], setup: Setup) -> None:
    """Raise `SetupError` for a gate that no run of this setup can keep or break."""
    names = [predictor.name for predictor in setup.deployment.predictors]
    for gate in map(parse_gate, gates):
        if gate.of and gate.of not in names:
            raise SetupError(f"gate: expected a predictor of the manifest ({', '.join(names)}), got {gate.text!r}.")
        if gate.what in QUALITY and gate.what != "accuracy" and setup.card.positive_class is None:
            raise SetupError(
                f"gate: expected accuracy, as {len(setup.card.classes)} classes have no positive one, "
                f"got {gate.text!r}."
            )


def _check_models(setup: Setup) -> None:
    """Raise ``ArtifactError`` unless each model can be loaded and answers held-out rows as its card says.

    It is tried on `MOST_CHECKED` rows at most, evenly spaced; ``plumbline card`` has tried all.
    """
    places = np.unique(np.linspace(0, len(setup.heldout.ids) - 1, MOST_CHECKED).astype(np.int64))
    for path in dict.fromkeys(given.path for given in setup.expected.values() if not given.from_file):
        load_model(path).check(setup.heldout.rows.take(places))


def run_folder(parsed: argparse.Namespace, setup: Setup) -> Path | None:
    """The run folder, made; None for the web page, where each test makes its own. Raises ``RunFolderError``."""
    if parsed.web and not parsed.run:
        return None
    folder = Path(parsed.run or runfolder.RUNS / runfolder.run_id(time.time(), setup.deployment.name)).absolute()
    runfolder.check_unused(folder)
    runfolder.make_folder(folder)
    write_text(folder / runfolder.GATES_FILE, json.dumps(parsed.gates, indent=1) + "\n")
    runfolder.forget_latest(folder.resolve())
    return folder


def _gates(parsed: argparse.Namespace) -> list[str]:
    """The gates of the run: those of the command line, else those of the working folder's ``pyproject.toml``.

    Raises `SetupError` or ``GateError``.
    """
    if parsed.web and parsed.gate:
        raise SetupError(
            f"reading --gate: expected none beside --web, got {parsed.gate[0]}. Each test of the page is held to "
            "tool.plumbline.gates in pyproject.toml: write it there."
        )
    return [parse_gate(text).text for text in (project.gates() if parsed.gate is None else parsed.gate)]


def _settle_artifacts(parsed: argparse.Namespace) -> None:
    """Set ``parsed.artifacts`` if it was not given, and see that the example has its models if they are meant."""
    if parsed.artifacts != BY_DEST["artifacts"].default:
        return
    parsed.artifacts = str(artifacts_for(Path(parsed.sdep) if parsed.sdep else None))
    make_example(Path(parsed.artifacts))


def _settle_users(parsed: argparse.Namespace) -> None:
    """Set ``parsed.users`` if it was not given. Raises `SetupError` if it was, beside an open loop."""
    schedule = next((flag for flag in ("--rate", "--trace", "--shape") if getattr(parsed, flag[2:])), None)
    if schedule and parsed.users is not None:
        raise SetupError(
            f"reading --users: expected none beside {schedule}, whose arrivals wait for no user, got {parsed.users}."
        )
    parsed.users = USERS if parsed.users is None else parsed.users


def _check_counts(parsed: argparse.Namespace) -> None:
    for flag, value, high in (
        ("--users", parsed.users, 100_000),
        ("--processes", parsed.processes, 256),
        ("--workers", parsed.workers, 256),
    ):
        if value is not None and not 1 <= value <= high:
            raise SetupError(f"reading {flag}: expected 1 to {high}, got {value}.")


def _check_breakers(breakers: str) -> None:
    """A choice that a variable sets; argparse checks those of the command line only."""
    if breakers and breakers not in BREAKERS:
        raise SetupError(f"reading --breakers: expected one of {', '.join(BREAKERS)}, got {breakers!r}.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"opening the web page: expected a free port, got {port} ({error}). Name another with --web-port."
            ) from error
