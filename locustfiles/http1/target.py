"""Where requests go: a URL as host, port, path and TLS settings."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import gevent.ssl

from analysis.record.urls import without_password


class TargetError(ValueError):
    """This client cannot use the URL; one line says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go. ``path``: what the URL adds in front of Seldon's path, without a slash at its end."""

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None

    @property
    def header(self) -> str:
        """Value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


def target_of(url: str, ca_file: str | None = None) -> Target:
    """Target of ``url``; with ``ca_file`` TLS trusts the authorities in it, else those of the system.

    Raises `TargetError` for another scheme than http and https, a missing host, a bad port, or an unreadable CA file.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        shown = without_password(f"{url!r} ({error})")
        raise TargetError(f"reading the host: expected a URL as http://127.0.0.1:8003, got {shown}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise TargetError(f"reading the host: expected a URL as http://127.0.0.1:8003, got {without_password(url)!r}.")
    tls: ssl.SSLContext | None = None
    if parts.scheme == "https":
        try:
            tls = gevent.ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise TargetError(f"reading the CA file: expected certificates in {ca_file}, got: {error}.") from error
    return Target(parts.hostname, port or (443 if tls else 80), parts.path.rstrip("/"), tls)
