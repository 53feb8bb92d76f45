"""Our server against the stock one: the same requests, the same answers, byte for byte."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from seldon_core import seldon_methods, user_model, wrapper
from seldon_core.metrics import SeldonMetrics

from model import artifact, dataset
from model.metrics.store import Store
from model.server import shortcut
from model.server.shortcut import Shortcut
from tests.model.classes import MAKERS
from tests.model.payloads import Request, every_request
from tests.model.serving import OURS, STOCK, Server, model_of, serving

Answer = tuple[int, list[tuple[str, str]], bytes]


@pytest.fixture(scope="module")
def requests(trained: Path) -> list[Request]:
    card = artifact.load_card(trained / "binary-percept.joblib")
    return every_request(dataset.load_heldout(trained / "heldout.parquet"), card)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Both log every error that they answer with."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def ask(app: Any, request: Request) -> Answer:
    """Status, headers and body of a WSGI application's answer."""
    path, _, query = request.path.partition("?")
    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": request.kind,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
    }
    got: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        got.extend((int(status[:3]), sorted(headers)))

    body = b"".join(app(environ, start_response))
    return got[0], got[1], body


def differences(a: Callable[[Request], Answer], b: Callable[[Request], Answer], requests: list[Request]) -> list[str]:
    """Names of the requests that are answered differently, with both answers."""
    actual = []
    for request in requests:
        left, right = a(request), b(request)
        if left != right:
            actual.append(f"{request.name}: {left} != {right}")
    return actual


def applications(make: Callable[[], Any]) -> tuple[Any, Any]:
    """The stock application and ours, each with a class and a store of its own."""
    ours, stock = make(), make()
    store = Store(getattr(ours, "RUNNING_TOTALS", ()))
    return (
        wrapper.get_rest_microservice(stock, SeldonMetrics()),
        Shortcut(wrapper.get_rest_microservice(ours, store), ours, store),
    )


@pytest.mark.parametrize("name", ["ours", *MAKERS])
def test_every_request_is_answered_as_the_stock_wrapper_answers_it(
    name: str, requests: list[Request], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status, headers and body are equal for each request, for classes that do all that Seldon allows."""
    monkeypatch.setenv("PREDICTOR_ID", "default")
    make: Callable[[], Any] = MAKERS.get(name) or (lambda: model_of(trained / "binary-percept.joblib"))
    stock, ours = applications(make)
    assert len(requests) > 300
    assert differences(lambda r: ask(stock, r), lambda r: ask(ours, r), requests) == []


def test_metrics_are_left_out_of_answers_as_the_stock_wrapper_leaves_them_out(
    requests: list[Request], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With INCLUDE_METRICS_IN_CLIENT_RESPONSE=false all answers are equal, none has meta.metrics, all are counted."""
    for module in (user_model, seldon_methods):
        monkeypatch.setattr(module, "INCLUDE_METRICS_IN_CLIENT_RESPONSE", False)  # both read the variable at import
    stock, ours = applications(lambda: model_of(trained / "binary-percept.joblib"))
    assert differences(lambda r: ask(stock, r), lambda r: ask(ours, r), requests) == []
    scored = next(r for r in requests if r.name == "feedback on row 0")
    before = ours._store.generate_metrics()[0]
    status, _, body = ask(ours, scored)
    assert (status, b"metrics" in body) == (200, False)
    assert ours._store.generate_metrics()[0] != before


def test_another_answer_is_seen(requests: list[Request], trained: Path) -> None:
    """The twin: with one tag altered on one side every answer that has tags differs."""
    stock, _ = applications(lambda: model_of(trained / "binary-percept.joblib"))
    other = model_of(trained / "binary-lr.joblib")
    store = Store()
    altered = Shortcut(wrapper.get_rest_microservice(other, store), other, store)
    assert len(differences(lambda r: ask(stock, r), lambda r: ask(altered, r), requests)) > 50


def test_the_usual_requests_go_the_short_way(
    requests: list[Request], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predictions and feedback in either form never reach Flask: the tests above are not of one way alone."""
    monkeypatch.setenv("PREDICTOR_ID", "default")
    _, ours = applications(lambda: model_of(trained / "binary-percept.joblib"))
    reached: list[str] = []
    flask = ours._app

    def watched(environ: dict[str, Any], start_response: Any) -> Any:
        reached.append(environ["PATH_INFO"])
        return flask(environ, start_response)

    monkeypatch.setattr(ours, "_app", watched)
    usual = [r for r in requests if " row " in r.name or "batch of" in r.name or "response mine" in r.name]
    short = 0
    for request in usual:
        before = len(reached)
        status, _, _ = ask(ours, request)
        short += status == 200 and len(reached) == before
    assert short >= 90
    plain = [r for r in usual if r.name.removeprefix("feedback on ").removeprefix("predict, ").startswith("row ")]
    before = len(reached)
    assert [ask(ours, r)[0] for r in plain] == [200] * len(plain)
    assert len(reached) == before


def over_http(connection: HTTPConnection) -> Callable[[Request], Answer]:
    """Asks a server; of the headers all but the date and what belongs to the connection."""

    def ask(request: Request) -> Answer:
        connection.close()  # the stock server closes after each answer
        headers = {"Content-Type": request.kind} if request.kind else {}
        connection.request(request.method, request.path, request.body, headers)
        answer = connection.getresponse()
        kept = [(k, v) for k, v in answer.headers.items() if k not in {"Date", "Connection", "Keep-Alive"}]
        # werkzeug joins Allow from a set, in the order of each process' hash seed
        kept = [(k, ", ".join(sorted(v.split(", "))) if k == "Allow" else v) for k, v in kept]
        return answer.status, sorted(kept), answer.read()

    return ask


@pytest.mark.stack
def test_both_servers_answer_alike_over_http(requests: list[Request], trained: Path) -> None:
    """The stock launcher and ours, as processes, with the operator's environment: all answers equal."""
    path = trained / "binary-percept.joblib"
    environment = {"GRPC_WORKERS": "0"}
    with serving(path, STOCK, environment=environment) as stock, serving(path, OURS, environment=environment) as ours:
        with contextlib.ExitStack() as stack:
            left, right = (
                over_http(stack.enter_context(contextlib.closing(HTTPConnection("127.0.0.1", s.http, timeout=10))))
                for s in (stock, ours)
            )
            assert differences(left, right, requests) == []
        assert {address for address, _ in stock.listening() | ours.listening()} == {"127.0.0.1"}
        assert names_and_labels(ours) >= names_and_labels(stock)


def names_and_labels(server: Server) -> set[tuple[str, tuple[str, ...]]]:
    """Sample names with the names of their labels."""
    families = text_string_to_metric_families(server.scrape()[1])
    return {(sample.name, tuple(sorted(sample.labels))) for family in families for sample in family.samples}


def test_the_short_way_is_not_taken_past_flasks_own_headers() -> None:
    """A request with an Origin, or without a length, is left to Flask, which writes the CORS headers."""
    app = Shortcut.__new__(Shortcut)
    environ = {
        "PATH_INFO": "/predict",
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "2",
    }
    assert app._way(environ) is not None
    for change in (
        {"HTTP_ORIGIN": "a"},
        {"CONTENT_LENGTH": ""},
        {"QUERY_STRING": "a=1"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ):
        assert app._way(environ | change) is None
    assert shortcut.PREDICT_PATHS.isdisjoint(shortcut.FEEDBACK_PATHS)
