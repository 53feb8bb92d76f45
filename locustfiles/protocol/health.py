"""Whether Seldon answers at an address: its health route, asked by the client that the load uses."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from analysis.record.ledger import Outcome
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.pool import ConnectionPool
from locustfiles.http1.target import Target

TIMEOUT_S: Final = 5.0
NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
"""What OpenSSL says, by its version, of an answer that is plain HTTP."""
HEALTH: Final = "health/status"


class Health(NamedTuple):
    """``exchange``: of the health route. ``is_seldon``: whether it is one of Seldon's, and up."""

    exchange: Exchange
    is_seldon: bool

    @property
    def is_answered(self) -> bool:
        """Whether there was a whole answer, of whatever status."""
        return self.exchange.outcome is Outcome.ACKNOWLEDGED or self.exchange.fault.startswith("HTTP ")


def health_of(target: Target, namespace: str, deployment: str, timeout_s: float = TIMEOUT_S) -> Health:
    """What the health route answers: the wrapper says JSON, the orchestrator nothing, each with a status of 2xx.

    Any web server answers something. One that has nothing to say may be the orchestrator, if it refuses a route that
    Seldon does not have.
    """
    exchange = get(target, route(target, namespace, deployment, HEALTH), timeout_s)
    if exchange.outcome is not Outcome.ACKNOWLEDGED:
        return Health(exchange, is_seldon=False)
    if not exchange.body.strip():
        other = get(target, route(target, namespace, deployment, "no-such-route"), timeout_s)
        return Health(exchange, is_seldon=other.outcome is not Outcome.ACKNOWLEDGED)
    try:
        json.loads(exchange.body)
    except ValueError:
        return Health(exchange, is_seldon=False)
    return Health(exchange, is_seldon=True)


def route(target: Target, namespace: str, deployment: str, name: str) -> str:
    """Path of one of Seldon's routes behind its ingress."""
    return f"{target.path}/seldon/{namespace}/{deployment}/api/v1.0/{name}"


def get(target: Target, path: str, timeout_s: float = TIMEOUT_S) -> Exchange:
    """How one GET ended that carries what each request of the load carries."""
    pool = ConnectionPool(target, timeout_s=timeout_s)
    head = f"GET {path} HTTP/1.1\r\nHost: {target.header}\r\nUser-Agent: plumbline\r\n{target.headers}\r\n"
    try:
        return pool.exchange(head.encode("ascii"))
    finally:
        pool.close()
