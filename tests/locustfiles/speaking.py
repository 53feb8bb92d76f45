"""A gRPC server that misbehaves as configured and counts what it receives. grpcio's, in threads of the test."""

from __future__ import annotations

from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2

from analysis.record.ledger import Kind

METHODS: Final = {"Predict": Kind.PREDICT, "SendFeedback": Kind.FEEDBACK}


def predicting(classes: list[int]) -> bytes:
    """An answer with these classes."""
    answer = {"data": {"ndarray": classes}, "meta": {"tags": {"artifact": "a"}}}
    return bytes(json_format.ParseDict(answer, prediction_pb2.SeldonMessage()).SerializeToString())


CLASS_ONE: Final = predicting([1])
Behaviour = Callable[[Kind, bytes, Any], bytes]


def seldon(kind: Kind, body: bytes, context: Any) -> bytes:
    """A server that predicts class 1 for everything."""
    return CLASS_ONE if kind is Kind.PREDICT else b""


@dataclass
class Speaking:
    """A running server. ``whole``: each request that it was sent, with its metadata."""

    behaviour: Behaviour
    port: int = 0
    whole: list[tuple[Kind, bytes, dict[str, str]]] = field(default_factory=list)
    server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, key: Path | None = None, certificate: Path | None = None, clients: Path | None = None) -> Speaking:
        """Serve on a free port, with TLS if there is a key; ``clients``: who must have signed a client's."""
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(self._handler(kind), None, None) for name, kind in METHODS.items()
        }
        self.server = grpc.server(futures.ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("seldon.protos.Seldon", handlers),))
        if key and certificate:
            credentials = grpc.ssl_server_credentials(
                [(key.read_bytes(), certificate.read_bytes())],
                clients.read_bytes() if clients else None,
                require_client_auth=clients is not None,
            )
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        return self

    def _handler(self, kind: Kind) -> Callable[[bytes, Any], bytes]:
        def handle(body: bytes, context: Any) -> bytes:
            self.whole.append((kind, body, {pair.key: pair.value for pair in context.invocation_metadata()}))
            return self.behaviour(kind, body, context)

        return handle


def aborting(code: grpc.StatusCode, details: str = "as told") -> Behaviour:
    """A server that ends every call with ``code``."""

    def abort(kind: Kind, body: bytes, context: Any) -> bytes:
        context.abort(code, details)
        raise AssertionError("abort raises")

    return abort


def features_of(kind: Kind, body: bytes) -> tuple[float, ...]:
    """The features of the one row in a request."""
    message = prediction_pb2.SeldonMessage
    request = message.FromString(body) if kind is Kind.PREDICT else prediction_pb2.Feedback.FromString(body).request
    return tuple(
        request.data.ndarray.values[0].list_value.values[place].number_value for place in range(_width(request))
    )


def _width(request: Any) -> int:
    return len(request.data.ndarray.values[0].list_value.values)
