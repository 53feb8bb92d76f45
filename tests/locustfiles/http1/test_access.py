"""Behind TLS and a login: what the access says is in each request, and certificates are verified on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.access.access import EndpointAccess
from analysis.record.ledger import Outcome
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.pool import ConnectionPool
from locustfiles.http1.target import TargetError, target_of
from tests.gateway import Authority, gateway, server_context

SECRET = "gehe1m"
LOGIN = EndpointAccess(
    host="models.example",
    headers=(("Authorization", f"Bearer {SECRET}"), ("X-Team", "risk")),
    secrets=(SECRET,),
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def answer_of(url: str, access: EndpointAccess) -> Exchange:
    """How one request ended that carries what the access says."""
    target = target_of(url, access)
    pool = ConnectionPool(target, timeout_s=3)
    try:
        return pool.exchange(f"GET /x HTTP/1.1\r\nHost: {target.header}\r\n{target.headers}\r\n".encode())
    finally:
        pool.close()


def test_each_request_carries_its_headers_and_the_host() -> None:
    with gateway() as server:
        assert answer_of(server.url, LOGIN).outcome is Outcome.ACKNOWLEDGED
    assert server.headers == [
        {"Host": "models.example", "Authorization": f"Bearer {SECRET}", "X-Team": "risk"},
    ]


def test_tls_verifies_the_name_it_asks_for_and_speaks_http_1_1(authority: Authority) -> None:
    """The name in the certificate is that of ``server_name``; the gateway hears it as SNI, and HTTP/1.1 as our wish."""
    context = server_context(authority.issue("models.example"))
    access = replace(LOGIN, ca_file=str(authority.certificate), server_name="models.example")
    with gateway(context=context) as server:
        assert answer_of(server.url, access).outcome is Outcome.ACKNOWLEDGED
        assert (server.names, server.protocols) == ({"models.example"}, {"http/1.1"})
        for wrong in (replace(access, server_name=""), replace(access, server_name="b.example"), LOGIN):
            answer = answer_of(server.url, wrong)
            assert (answer.outcome, answer.reached) == (Outcome.REFUSED, False)
            assert "CERTIFICATE_VERIFY_FAILED" in answer.fault
        assert len(server.headers) == 1


def test_a_certificate_of_ours_is_shown_to_a_gateway_that_wants_one(authority: Authority) -> None:
    context = server_context(authority.issue("127.0.0.1"), clients=authority)
    ours = authority.issue("load.example")
    bare = replace(LOGIN, ca_file=str(authority.certificate))
    shown = replace(bare, cert_file=str(ours.certificate), key_file=str(ours.key))
    with gateway(context=context) as server:
        assert answer_of(server.url, shown).outcome is Outcome.ACKNOWLEDGED
        assert answer_of(server.url, bare).outcome is not Outcome.ACKNOWLEDGED
        assert len(server.headers) == 1


def test_an_answer_that_repeats_the_secret_is_masked() -> None:
    """What an answer says of a failure is kept in ``run.json`` and shown in a report."""
    with gateway(refuses=lambda _: True) as server:
        answer = answer_of(server.url, LOGIN)
    assert answer.status == 401
    assert b"Bearer ******" in answer.body
    assert SECRET.encode() not in answer.body


@pytest.mark.parametrize("name", ["ca_file", "cert_file"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    files: dict[str, Any] = {name: str(tmp_path / "none.pem")}
    with pytest.raises(TargetError, match=r"none\.pem"):
        target_of("https://127.0.0.1", EndpointAccess(**files))
