"""The load from Locust's workers, as the master sees it: no event is lost at a stop, or it is known that some were.

Locust's master tells its workers to quit and listens for half a second more. A worker that still has requests in
flight, or its last second of events, is not heard. So before Locust quits, the master asks each worker to drain
(`messages.DRAIN`), and waits for a last message that says how many batches and events there were. ZeroMQ keeps the
order of one worker's messages, so when the last message has arrived, all have.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import gevent
import pyarrow as pa
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from analysis.record.ledger import LedgerError, from_bytes
from locustfiles.calibration.calibration import cores
from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import DriverReport, WorkerPlan
from locustfiles.run.generators import Drained
from locustfiles.run.judged_run import JudgedRun
from locustfiles.run.messages import DRAIN, EVENTS, FINAL, PLAN, READY, START, TIME
from locustfiles.run.worker_clock import UNKNOWN, ClockReading, WorkerClock

logger = logging.getLogger("plumbline")

GRACE_S: Final = 3.0
"""How much longer than its drain a worker's last message may take."""
READY_S: Final = 10.0
"""How long the load waits for workers that are not ready."""
CLOCK_READINGS: Final = 5
CLOCK_S: Final = 0.5
"""How long one reading of the workers' clocks may take."""
START_DELAY_NS: Final = 100_000_000
"""Time for workers that are ready to hear when the first arrival is due."""


@dataclass(slots=True)
class WorkerState:
    """A worker of the present run. ``events``, ``unwritten``: rows that arrived and were, or could not be, written."""

    worker: int
    events: int = 0
    unwritten: int = 0
    ready: bool = False
    final: DriverReport | None = None
    readings: list[ClockReading] = field(default_factory=list)
    clock: WorkerClock = UNKNOWN


@dataclass(slots=True)
class WorkerGroup:
    """The workers that share the load of one run. ``workers``: their states, by Locust's client id."""

    run: str
    write: Callable[[pa.RecordBatch], None]
    workers: dict[str, WorkerState] = field(default_factory=dict)

    def enlist(self, runner: MasterRunner, plan: Callable[[int, int], WorkerPlan]) -> None:
        """Give each connected worker its part. Locust's own start message comes after this one."""
        clients = [client.id for client in runner.clients.ready + runner.clients.running + runner.clients.spawning]
        for worker, client in enumerate(clients):
            self.workers[client] = WorkerState(worker)
            runner.send_message(PLAN, asdict(plan(worker, len(clients))), client)

    def start(self, runner: MasterRunner) -> int:
        """Tell all workers when to begin, once all are ready: nanoseconds since the epoch.

        Reading the rows takes a worker a while, and Locust's start message takes up to half a second more to reach it.
        An arrival that was due by then would be late, and one that was sent before it would be missing from Locust's
        statistics.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and any(
            not state.ready and self._is_there(runner, client) for client, state in self.workers.items()
        ):
            gevent.sleep(0.01)
        self._read_clocks(runner)
        start_ns = time.time_ns() + START_DELAY_NS
        for client, state in self.workers.items():
            runner.send_message(START, {"run": self.run, "start_ns": start_ns + state.clock.offset_ns}, client)
        return start_ns

    def _read_clocks(self, runner: MasterRunner) -> None:
        """Ask each worker for its clock, a few times; one that does not answer is of an unknown one."""
        for number in range(CLOCK_READINGS):
            for client in self.workers:
                runner.send_message(TIME, {"run": self.run, "asked_ns": time.time_ns()}, client)
            deadline = time.monotonic() + CLOCK_S
            while time.monotonic() < deadline and any(
                len(state.readings) <= number and self._is_there(runner, client)
                for client, state in self.workers.items()
            ):
                gevent.sleep(0.001)
        for state in self.workers.values():
            state.clock = WorkerClock.of(state.readings) if state.readings else UNKNOWN
            if state.clock.offset_ns:
                text = "the clock of worker %d is %+.3f s off ours; the times of its events are corrected"
                logger.warning(text, state.worker, state.clock.offset_ns / 1e9)

    def take_time(self, client: str, message: dict[str, Any]) -> None:
        """Note what a worker's clock shows."""
        state = self.workers.get(client)
        if state is not None and message["run"] == self.run:
            state.readings.append(ClockReading(message["asked_ns"], message["worker_ns"], time.time_ns()))

    def take_ready(self, client: str, message: dict[str, Any]) -> None:
        """Note that a worker is ready, or never will be."""
        state = self.workers.get(client)
        if state is not None and message["run"] == self.run:
            state.ready = True

    def take_events(self, client: str, message: dict[str, Any]) -> None:
        """Write a worker's batch."""
        state = self.workers.get(client)
        if state is None or message["run"] != self.run:
            return
        try:
            batch = state.clock.corrected(from_bytes(message["batch"]))
            self.write(batch)
        except (OSError, LedgerError) as error:
            if not state.unwritten:
                logger.error("recording the load: expected to write %d events, got: %s.", message["events"], error)  # noqa: TRY400 - a full disk needs no traceback
            state.unwritten += message["events"]
            return
        state.events += batch.num_rows

    def take_final(self, client: str, message: dict[str, Any]) -> None:
        """Note a worker's last message."""
        state = self.workers.get(client)
        if state is not None and message["run"] == self.run:
            state.final = DriverReport.from_dict(message["report"])

    def drain(self, runner: MasterRunner, limit_s: float) -> None:
        """Have every worker drain, and wait until each has sent its last message or cannot any more."""
        for client in self._awaited(runner):
            runner.send_message(DRAIN, {"run": self.run, "limit_s": limit_s}, client)
        deadline = time.monotonic() + limit_s + GRACE_S
        while self._awaited(runner) and time.monotonic() < deadline:
            gevent.sleep(0.02)

    def _awaited(self, runner: MasterRunner) -> list[str]:
        """Workers that are there and have not sent their last message. A worker that has gone will never send it."""
        return [
            client for client, state in self.workers.items() if state.final is None and self._is_there(runner, client)
        ]

    @staticmethod
    def _is_there(runner: MasterRunner, client: str) -> bool:
        return client in runner.clients and runner.clients[client].state != STATE_MISSING

    def drained(self) -> Drained:
        """What the workers reported at their end, and what is known to be missing."""
        states = self.workers.values()
        clocks = [state.clock for state in states]
        drained = Drained.of(
            [state.final for state in states if state.final is not None],
            workers=len(states),
            lost=sum(state.final is None for state in states),
            events=sum(state.events for state in states),
            unrecorded=sum(map(_unrecorded, states)),
        )
        offset_ns = max((clock.offset_ns for clock in clocks), key=abs, default=0)
        uncertainty_ns = max((clock.uncertainty_ns for clock in clocks), default=0)
        recorder = replace(drained.recorder, clock_offset_s=offset_ns / 1e9, clock_uncertainty_s=uncertainty_ns / 1e9)
        return replace(drained, recorder=recorder)


def _unrecorded(state: WorkerState) -> int:
    """Rows of a worker that are known to be missing: unwritten here, unsent there, or sent and never arrived."""
    if state.final is None:
        return state.unwritten
    recorded = state.final.recorded
    return state.unwritten + recorded.unrecorded + max(recorded.events - state.events - state.unwritten, 0)


class WorkerGenerators:
    """The workers of a master; see `generators.Generators`."""

    driver: Driver | None = None

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._group: WorkerGroup | None = None
        runner.register_message(EVENTS, self._on_events)
        runner.register_message(FINAL, self._on_final)
        runner.register_message(READY, self._on_ready)
        runner.register_message(TIME, self._on_time)

    def cores(self, processes: int, *, forked: bool) -> int:
        """Processors of this machine if the workers are on it; else one for each, on machines that we do not know."""
        return cores() if forked else processes

    def begin(self, run: JudgedRun, start_load: Callable[[], None]) -> None:
        """Give each worker its part. The workers are ready only when Locust has gone on from here."""
        self._group = WorkerGroup(run.run.id, run.write)
        self._group.enlist(self._runner, run.plan)
        gevent.spawn(start_load)

    def start(self) -> int:
        """Tell the workers when to begin, once they are ready."""
        assert self._group is not None  # noqa: S101 - begun before it is started
        return self._group.start(self._runner)

    def limit_drain(self, limit_s: float) -> None:
        """Nothing: the workers have their limit, and the master waits for them no longer than that."""

    def drain(self, limit_s: float) -> Drained:
        """Drain every worker."""
        assert self._group is not None  # noqa: S101 - begun when the test started
        self._group.drain(self._runner, limit_s)
        return self._group.drained()

    def stop(self) -> None:
        """Stop the runner; the workers are drained already, or drained by a message of ours."""
        self._runner.stop(send_stop_to_client=False)

    def _on_events(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._group is not None:
            self._group.take_events(msg.node_id, msg.data)

    def _on_time(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._group is not None:
            self._group.take_time(msg.node_id, msg.data)

    def _on_ready(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._group is not None:
            self._group.take_ready(msg.node_id, msg.data)

    def _on_final(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._group is not None:
            self._group.take_final(msg.node_id, msg.data)
