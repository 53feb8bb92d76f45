"""One generator process against servers that misbehave: every attempt ends as exactly one event, of the right kind."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import gevent
import pyarrow as pa
import pytest
from gevent.event import Event

from analysis.record.ledger import NO_CLASS, Kind, Outcome
from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import DriverReport, WorkerPlan
from locustfiles.drive.recorder import Recorder
from locustfiles.load.arrivals import Arrivals, Constant, Trace
from locustfiles.load.options import LoadOptions
from locustfiles.protocol.answers import AnswerReader
from model.dataset import load_heldout

HELDOUT: Final = Path(__file__).parents[3] / "artifacts" / "heldout.parquet"
ROWS: Final = load_heldout(HELDOUT)
ID_OF: Final = {tuple(row): int(number) for row, number in zip(ROWS.X.tolist(), ROWS.ids, strict=True)}
LOAD: Final = LoadOptions(
    rate_per_s=0,
    arrivals="constant",
    trace="",
    shape="",
    max_in_flight=1000,
    seed=11,
    predict_ratio=1,
    feedback_ratio=1,
    feedback_delay_s=0,
    think_time_s=0,
    reward="correct",
    timeout_s=0.5,
    transport="rest",
    payload="ndarray",
    batch=1,
    ca_file="",
)


class Drive:
    """A driver with its recorder, and what Locust's statistics would have been told."""

    def __init__(self, url: str, load: LoadOptions = LOAD, worker: int = 0, workers: int = 1) -> None:
        self.batches: list[pa.RecordBatch] = []
        self.fired: list[dict[str, Any]] = []
        plan = WorkerPlan(
            run="r",
            worker=worker,
            workers=workers,
            start_ns=time.time_ns(),
            host=url,
            namespace="ns",
            deployment="dep",
            heldout=str(HELDOUT),
            heldout_sha256=ROWS.sha256,
            features=ROWS.names,
            classes=(0, 1),
            load=load,
        )
        self.driver = Driver(plan, Recorder(worker, self.batches.append), self._fire)

    def _fire(self, **event: Any) -> None:
        self.fired.append(event)

    def closed(self, users: int, seconds: float, limit_s: float = 2) -> DriverReport:
        """Run users of the closed loop for a while, then drain."""
        greenlets = [gevent.spawn(self.driver.user, Event()) for _ in range(users)]
        gevent.sleep(seconds)
        driven = self.driver.drain(limit_s)
        gevent.joinall(greenlets, timeout=5)
        return driven

    def open(self, arrivals: Arrivals, seconds: float, limit_s: float = 2) -> DriverReport:
        """Run an open loop for a while, then drain."""
        self.driver.open_loop(arrivals)
        gevent.sleep(seconds)
        return self.driver.drain(limit_s)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the order in which their requests were begun."""
        rows = [row for batch in self.batches for row in batch.to_pylist()]
        return sorted(rows, key=lambda row: (row["request"], row["position"]))


def seldon(peer: Any, answered: Callable[[Any, bytes], object] | None = None) -> None:
    """A server that predicts class 1 for everything."""
    while (request := peer.request()) is not None:
        if answered is not None:
            answered(peer, request)
        elif b"/predictions " in request:
            peer.answer(b'{"data":{"ndarray":[1]},"meta":{"tags":{"artifact":"a"}}}')
        else:
            peer.answer(b'{"meta":{}}')


def row_of(request: bytes) -> int:
    """Id of the row that a request carries, by its features."""
    body = json.loads(request.partition(b"\r\n\r\n")[2])
    [features] = (body.get("request") or body)["data"]["ndarray"]
    return ID_OF[tuple(features)]


def kind_of(request: bytes) -> Kind:
    return Kind.PREDICT if b"/predictions " in request.partition(b"\r\n")[0] else Kind.FEEDBACK


def test_a_visit_asks_then_tells_the_same_row(misbehaving: Callable[..., Any]) -> None:
    """Row by row: the prediction's class in its event, the truth in both, the reward by whether they agree."""
    server = misbehaving(seldon)
    drive = Drive(server.url)
    drive.closed(1, 0.3)
    events, requests = drive.events, server.whole
    assert [(event["kind"], event["row"]) for event in events] == [(kind_of(sent), row_of(sent)) for sent in requests]
    truth = dict(zip(ROWS.ids.tolist(), ROWS.truth.tolist(), strict=True))
    assert all(event["truth"] == truth[event["row"]] for event in events)
    assert {(event["kind"], event["predicted"]) for event in events} == {(Kind.PREDICT, 1), (Kind.FEEDBACK, NO_CLASS)}
    bodies = [json.loads(sent.partition(b"\r\n\r\n")[2]) for sent in requests if kind_of(sent) is Kind.FEEDBACK]
    assert len(bodies) > 20
    assert all(body["reward"] == float(body["truth"]["data"]["ndarray"] == [1]) for body in bodies)


def test_the_first_events_are_distinct_rows(misbehaving: Callable[..., Any]) -> None:
    """With several users too, predictions go through all rows before one comes again."""
    drive = Drive(misbehaving(seldon).url)
    drive.closed(5, 1.5)
    rows = [event["row"] for event in drive.events if event["kind"] == Kind.PREDICT][: len(ROWS.ids)]
    assert len(rows) == len(set(rows)) > 50


def misbehaves(peer: Any) -> None:
    """A little of everything: every request is read whole, and then one of seven things happens to it."""
    counter = iter(range(10**9))

    def answered(peer: Any, request: bytes) -> None:
        good = b'{"data":{"ndarray":[1]}}'
        match next(counter) % 7 + len(request) % 2:
            case 0:
                peer.answer(good, b"500 No")
            case 1:
                peer.answer(good, headers=b"Connection: close\r\n")
                raise OSError
            case 2:
                raise OSError
            case 3:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
                raise OSError
            case 4:
                peer.send(b"garbage\r\n\r\n")
                raise OSError
            case 5:
                peer.answer(b"<html>")
            case 6:
                peer.reset()
            case _:
                peer.answer(good)

    seldon(peer, answered)


@pytest.mark.parametrize("loop", ["closed", "open"])
def test_under_every_misbehaviour_each_attempt_is_one_event(misbehaving: Callable[..., Any], loop: str) -> None:
    """As often as the server read a row, so often is it in the ledger; Locust was told the same."""
    server = misbehaving(misbehaves)
    drive = Drive(server.url)
    driven = drive.closed(8, 1.2) if loop == "closed" else drive.open(Constant(150.0), 1.2)
    attempted = Counter((event["kind"], event["row"]) for event in drive.events)
    delivered = Counter((kind_of(request), row_of(request)) for request in server.whole)
    assert attempted == delivered
    assert sum(attempted.values()) == driven.recorded.events == len(drive.fired) > 100
    assert driven.recorded.unrecorded == 0
    outcomes = Counter(event["outcome"] for event in drive.events)
    assert set(outcomes) == {Outcome.ACKNOWLEDGED, Outcome.INDETERMINATE}
    assert sum(call["exception"] is None for call in drive.fired) == outcomes[Outcome.ACKNOWLEDGED]


def test_a_user_outlives_every_answer(misbehaving: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that nobody foresaw, even an exception in our own reader: events of unknown outcome, and more of them."""

    def answered(peer: Any, request: bytes) -> None:
        peer.answer(b'{"data":{"ndarray":[1]},"meta":{"tags":["a"]}}' if kind_of(request) is Kind.PREDICT else b"{}")

    server = misbehaving(lambda peer: seldon(peer, answered))
    drive = Drive(server.url)
    monkeypatch.setattr(AnswerReader, "acknowledgement", lambda *_: 1 // 0)
    driven = drive.closed(2, 0.5)
    assert len(drive.events) == driven.recorded.events > 40
    assert driven.broken_off == 0
    last = drive.events[-1]
    assert {event["outcome"] for event in drive.events} == {Outcome.INDETERMINATE}
    assert last["done_ns"] - drive.events[0]["sent_ns"] > 0.4e9
    faults = {str(call["exception"]).partition(":")[0] for call in drive.fired}
    assert faults == {"unreadable answer", "the attempt broke off"}
    reasons = {kind: (status, why.partition(":")[0]) for kind, status, why in driven.recorded.failures}
    assert reasons == {
        "predict": (200, "expected an answer of Seldon's, got one that gives AttributeError"),
        "feedback": (200, "the attempt broke off"),
    }


def test_users_are_counted_by_the_most_at_once(misbehaving: Callable[..., Any]) -> None:
    """Three of them, of whom one leaves before the fourth comes."""
    drive = Drive(misbehaving(seldon).url)
    leaving = [Event() for _ in range(4)]
    greenlets = [gevent.spawn(drive.driver.user, event) for event in leaving[:3]]
    gevent.sleep(0.1)
    leaving[0].set()
    greenlets[0].join(5)
    greenlets.append(gevent.spawn(drive.driver.user, leaving[3]))
    gevent.sleep(0.1)
    assert drive.driver.drain(2).users == 3
    gevent.joinall(greenlets, timeout=5)


def test_the_first_failure_is_kept_with_what_the_answer_says(misbehaving: Callable[..., Any]) -> None:
    def answered(peer: Any, request: bytes) -> None:
        if kind_of(request) is Kind.PREDICT:
            peer.answer(b"no healthy upstream", b"503 Service Unavailable")
        else:
            raise OSError

    drive = Drive(misbehaving(lambda peer: seldon(peer, answered)).url)
    failures = drive.closed(2, 0.3).recorded.failures
    assert failures == (
        ("predict", 503, "no healthy upstream"),
        ("feedback", 0, "connection closed without an answer"),
    )


def test_visits_that_break_off_are_counted_and_users_live(
    misbehaving: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of the driver itself, in a closed and in an open loop."""
    server = misbehaving(seldon)
    for loop in ("closed", "open"):
        drive = Drive(server.url)
        monkeypatch.setattr(drive.driver, "_reward", lambda *_: 1 // 0)
        driven = drive.closed(2, 0.3) if loop == "closed" else drive.open(Constant(50.0), 0.3)
        assert driven.broken_off == len(drive.events) == driven.recorded.events > 10
        assert {event["kind"] for event in drive.events} == {Kind.PREDICT}


def test_what_is_under_way_at_the_drain_is_waited_for(misbehaving: Callable[..., Any]) -> None:
    """A slow answer within the limit is an answer; no feedback is begun behind it."""

    def slowly(peer: Any, request: bytes) -> None:
        time.sleep(0.3)
        peer.answer(b'{"data":{"ndarray":[1]}}')

    server = misbehaving(lambda peer: seldon(peer, slowly))
    drive = Drive(server.url)
    drive.closed(3, 0.1)
    assert [(event["kind"], event["outcome"]) for event in drive.events] == [(Kind.PREDICT, Outcome.ACKNOWLEDGED)] * 3


def test_what_outlasts_the_drain_is_indeterminate(misbehaving: Callable[..., Any]) -> None:
    """A request that was delivered and never answered is an event; only the server knows whether it was counted."""
    gone = threading.Event()
    server = misbehaving(lambda peer: seldon(peer, lambda *_: gone.wait(5)))
    drive = Drive(server.url, replace(LOAD, timeout_s=30))
    drive.closed(3, 0.2, limit_s=0.1)
    gone.set()
    assert len(server.whole) == 3
    assert [(event["kind"], event["outcome"], event["status"]) for event in drive.events] == [
        (Kind.PREDICT, Outcome.INDETERMINATE, 0)
    ] * 3


def test_an_open_loop_does_not_wait_for_answers(misbehaving: Callable[..., Any]) -> None:
    """A server that stalls gets the arrivals all the same, and the planned time tells how long they really took."""
    began = time.monotonic()

    def stalled(peer: Any, request: bytes) -> None:
        time.sleep(max(0.0, 0.6 - (time.monotonic() - began)))
        peer.answer(b'{"data":{"ndarray":[1]}}')

    drive = Drive(misbehaving(lambda peer: seldon(peer, stalled)).url, replace(LOAD, timeout_s=5, rate_per_s=100))
    drive.open(Constant(100.0), 0.5)
    predictions = [event for event in drive.events if event["kind"] == Kind.PREDICT]
    due = [(event["planned_ns"] - predictions[0]["planned_ns"]) / 1e9 for event in predictions]
    assert due == pytest.approx([index / 100 for index in range(len(predictions))], abs=1e-6)
    assert len(predictions) >= 48
    assert (predictions[0]["done_ns"] - predictions[0]["planned_ns"]) / 1e9 > 0.5


def test_arrivals_past_the_bound_are_dropped_and_counted(misbehaving: Callable[..., Any]) -> None:
    """They are not queued. The report has their number, and their rows are skipped."""
    drive = Drive(
        misbehaving(lambda peer: seldon(peer, lambda *_: time.sleep(2))).url,
        replace(LOAD, max_in_flight=5, rate_per_s=100),
    )
    driven = drive.open(Constant(100.0), 0.4)
    assert (len(drive.events), driven.dropped >= 30) == (5, True)


def test_a_drain_before_the_load_has_begun_reports_no_use_of_a_core() -> None:
    """Ctrl-C between the start of the test and the first arrival: the load began at no time, so no share is known."""
    drive = Drive("http://127.0.0.1:1")
    drive.driver.start_at(time.time_ns() + 10**9)
    driven = drive.driver.drain(1)
    assert (driven.recorded.events, driven.cpu_share, driven.waited_share) == (0, 0.0, None)


def test_a_trace_is_kept_and_ends(misbehaving: Callable[..., Any]) -> None:
    """Visits at the given seconds, and then no more."""
    drive = Drive(misbehaving(seldon).url, replace(LOAD, trace="t"))
    drive.open(Trace((0.0, 0.1, 0.25)), 0.5)
    planned = [event["planned_ns"] for event in drive.events if event["kind"] == Kind.PREDICT]
    assert [(at - planned[0]) / 1e9 for at in planned] == pytest.approx([0.0, 0.1, 0.25], abs=1e-6)


def test_nobody_there_is_refused_and_not_hammered() -> None:
    """A closed loop without answers would spin, so each user rests between attempts."""
    drive = Drive("http://127.0.0.1:1")
    drive.closed(2, 0.5)
    assert {(event["kind"], event["outcome"]) for event in drive.events} == {(Kind.PREDICT, Outcome.REFUSED)}
    assert 4 <= len(drive.events) <= 24


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_seed_visits_the_same_rows_however_many_workers(misbehaving: Callable[..., Any], workers: int) -> None:
    """Put together in the order of their planned times, the rows are those that one worker would have visited."""
    url = misbehaving(seldon).url
    drives = [Drive(url, replace(LOAD, rate_per_s=200), worker, workers) for worker in range(workers)]
    start = drives[0].driver._plan.start_ns
    for drive in drives:
        drive.driver._plan = replace(drive.driver._plan, start_ns=start)
        drive.driver.open_loop(Constant(100.0))
    gevent.sleep(0.6)
    for drive in drives:
        drive.driver.drain(2)
    predictions = [event for drive in drives for event in drive.events if event["kind"] == Kind.PREDICT]
    predictions.sort(key=lambda event: event["planned_ns"])
    sequence = drives[0].driver._sequence
    assert [event["row"] for event in predictions[:50]] == [
        int(ROWS.ids[sequence.visit(index).rows[0]]) for index in range(50)
    ]
