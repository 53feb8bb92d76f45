"""Where requests go: a URL as host, port, path and TLS settings."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import gevent.ssl

from analysis.access.access import EndpointAccess
from analysis.record.urls import login_problem, without_password


class TargetError(ValueError):
    """This client cannot use the URL; one line says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go. ``path``: what the URL adds in front of Seldon's path, without a slash at its end.

    ``access``: what each request carries to be let in.
    """

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None
    access: EndpointAccess = field(default=EndpointAccess())

    @property
    def header(self) -> str:
        """Value of the Host header."""
        if self.access.host:
            return self.access.host
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"

    @property
    def server_name(self) -> str:
        """The name that TLS asks for and that the certificate must have."""
        return self.access.server_name or self.host

    @property
    def headers(self) -> str:
        """The lines that `access` adds to the head of each request."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.access.headers)


def target_of(url: str, access: EndpointAccess = EndpointAccess()) -> Target:  # noqa: B008  (frozen)
    """Target of ``url``. TLS trusts the authorities that ``access`` names, else those of the system.

    Raises `TargetError` for another scheme than http and https, a missing host, a bad port, a login in the URL, or
    files of certificates that cannot be used.
    """
    if problem := login_problem("--host", url):
        raise TargetError(problem)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        shown = without_password(f"{url!r} ({error})")
        raise TargetError(f"reading the host: expected a URL as http://127.0.0.1:8003, got {shown}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise TargetError(f"reading the host: expected a URL as http://127.0.0.1:8003, got {without_password(url)!r}.")
    tls: ssl.SSLContext | None = None
    if parts.scheme == "https":
        tls = _context(access)
    return Target(parts.hostname, port or (443 if tls else 80), parts.path.rstrip("/"), tls, access)


def _context(access: EndpointAccess) -> ssl.SSLContext:
    files = ", ".join(filter(None, (access.ca_file, access.cert_file, access.key_file)))
    try:
        context: ssl.SSLContext = gevent.ssl.create_default_context(cafile=access.ca_file or None)
        context.set_alpn_protocols(["http/1.1"])
        if access.cert_file:
            context.load_cert_chain(access.cert_file, access.key_file or None, password="")
    except (OSError, ssl.SSLError) as error:
        raise TargetError(f"reading certificates: expected PEM files in {files}, got: {error}.") from error
    return context
