"""The master's side of the drain: no worker's event is lost at a stop, or it is known that some were.

Locust's master tells its workers to quit and listens for half a second more; a worker that still has
requests under way, or its last second of events, is not heard. So before Locust quits, the master asks
each worker to drain (`_drain`), and waits for a last message that says how many batches and events
there were. ZeroMQ keeps the order of one worker's messages, so when the last message is here, all are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import gevent
import pyarrow as pa
from locust.runners import STATE_MISSING, MasterRunner

from analysis.record.ledger import LedgerError, from_bytes
from locustfiles.drive.driver import DriverReport, WorkerPlan
from locustfiles.drive.recorder import RecorderTotals

logger = logging.getLogger("plumbline")

PLAN: Final = "plumbline_plan"
READY: Final = "plumbline_ready"
START: Final = "plumbline_start"
EVENTS: Final = "plumbline_events"
DRAIN: Final = "plumbline_drain"
FINAL: Final = "plumbline_final"
GRACE_S: Final = 3.0
"""How much longer than its drain a worker's last message may take."""
READY_S: Final = 10.0
"""How long the load waits for workers that are not ready."""
START_DELAY_NS: Final = 100_000_000
"""Time for workers that are ready to hear when the first arrival is due."""


@dataclass(slots=True)
class WorkerState:
    """A worker of the present run. ``events``, ``unwritten``: rows that came and were, or could not be, written."""

    worker: int
    events: int = 0
    unwritten: int = 0
    ready: bool = False
    final: DriverReport | None = None


@dataclass(slots=True)
class WorkerGroup:
    """The workers that share the load of one run."""

    run: str
    write: Callable[[pa.RecordBatch], None]
    members: dict[str, WorkerState] = field(default_factory=dict)

    def enlist(self, runner: MasterRunner, plan: Callable[[int, int], WorkerPlan]) -> None:
        """Give each connected worker its part. Locust's own start message comes after this one."""
        clients = [client.id for client in runner.clients.ready + runner.clients.running + runner.clients.spawning]
        for worker, client in enumerate(clients):
            self.members[client] = WorkerState(worker)
            runner.send_message(PLAN, asdict(plan(worker, len(clients))), client)

    def start(self, runner: MasterRunner) -> int:
        """Tell all when to begin, once all are ready: nanoseconds since the epoch.

        Reading the rows takes a worker a while, and Locust's start message up to half a second more to reach it; an
        arrival that was due by then would be late, and one that was sent before it missing from Locust's statistics.
        """
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and any(
            not member.ready and self._is_there(runner, client) for client, member in self.members.items()
        ):
            gevent.sleep(0.01)
        start_ns = time.time_ns() + START_DELAY_NS
        for client in self.members:
            runner.send_message(START, {"run": self.run, "start_ns": start_ns}, client)
        return start_ns

    def take_ready(self, client: str, message: dict[str, Any]) -> None:
        """Note that a worker is ready, or never will be."""
        member = self.members.get(client)
        if member is not None and message["run"] == self.run:
            member.ready = True

    def take_events(self, client: str, message: dict[str, Any]) -> None:
        """Write a worker's batch."""
        member = self.members.get(client)
        if member is None or message["run"] != self.run:
            return
        try:
            batch = from_bytes(message["batch"])
            self.write(batch)
        except (OSError, LedgerError) as error:
            if not member.unwritten:
                logger.error("recording the load: expected to write %d events, got: %s.", message["events"], error)  # noqa: TRY400 - a full disk needs no traceback
            member.unwritten += message["events"]
            return
        member.events += batch.num_rows

    def take_final(self, client: str, message: dict[str, Any]) -> None:
        """Note a worker's last message."""
        member = self.members.get(client)
        if member is not None and message["run"] == self.run:
            member.final = driven_of(message["driven"])

    def drain(self, runner: MasterRunner, limit_s: float) -> None:
        """Have every worker drain, and wait until each has said its last or cannot any more."""
        for client in self._awaited(runner):
            runner.send_message(DRAIN, {"run": self.run, "limit_s": limit_s}, client)
        deadline = time.monotonic() + limit_s + GRACE_S
        while self._awaited(runner) and time.monotonic() < deadline:
            gevent.sleep(0.02)

    def _awaited(self, runner: MasterRunner) -> list[str]:
        """Workers that are there and have not said their last. Waiting for one that has gone would be for ever."""
        return [
            client for client, member in self.members.items() if member.final is None and self._is_there(runner, client)
        ]

    @staticmethod
    def _is_there(runner: MasterRunner, client: str) -> bool:
        return client in runner.clients and runner.clients[client].state != STATE_MISSING

    def reports(self) -> list[DriverReport]:
        """What the workers said at their end."""
        return [member.final for member in self.members.values() if member.final is not None]

    def lost(self) -> int:
        """How many workers never said their last."""
        return sum(member.final is None for member in self.members.values())

    def unrecorded(self) -> int:
        """Rows known to be missing from the ledger: unwritten here, unsent there, or sent and never come."""
        return sum(
            member.unwritten
            + (
                member.final.recorded.unrecorded
                + max(member.final.recorded.events - member.events - member.unwritten, 0)
                if member.final
                else 0
            )
            for member in self.members.values()
        )

    def events(self) -> int:
        """Rows written for the workers."""
        return sum(member.events for member in self.members.values())


def driven_of(values: dict[str, Any]) -> DriverReport:
    """What `dataclasses.asdict` made of a `DriverReport`, and MessagePack of that, turned back."""
    recorded = values["recorded"]
    tags = tuple(tuple((str(key), str(value)) for key, value in pairs) for pairs in recorded["tags"])
    return DriverReport(**values | {"recorded": RecorderTotals(**recorded | {"tags": tags})})


def plan_of(values: dict[str, Any]) -> WorkerPlan:
    """What `dataclasses.asdict` made of a `WorkerPlan`, and MessagePack of that, turned back."""
    from locustfiles.load.options import LoadOptions  # noqa: PLC0415

    load = LoadOptions(**values["load"])
    return WorkerPlan(
        **values | {"load": load, "features": tuple(values["features"]), "classes": tuple(values["classes"])}
    )
