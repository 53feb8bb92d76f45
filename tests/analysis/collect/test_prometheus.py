"""Queries to Prometheus: each failure is one line, and none is retried. The servers here are real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from analysis.collect.prometheus import Fetch, Prometheus, PrometheusError
from answering import Answer, answering


@contextmanager
def server(answer: Callable[[dict[str, str]], Answer]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """URL of a server that answers each query with ``answer``, and the queries that it got."""
    requests: list[dict[str, str]] = []

    def record(path: str) -> Answer:
        requests.append({key: values[0] for key, values in parse_qs(urlsplit(path).query).items()})
        return answer(requests[-1])

    with answering(record) as url:
        yield url, requests


def says(result: object) -> Answer:
    return 200, "application/json", json.dumps({"status": "success", "data": {"result": result}}).encode()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, "text/html", b"<html>\n <body>Sign in</body></html>"), "not JSON: '<html> <body>Sign in"),
        ((500, "text/plain", b"out of memory"), "HTTP Status Code 500"),
        ((503, "text/html", b"<h1>unavailable</h1>"), "HTTP Status Code 503"),
        ((200, "application/json", b'{"status":"success"}'), "JSON without data.result"),
        ((200, "application/json", b"[]"), "JSON without data.result"),
    ],
)
def test_an_answer_that_is_not_prometheus_is_one_line_and_asked_once(answer: Answer, message: str) -> None:
    """HTML, HTTP errors and JSON of another shape: one line that says what came, after a single request."""
    with server(lambda _: answer) as (url, requests):
        with pytest.raises(PrometheusError) as caught:
            Prometheus(url).ask("up")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert url in str(caught.value)
        assert len(requests) == 1


@pytest.mark.parametrize(
    "result",
    [
        {},
        [{}],
        [{"metric": {}, "value": [1, "1"]}],
        [{"metric": {"job": 7}, "values": [[1, "1"]]}],
        [{"metric": {}, "values": [[1, 2.5]]}],
        [{"metric": {}, "values": [[1, "many"]]}],
        [{"metric": {}, "values": [["now", "1"]]}],
        [{"metric": {}, "values": [[1e300, "1"]]}],
        [{"metric": {}, "values": [[2, "1"], [1, "1"]]}],
    ],
)
def test_a_range_vector_of_another_shape_is_one_line(result: object) -> None:
    """Types, numbers and the order of times are held where the answer is read."""
    with (
        server(lambda _: says(result)) as (url, _),
        pytest.raises(
            PrometheusError, match=r"^asking Prometheus at .*no range vector for up\[.*PROMETHEUS_URL"
        ) as caught,
    ):
        Fetch(Prometheus(url)).extend("up", 0, 1000)
    assert "\n" not in str(caught.value)


def test_nobody_listening_is_one_line() -> None:
    """Connection refused, named as such."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(PrometheusError, match=r"refused.*Check PROMETHEUS_URL"):
            Prometheus(url).ask("up")


def test_a_server_that_does_not_answer_is_given_up_on() -> None:
    """The timeout holds, and the line says how long was waited."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(PrometheusError, match=r"no answer within 0\.2 s"):
            Prometheus(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2).ask("up")


@pytest.mark.parametrize("url", ["", "127.0.0.1:9090", "ftp://host", "http://"])
def test_an_address_that_is_none_is_one_line(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(PrometheusError, match="expected an address like"):
        Prometheus(url)


def test_a_proxy_of_the_environment_is_not_used_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy cannot reach our loopback, and would answer with its own page."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with server(lambda _: says([])) as (url, _):
        assert Prometheus(url).ask("up") == []


def test_the_clock_is_known_to_half_the_round_trip() -> None:
    """The true offset lies within the reading's uncertainty, whenever in the round trip time() was read."""
    times = iter([100.0, 100.4])
    with server(lambda _: says([107.1, "107.1"])) as (url, _):
        clock = Prometheus(url).clock(lambda: next(times), readings=1)
    assert clock.offset_s == pytest.approx(6.9005)
    assert clock.uncertainty_s == pytest.approx(0.2005)
    assert clock.offset_s - clock.uncertainty_s <= 107.1 - 100.4 + 1e-9
    assert clock.offset_s + clock.uncertainty_s >= 107.1 - 100.0 - 1e-9


def test_the_quickest_reading_is_taken() -> None:
    """A reading that took long is less certain."""
    times = iter([0.0, 1.0, 2.0, 2.1, 3.0, 3.5])
    with server(lambda _: says([2.0, "2"])) as (url, _):
        assert Prometheus(url).clock(lambda: next(times), readings=3).uncertainty_s == pytest.approx(0.0505)


def test_a_long_window_is_fetched_in_chunks_without_a_gap_or_a_double() -> None:
    """A day of one sample per second is asked for by the hour; a sample at the edge of a chunk is returned once."""
    day_s = 86_400

    def answer(query: dict[str, str]) -> Answer:
        width_s = int(query["query"].split("[")[1].removesuffix("ms]")) / 1000
        end_s = float(query["time"])
        first = max(-(-(end_s - width_s) // 1), 0)
        values = [[at, str(at)] for at in range(int(first), int(min(end_s, day_s)) + 1)]  # closed on both sides
        return says([{"metric": {"__name__": "up", "job": "x"}, "values": values}])

    with server(answer) as (url, requests):
        fetch = Fetch(Prometheus(url))
        fetch.extend("up", 0, day_s * 1000)
    (series,) = fetch.series()
    assert len(requests) == 25
    assert series.time_ms.tolist() == [at * 1000 for at in range(day_s + 1)]
    assert series.labels == {"job": "x"}


def test_nothing_found_is_no_series() -> None:
    """An empty answer gives no series, not an empty series."""
    with server(lambda _: says([])) as (url, _):
        fetch = Fetch(Prometheus(url))
        fetch.extend("up", 0, 1000)
        assert fetch.series() == ()
