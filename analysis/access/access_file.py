"""Edge: the access file, which says by which headers and certificates the ingress and Prometheus are reached.

    [ingress]
    host = "models.example"                     # the Host header
    bearer_token = { env = "INGRESS_TOKEN" }    # a secret is named, never written: a variable or a file
    ca_file = "ca.pem"                          # paths are relative to this file

    [prometheus]
    username = "load"
    password = { file = "prometheus.password" }
    headers = { X-Scope-OrgID = "team-a" }

A file, as promtool's ``--http.config.file`` and curl's ``--netrc-file``: arguments are readable by every user of the
machine. Names are those of Prometheus' own ``http_config`` where it has one (``ca_file``, ``cert_file``, ``key_file``,
``server_name``, ``username``; https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config).
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analysis.access.access import Access, AccessError, EndpointAccess

TABLES: Final = ("ingress", "prometheus")
KEYS: Final = (
    *("host", "server_name", "headers", "bearer_token", "username", "password"),
    *("ca_file", "cert_file", "key_file"),
)
OURS: Final = frozenset(
    {
        *("accept", "connection", "content-length", "content-type", "expect"),
        *("te", "trailer", "transfer-encoding", "upgrade", "user-agent"),
    }
)
"""Headers that a client writes itself."""
MOST_BYTES: Final = 64 * 1024
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME: Final = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)


def read_access(path: str, ca_file: str = "", environment: Mapping[str, str] = os.environ) -> Access:
    """The access in the file at ``path``; without a path, nothing but ``ca_file`` for both servers.

    ``ca_file``: authorities to trust where the file names none. Raises `AccessError`.
    """
    content: dict[str, Any] = {}
    if path:
        try:
            content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise AccessError(f"reading --access: expected a TOML file, got: {reason} ({path}).") from error
    for name in content:
        if name not in TABLES:
            raise AccessError(f"reading {path}: expected tables {' and '.join(TABLES)}, got {name!r}. Correct it.")
    return Access(*(_Table(path, name, content.get(name, {}), environment).access(ca_file) for name in TABLES))


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the file."""

    path: str
    name: str
    values: Any
    environment: Mapping[str, str]

    def access(self, ca_file: str) -> EndpointAccess:
        """What the table says."""
        if not isinstance(self.values, dict):
            raise self._error("", "a table", "a value", f"Write [{self.name}].")
        for key in self.values:
            if key not in KEYS:
                raise self._error(key, f"one of {', '.join(KEYS)}", "another key", "Correct its name.")
        headers, secrets = self._headers()
        access = EndpointAccess(
            host=self._name("host"),
            server_name=self._name("server_name"),
            headers=headers,
            secrets=secrets,
            ca_file=self._file("ca_file") or ca_file,
            cert_file=self._file("cert_file"),
            key_file=self._file("key_file"),
        )
        self._check_certificates(access)
        return access

    def _headers(self) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        """All headers, and the texts in them that are secret."""
        table = self.values.get("headers", {})
        if not isinstance(table, dict):
            advice = 'Write headers = { X-Scope-OrgID = "team-a" }.'
            raise self._error("headers", "a table of names and values", "something else", advice)
        headers, secrets = [], []
        for name, value in table.items():
            where = f"headers.{name}"
            if not _HEADER_NAME.fullmatch(name) or name.lower() in OURS:
                raise self._error(where, "a header that a client may add", "another", "Leave it out.")
            if name.lower() == "host":
                raise self._error(where, "no Host among the headers", "one", f'Write host = "..." in [{self.name}].')
            text = self._text(where, value, secret=bool(_SECRET_NAME.search(name)))
            headers.append((name, text))
            secrets += [text, *text.split()[1:]] if isinstance(value, dict) else []  # also without "Bearer"
        login, login_secrets = self._login()
        if login and any(name.lower() == "authorization" for name, _ in headers):
            raise self._error("headers", "one Authorization", "two", "Leave out one of them.")
        return tuple(headers) + login, tuple(dict.fromkeys((*secrets, *login_secrets)))

    def _login(self) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        """The Authorization header of a bearer token (RFC 6750) or basic authentication (RFC 7617), and its secrets."""
        token, name, password = (self.values.get(key) for key in ("bearer_token", "username", "password"))
        if token is not None and (name is not None or password is not None):
            raise self._error("bearer_token", "either it or username and password", "both", "Leave out one of them.")
        if (name is None) != (password is None):
            raise self._error("username", "it and password", "one without the other", "Write both.")
        if token is not None:
            text = self._text("bearer_token", token, secret=True)
            return (("Authorization", f"Bearer {text}"),), (text,)
        if name is None:
            return (), ()
        user, text = self._text("username", name, secret=False), self._text("password", password, secret=True)
        if ":" in user:
            raise self._error("username", "one without a colon", "one with it", "Basic authentication cannot send it.")
        encoded = base64.b64encode(f"{user}:{text}".encode()).decode()
        hidden = (user,) if isinstance(name, dict) else ()
        return (("Authorization", f"Basic {encoded}"),), (text, encoded, *hidden)

    def _text(self, key: str, value: object, *, secret: bool) -> str:
        """A value that is written, or named as a variable or a file."""
        if isinstance(value, str):
            if secret:
                advice = f'Write {key.rsplit(".", maxsplit=1)[-1]} = {{ env = "NAME" }} or {{ file = "PATH" }}.'
                raise self._error(key, "a variable or a file that holds the secret", "the secret itself", advice)
            text, origin = value, "a text"
        elif isinstance(value, dict) and set(value) in ({"env"}, {"file"}):
            text, origin = self._named(key, value)
        else:
            advice = '{ env = "NAME" } names a variable, { file = "PATH" } a file.'
            raise self._error(key, "a text, { env } or { file }", "something else", advice)
        if not _HEADER_VALUE.fullmatch(text):
            raise self._error(key, "printable ASCII on one line", f"{'other' if text else 'no'} text in {origin}", "")
        return text

    def _named(self, key: str, value: dict[str, Any]) -> tuple[str, str]:
        """The text that a variable or a file holds, and a name of that place."""
        kind, name = next(iter(value.items()))
        if not isinstance(name, str) or not name or (kind == "env" and not _VARIABLE.fullmatch(name)):
            raise self._error(f"{key}.{kind}", "a name", "something else", "Name the place, not the secret.")
        if kind == "env":
            return self.environment.get(name, "").strip(), f"the variable {name}"
        path = self._resolved(name)
        try:
            with path.open("rb") as file:
                return file.read(MOST_BYTES).decode().strip(), str(path)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no text"
            raise self._error(key, "a file with the value", f"{reason} ({path})", "Correct the path.") from error

    def _name(self, key: str) -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str) or (value and not _HOST.fullmatch(value)):
            raise self._error(key, "a host name as models.example", "something else", "Correct it.")
        return value

    def _file(self, key: str) -> str:
        value = self.values.get(key, "")
        if not isinstance(value, str):
            raise self._error(key, "the path of a PEM file", "something else", "Correct it.")
        return str(self._resolved(value)) if value else ""

    def _resolved(self, name: str) -> Path:
        return Path(self.path).resolve().parent / Path(name).expanduser()

    def _check_certificates(self, access: EndpointAccess) -> None:
        """Raise `AccessError` for a file of certificates or a key that cannot be used, also if the URL is not https."""
        if access.key_file and not access.cert_file:
            raise self._error("key_file", "a cert_file beside it", "none", "Name the certificate of the key.")
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if access.ca_file:
            where = "ca_file" if self.values.get("ca_file") else "--ca-file"
            try:
                trial.load_verify_locations(access.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise self._error(where, "a file of certificates", _reason(error, access.ca_file), "") from error
        if access.cert_file:
            paths = f"{access.cert_file}, {access.key_file}" if access.key_file else access.cert_file
            try:
                trial.load_cert_chain(access.cert_file, access.key_file or None, password="")
            except (OSError, ssl.SSLError) as error:
                expected = "a certificate and its key without a passphrase"
                raise self._error("cert_file", expected, _reason(error, paths), "") from error

    def _error(self, key: str, expected: str, observed: str, advice: str) -> AccessError:
        place = "reading --ca-file" if key == "--ca-file" else f"reading {self.path}: {self.name}{key and '.'}{key}"
        return AccessError(f"{place}: expected {expected}, got {observed}.{advice and ' '}{advice}")


def _reason(error: OSError, path: str) -> str:
    """Why a file cannot be used. An ``SSLError`` is an ``OSError`` whose text has OpenSSL's file and line."""
    if isinstance(error, FileNotFoundError):
        return f"none at {path}"
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return f"{reason} ({path})"
