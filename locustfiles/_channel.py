"""The two ways to Seldon, REST and gRPC, behind one face: how requests are made, sent, and their answers read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from analysis.ledger import Outcome
from locustfiles._answers import Reader
from locustfiles._bodies import Bodies
from locustfiles._options import Load
from locustfiles._wire import Exchange, Wire, target_of
from model.dataset import Heldout

KILLED: Final = Exchange(Outcome.INDETERMINATE, 0, b"", "killed at the stop")


class Requests(Protocol):
    """Requests made once for each row; they mean something to the client of the same channel only."""

    def predict(self, rows: tuple[int, ...]) -> Any:
        """The request that asks for a prediction of ``rows`` (places in the held-out arrays)."""

    def feedback(self, rows: tuple[int, ...], reward: float | None) -> Any:
        """The request that tells the truth of ``rows``."""


class Client(Protocol):
    """Sends each request once; any number of greenlets may use it at once."""

    def exchange(self, request: Any) -> Exchange:
        """What became of ``request``, within the deadline. Raises nothing; a kill is passed on."""

    def close(self) -> None:
        """Close what nobody uses."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to a deployment.

    ``kind``: how Locust's table calls it. ``killed``: what is recorded of a request that is killed under way.
    """

    kind: str
    requests: Requests
    client: Client
    reader: Reader
    killed: Exchange


@dataclass(frozen=True, slots=True)
class Place:
    """Where a deployment is. ``url``: of the ingress."""

    url: str
    namespace: str
    deployment: str


def channel_of(place: Place, load: Load, heldout: Heldout, classes: Sequence[int]) -> Channel:
    """The channel that ``load`` asks for. Raises `TargetError` (of `_wire`) for a place that it cannot reach."""
    return {"rest": _rest, "grpc": _grpc}[load.transport](place, load, heldout, classes)


def unanswered(place: Place, load: Load) -> str:
    """Empty if Seldon answers by gRPC at ``place``, else what came instead. Raises `TargetError`."""
    from locustfiles import _grpc as grpc  # noqa: PLC0415 - grpcio starts threads, and is loaded where it is used only

    target = grpc.target_of_url(place.url, load.ca_file)
    return grpc.probe(target, grpc.metadata_of(place.namespace, place.deployment), load.ca_file)


def _rest(place: Place, load: Load, heldout: Heldout, classes: Sequence[int]) -> Channel:
    target = target_of(place.url, load.ca_file or None)
    requests = Bodies(
        features=heldout.X,
        truth=[int(label) for label in heldout.truth],
        names=heldout.names,
        host=target.header,
        path=f"{target.path}/seldon/{place.namespace}/{place.deployment}/api/v1.0",
        payload=load.payload,
    )
    return Channel("POST", requests, Wire(target, timeout_s=load.timeout_s), Reader(classes), KILLED)


def _grpc(place: Place, load: Load, heldout: Heldout, classes: Sequence[int]) -> Channel:
    from locustfiles import _grpc as grpc  # noqa: PLC0415 - grpcio starts threads: not before Locust has forked
    from locustfiles._messages import Messages, answer_of  # noqa: PLC0415 - protobuf, for the same load only

    requests = Messages(
        features=heldout.X,
        truth=[int(label) for label in heldout.truth],
        names=heldout.names,
        payload=load.payload,
    )
    metadata = grpc.metadata_of(place.namespace, place.deployment)
    target = grpc.target_of_url(place.url, load.ca_file)
    client = grpc.Calls(target, metadata, timeout_s=load.timeout_s, ca_file=load.ca_file)
    return Channel("gRPC", requests, client, Reader(classes, answer_of), grpc.KILLED)
