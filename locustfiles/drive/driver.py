"""One generator process of one test: visits rows, in a closed or an open loop, and records every attempt.

Visits run in greenlets of the driver, not in those of Locust's users. Locust kills a user that it stops, and it is not
known whether a request killed in flight was counted. So at the end no new request is begun, those in flight may finish
within a limit, and only then the rest is killed. Whatever happens to a request that was begun, it ends as exactly one
event for each of its rows.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from operator import eq
from pathlib import Path
from typing import Final

import gevent
from gevent.event import Event
from gevent.pool import Group

from analysis.record.ledger import Kind
from locustfiles.drive.attempts import Attempts, Fire
from locustfiles.drive.clock import Clock
from locustfiles.drive.cpu import CpuTime
from locustfiles.drive.plan import DriverReport, WorkerPlan
from locustfiles.drive.recorder import Recorder
from locustfiles.load import arrivals as _pacer
from locustfiles.load.visits import Visit, VisitSequence
from locustfiles.protocol.answers import Prediction
from locustfiles.protocol.transport import DeploymentAddress, transport_of
from model.dataset import DatasetError, Heldout, load_heldout

logger = logging.getLogger("plumbline")

REST_AFTER_REFUSED_S: Final = 0.05
"""Rest after an attempt that reached no server. Without it a closed loop would spin; this limits a user to 20 attempts
a second."""


class Driver:
    """See the module. ``fire`` is ``environment.events.request.fire``."""

    def __init__(self, plan: WorkerPlan, recorder: Recorder, fire: Fire) -> None:
        self._plan = plan
        self._load = plan.load
        self._recorder = recorder
        self._clock = Clock.read()
        heldout = _heldout_of(plan)
        transport = transport_of(DeploymentAddress(plan.host, plan.namespace, plan.deployment), plan.load, heldout)
        self._requests = transport.requests
        self._client = transport.client
        self._truth = heldout.truth_index.tolist()
        ids = [int(row) for row in heldout.ids]
        self._attempt = Attempts(transport, recorder, fire, self._clock, ids, self._truth).make
        self._sequence = VisitSequence(
            len(ids), self._load.seed, self._load.batch, self._load.predict_ratio, self._load.feedback_ratio
        )
        self._visits: Iterator[Visit] = self._sequence.of_worker(plan.worker, plan.workers)
        self._group = Group()
        self._stop = Event()
        self._dropped = 0
        self._broken_off = 0
        self._users = 0
        self._most_users = 0
        self._processor = CpuTime.read()
        self._drained_by = math.inf

    @property
    def run(self) -> str:
        """Name of the run."""
        return self._plan.run

    @property
    def open(self) -> bool:
        """Whether arrivals come from a schedule, not from users."""
        return self._load.open

    def start_at(self, start_ns: int) -> None:
        """Set when the load begins, in place of the time in the plan, now that all processes are ready."""
        self._plan = replace(self._plan, start_ns=start_ns)

    def open_loop(self, arrivals: _pacer.Arrivals) -> None:
        """Begin to send visits when they are due, whether or not earlier requests have been answered."""
        gevent.spawn(self._pump, arrivals)

    def user(self, leaving: Event) -> None:
        """One user of the closed loop: visit after visit, until the driver stops or ``leaving`` is set."""
        self._group.spawn(self._loop, leaving).join()

    def now_ns(self) -> int:
        """The clock that events carry, in nanoseconds since the epoch."""
        return self._clock.now_ns()

    def drain(self, limit_s: float) -> DriverReport:
        """Begin no other request, let those in flight finish within ``limit_s``, kill the rest, record everything."""
        self._stop.set()
        self.limit_drain(limit_s)
        while len(self._group) and time.monotonic() < self._drained_by:
            self._group.join(timeout=0.02)
        self._group.kill()
        self._client.close()
        recorded = self._recorder.finish()
        wall_s = (self._clock.now_ns() - self._plan.start_ns) / 1e9
        used, waited = self._processor.shares_until(CpuTime.read(), wall_s)
        return DriverReport(recorded, used, self._dropped, waited, self._broken_off, self._most_users)

    def limit_drain(self, limit_s: float) -> None:
        """Bring the end of a drain forward to ``limit_s`` from now, if that is sooner."""
        self._drained_by = min(self._drained_by, time.monotonic() + limit_s)

    def _loop(self, leaving: Event) -> None:
        self._users += 1
        self._most_users = max(self._most_users, self._users)
        try:
            self._visit_until(leaving)
        finally:
            self._users -= 1

    def _visit_until(self, leaving: Event) -> None:
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
        """Whether to stop, after other greenlets had their turn: a late pump must not delay reading answers."""
        gevent.sleep(0)
        return bool(self._stop.is_set())

    def _visit(self, visit: Visit, planned_ns: int | None) -> bool:
        """Make the visit; whether its last attempt reached no server. A visit that breaks off does not end its user."""
        try:
            return self._make_visit(visit, planned_ns)
        except Exception:
            if not self._broken_off:
                logger.exception("driving the load: a visit broke off; later ones are counted only")
            self._broken_off += 1
            return False

    def _make_visit(self, visit: Visit, planned_ns: int | None) -> bool:
        """Request a prediction and send feedback as the visit says; whether the last attempt reached no server."""
        load = self._load
        reward = None if load.reward == "none" else 0.0
        refused = False
        if visit.predict:
            prediction, refused = self._attempt(
                Kind.PREDICT, visit.rows, self._requests.predict(visit.rows), planned_ns
            )
            planned_ns = None
            if prediction is not None and reward is not None:
                reward = self._reward(visit, prediction)
        if visit.feedback and not refused:
            if visit.predict and load.feedback_delay_s:
                self._stop.wait(load.feedback_delay_s)
            if not self._stop.is_set():
                request = self._requests.feedback(visit.rows, reward)
                _, refused = self._attempt(Kind.FEEDBACK, visit.rows, request, planned_ns)
        return refused

    def _reward(self, visit: Visit, prediction: Prediction) -> float:
        right: int = sum(map(eq, prediction.predicted, map(self._truth.__getitem__, visit.rows)))
        return right / len(visit.rows)


def _heldout_of(plan: WorkerPlan) -> Heldout:
    heldout = load_heldout(Path(plan.heldout), plan.features, plan.classes, plan.types)
    if heldout.sha256 != plan.heldout_sha256:
        raise DatasetError(
            f"held-out rows: expected the file of SHA-256 {plan.heldout_sha256}, got {heldout.sha256} "
            f"({plan.heldout}). Give every worker the same file."
        )
    return heldout
