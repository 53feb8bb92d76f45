"""A gRPC client for gevent: one call in, one `Exchange` out. It never raises.

It is grpcio's own channel, with one HTTP/2 connection. Three things make it fit for a load test:

* Calls are futures that wake their greenlet. A blocking call under ``init_gevent`` occupies a thread of gevent's pool
  until its answer is there; the pool has ten, and the eleventh call in flight would see its answer too late.
* grpcio sends no call twice: its retries are off, also the transparent ones. It uses no proxy and no service
  configuration, and after a refused connection it tries again soon, not after up to two minutes.
* An outcome says what is certain. REFUSED are the statuses with which an application turns a call away, and grpcio's
  own UNAVAILABLE that names our address and says that there is no connection: no byte of that call left. Any other
  failure is INDETERMINATE, also RESOURCE_EXHAUSTED, which may mean that the answer was too large for us.

This module is imported only if gRPC is used: grpcio starts threads, and must not do so before Locust has forked.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # grpcio would write to standard error what an outcome contains
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # we only start programs, and its handlers would warn of each

import gevent
import gevent.monkey
import grpc
from gevent.hub import Waiter
from grpc.experimental import gevent as grpc_gevent

from analysis.access.access import EndpointAccess
from analysis.record.ledger import Outcome
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.pool import CONNECT_TIMEOUT_S
from locustfiles.http1.target import Target, TargetError, target_of
from locustfiles.protocol.grpc_messages import SERVICE, Call

MAX_ANSWER: Final = 16 * 1024 * 1024
KILLED: Final = Exchange(Outcome.INDETERMINATE, grpc.StatusCode.CANCELLED.value[0], b"", "killed at the stop")
REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""The statuses that correspond to 4xx of REST (https://grpc.io/docs/guides/status-codes): turned away, not begun."""
NOT_SELDON: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
    }
)
"""The statuses of a probe that no application sent which a load could be sent to."""
_KEY: Final = re.compile(r"[a-z0-9_.-]+")
"""Of metadata. grpcio's error about another name shows all metadata, with every secret in it."""
_PLAIN_HTTP: Final = "Received http2 header with status"
"""What grpcio says of an answer without a gRPC status (https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping)."""
METHODS: Final = ("Predict", "SendFeedback")
_OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", MAX_ANSWER),
    ("grpc.max_send_message_length", -1),
    ("grpc.min_reconnect_backoff_ms", int(CONNECT_TIMEOUT_S * 1000)),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.primary_user_agent", "plumbline"),
)
_PROBE_S: Final = 5.0

Metadata = tuple[tuple[str, str], ...]


def metadata_of(namespace: str, deployment: str) -> Metadata:
    """The metadata by which the ingress knows the deployment (Seldon's "External prediction API", gRPC)."""
    return (("seldon", deployment), ("namespace", namespace))


def target_of_url(url: str, access: EndpointAccess = EndpointAccess()) -> Target:  # noqa: B008  (frozen)
    """Target of ``url``, which has no path: a gRPC method is the path. Raises `TargetError` as `target_of` does."""
    target = target_of(url, access)
    if target.path:
        raise TargetError(
            f"reading the host: expected a URL without a path for gRPC, as http://127.0.0.1:8003, got {url!r}."
        )
    for name, _ in access.headers:
        if not _KEY.fullmatch(name.lower()) or name.lower().startswith("grpc-") or name.lower().endswith("-bin"):
            raise TargetError(
                f"reading --access: expected names that gRPC takes for metadata, got the header {name!r}."
            )
    return target


class GrpcClient:
    """A connection to one target; any number of greenlets may call `exchange` at once."""

    def __init__(self, target: Target, metadata: Metadata, *, timeout_s: float) -> None:
        self._channel = channel_of(target)
        self._methods = {name: self._channel.unary_unary(f"/{SERVICE}/{name}") for name in METHODS}
        self._metadata = metadata + access_metadata(target.access)
        self._access = target.access
        self._timeout_s = timeout_s
        self._unreached = unreached_pattern(target)
        self._loop = gevent.get_hub().loop
        # gevent ends a loop without pending events, and does not know grpcio's threads
        self._holding = self._loop.async_()
        self._holding.start(_nothing)

    def exchange(self, request: Call) -> Exchange:
        """Make the call once and wait for its end, within the deadline for all of it.

        Killing the calling greenlet cancels the call and passes the kill on.
        """
        call: Any = self._methods[request.method].future(request.body, timeout=self._timeout_s, metadata=self._metadata)
        waiter = Waiter()
        call.add_done_callback(lambda _: self._loop.run_callback_threadsafe(waiter.switch, None))
        try:
            waiter.get()
        except BaseException:
            call.cancel()
            raise
        return self._concluded(call)

    def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        self._channel.close()
        self._holding.stop()
        self._holding.close()

    def _concluded(self, call: Any) -> Exchange:
        code: grpc.StatusCode = call.code()
        if code is grpc.StatusCode.OK:
            return Exchange(Outcome.ACKNOWLEDGED, 0, self._access.mask(call.result()), "")
        details = self._access.mask_text(call.details() or "")
        reached = code is not grpc.StatusCode.UNAVAILABLE or self._unreached.match(details) is None
        outcome = Outcome.REFUSED if code in REFUSALS or not reached else Outcome.INDETERMINATE
        return Exchange(outcome, code.value[0], b"", f"gRPC {code.name}: {details[:120]}", reached)


def unreached_pattern(target: Target) -> re.Pattern[str]:
    """The text of grpcio's own UNAVAILABLE if there was no connection to ``target``.

    It names the address, so a gateway's message about another server is not mistaken for it.
    """
    numeric = re.escape(target.host) if re.fullmatch(r"[\d.]+|.*:.*", target.host) else r"\S+?"
    address = rf"ipv[46]:(?:{numeric}|(?:\[|%5B){numeric}(?:\]|%5D)):{target.port}: "
    lost = rf"failed to connect to all addresses; last error: \w+: {address}"
    return re.compile(rf"{lost}|(?:errors resolving|DNS resolution failed for) {re.escape(_authority(target))}")


def channel_of(target: Target) -> Any:
    """A channel to ``target``, cooperative under Locust. It connects at its first call."""
    if gevent.monkey.is_module_patched("threading"):
        grpc_gevent.init_gevent()
    access = target.access
    options = [*_OPTIONS, *([("grpc.default_authority", access.host)] if access.host else [])]
    if target.tls is None:
        return grpc.insecure_channel(_authority(target), options=options)
    if access.server_name:
        options.append(("grpc.ssl_target_name_override", access.server_name))
    key = Path(access.key_file or access.cert_file).read_bytes() if access.cert_file else None
    chain = Path(access.cert_file).read_bytes() if access.cert_file else None
    credentials = grpc.ssl_channel_credentials(_authorities(access.ca_file), key, chain)
    return grpc.secure_channel(_authority(target), credentials, options=options)


def access_metadata(access: EndpointAccess) -> Metadata:
    """The headers of ``access`` as metadata, whose names are lower case (https://grpc.io/docs/guides/metadata)."""
    return tuple((name.lower(), value) for name, value in access.headers)


def probe(target: Target, metadata: Metadata) -> str:
    """Empty if Seldon answers at ``target``, else a description of what answered.

    It asks for the model's description, which counts nothing. An application that does not know this method says so in
    a message; a gateway without a route sends no message.
    """
    channel = channel_of(target)
    metadata += access_metadata(target.access)
    try:
        channel.unary_unary(f"/{SERVICE}/ModelMetadata")(b"", timeout=_PROBE_S, metadata=metadata)
    except grpc.RpcError as error:
        return _text_of(error, target.access)
    finally:
        channel.close()
    return ""


def _text_of(error: Any, access: EndpointAccess) -> str:
    code, details = error.code(), access.mask_text(error.details() or "")
    no_method = code is grpc.StatusCode.UNIMPLEMENTED and not details
    if code in NOT_SELDON or no_method or details.startswith(_PLAIN_HTTP):
        return f"gRPC {code.name}{f': {details[:200]}' if details else ''}"
    return ""


def _authority(target: Target) -> str:
    return f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"


def _authorities(ca_file: str) -> bytes | None:
    """Certificates to trust: those of ``ca_file``, else the system's as for REST, else grpcio's own."""
    path = ca_file or ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() if path else None


def _nothing(*_: Sequence[object]) -> None:
    """Never called."""
