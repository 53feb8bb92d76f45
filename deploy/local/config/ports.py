"""Ports of loopback that stay ours from the moment they are chosen."""

from __future__ import annotations

import resource
import socket
from types import TracebackType
from typing import Final, Self

from deploy.local.errors import StackError

LOOPBACK: Final = "127.0.0.1"


class Ports:
    """Ports held by sockets that are bound and never listen.

    Because of such a socket, the kernel does not give the port to a program that asks for a free one, or to an outgoing
    connection. A server that sets ``SO_REUSEADDR`` (all of ours do) can still listen there: for Linux only listening
    sockets are in the way (``inet_csk_bind_conflict``). So the port is safe before its server starts, and between a
    crash and a restart.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for held in self._held:
            held.close()

    def take(self, port: int = 0, option: str = "") -> int:
        """A port number: ``port``, or a free one for 0.

        Raises `StackError` naming a port that is taken, or the limit if this process may hold no more sockets.
        """
        try:
            held = socket.socket()
        except OSError as error:
            most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            raise StackError(
                f"replicas: expected three ports for each, got: {error.strerror} after {len(self._held)} ports, "
                f"where the local stack may hold {most} files. Lower the manifest's replicas, or raise `ulimit -n`."
            ) from error
        self._held.append(held)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise StackError(
                f"{option}: expected port {port} of {LOOPBACK} free, got: {why}. Free it, or choose another."
            ) from error
        if port == 0:  # only now: Seldon's gRPC server sets only this option, and nobody else may use a fixed port
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return int(held.getsockname()[1])
