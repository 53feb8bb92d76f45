"""Serves a Seldon class over REST, gRPC and metrics: ``python -m model.server [CLASS] [options]``.

It takes the place of ``seldon-core-microservice``, with the same flags, environment and routes. It differs in this: it
binds 127.0.0.1 unless another address is given; on SIGTERM it answers what is in flight before it stops; REST and gRPC
workers keep their counts in one store that loses none of them (`model.metrics.store`); connections are kept alive; and
the usual JSON payloads take a shortcut (`model.server.shortcut`). Of Seldon's own tests of its wrapper those differ
that expect a process id in ``worker_id``, or that counts are gone when the store is cleared or a worker has ended.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final

from seldon_core import gunicorn_utils, microservice, wrapper
from seldon_core.flask_utils import ANNOTATION_REST_TIMEOUT, DEFAULT_ANNOTATION_REST_TIMEOUT
from seldon_core.metrics import FEEDBACK_METRIC_METHOD_TAG, legacy_mode
from seldon_core.utils import setup_tracing
from werkzeug.serving import WSGIRequestHandler, make_server

from model.artifact_name import ArtifactError
from model.metrics.store import SLOTS, Store, reward_metrics
from model.server.options import ServerError, check_ports, make_user_object, parse
from model.server.shortcut import Shortcut
from model.server.supervise import GRACE_S, supervise
from model.server.worker import Worker, connections

REST: Final = "rest"
"""Name of the part that runs gunicorn. On SIGHUP that starts its workers anew, as the stock launcher does."""
CUSTOM: Final = "custom"
"""Name of the part that runs a class's own ``custom_service``. It may return, as in the stock launcher."""

HEARTBEATS: Final = "/dev/shm"  # noqa: S108  (gunicorn's files of nothing but a time, off the disk)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What every part of the server uses."""

    user_object: Any
    store: Store
    options: argparse.Namespace
    annotations: dict[str, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or SIGINT, 1 if a part of the server ended, 2 if it could not start."""
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
        check_ports(options)
        user_object = make_user_object(options.interface_name, options.parameters)
    except (ServerError, ArtifactError) as error:
        print(f"server: {error}", file=sys.stderr)
        return 2
    microservice.setup_logger(options.log_level, options.debug)
    service = Service(user_object, make_store(user_object, options), options, microservice.load_annotations())
    return supervise(parts_of(service), may_end={CUSTOM}, reloads={REST})


def make_store(user_object: Any, options: argparse.Namespace) -> Store:
    """The store for a class: room for every worker twice, since on a reload the new ones start before the old are gone.

    Deprecated hooks publish no metrics, so with them a reward must not wait for any.
    """
    waits = not any(hasattr(user_object, hook) for hook in ("send_feedback_rest", "send_feedback_grpc"))
    slots = max(SLOTS, 2 * (int(options.workers) + int(options.grpc_workers)))
    return Store(getattr(user_object, "RUNNING_TOTALS", ()), rewards_wait=waits, slots=slots)


def begin(service: Service) -> None:
    """In each worker: takes over the counts that an earlier one left, and publishes every series from the start."""
    totals = service.store.totals()
    resume = getattr(service.user_object, "resume", None)
    first = resume(totals) if callable(resume) else []
    zero = [] if legacy_mode else [{**metric, "value": 0} for metric in reward_metrics(0)]
    service.store.update([*zero, *first], FEEDBACK_METRIC_METHOD_TAG)
    # after the cells: a feedback is counted into its bucket first, so a scrape, which reads in the order in which
    # series came, never shows it in a cell and not yet in a bucket
    publish = getattr(service.user_object, "publish_through", None)
    if callable(publish):
        publish(service.store)


def parts_of(service: Service) -> dict[str, Callable[[], None]]:
    """What to run, each in a process of its own, by name."""
    rest = serve_rest_debug if service.options.debug else serve_rest
    parts: dict[str, Callable[[], None]] = {
        "metrics": partial(serve_metrics, service),
        REST: partial(rest, service),
    }
    for number in range(int(service.options.grpc_workers)):
        parts[f"grpc-{number}"] = partial(serve_grpc, service)
    custom = getattr(service.user_object, "custom_service", None)
    if callable(custom):
        parts[CUSTOM] = custom
    return parts


class Application(gunicorn_utils.UserModelApplication):  # type: ignore[misc]  # seldon_core has no types
    """Seldon's gunicorn application; ``load`` calls the class's own ``load`` and sets up tracing."""

    def __init__(self, service: Service, settings: dict[str, Any]) -> None:
        self._service = service
        options = service.options
        tags = [tag.strip() for tag in os.environ.get("JAEGER_EXTRA_TAGS", "").split(",") if tag.strip()]
        app = wrapper.get_rest_microservice(service.user_object, service.store)
        super().__init__(app, service.user_object, options.tracing, tags, options.interface_name, options=settings)

    def load(self) -> Any:
        app = super().load()
        service = self._service
        if not service.options.shortcut or service.options.tracing or app.debug:
            return app
        return Shortcut(app, service.user_object, service.store)


def rest_settings(service: Service) -> dict[str, Any]:
    """Gunicorn's settings: the stock launcher's, except for the address and for the lines with a comment."""
    options = service.options
    timeout_s = DEFAULT_ANNOTATION_REST_TIMEOUT
    if ANNOTATION_REST_TIMEOUT in service.annotations:
        timeout_s = int(int(service.annotations[ANNOTATION_REST_TIMEOUT]) / 1000) or 1
    return {
        "bind": f"{options.bind_host}:{options.http_port}",
        "accesslog": gunicorn_utils.accesslog(options.access_log),
        "loglevel": options.log_level.lower(),
        "timeout": timeout_s,
        "graceful_timeout": 1,  # the default of 30 s is longer than the supervisor waits
        "threads": gunicorn_utils.threads(options.threads, options.single_threaded),
        "workers": options.workers,
        "worker_class": Worker,  # threaded: the sync worker closes every connection
        "worker_connections": connections(),
        "worker_tmp_dir": HEARTBEATS if os.access(HEARTBEATS, os.W_OK) else None,
        "max_requests": options.max_requests,
        "max_requests_jitter": options.max_requests_jitter,
        "post_worker_init": partial(_begin_worker, service),
        "keepalive": options.keepalive,
        "pidfile": options.pidfile,
        "control_socket_disable": True,  # it would be one file in $HOME for all servers of this user
    }


def _begin_worker(service: Service, worker: object) -> None:
    gunicorn_utils.post_worker_init(worker)
    begin(service)


def serve_rest(service: Service) -> None:
    """Runs gunicorn until it is told to stop."""
    Application(service, rest_settings(service)).run()


def serve_rest_debug(service: Service) -> None:
    """Runs Flask's debug server, as the stock launcher does for ``--debug``."""
    app = wrapper.get_rest_microservice(service.user_object, service.store)
    _load(service.user_object)
    begin(service)
    options = service.options
    app.run(host=options.bind_host, port=options.http_port, threaded=not options.single_threaded)


def serve_grpc(service: Service) -> None:
    """Runs one gRPC server on the port that all of them share until SIGTERM, then answers what is in flight."""
    options = service.options
    interceptor = None
    if options.tracing:
        from grpc_opentracing import open_tracing_server_interceptor  # type: ignore[import-untyped]  # noqa: PLC0415

        interceptor = open_tracing_server_interceptor(setup_tracing(options.interface_name))
    server = wrapper.get_grpc_server(
        service.user_object, service.store, service.annotations, interceptor, int(options.grpc_threads)
    )
    _load(service.user_object)
    begin(service)
    server.add_insecure_port(f"{options.bind_host}:{options.grpc_port}")

    def stop(_: int, __: FrameType | None) -> None:
        server.stop(GRACE_S)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.start()
    # the server that traces does not pass the wait on to the one that it wraps
    getattr(server, "_server", server).wait_for_termination()


def serve_metrics(service: Service) -> None:
    """Serves the metrics endpoint until it is killed; it has nothing to lose."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    app = wrapper.get_metrics_microservice(service.store)
    options = service.options
    handler = WSGIRequestHandler if options.access_log else _Quiet
    make_server(options.bind_host, options.metrics_port, app, threaded=True, request_handler=handler).serve_forever()


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Logs nothing: a line for each scrape is useless."""


def _load(user_object: Any) -> None:
    with contextlib.suppress(NotImplementedError, AttributeError):  # a class need not have it; as the stock launcher
        user_object.load()
