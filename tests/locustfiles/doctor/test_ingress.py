"""What is wrong on the way to a deployment, at servers that misbehave in one way each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.access.access import EndpointAccess
from analysis.verdict import Verdict
from locustfiles.doctor import ingress
from locustfiles.doctor.ingress import Place
from locustfiles.doctor.observation import Observation
from locustfiles.http1.target import target_of
from tests.gateway import Authority, gateway, server_context

Serve = Callable[..., Any]


def looked(url: str, access: EndpointAccess = EndpointAccess(), namespaces: tuple[str, ...] = ()) -> Observation:  # noqa: B008
    return ingress.look(Place(url, target_of(url, access), "seldon", "d"), namespaces)


def answering(is_seldon: Callable[[bytes], bool], status: bytes = b"404 Not Found", body: bytes = b"") -> Any:
    """A server that answers as Seldon to some requests, and otherwise with a status and a body."""

    def behave(peer: Any) -> None:
        while request := peer.request():
            is_right = is_seldon(request) and b"no-such-route" not in request
            peer.answer(b"{}", b"200 OK") if is_right else peer.answer(body, status)

    return behave


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (b"503 Unavailable", b"no healthy upstream", ("HTTP 503: no healthy upstream", "wait for its pods")),
        (b"302 Found", b"", ("HTTP 302", "It sends us elsewhere")),
        (b"401 Unauthorized", b"", ("HTTP 401", "Give the ingress' login by --access FILE")),
        (b"403 Forbidden", b"RBAC: access denied", ("HTTP 403: RBAC: access denied", "--access FILE")),
        (b"404 Not Found", b"", ("HTTP 404 with an empty body", "is 127.0.0.1:")),
        (b"200 OK", b"<h1>It works!</h1>", ("another server: HTTP 200 with 'It works!'", "Is it the ingress' port?")),
    ],
)
def test_a_status_says_what_is_wrong(misbehaving: Serve, status: bytes, body: bytes, words: tuple[str, ...]) -> None:
    observation = looked(misbehaving(answering(lambda _: False, status, body)).url)
    assert observation.verdict is Verdict.FAIL
    assert [word for word in words if word not in f"{observation.observed} {observation.advice}"] == [], observation


@pytest.mark.parametrize(
    ("mark", "options", "advice"),
    [
        (b"GET /seldon/seldon/", {"path": "/x"}, "Leave out the path /x of --host."),
        (b"/seldon/models/", {"namespaces": ("models",)}, "Give --namespace models."),
        (b"/seldon/default/", {}, "Give --namespace default."),
        (b"Host: 127.0.0.1", {"access": EndpointAccess(host="m.example")}, 'Leave out host = "m.example" of --access.'),
    ],
    ids=["path", "namespace that Prometheus knows", "namespace", "host"],
)
def test_a_deployment_that_is_next_door_is_named(
    misbehaving: Serve, mark: bytes, options: dict[str, Any], advice: str
) -> None:
    """It answers at a place that differs in one thing from the one that was given."""
    url = misbehaving(answering(lambda request: mark in request)).url + options.pop("path", "")
    observation = looked(url, **options)
    assert (observation.verdict, observation.advice) == (Verdict.FAIL, advice)
    assert observation.observed.startswith("it answers at /seldon/")


def test_a_host_that_the_gateway_does_not_want_is_shown(misbehaving: Serve) -> None:
    """The Host in force stands in the line, whether it was given or is the URL's own."""
    url = misbehaving(answering(lambda _: False)).url
    given = looked(url, EndpointAccess(host="m.example"))
    assert "with the Host m.example" in given.expected
    assert "is m.example the Host that the gateway wants" in given.advice


def test_connections_that_fail_are_told_apart(tmp_path: Path, misbehaving: Serve) -> None:
    """A name that nobody has, a silent port, a certificate of another name, and a gateway that wants ours."""
    authority = Authority(tmp_path)
    trusting = EndpointAccess(ca_file=str(authority.certificate))
    assert "Is no-such-host.invalid:80 the ingress' address" in looked("http://no-such-host.invalid").advice
    closing = misbehaving(lambda peer: peer.reset()).url
    assert "can it be reached from here?" in looked(closing).advice
    with gateway(context=server_context(authority.issue("m.example"))) as server:
        assert "server_name" in looked(server.url, trusting).advice
        assert "--ca-file FILE" in looked(server.url).advice
    with gateway(context=server_context(authority.issue("127.0.0.1"), authority)) as server:
        assert "cert_file and key_file" in looked(server.url, trusting).advice


def test_the_orchestrator_is_well(misbehaving: Serve) -> None:
    """Its health route answers 200 and nothing."""

    def behave(peer: Any) -> None:
        while request := peer.request():
            peer.answer(b"", b"200 OK" if b"health/status" in request else b"405 Method Not Allowed")

    assert looked(misbehaving(behave).url).verdict is Verdict.PASS
