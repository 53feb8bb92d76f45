"""Serves a Seldon class over REST, gRPC and metrics: ``python -m model.server [CLASS] [options]``.

It takes the place of ``seldon-core-microservice``: the same environment variables, the same flags (they are read by
Seldon's own parser) and the same routes. What differs is mended: it binds 127.0.0.1 unless told otherwise, and it
stops on SIGTERM with the requests in flight answered.

One supervising process forks the others and does nothing else: gunicorn (REST), the gRPC servers, the metrics
server. When one of them ends, the rest is stopped too: a pod that serves only half of itself should be restarted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from seldon_core import gunicorn_utils, microservice, wrapper
from seldon_core.flask_utils import (
    ANNOTATION_REST_TIMEOUT,
    DEFAULT_ANNOTATION_REST_TIMEOUT,
    SeldonMicroserviceException,
)
from seldon_core.metrics import SeldonMetrics

from model.artifact import ArtifactError

DEFAULT_CLASS: Final = "model.MetricsModel.MetricsModel"
BIND_HOST_ENV: Final = "BIND_HOST"
DEFAULT_BIND_HOST: Final = "127.0.0.1"
GRACE_S: Final = 1.5
"""Time for requests in flight after SIGTERM. What still runs after it is killed, so that the stop takes under 2 s."""

logger = logging.getLogger(__name__)


class ServerError(Exception):
    """The server cannot start; one line says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or SIGINT, 1 if a part of the server died, 2 if it could not start."""
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
        check_ports(options)
        user_object = make_user_object(options.interface_name, options.parameters)
    except (ServerError, ArtifactError) as error:
        print(f"server: {error}", file=sys.stderr)
        return 2
    microservice.setup_logger(options.log_level, options.debug)
    return supervise(targets(user_object, options))


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The stock launcher's options, read by its own parser, plus ``bind_host``."""
    ours = argparse.ArgumentParser(
        prog="python -m model.server", add_help=False, usage=argparse.SUPPRESS, description=__doc__
    )
    ours.add_argument("--bind-host", default=os.environ.get(BIND_HOST_ENV, DEFAULT_BIND_HOST))
    mine, rest = ours.parse_known_args(argv)
    if "-h" in rest or "--help" in rest:
        print(f"{__doc__}\nCLASS is {DEFAULT_CLASS} unless given. Of our own: --bind-host ADDRESS, or ${BIND_HOST_ENV}")
        print(f"(default {DEFAULT_BIND_HOST}). The rest is the stock launcher's:\n")
    elif not rest or rest[0].startswith("-"):
        rest = [DEFAULT_CLASS, *rest]
    with _arguments(rest):
        options, unknown = microservice.parse_args()
    if unknown:
        raise ServerError(f"options: expected those of --help, got {' '.join(unknown)}.")
    return argparse.Namespace(**vars(options), bind_host=mine.bind_host)


@contextlib.contextmanager
def _arguments(rest: list[str]) -> Iterator[None]:
    """The stock parser reads ``sys.argv`` and nothing else."""
    before, sys.argv = sys.argv, ["python -m model.server", *rest]
    try:
        yield
    finally:
        sys.argv = before


def check_ports(options: argparse.Namespace) -> None:
    """Raises `ServerError` for a port that is taken: gunicorn would retry for five seconds and say it in ten lines."""
    ports = {"http-port": options.http_port, "metrics-port": options.metrics_port}
    if int(options.grpc_workers) > 0:
        ports["grpc-port"] = options.grpc_port
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options.bind_host, port))
            except OSError as error:
                raise ServerError(
                    f"--{name}: expected a free port, got {error.strerror} ({options.bind_host}:{port}). Give another."
                ) from error


def make_user_object(name: str, parameters: str) -> Any:
    """An instance of the class ``MODULE.CLASS``, or of ``NAME`` in module ``NAME``, as the stock launcher does."""
    sys.path.append(str(os.getcwd()))  # noqa: PTH109  (as the stock launcher does)
    module, _, attribute = name.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module or name), attribute)
        arguments = microservice.parse_parameters(json.loads(parameters))
    except ModuleNotFoundError as error:
        raise ServerError(f"class: expected to import {name}, got {error}. Check CLASS and the folder.") from error
    except AttributeError as error:
        raise ServerError(f"class: expected {attribute} in module {module or name}, got none. Check CLASS.") from error
    except SeldonMicroserviceException as error:
        raise ServerError(f"parameters: {error.message}. Check {microservice.PARAMETERS_ENV_NAME}.") from error
    except json.JSONDecodeError as error:
        raise ServerError(
            f"parameters: expected a JSON list, got {error}. Check {microservice.PARAMETERS_ENV_NAME}."
        ) from error
    return kind(**arguments)


def targets(user_object: Any, options: argparse.Namespace) -> dict[str, Callable[[], None]]:
    """What to run, each in a process of its own, by name."""
    annotations = microservice.load_annotations()
    store = SeldonMetrics(worker_id_func=os.getpid)
    found: dict[str, Callable[[], None]] = {
        "metrics": partial(serve_metrics, store, options),
        "rest": partial(serve_rest, user_object, store, options, annotations),
    }
    for number in range(int(options.grpc_workers)):
        found[f"grpc-{number}"] = partial(serve_grpc, user_object, store, options, annotations)
    custom = getattr(user_object, "custom_service", None)
    if callable(custom):
        found["custom"] = custom
    return found


def serve_rest(
    user_object: Any, store: SeldonMetrics, options: argparse.Namespace, annotations: dict[str, str]
) -> None:
    """Runs gunicorn until it is told to stop."""
    timeout_s = DEFAULT_ANNOTATION_REST_TIMEOUT
    if ANNOTATION_REST_TIMEOUT in annotations:
        timeout_s = int(int(annotations[ANNOTATION_REST_TIMEOUT]) / 1000) or 1
    settings = {
        "bind": f"{options.bind_host}:{options.http_port}",
        "accesslog": gunicorn_utils.accesslog(options.access_log),
        "loglevel": options.log_level.lower(),
        "timeout": timeout_s,
        "graceful_timeout": 1,
        "threads": gunicorn_utils.threads(options.threads, options.single_threaded),
        "workers": options.workers,
        "worker_class": "gthread",
        "max_requests": options.max_requests,
        "max_requests_jitter": options.max_requests_jitter,
        "post_worker_init": gunicorn_utils.post_worker_init,
        "worker_exit": partial(gunicorn_utils.worker_exit, seldon_metrics=store),
        "keepalive": options.keepalive,
        "pidfile": options.pidfile,
        "control_socket_disable": True,  # it would be one file in $HOME for all servers of this user
    }
    app = wrapper.get_rest_microservice(user_object, store)
    tags = [tag.strip() for tag in os.environ.get("JAEGER_EXTRA_TAGS", "").split(",") if tag.strip()]
    gunicorn_utils.UserModelApplication(
        app, user_object, options.tracing, tags, options.interface_name, options=settings
    ).run()


def serve_grpc(
    user_object: Any, store: SeldonMetrics, options: argparse.Namespace, annotations: dict[str, str]
) -> None:
    """Runs one gRPC server on the shared port until SIGTERM, then answers what is in flight."""
    server = wrapper.get_grpc_server(user_object, store, annotations=annotations, num_threads=int(options.grpc_threads))
    with contextlib.suppress(
        NotImplementedError, AttributeError
    ):  # a class need not have load(); as the stock launcher
        user_object.load()
    server.add_insecure_port(f"{options.bind_host}:{options.grpc_port}")
    signal.signal(signal.SIGTERM, lambda *_: server.stop(GRACE_S))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server.start()
    server.wait_for_termination()


def serve_metrics(store: SeldonMetrics, options: argparse.Namespace) -> None:
    """Serves the metrics endpoint until it is killed: it holds nothing that a kill could lose."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    app = wrapper.get_metrics_microservice(store)
    app.run(host=options.bind_host, port=options.metrics_port, threaded=True)


def supervise(parts: dict[str, Callable[[], None]]) -> int:
    """Runs each part in a forked process until a signal or until one of them ends, then stops them all."""
    fork = multiprocessing.get_context("fork")
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    processes: dict[str, BaseProcess] = {name: fork.Process(target=part, name=name) for name, part in parts.items()}
    for process in processes.values():
        process.start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    ended: list[Any] = []
    while not stopping and not ended:
        ended = wait([process.sentinel for process in processes.values()], timeout=0.2)
    for name, process in processes.items():
        if process.sentinel in ended and not stopping:
            print(f"server: {name} ended with exit code {process.exitcode}; stopping the rest.", file=sys.stderr)
    stop_all(list(processes.values()))
    return 0 if stopping else 1


def stop_all(processes: list[BaseProcess]) -> None:
    """SIGTERM to all, SIGKILL to what is left after `GRACE_S`; returns when none runs."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    deadline = time.monotonic() + GRACE_S
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()


if __name__ == "__main__":
    sys.exit(main())
