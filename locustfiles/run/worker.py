"""A Locust worker: it drives its part of the load and sends its events to the master."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

import gevent
import pyarrow as pa
from gevent.event import Event
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_CLEANUP, WorkerRunner

from analysis.access.access import AccessError
from analysis.record.ledger import to_bytes
from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import WorkerPlan
from locustfiles.drive.recorder import Recorder
from locustfiles.http1.target import TargetError
from locustfiles.load.schedule import ScheduleError
from locustfiles.run.generators import INTERRUPTED_DRAIN_S
from locustfiles.run.messages import DRAIN, EVENTS, FINAL, PLAN, READY, START, TIME
from locustfiles.run.start import begin, make_driver
from model.dataset import DatasetError

logger = logging.getLogger("plumbline")


class WorkerController:
    """Listens to the master's plan, to Locust's start and stop, and to the end of the process."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._plan: WorkerPlan | None = None
        options: Any = environment.parsed_options  # as on this machine; Locust overwrites them with the master's
        self._own_files: dict[str, Any] = {
            name: path for name in ("access", "ca_file") if (path := getattr(options, name, ""))
        }
        self._begun = ""
        self._limit_s = 0.0
        self._stopping = False
        self._stopped = Event()
        self.driver: Driver | None = None
        runner.register_message(PLAN, self._on_plan)
        runner.register_message(TIME, self._on_time)
        runner.register_message(START, self._on_start)
        runner.register_message(DRAIN, self._on_drain, concurrent=True)
        events: Any = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stop.add_listener(self._on_test_stop)
        # registered in `init`, so it comes before Locust's own listener, which tells the master that this worker quits
        events.quitting.add_listener(self._on_quitting)

    def _on_plan(self, environment: Environment, msg: Any, **_: object) -> None:
        """Read the rows and make the requests before the load begins."""
        plan = WorkerPlan.from_dict(msg.data)
        self._plan = plan = replace(plan, load=replace(plan.load, **self._own_files))
        self._stopping = False
        self._stopped.clear()
        self._limit_s = plan.load.timeout_s
        try:
            self.driver = make_driver(plan, Recorder(plan.worker, self._sink(plan.run)), self._environment)
        except (AccessError, DatasetError, ScheduleError, TargetError) as error:
            logger.error("this worker cannot take part: %s", error)  # noqa: TRY400 - the line says all

    def _on_time(self, environment: Environment, msg: Any, **_: object) -> None:
        if self.driver is not None:
            self._runner.send_message(TIME, {**msg.data, "worker_ns": self.driver.now_ns()})

    def _on_start(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._plan is not None and self.driver is not None and msg.data["run"] == self._plan.run:
            begin(self.driver, self._plan, msg.data["start_ns"])

    def _on_test_start(self, **_: object) -> None:
        """Tell the master that we are ready: Locust has created our users and cleared its statistics."""
        plan = self._plan
        if plan is None or plan.run == self._begun:
            logger.warning("this worker connected after the load had been divided; it takes part from the next test on")
            return
        self._begun = plan.run
        self._runner.send_message(READY, {"run": plan.run})

    def _sink(self, run: str) -> Any:
        def send(batch: pa.RecordBatch) -> None:
            message = {"run": run, "events": batch.num_rows, "batch": to_bytes(batch)}
            try:
                self._runner.send_message(EVENTS, message)
            except RPCError as error:
                raise OSError(str(error)) from error

        return send

    def _on_drain(self, environment: Environment, msg: Any, **_: object) -> None:
        self._limit_s = msg.data["limit_s"]
        self._stop()

    def _stop(self) -> None:
        """Stop Locust's users and ours, once. A second call waits for the first."""
        if self.driver is not None:
            self.driver.limit_drain(self._limit_s)
        if self._stopping or self._runner.state == STATE_CLEANUP:
            self._stopped.wait(timeout=self._limit_s + 1)
            return
        self._stopping = True
        self._runner.stop()
        self._stopped.set()

    def _on_test_stop(self, **_: object) -> None:
        """Drain, and send the last message.

        Locust's own statistics go first: Locust itself would send them too late or not at all.
        """
        driver = self.driver
        if driver is None:
            return
        driver_report = driver.drain(self._limit_s)
        self.driver = None
        report: dict[str, Any] = {}
        events: Any = self._environment.events
        events.report_to_master.fire(client_id=self._runner.client_id, data=report)
        self._runner.send_message("stats", report)
        self._runner.send_message(FINAL, {"run": driver.run, "report": asdict(driver_report)})
        self._stopped.set()

    def _on_quitting(self, **_: object) -> None:
        if self.driver is not None:
            self._limit_s = INTERRUPTED_DRAIN_S
            self._stop()
            gevent.sleep(0)
