"""Passwords in URLs: not shown, not kept, and handed on by the environment alone."""

from __future__ import annotations

import pytest

from analysis.collect.prometheus import Prometheus, PrometheusError
from analysis.record.urls import has_password, with_password, without_password

URLS = {
    "http://me:geheim@prom.example:9090/x": "http://***@prom.example:9090/x",
    "https://geheim@prom.example": "https://***@prom.example",
    "http://me:ge@heim@prom.example/a@b": "http://***@prom.example/a@b",
    "http://prom.example/a@b": "http://prom.example/a@b",
    "asking http://a:geheim@b, then http://c:geheim@d.": "asking http://***@b, then http://***@d.",
}


@pytest.mark.parametrize(("url", "shown"), URLS.items())
def test_a_login_is_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert has_password(url) is (url != shown)


def test_the_password_comes_back_from_the_environment_of_the_same_url_only() -> None:
    given = {"PROMETHEUS_URL": "http://me:geheim@prom.example:9090"}
    assert with_password("http://***@prom.example:9090", given) == given["PROMETHEUS_URL"]
    assert with_password("http://***@other.example:9090", given) == "http://***@other.example:9090"
    assert with_password("http://prom.example:9090", {}) == "http://prom.example:9090"


@pytest.mark.parametrize("url", ["http://me:geheim@127.0.0.1:1", "ftp://me:geheim@127.0.0.1", "http://me:geheim@"])
def test_no_error_of_prometheus_shows_a_password(url: str) -> None:
    with pytest.raises(PrometheusError) as caught:
        Prometheus(url, 2.0).ask("up")
    assert "geheim" not in str(caught.value)
    assert "***@" in str(caught.value)
