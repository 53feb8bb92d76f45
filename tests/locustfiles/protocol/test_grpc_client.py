"""The gRPC transport against servers that misbehave: the outcome of each call, and one event for each row."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from analysis.access.access import EndpointAccess
from analysis.record.ledger import Kind, Outcome
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.target import TargetError
from locustfiles.load.arrivals import Constant, Trace
from locustfiles.load.options import LoadOptions, TransportName
from locustfiles.protocol.grpc_client import MAX_ANSWER, REFUSALS, GrpcClient, metadata_of, probe, target_of_url
from locustfiles.protocol.grpc_messages import Call
from locustfiles.protocol.transport import DeploymentAddress, unanswered
from tests.gateway import Authority
from tests.locustfiles import speaking
from tests.locustfiles.drive import test_driver as drives

Serve = Callable[..., Any]
GRPC: Final[LoadOptions] = replace(drives.LOAD, transport="grpc")
ROOT: Final = Path(__file__).parents[3]
ASK: Final = Call("Predict", b"")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers; ends them all."""
    started: list[Any] = []

    def start(behaviour: Any = speaking.seldon, **options: Any) -> Any:
        started.append(speaking.Speaking(behaviour).start(**options))
        return started[-1]

    yield start
    for server in started:
        server.server.stop(None)


@pytest.fixture
def ask() -> Iterator[Callable[..., Exchange]]:
    """Makes one call to a URL."""
    made: list[GrpcClient] = []

    def once(
        url: str, ca_file: str = "", timeout_s: float = 3.0, call: Call = ASK, access: EndpointAccess | None = None
    ) -> Exchange:
        target = target_of_url(url, access or EndpointAccess(ca_file=ca_file))
        made.append(GrpcClient(target, metadata_of("ns", "dep"), timeout_s=timeout_s))
        return made[-1].exchange(call)

    yield once
    for calls in made:
        calls.close()


Ask = Callable[..., Exchange]


def until(gone: threading.Event, which: bytes | None = None) -> speaking.Behaviour:
    """A server that stalls until the test is over, at every call or at those with one body."""

    def stall(kind: Kind, body: bytes, context: Any) -> bytes:
        if which is None or body == which:
            gone.wait(20)
        return b""

    return stall


def test_a_call_says_which_deployment_it_is_for(serve: Serve, ask: Ask) -> None:
    """The ingress tells deployments apart by the metadata ``seldon`` and ``namespace``; the body goes as it is."""
    server = serve()
    answer = ask(server.url, call=Call("SendFeedback", b"\x1d\x00\x00\x80?"))
    assert (answer.outcome, answer.status, answer.fault, answer.reached) == (Outcome.ACKNOWLEDGED, 0, "", True)
    [(kind, body, metadata)] = server.whole
    assert (kind, body, metadata["seldon"], metadata["namespace"]) == (Kind.FEEDBACK, b"\x1d\x00\x00\x80?", "dep", "ns")


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_status_of_a_server_has_its_outcome(serve: Serve, ask: Ask, code: grpc.StatusCode) -> None:
    """Turned away by the application is refused; whatever may have happened after it was counted is indeterminate."""
    server = serve(speaking.aborting(code))
    answer = ask(server.url)
    assert answer.outcome is (Outcome.REFUSED if code in REFUSALS else Outcome.INDETERMINATE)
    assert (answer.status, answer.reached, len(server.whole)) == (code.value[0], True, 1)
    assert answer.fault == f"gRPC {code.name}: as told"


def test_the_statuses_that_say_not_counted_are_those_of_4xx() -> None:
    """None of those that a deadline, a lost connection or a crash may leave behind is among them."""
    unsure = {"CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNAVAILABLE"}
    assert {code.name for code in grpc.StatusCode} - {code.name for code in REFUSALS} == unsure | {"OK", "DATA_LOSS"}


def test_a_gateway_that_reached_nobody_is_no_proof_that_nobody_heard(serve: Serve, ask: Ask) -> None:
    """A gateway's message about the server that it called is like grpcio's own, but with another address."""
    words = (
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host"
    )
    answer = ask(serve(speaking.aborting(grpc.StatusCode.UNAVAILABLE, words)).url)
    assert (answer.outcome, answer.reached) == (Outcome.INDETERMINATE, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::1]:1", "http://no.such.host.invalid:80"])
def test_nobody_there_is_refused(ask: Ask, url: str) -> None:
    """No connection and no name: no byte of the call left."""
    answer = ask(url)
    assert (answer.outcome, answer.status, answer.reached) == (Outcome.REFUSED, 14, False), answer.fault


def test_a_server_that_closes_without_a_word_of_http2_is_nobody(misbehaving: Serve, ask: Ask) -> None:
    """No call is sent before the server's settings have arrived."""
    server = misbehaving(lambda peer: peer.some(1))
    answer = ask(server.url)
    assert answer.outcome is not Outcome.ACKNOWLEDGED
    assert answer.status == 14


def test_a_server_that_is_lost_after_it_was_asked_leaves_it_open(misbehaving: Serve, ask: Ask) -> None:
    """The server speaks HTTP/2 until it gets the call, then resets: it is not known whether the call was counted."""
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    seen: list[bytes] = []

    def behave(peer: Any) -> None:
        peer.send(settings)
        while b"Predict" not in b"".join(seen) and (piece := peer.some(4096)):
            seen.append(piece)
        peer.reset()

    answer = ask(misbehaving(behave).url)
    assert (answer.outcome, answer.reached) == (Outcome.INDETERMINATE, True), answer.fault


def test_a_stall_ends_at_the_deadline(serve: Serve, ask: Ask) -> None:
    """Delivered and never answered in time."""
    gone = threading.Event()
    server = serve(until(gone))
    answer = ask(server.url, timeout_s=0.3)
    gone.set()
    assert (answer.outcome, answer.status, len(server.whole)) == (Outcome.INDETERMINATE, 4, 1)


def test_a_crash_in_the_application_leaves_it_open(serve: Serve, ask: Ask) -> None:
    """An exception becomes UNKNOWN: it may have come after the counting."""

    def crash(*_: object) -> bytes:
        raise RuntimeError("no")

    answer = ask(serve(crash).url)
    assert (answer.outcome, answer.status) == (Outcome.INDETERMINATE, 2)


def test_an_answer_too_large_to_be_read_leaves_it_open(serve: Serve, ask: Ask) -> None:
    """The server has done its work, whatever grpcio says of the size."""
    answer = ask(serve(lambda *_: bytes(MAX_ANSWER + 1)).url)
    assert (answer.outcome, answer.status) == (Outcome.INDETERMINATE, 8)


def test_tls_trusts_the_authority_that_it_is_told_of_and_no_other(serve: Serve, ask: Ask, certified: Any) -> None:
    """With ``--ca-file`` the certificate is good; without it no call leaves."""
    server = serve(key=certified.key, certificate=certified.certificate)
    url = server.url.replace("http:", "https:")
    assert ask(url, ca_file=str(certified.certificate)).outcome is Outcome.ACKNOWLEDGED
    answer = ask(url)
    assert (answer.outcome, answer.reached, len(server.whole)) == (Outcome.REFUSED, False, 1), answer.fault


def test_a_login_travels_as_metadata_and_the_host_as_authority_and_no_secret_comes_back(
    serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    """Over TLS with certificates of both sides; a server that repeats what it was sent is masked."""
    authority = Authority(tmp_path)
    theirs, ours = authority.issue("models.example"), authority.issue("load.example")
    seen: dict[str, str] = {}

    def repeat(kind: Kind, body: bytes, context: Any) -> bytes:
        seen.update(context.invocation_metadata())
        context.abort(grpc.StatusCode.UNAUTHENTICATED, f"no {seen['authorization']}")
        return b""

    server = serve(repeat, key=theirs.key, certificate=theirs.certificate, clients=authority.certificate)
    url = server.url.replace("http:", "https:")
    access = EndpointAccess(
        host="models.example",
        server_name="models.example",
        headers=(("Authorization", "Bearer gehe1m"), ("X-Team", "risk")),
        secrets=("gehe1m",),
        ca_file=str(authority.certificate),
        cert_file=str(ours.certificate),
        key_file=str(ours.key),
    )
    answer = ask(url, access=access)
    assert (seen["authorization"], seen["x-team"], seen["seldon"]) == ("Bearer gehe1m", "risk", "dep")
    assert (answer.outcome, answer.fault) == (Outcome.REFUSED, "gRPC UNAUTHENTICATED: no Bearer ******")
    place = DeploymentAddress(url, "ns", "dep")
    assert probe(target_of_url(place.url, access), ()) == ""
    for lacking in (replace(access, cert_file="", key_file=""), replace(access, server_name="other.example")):
        answer = ask(url, access=lacking)
        assert "UNAVAILABLE" in probe(target_of_url(place.url, lacking), ())
        assert (answer.outcome, answer.reached) == (Outcome.REFUSED, False), answer.fault


@pytest.mark.parametrize("name", ["X-Odd!", "grpc-timeout", "Token-bin"])
def test_a_header_that_is_no_metadata_is_refused_before_grpcio_shows_all_of_it(name: str) -> None:
    """Grpcio would name every key and value in its error, which is recorded as the reason of a failure."""
    access = EndpointAccess(headers=(("Authorization", "Bearer gehe1m"), (name, "x")))
    with pytest.raises(TargetError) as caught:
        target_of_url("http://127.0.0.1:8003", access)
    assert name in str(caught.value)
    assert "gehe1m" not in str(caught.value)


def test_a_path_in_the_url_is_refused() -> None:
    """A gRPC method is the path; one before it would go nowhere."""
    with pytest.raises(TargetError, match="without a path for gRPC"):
        target_of_url("http://127.0.0.1:8003/seldon")


@pytest.mark.parametrize(
    ("status", "words"),
    [(b"\x8d", "UNIMPLEMENTED: Received http2 header with status: 404"), (b"\x48\x03401", "UNAUTHENTICATED"),
     (b"\x48\x03403", "PERMISSION_DENIED"), (b"\x48\x03503", "UNAVAILABLE")],
)  # fmt: skip
def test_a_gateway_that_turns_a_probe_away_is_not_taken_for_seldon(
    misbehaving: Serve, status: bytes, words: str
) -> None:
    """It answers HTTP/2 with a status and no gRPC: the line names what grpcio makes of that status."""
    frames = (b"\0\0\0\x04\0\0\0\0\0", b"\0\0%c\x01\x05\0\0\0\x01%b" % (len(status), status))

    def turn_away(peer: Any) -> None:
        peer.send(frames[0])  # SETTINGS
        received = b""
        while b"\x01\x04\0\0\0\x01" not in received:  # the HEADERS of the first stream
            received += peer.some(65536)
        peer.send(frames[1])  # HEADERS that end the stream: the status, of HPACK's static table or written out
        while peer.some(65536):
            pass

    answer = unanswered(DeploymentAddress(misbehaving(turn_away).url, "ns", "dep"), GRPC)
    assert words in answer


def test_a_host_is_asked_before_the_load_whether_it_speaks_grpc(serve: Serve, misbehaving: Serve) -> None:
    """An application that does not know the question says so; a web server and nobody do not."""
    place = DeploymentAddress(serve().url, "ns", "dep")
    assert unanswered(place, GRPC) == ""
    assert "UNAVAILABLE" in unanswered(replace(place, url="http://127.0.0.1:1"), GRPC)
    web = misbehaving(lambda peer: peer.answer(b"<html>") if peer.request() else None)
    assert "gRPC " in unanswered(replace(place, url=web.url), GRPC)


def rows_sent(server: Any) -> Counter[tuple[Kind, int]]:
    """How often the server was sent each row, by kind."""
    actual = ((kind, drives.ID_OF[speaking.features_of(kind, body)]) for kind, body, _ in server.whole)
    return Counter(actual)


def misbehaves() -> Any:
    """A little of everything: one of eight things happens to each call."""
    numbers = iter(range(10**9))
    bodies = (b"\xff\xff garbage", b"", speaking.CLASS_ONE)

    def behave(kind: Kind, body: bytes, context: Any) -> bytes:
        number = next(numbers) % 8
        if number == 0:
            context.abort(grpc.StatusCode.INTERNAL, "no")
        if number == 1:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        if number == 2:
            raise RuntimeError("no")
        if number == 3:
            time.sleep(0.7)
        return bodies[number - 4] if 4 <= number <= 6 else speaking.seldon(kind, body, context)

    return behave


@pytest.mark.parametrize("loop", ["closed", "open"])
def test_under_every_misbehaviour_each_call_is_one_event(serve: Serve, loop: str) -> None:
    """As often as the server was sent a row, so often is it in the ledger; Locust was told the same."""
    server = serve(misbehaves())
    drive = drives.Drive(server.url, GRPC)
    driven = drive.closed(8, 1.2) if loop == "closed" else drive.open(Constant(150.0), 1.2)
    attempted = Counter((Kind(event["kind"]), event["row"]) for event in drive.events)
    assert attempted == rows_sent(server)
    assert sum(attempted.values()) == driven.recorded.events == len(drive.fired) > 50
    outcomes = Counter(event["outcome"] for event in drive.events)
    assert set(outcomes) == set(Outcome)
    assert {event["status"] for event in drive.events} >= {0, 2, 3, 4, 13}
    assert sum(call["exception"] is None for call in drive.fired) == outcomes[Outcome.ACKNOWLEDGED]
    assert {call["request_type"] for call in drive.fired} == {"gRPC"}
    assert driven.recorded.unrecorded == 0


def test_what_outlasts_the_drain_is_cancelled_and_indeterminate(serve: Serve) -> None:
    """Delivered and never answered: an event, of which only the server knows more."""
    gone = threading.Event()
    server = serve(until(gone))
    drive = drives.Drive(server.url, replace(GRPC, timeout_s=30))
    drive.closed(3, 0.5, limit_s=0.1)
    gone.set()
    assert len(server.whole) == 3
    assert [(event["outcome"], event["status"]) for event in drive.events] == [(Outcome.INDETERMINATE, 1)] * 3


def test_nobody_there_is_not_hammered() -> None:
    """A closed loop that no one answers would spin; each user rests between attempts."""
    drive = drives.Drive("http://127.0.0.1:1", GRPC)
    drive.closed(2, 0.5)
    assert {(event["kind"], event["outcome"], event["status"]) for event in drive.events} == {
        (Kind.PREDICT, Outcome.REFUSED, 14)
    }
    assert 4 <= len(drive.events) <= 24


@pytest.mark.parametrize(("batch", "predict_ratio", "feedback_ratio"), [(1, 1.0, 1.0), (3, 0.7, 0.6)])
def test_the_same_seed_drives_the_same_rows_in_the_same_order_by_both_transports(
    serve: Serve, misbehaving: Serve, batch: int, predict_ratio: float, feedback_ratio: float
) -> None:
    """Kind and rows of every request, one after the other, and the truth that was told."""
    answer = b'{"data":{"ndarray":[%b]}}' % b",".join([b"1"] * batch)
    packed = speaking.predicting([1] * batch)
    urls: dict[TransportName, str] = {
        "rest": misbehaving(lambda peer: drives.seldon(peer, lambda peer, _: peer.answer(answer))).url,
        "grpc": serve(lambda *_: packed).url,
    }
    load = replace(GRPC, trace="t", batch=batch, predict_ratio=predict_ratio, feedback_ratio=feedback_ratio)
    sent: dict[str, list[tuple[int, ...]]] = {}
    order: dict[str, list[int]] = {}
    for transport, url in urls.items():
        drive = drives.Drive(url, replace(load, transport=transport))
        drive.open(Trace(tuple(number * 0.02 for number in range(40))), 1.2)
        assert {event["outcome"] for event in drive.events} == {Outcome.ACKNOWLEDGED}
        columns = ("kind", "position", "row", "truth", "predicted")
        sent[transport] = sorted(tuple(event[column] for column in columns) for event in drive.events)
        order[transport] = [event["row"] for event in drive.events if event["kind"] == Kind.PREDICT]
    assert sent["rest"] == sent["grpc"]
    assert order["rest"] == order["grpc"]
    assert len(sent["rest"]) > 40


HEARD: Final = """
import gevent.monkey; gevent.monkey.patch_all()
import gevent, json, sys
from locustfiles.protocol.grpc_client import GrpcClient, target_of_url
from locustfiles.protocol.grpc_messages import Call
calls = GrpcClient(target_of_url(sys.argv[1]), (), timeout_s=3)
ended = []
def ask(number, body):
    calls.exchange(Call("Predict", body))
    ended.append(number)
slow = [gevent.spawn(ask, number, b"stall") for number in range(40)]
gevent.sleep(0.2)
gevent.joinall([*slow, gevent.spawn(ask, 40, b"")])
calls.close()
print(json.dumps(ended))
"""


def test_more_calls_may_wait_than_gevent_has_threads(serve: Serve) -> None:
    """Under Locust's patching forty calls that stall keep nobody from hearing of the forty-first's answer."""
    gone = threading.Event()
    server = serve(until(gone, b"stall"))
    done = subprocess.run(
        [sys.executable, "-c", HEARD, server.url], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    gone.set()
    ended = json.loads(done.stdout)
    assert (ended[0], sorted(ended), done.stderr) == (40, list(range(41)), "")


def test_grpcio_is_not_loaded_before_it_is_asked_for() -> None:
    """Locust forks after it has read the locustfile, and grpcio's threads do not survive a fork."""
    script = "import locustfiles.run.hooks, locustfiles.drive.driver, sys; print('grpc' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
