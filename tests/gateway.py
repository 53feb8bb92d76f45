"""A gateway with TLS and a login in front of any HTTP server, and an authority that signs certificates."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Headers = Mapping[str, str]
_PLAIN = serialization.NoEncryption()


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; ``certificate`` is its own, for those who trust it."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = folder / f"{name}.pem"
        built = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        _write(self.certificate, built.sign(self._key, hashes.SHA256()))

    def issue(self, name: str, *, passphrase: bytes | None = None) -> Issued:
        """A certificate for a DNS name or an IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            subject = x509.DNSName(name)
        built = _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), self._name, key)
        built = built.add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        issued = Issued(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        _write(issued.certificate, built.sign(self._key, hashes.SHA256()))
        locked = serialization.BestAvailableEncryption(passphrase) if passphrase else _PLAIN
        issued.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
        return issued


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def server_context(issued: Issued, clients: Authority | None = None) -> ssl.SSLContext:
    """TLS with a certificate; with ``clients`` each of them must show one that this authority signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.certificate)
    return context


@dataclass
class Gateway:
    """A running gateway. ``headers``: of each request; ``names``: of TLS (SNI); ``protocols``: that ALPN chose."""

    url: str
    headers: list[dict[str, str]] = field(default_factory=list)
    names: set[str | None] = field(default_factory=set)
    protocols: set[str | None] = field(default_factory=set)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        self._pass_on("GET")

    def do_POST(self) -> None:
        self._pass_on("POST")

    def _pass_on(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = dict(self.headers.items())
        self.server.given.headers.append(headers)
        if isinstance(self.connection, ssl.SSLSocket):
            self.server.given.protocols.add(self.connection.selected_alpn_protocol())
        status, kind, content = 200, "application/json", b"{}"
        if self.server.refuses(headers):
            status, content = 401, f"who is that? {headers}".encode()
        elif self.server.upstream:
            status, kind, content = _forwarded(self.server.upstream, method, self.path, body)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    given: Gateway
    upstream: str
    context: ssl.SSLContext | None
    refuses: Callable[[Headers], bool]

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        if self.context is not None:
            sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, *_: object) -> None:
        """Print nothing: a client that does not trust us hangs up."""


@contextmanager
def gateway(
    upstream: str = "",
    context: ssl.SSLContext | None = None,
    refuses: Callable[[Headers], bool] = lambda _: False,
) -> Iterator[Gateway]:
    """A gateway to ``upstream``; without one, it answers ``{}`` itself.

    What it ``refuses`` is answered by 401 and a body that repeats all headers, as a chatty server does.
    """
    with _Server(("127.0.0.1", 0), _Handler) as server:
        given = Gateway(f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}")
        server.given, server.upstream, server.context, server.refuses = given, upstream, context, refuses
        if context is not None:
            context.sni_callback = lambda _, name, __: given.names.add(name)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield given
        finally:
            server.shutdown()
            thread.join()


def _forwarded(upstream: str, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
    """Status, type and body of what the server behind answers."""
    parts = urlsplit(upstream)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, path, body or None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    finally:
        connection.close()


@contextmanager
def tls_in_front_of(upstream: str, context: ssl.SSLContext) -> Iterator[str]:
    """URL of a port that takes TLS, of whatever protocol, and passes its bytes on to ``upstream``."""
    parts = urlsplit(upstream)

    class Pipe(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as outer,
                socket.create_connection((parts.hostname or "", parts.port or 80)) as inner,
            ):
                back = threading.Thread(target=_copy, args=(inner, outer), daemon=True)
                back.start()
                _copy(outer, inner)
                back.join()

    class Pipes(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Pipes(("127.0.0.1", 0), Pipe) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
