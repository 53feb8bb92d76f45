"""One generator process of one test: visits rows, in a closed or an open loop, and records every attempt.

Visits run in greenlets of the driver, not of Locust's users: Locust kills a user that it stops, and a
request killed in flight is one of which nobody knows whether it was counted. So at the end nothing new
is begun, what is under way may finish within a limit, and only then the rest is killed. Whatever
happens to a request that was begun, it ends as exactly one event for each of its rows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import Final

import gevent
from gevent.event import Event
from gevent.pool import Group

from analysis.ledger import NO_CLASS, Kind, Outcome
from locustfiles import _pacer
from locustfiles._answers import AnswerError, Prediction, Reader
from locustfiles._bodies import Bodies
from locustfiles._clock import Clock
from locustfiles._options import Load
from locustfiles._processor import Processor
from locustfiles._recorder import Ended, Recorded, Recorder
from locustfiles._rows import Itinerary, Visit
from locustfiles._wire import Exchange, Target, Wire, target_of
from model.dataset import DatasetError, Heldout, load_heldout

REST_AFTER_REFUSED_S: Final = 0.05
"""A closed loop that nobody answers would spin; this bounds it to 20 attempts a second for each user."""

Fire = Callable[..., None]
_KILLED: Final = Exchange(Outcome.INDETERMINATE, 0, b"", "killed at the stop")
_NAMES: Final = {kind: kind.name.lower() for kind in Kind}
_NO_CONTEXT: Final[dict[str, object]] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a generator process is told before it starts; travels as a plain dictionary.

    ``worker``, ``workers``: its number among those that share the load. ``start_ns``: when the load begins,
    in nanoseconds since the epoch. ``classes``: the card's, in its order.
    """

    run: str
    worker: int
    workers: int
    start_ns: int
    host: str
    namespace: str
    deployment: str
    heldout: str
    heldout_sha256: str
    features: tuple[str, ...]
    classes: tuple[int, ...]
    load: Load


@dataclass(frozen=True, slots=True)
class Driven:
    """What a generator process says at its end.

    ``cpu_share``: of one core; ``dropped``: arrivals past the bound. ``waited_share``: of the run, for a CPU that
    others had; None where the kernel does not say.
    """

    recorded: Recorded
    cpu_share: float
    dropped: int
    waited_share: float | None = None


class Driver:
    """See the module. ``fire`` is ``environment.events.request.fire``."""

    def __init__(self, plan: Plan, recorder: Recorder, fire: Fire) -> None:
        self._plan = plan
        self._load = plan.load
        self._recorder = recorder
        self._fire = fire
        heldout = _heldout_of(plan)
        target = target_of(plan.host, plan.load.ca_file or None)
        self._bodies = _bodies_of(plan, heldout, target)
        self._wire = Wire(target, timeout_s=plan.load.timeout_s)
        self._reader = Reader(plan.classes)
        self._ids = [int(row) for row in heldout.ids]
        self._truth = [plan.classes.index(int(label)) for label in heldout.truth]
        self._facts = [((row,), (truth,)) for row, truth in zip(self._ids, self._truth, strict=True)]
        self._itinerary = Itinerary(
            len(self._ids), self._load.seed, self._load.batch, self._load.predict_ratio, self._load.feedback_ratio
        )
        self._visits: Iterator[Visit] = self._itinerary.of_worker(plan.worker, plan.workers)
        self._clock = Clock.read()
        self._group = Group()
        self._stop = Event()
        self._dropped = 0
        self._processor = Processor.read()
        self._drained_by = math.inf

    @property
    def run(self) -> str:
        """Name of the run."""
        return self._plan.run

    @property
    def open(self) -> bool:
        """Whether arrivals come from a schedule, not from users."""
        return self._load.open

    def open_loop(self, arrivals: _pacer.Arrivals) -> None:
        """Begin to send visits when they are due, whatever the answers do."""
        gevent.spawn(self._pump, arrivals)

    def user(self, leaving: Event) -> None:
        """One user of the closed loop: visit after visit, until the driver stops or ``leaving`` is set."""
        self._group.spawn(self._loop, leaving).join()

    def drain(self, limit_s: float) -> Driven:
        """Begin nothing more, let what is under way finish within ``limit_s``, kill the rest, record all."""
        self._stop.set()
        self.hurry(limit_s)
        while len(self._group) and time.monotonic() < self._drained_by:
            self._group.join(timeout=0.02)
        self._group.kill()
        self._wire.close()
        recorded = self._recorder.finish()
        wall_s = max((self._clock.now_ns() - self._plan.start_ns) / 1e9, 1e-9)
        used, waited = self._processor.shares_until(Processor.read(), wall_s)
        return Driven(recorded, used, self._dropped, waited)

    def hurry(self, limit_s: float) -> None:
        """Bring the end of a drain forward to ``limit_s`` from now, if that is sooner."""
        self._drained_by = min(self._drained_by, time.monotonic() + limit_s)

    def _loop(self, leaving: Event) -> None:
        for visit in self._visits:
            refused = self._visit(visit, None)
            rest_s = self._load.think_time_s or (REST_AFTER_REFUSED_S if refused else 0)
            if rest_s:
                self._stop.wait(rest_s)
            if self._stop.is_set() or leaving.is_set():
                return

    def _pump(self, arrivals: _pacer.Arrivals) -> None:
        due_times = _pacer.of_worker(arrivals, self._plan.worker, self._plan.workers)
        for visit, due_s in zip(self._visits, due_times, strict=False):
            planned_ns = self._plan.start_ns + int(due_s * 1e9)
            wait_s = (planned_ns - self._clock.now_ns()) / 1e9
            if self._stop.wait(wait_s) if wait_s > 0 else self._yielded():
                return
            if len(self._group) >= self._load.max_in_flight:
                self._dropped += 1
            else:
                self._group.spawn(self._visit, visit, planned_ns)

    def _yielded(self) -> bool:
        """Whether to stop, after the others had their turn: a late pump may not keep the answers waiting."""
        gevent.sleep(0)
        return bool(self._stop.is_set())

    def _visit(self, visit: Visit, planned_ns: int | None) -> bool:
        """Ask and tell as the visit says; whether the last attempt found nobody to talk to."""
        load = self._load
        reward = None if load.reward == "none" else 0.0
        refused = False
        if visit.predict:
            prediction, refused = self._attempt(Kind.PREDICT, visit, self._bodies.predict(visit.rows), planned_ns)
            planned_ns = None
            if prediction is not None and reward is not None:
                reward = self._reward(visit, prediction)
        if visit.feedback and not refused:
            if visit.predict and load.feedback_delay_s:
                self._stop.wait(load.feedback_delay_s)
            if not self._stop.is_set():
                request = self._bodies.feedback(visit.rows, reward)
                _, refused = self._attempt(Kind.FEEDBACK, visit, request, planned_ns)
        return refused

    def _reward(self, visit: Visit, prediction: Prediction) -> float:
        right: int = sum(map(eq, prediction.predicted, map(self._truth.__getitem__, visit.rows)))
        return right / len(visit.rows)

    def _attempt(
        self, kind: Kind, visit: Visit, request: bytes, planned_ns: int | None
    ) -> tuple[Prediction | None, bool]:
        """Send once and record once: the prediction, if one was asked and came, and whether nobody was there."""
        number = self._recorder.begin(len(visit.rows))
        sent_ns = self._clock.now_ns()
        planned = sent_ns if planned_ns is None else min(planned_ns, sent_ns)
        exchange = _KILLED
        prediction = None
        try:
            exchange = self._wire.exchange(request)
            if exchange.outcome is Outcome.ACKNOWLEDGED:
                prediction = self._read(kind, exchange.body, len(visit.rows))
        except AnswerError as error:
            fault = f"unreadable answer: {error}"
            exchange = exchange._replace(outcome=Outcome.INDETERMINATE, fault=fault)
        finally:  # killed too: what was begun is recorded
            times_ns = (planned, sent_ns, self._clock.now_ns())
            self._record(number, kind, visit, times_ns, exchange, prediction)
        return prediction, exchange.outcome is Outcome.REFUSED and not exchange.status

    def _read(self, kind: Kind, body: bytes, rows: int) -> Prediction | None:
        if kind is Kind.PREDICT:
            prediction = self._reader.prediction(body, rows)
            self._recorder.served_by(prediction.tags)
            return prediction
        self._reader.acknowledgement(body)
        return None

    def _record(
        self,
        number: int,
        kind: Kind,
        visit: Visit,
        times_ns: tuple[int, int, int],
        exchange: Exchange,
        answer: Prediction | None,
    ) -> None:
        rows = visit.rows
        count = len(rows)
        ids, truth = self._facts[rows[0]] if count == 1 else self._facts_of(rows)
        ended = Ended(
            kind,
            ids,
            times_ns,
            exchange.outcome,
            exchange.status,
            answer.predicted if answer else (NO_CLASS,) * count,
            truth,
            answer.scores if answer else (math.nan,) * count,
        )
        self._recorder.end(number, ended)
        self._fire(
            request_type="POST",
            name=_NAMES[kind],
            response_time=(times_ns[2] - times_ns[0]) / 1e6,
            response_length=len(exchange.body),
            exception=exchange.fault or None,
            context=_NO_CONTEXT,
        )

    def _facts_of(self, rows: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Ids and truths of a batch."""
        return tuple(self._ids[row] for row in rows), tuple(self._truth[row] for row in rows)


def _heldout_of(plan: Plan) -> Heldout:
    heldout = load_heldout(Path(plan.heldout), plan.features, plan.classes)
    if heldout.sha256 != plan.heldout_sha256:
        raise DatasetError(
            f"held-out rows: expected the file of SHA-256 {plan.heldout_sha256}, got {heldout.sha256} "
            f"({plan.heldout}). Give every worker the same file."
        )
    return heldout


def _bodies_of(plan: Plan, heldout: Heldout, target: Target) -> Bodies:
    return Bodies(
        features=heldout.X,
        truth=[int(label) for label in heldout.truth],
        names=heldout.names,
        host=target.header,
        path=f"{target.path}/seldon/{plan.namespace}/{plan.deployment}/api/v1.0",
        payload=plan.load.payload,
    )
