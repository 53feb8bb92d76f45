"""The stock launcher, on loopback: ``python -m model.stock CLASS [options]``.

``seldon-core-microservice`` itself, with another address only; its own is fixed at 0.0.0.0. The tests and the benchmark
compare our server with it.
"""

from __future__ import annotations

import os
from typing import Any

import grpc
from flask import Flask
from seldon_core import microservice
from seldon_core.gunicorn_utils import StandaloneApplication

ADDRESS = os.environ.get("BIND_HOST", "127.0.0.1")


def _here(address: str) -> str:
    return address.replace("0.0.0.0", ADDRESS)  # noqa: S104  (this is what takes it away)


def main() -> None:
    """Runs the stock launcher's ``main`` until it ends."""
    load_config, flask_run, grpc_server = StandaloneApplication.load_config, Flask.run, grpc.server

    def load_config_here(self: StandaloneApplication) -> None:  # gunicorn's, of REST and of metrics
        self.options |= {"bind": _here(self.options["bind"]), "control_socket_disable": True}
        load_config(self)

    def run_here(self: Flask, host: str | None = None, port: int | None = None, **options: Any) -> None:
        flask_run(self, _here(host or ADDRESS), port, **options)

    def server_here(*args: Any, **options: Any) -> Any:
        server = grpc_server(*args, **options)
        add_insecure_port = server.add_insecure_port
        server.add_insecure_port = lambda address: add_insecure_port(_here(address))
        return server

    StandaloneApplication.load_config = load_config_here
    Flask.run = run_here  # type: ignore[method-assign,assignment]
    grpc.server = server_here
    microservice.main()


if __name__ == "__main__":
    main()
