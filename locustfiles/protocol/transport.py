"""REST and gRPC behind one interface: how requests are made and sent, and how answers are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from analysis.access.access import EndpointAccess
from analysis.access.access_file import read_access
from analysis.record.ledger import Outcome
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.pool import ConnectionPool
from locustfiles.http1.target import target_of
from locustfiles.load.options import LoadOptions
from locustfiles.protocol.answers import AnswerReader
from locustfiles.protocol.payload import truths_of
from locustfiles.protocol.rest_requests import RestRequests
from model.dataset import Heldout

KILLED: Final = Exchange(Outcome.INDETERMINATE, 0, b"", "killed at the stop")


class RequestFactory(Protocol):
    """Makes requests, once for each row. Only the client of the same transport understands them."""

    def predict(self, rows: tuple[int, ...]) -> Any:
        """The request that asks for a prediction of ``rows`` (places in the held-out arrays)."""

    def feedback(self, rows: tuple[int, ...], reward: float | None) -> Any:
        """The request that tells the truth of ``rows``."""


class Client(Protocol):
    """Sends each request once; any number of greenlets may use it at once."""

    def exchange(self, request: Any) -> Exchange:
        """How ``request`` ended, within the deadline. Never raises; a kill is passed on."""

    def close(self) -> None:
        """Close idle connections."""


@dataclass(frozen=True, slots=True)
class Transport:
    """One way to talk to a deployment.

    ``kind``: its name in Locust's table. ``killed``: what is recorded for a request that is killed in flight.
    """

    kind: str
    requests: RequestFactory
    client: Client
    reader: AnswerReader
    killed: Exchange


@dataclass(frozen=True, slots=True)
class DeploymentAddress:
    """The address of a deployment. ``url``: of the ingress."""

    url: str
    namespace: str
    deployment: str


def transport_of(place: DeploymentAddress, load: LoadOptions, heldout: Heldout) -> Transport:
    """The transport that ``load`` asks for.

    Raises `http1.target.TargetError` for an address that it cannot use, ``AccessError`` for a bad access file.
    """
    return {"rest": _rest, "grpc": _grpc}[load.transport](place, load, heldout)


def ingress_access(load: LoadOptions) -> EndpointAccess:
    """How the ingress is reached. Raises ``AccessError`` for a file that cannot be used on this machine."""
    return read_access(load.access, load.ca_file).ingress


def unanswered(place: DeploymentAddress, load: LoadOptions) -> str:
    """Empty if Seldon answers by gRPC at ``place``, else a description of what answered. Raises `TargetError`."""
    from locustfiles.protocol import grpc_client as grpc  # noqa: PLC0415 - grpcio starts threads, and is loaded where it is used only

    target = grpc.target_of_url(place.url, ingress_access(load))
    return grpc.probe(target, grpc.metadata_of(place.namespace, place.deployment))


def _rest(place: DeploymentAddress, load: LoadOptions, heldout: Heldout) -> Transport:
    target = target_of(place.url, ingress_access(load))
    requests = RestRequests(
        features=heldout.rows.cells(),
        truth=truths_of(heldout, load.truth),
        names=heldout.names,
        host=target.header,
        path=f"{target.path}/seldon/{place.namespace}/{place.deployment}/api/v1.0",
        payload=load.payload,
        headers=target.headers,
    )
    return Transport(
        "POST", requests, ConnectionPool(target, timeout_s=load.timeout_s), AnswerReader(heldout.classes), KILLED
    )


def _grpc(place: DeploymentAddress, load: LoadOptions, heldout: Heldout) -> Transport:
    from locustfiles.protocol import grpc_client as grpc  # noqa: PLC0415 - grpcio starts threads: not before Locust has forked
    from locustfiles.protocol.grpc_messages import GrpcRequests, answer_of  # noqa: PLC0415 - protobuf, for the same load only

    requests = GrpcRequests(
        features=heldout.rows.cells(),
        truth=truths_of(heldout, load.truth),
        names=heldout.names,
        payload=load.payload,
    )
    metadata = grpc.metadata_of(place.namespace, place.deployment)
    target = grpc.target_of_url(place.url, ingress_access(load))
    client = grpc.GrpcClient(target, metadata, timeout_s=load.timeout_s)
    return Transport("gRPC", requests, client, AnswerReader(heldout.classes, answer_of), grpc.KILLED)
