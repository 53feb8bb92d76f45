"""A deployment and a Prometheus behind TLS, logins and certificates: a run to its verdict, and no secret is left."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.gateway import Authority, Headers, gateway, server_context, tls_in_front_of
from tests.running import ROOT, Ended, plain_environment

pytestmark = [pytest.mark.stack, pytest.mark.unhurried]

TOKEN, PASSWORD = "t0ken-gehe1m", "passw0rd-gehe1m"
BASIC = base64.b64encode(f"load:{PASSWORD}".encode()).decode()
SECRETS = (TOKEN, PASSWORD, BASIC)
ACCESS = """
[ingress]
host = "models.example"
server_name = "models.example"
bearer_token = { env = "INGRESS_TOKEN" }
cert_file = "load.example.pem"
key_file = "load.example.key"

[prometheus]
server_name = "prometheus.example"
username = "load"
password = { file = "password" }
headers = { X-Scope-OrgID = "team-a" }
"""


@dataclass(frozen=True)
class Guarded:
    """Addresses behind gateways, and the options that get one in. ``requests``: headers of each request, by server."""

    host: str
    prometheus_url: str
    options: tuple[str, ...]
    requests: dict[str, list[dict[str, str]]]


def _ingress_refuses(headers: Headers) -> bool:
    return headers.get("Authorization") != f"Bearer {TOKEN}" or headers.get("Host") != "models.example"


def _prometheus_refuses(headers: Headers) -> bool:
    return headers.get("Authorization") != f"Basic {BASIC}" or headers.get("X-Scope-OrgID") != "team-a"


@pytest.fixture
def guarded(existing: dict[str, str], tmp_path: Path) -> Iterator[Guarded]:
    """The stack's ingress behind TLS, a token and a client's certificate; its Prometheus behind TLS and a password."""
    folder = tmp_path / "access"
    folder.mkdir()
    authority = Authority(folder)
    authority.issue("load.example")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "access.toml").write_text(ACCESS)
    contexts = (
        server_context(authority.issue("models.example"), authority),
        server_context(authority.issue("prometheus.example")),
    )
    with (
        gateway(existing["HOST"], contexts[0], _ingress_refuses) as ingress,
        gateway(existing["PROMETHEUS_URL"], contexts[1], _prometheus_refuses) as prometheus,
    ):
        options = ("--access", str(folder / "access.toml"), "--ca-file", str(authority.certificate))
        requests = {"ingress": ingress.headers, "prometheus": prometheus.headers}
        yield Guarded(ingress.url, prometheus.url, options, requests)


def watched(folder: Path, *arguments: str, **environment: str) -> tuple[Ended, set[str]]:
    """A run of the front door, and the arguments of all processes of the machine that were seen meanwhile."""
    seen: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-m", "locustfiles", "--run", str(folder), *arguments],
        cwd=ROOT,
        env=plain_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None:
            seen |= {" ".join(other.info["cmdline"] or ()) for other in psutil.process_iter(["cmdline"])}
            time.sleep(0.05)
        out, err = process.communicate()
    return Ended(process.returncode, out, err, folder), seen


def test_a_run_behind_logins_passes_and_leaves_no_secret_anywhere(guarded: Guarded, tmp_path: Path) -> None:
    """Two workers over TLS; the baseline and the judge ask Prometheus by themselves."""
    run, arguments = watched(
        tmp_path / "run",
        *("--host", guarded.host, "--prometheus-url", guarded.prometheus_url, *guarded.options),
        *("--duration", "3s", "--users", "4", "--processes", "2"),
        INGRESS_TOKEN=TOKEN,
    )
    assert run.code == 0, str(run)
    assert len(guarded.requests["ingress"]) > 100
    assert not any(map(_ingress_refuses, guarded.requests["ingress"]))
    assert not any(map(_prometheus_refuses, guarded.requests["prometheus"]))
    assert any("-m analysis finish" in line for line in arguments)
    left = [
        str(path)
        for path in run.folder.rglob("*")
        if path.is_file() and any(secret.encode() in path.read_bytes() for secret in SECRETS)
    ]
    assert left == []
    texts = {"arguments": "\n".join(arguments), "stdout": run.out, "stderr": run.err}
    assert [name for name, text in texts.items() if any(secret in text for secret in SECRETS)] == []
    assert "access.toml" in (run.folder / "run.json").read_text()


def test_a_run_by_grpc_over_tls_passes_with_certificates_of_both_sides(
    existing: dict[str, str], tmp_path: Path
) -> None:
    """One HTTP/2 connection; the token travels as metadata of each call and is left nowhere."""
    authority = Authority(tmp_path)
    authority.issue("load.example")
    access = tmp_path / "access.toml"
    access.write_text(ACCESS.partition("[prometheus]")[0])
    context = server_context(authority.issue("models.example"), authority)
    with tls_in_front_of(existing["HOST"], context) as host:
        options = (
            *("--host", host, "--prometheus-url", existing["PROMETHEUS_URL"], "--transport", "grpc"),
            *("--access", str(access), "--ca-file", str(authority.certificate), "--duration", "2s", "--users", "4"),
        )
        run, arguments = watched(tmp_path / "run", *options, INGRESS_TOKEN=TOKEN)
        assert run.code == 0, str(run)
        access.write_text(access.read_text().replace("cert_file", "#").replace("key_file", "#"))
        refused, _ = watched(tmp_path / "other", *options, INGRESS_TOKEN=TOKEN)
        assert refused.code == 2, str(refused)
        assert "expected Seldon's gRPC at" in refused.err
    left = [str(path) for path in run.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert left == []
    assert TOKEN not in run.out + run.err + refused.err + "".join(arguments)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("bearer_token", 'headers = { X-Other = "1" }\n#'), "It asks for a login"),
        (lambda text: text.replace('host = "models.example"\n', "", 1), "HTTP 401"),
        (lambda text: text.replace('server_name = "models.example"', ""), "is the host's name in it (server_name)"),
        (lambda text: text.replace("cert_file", "#").replace("key_file", "#"), "reaching the host"),
        (lambda text: text.replace("team-a", "team-b"), "give its token, password or tenant header by --access FILE"),
    ],
    ids=["no token", "another Host", "another name", "no certificate", "another tenant"],
)
def test_what_is_lacking_is_named_before_the_load(
    guarded: Guarded, tmp_path: Path, change: Callable[[str], str], words: str
) -> None:
    """One line, exit code 2, and no secret in it, although the gateway repeats what it was sent."""
    path = Path(guarded.options[1])
    path.write_text(change(ACCESS))
    options: tuple[Any, ...] = ("--host", guarded.host, "--prometheus-url", guarded.prometheus_url, *guarded.options)
    run, _ = watched(tmp_path / "run", *options, INGRESS_TOKEN=TOKEN)
    assert run.code == 2, str(run)
    assert len(run.err.strip().splitlines()) == 1, str(run)
    assert words in run.err
    assert not any(secret in run.out + run.err for secret in SECRETS)
    assert not (run.folder / "ledger.arrow").exists()
