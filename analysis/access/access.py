"""What each request to one server carries besides its content. Its secrets are never shown, logged or written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Final

ACCESS_ENV: Final = "PLUMBLINE_ACCESS"
"""Path of the access file, for every process of a run."""
CA_FILE_ENV: Final = "PLUMBLINE_CA_FILE"


class AccessError(ValueError):
    """The access file cannot be used; one line says what was expected, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class EndpointAccess:
    """What each request to one server carries.

    ``host``: value of the Host header, empty for the URL's own. ``server_name``: the name that TLS asks for (SNI) and
    that the certificate must have, empty for the URL's host. ``headers``: name and value, with ``Authorization``.
    ``secrets``: texts that must never be shown. ``ca_file``, ``cert_file``, ``key_file``: paths of PEM files, or empty;
    a certificate without a key file has its key in the same file.
    """

    host: str = ""
    server_name: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def mask(self, content: bytes) -> bytes:
        """The content with ``*`` for each byte of a secret: a server may repeat in an answer what it was sent.

        The length stays, because a protobuf message states the lengths of its parts.
        """
        for form in _forms(self.secrets):
            if form in content:
                content = content.replace(form, b"*" * len(form))
        return content

    def mask_text(self, text: str) -> str:
        """As `mask`, for a text."""
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace") if self.secrets else text


@cache
def _forms(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    """Each secret as bytes, and as JSON writes it; the longer first, since one may be a part of another."""
    forms = {form.encode() for secret in secrets for form in (secret, json.dumps(secret)[1:-1]) if form}
    return tuple(sorted(forms, key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class Access:
    """How the ingress and Prometheus are reached."""

    ingress: EndpointAccess = EndpointAccess()
    prometheus: EndpointAccess = EndpointAccess()
