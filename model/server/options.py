"""The server's options: the stock launcher's flags and environment, read by its own parser, and the class."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from seldon_core import microservice
from seldon_core.flask_utils import SeldonMicroserviceException

DEFAULT_CLASS: Final = "model.MetricsModel.MetricsModel"
BIND_HOST_ENV: Final = "BIND_HOST"
DEFAULT_BIND_HOST: Final = "127.0.0.1"

HELP: Final = f"""\
Serves a Seldon class over REST, gRPC and metrics, in place of seldon-core-microservice: the same flags, environment
variables and routes. CLASS is {DEFAULT_CLASS} unless given. Of its own it has:

  --bind-host ADDRESS   address to listen on (${BIND_HOST_ENV}, default {DEFAULT_BIND_HOST})
  --no-shortcut         send every request through the stock wrapper's Flask application

The rest is the stock launcher's:
"""


class ServerError(Exception):
    """The server cannot start; one line says why and what to do."""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The stock launcher's options, plus ``bind_host`` and ``shortcut``. `ServerError` for an unknown one."""
    ours = argparse.ArgumentParser(add_help=False)
    ours.add_argument("--bind-host", default=os.environ.get(BIND_HOST_ENV, DEFAULT_BIND_HOST))
    ours.add_argument("--no-shortcut", dest="shortcut", action="store_false")
    own, rest = ours.parse_known_args(argv)
    if "-h" in rest or "--help" in rest:
        print(HELP)
    elif not rest or rest[0].startswith("-"):
        rest = [DEFAULT_CLASS, *rest]
    complaint = io.StringIO()
    try:
        with _arguments(rest), contextlib.redirect_stderr(complaint):
            options, unknown = microservice.parse_args()
    except SystemExit as ended:
        if not ended.code:  # --help
            raise
        last = complaint.getvalue().splitlines()[-1]  # argparse's usage stands before it
        raise ServerError(f"options: {last.partition('error: ')[2]}. --help lists them.") from ended
    except ValueError as error:  # of int() on an environment variable, in a default of the parser
        raise ServerError(
            f"environment: expected a number, got {error}. Check the GUNICORN_ and port variables."
        ) from error
    if unknown:
        raise ServerError(f"options: expected those of --help, got {' '.join(unknown)}.")
    return argparse.Namespace(**vars(options), **vars(own))


@contextlib.contextmanager
def _arguments(rest: list[str]) -> Iterator[None]:
    """The stock parser reads ``sys.argv`` and nothing else."""
    before, sys.argv = sys.argv, ["python -m model.server", *rest]
    try:
        yield
    finally:
        sys.argv = before


def check_ports(options: argparse.Namespace) -> None:
    """Raises `ServerError` for a port that is taken: gunicorn would retry for five seconds and print ten lines."""
    ports = {"http-port": options.http_port, "metrics-port": options.metrics_port}
    if int(options.grpc_workers) > 0:
        ports["grpc-port"] = options.grpc_port
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options.bind_host, port))
            except (OSError, OverflowError) as error:
                raise ServerError(
                    f"--{name}: expected a free port, got {error} ({options.bind_host}:{port}). Give another."
                ) from error


def make_user_object(name: str, parameters: str) -> Any:
    """An instance of the class ``MODULE.CLASS``, or of ``NAME`` in module ``NAME``, as the stock launcher makes it."""
    sys.path.append(str(os.getcwd()))  # noqa: PTH109  (as the stock launcher does)
    module, _, attribute = name.rpartition(".")
    module = module or name
    try:
        kind = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise ServerError(f"class: expected to import {module}, got {error}. Check CLASS and the folder.") from error
    if kind is None:
        raise ServerError(f"class: expected {attribute} in module {module}, got none. Check CLASS.")
    variable = microservice.PARAMETERS_ENV_NAME
    try:
        arguments = microservice.parse_parameters(json.loads(parameters))
    except SeldonMicroserviceException as error:
        raise ServerError(f"parameters: {error.message}. Check {variable}.") from error
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        raise ServerError(f"parameters: expected a JSON list of objects, got {error}. Check {variable}.") from error
    return kind(**arguments)
