"""Logins in URLs: not shown where others wrote them, and refused where a user gives one."""

from __future__ import annotations

import pytest

from analysis.collect.prometheus import Prometheus, PrometheusError
from analysis.record.urls import has_password, login_problem, without_password

URLS = {
    "http://me:geheim@prom.example:9090/x": "http://***@prom.example:9090/x",
    "https://geheim@prom.example": "https://***@prom.example",
    "http://:geheim@prom.example": "http://***@prom.example",
    "http://me:ge@heim@prom.example/a@b": "http://***@prom.example/a@b",
    "http://prom.example/a@b": "http://prom.example/a@b",
    "asking http://a:geheim@b, then http://c:geheim@d.": "asking http://***@b, then http://***@d.",
}


@pytest.mark.parametrize(("url", "shown"), URLS.items())
def test_a_login_is_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert has_password(url) is (url != shown)


@pytest.mark.parametrize(("name", "table"), [("--host", "[ingress]"), ("prometheus_url", "[prometheus]")])
def test_a_login_is_refused_with_the_place_where_it_belongs(name: str, table: str) -> None:
    problem = login_problem(name, "http://me:geheim@one.example")
    assert name in problem
    assert table in problem
    assert "geheim" not in problem
    assert login_problem(name, "http://one.example") == ""


@pytest.mark.parametrize("url", ["http://me:geheim@127.0.0.1:1", "ftp://me:geheim@127.0.0.1", "http://me:geheim@"])
def test_prometheus_refuses_a_url_with_a_login_and_does_not_show_it(url: str) -> None:
    with pytest.raises(PrometheusError) as caught:
        Prometheus(url, 2.0)
    assert "geheim" not in str(caught.value)
    assert "***@" in str(caught.value)
    assert "--access FILE" in str(caught.value)
