"""A Prometheus behind TLS and a login: what the access says is in each query, and stays with its server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.access.access import EndpointAccess
from analysis.collect.prometheus import Prometheus, PrometheusError
from answering import answering
from tests.gateway import Authority, gateway, server_context

LOGIN = EndpointAccess(
    host="prometheus.example",
    headers=(("Authorization", "Bearer gehe1m"), ("X-Scope-OrgID", "team-a")),
    secrets=("gehe1m",),
)
NOTHING = b'{"status": "success", "data": {"resultType": "vector", "result": []}}'


def test_each_query_carries_its_headers_over_tls_with_certificates_of_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says: another bundle of authorities, or a login of ~/.netrc for the same host."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    ours = authority.issue("load.example")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger.certificate))
    access = replace(
        LOGIN,
        server_name="prometheus.example",
        ca_file=str(authority.certificate),
        cert_file=str(ours.certificate),
        key_file=str(ours.key),
    )
    with (
        answering(lambda _: (200, "application/json", NOTHING)) as upstream,
        gateway(upstream, server_context(authority.issue("prometheus.example"), authority)) as server,
    ):
        prometheus = Prometheus(server.url, 3.0, access)
        prometheus._session.trust_env = True  # as for a Prometheus that is not on loopback
        assert prometheus.ask("up") == []
        assert prometheus.scrape_intervals() == {}
        prometheus.version()
        assert len(server.headers) == 3
        for headers in server.headers:
            assert (headers["Authorization"], headers["X-Scope-OrgID"]) == ("Bearer gehe1m", "team-a")
            assert headers["Host"] == "prometheus.example"
        assert server.names == {"prometheus.example"}
        for wrong in (
            replace(access, ca_file=str(stranger.certificate)),
            replace(access, server_name="other.example"),
            replace(access, cert_file="", key_file=""),
        ):
            with pytest.raises(PrometheusError):
                Prometheus(server.url, 3.0, wrong).ask("up")


def test_a_refusal_is_one_line_that_names_the_access_file_and_not_the_secret() -> None:
    with gateway(refuses=lambda _: True) as server, pytest.raises(PrometheusError) as caught:
        Prometheus(server.url, 3.0, LOGIN).ask("up")
    assert "HTTP Status Code 401" in str(caught.value)
    assert "--access FILE" in str(caught.value)
    assert "gehe1m" not in str(caught.value)


def test_a_redirect_to_another_server_takes_no_secret_along() -> None:
    """Requests itself would hold back Authorization alone."""
    with gateway() as other, answering(lambda path: (302, f"text/plain\r\nLocation: {other.url}{path}", b"")) as first:
        with pytest.raises(PrometheusError):
            Prometheus(first, 3.0, LOGIN).ask("up")
        (headers,) = other.headers
    assert {"Authorization", "X-Scope-OrgID"} & set(headers) == set()
    assert headers["Host"] == other.url.removeprefix("http://")
