"""The side that owns the run: the local runner, or the master. It makes the run folder and has it judged."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, Runner

from analysis.record import runfolder
from analysis.record.runfolder import Stop
from locustfiles.calibration.calibration import cores
from locustfiles.drive.driver import Driver, DriverReport
from locustfiles.drive.recorder import Recorder
from locustfiles.load.schedule import ends_after, peak_per_s
from locustfiles.run.judged_run import JudgedRun, JudgeOutput, RunRequest, make_run
from locustfiles.run.load_shape import run_shape
from locustfiles.run.master import EVENTS, FINAL, READY, WorkerGroup
from locustfiles.run.progress import PROGRESS_ENV, Progress
from locustfiles.run.setup import SetupError, check_host, read_setup
from locustfiles.run.start import begin, make_driver
from locustfiles.run.worker import INTERRUPTED_DRAIN_S
from model.command_line import BAD_INPUT

logger = logging.getLogger("plumbline")

INTERRUPTED_S: Final = 2.4
"""From a Ctrl-C to our end, judging included; the launcher's patience ends at 3.5 s."""
ALONE_DELAY_NS: Final = 100_000_000
"""Time for Locust to create its users before the first arrival is due, where there are no workers to tell."""


class RunController:
    """One test after another; each has its run folder."""

    def __init__(self, environment: Environment, runner: Runner, default_manifest: Path) -> None:
        self._environment = environment
        self._runner = runner
        self._default_manifest = default_manifest
        self._prepared: JudgedRun | None = None
        self._run: JudgedRun | None = None
        self._crew: WorkerGroup | None = None
        self._judging: gevent.Greenlet | None = None
        self._verdict: JudgeOutput | None = None
        self._progress: Progress | None = None
        self._first = True
        self._hurry_until = 0.0
        self.interrupted = False
        self.driver: Driver | None = None
        events: Any = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stop.add_listener(self._on_test_stop)
        # registered in `init`, so it comes before Locust's own listener, which makes the master quit
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)
        if isinstance(runner, MasterRunner):
            runner.register_message(EVENTS, self._on_events)
            runner.register_message(FINAL, self._on_final)
            runner.register_message(READY, self._on_ready)

    @property
    def automatic(self) -> bool:
        """Whether the test starts by itself, so that Locust's clock of the run time must not run yet."""
        options: Any = self._environment.parsed_options
        return bool(options.headless or options.autostart)

    @property
    def run(self) -> JudgedRun | None:
        """The run under way, or the last one."""
        return self._run

    def prepare(self) -> None:
        """Read and check everything, make the run folder, take the baseline. Raises `SetupError`."""
        options: Any = self._environment.parsed_options
        setup = read_setup(options, self._default_manifest)
        host = self._environment.host or ""
        if not host:
            raise SetupError("reading the host: expected --host (or HOST), as http://127.0.0.1:8003, got none.")
        if not options.prometheus_url:
            raise SetupError("reading --prometheus-url: expected a URL, as http://127.0.0.1:9090, got none.")
        check_host(host, setup.deployment, setup.load)
        self._prepared = make_run(
            setup,
            RunRequest(
                host=host.rstrip("/"),
                prometheus_url=options.prometheus_url,
                folder=options.run if self._first else "",
                users=int(options.num_users or 1),
                spawn_rate_per_s=float(options.spawn_rate or 1),
                duration_s=ends_after(setup.load, float(options.run_time) if options.run_time else None),
                processes=int(options.processes or 1),
                calibrate=not options.no_calibration and setup.load.transport == "rest",  # its server speaks HTTP/1.1
            ),
        )
        self._tell_of_calibration(self._prepared)
        self._first = False
        if options.headless and setup.load.open:
            options.run_time = None  # the carrier ends it; Locust's clock would, a moment before the last arrival

    def _tell_of_calibration(self, run: JudgedRun) -> None:
        """Say what the generator can do, and whether that is enough for what is asked of it."""
        if run.calibration is None:
            return
        options: Any = self._environment.parsed_options
        processes = int(options.processes or getattr(options, "expect_workers", None) or 1)
        several = isinstance(self._runner, MasterRunner) and not options.processes  # on machines that we do not know
        peak = peak_per_s(run.load)
        warning = peak and run.calibration.warning(peak, processes, processes if several else cores())
        for line in filter(None, (run.calibration.line(), warning)):
            if os.environ.get(PROGRESS_ENV):
                print(f"  {line}", file=sys.stderr, flush=True)
            else:
                logger.warning(line) if line == warning else logger.info(line)

    def interrupt(self) -> None:
        """Somebody wants an end: hurry what can be hurried."""
        if not self.interrupted:
            self.interrupted = True
            self._hurry_until = time.monotonic() + INTERRUPTED_S
        if self.driver is not None:
            self.driver.hurry(INTERRUPTED_DRAIN_S)
        if self._run is not None and self._run.run.stop == "finished":
            self._run.abandon()

    def _on_test_start(self, **_: object) -> None:
        if self._prepared is None:
            try:
                self.prepare()
            except SetupError as error:
                self._refuse(str(error))
                return
        run, self._prepared = self._prepared, None
        assert run is not None  # noqa: S101 - prepare() either made it or raised
        run.begin()
        self._run = run
        if os.environ.get(PROGRESS_ENV):
            self._progress = Progress(run.counts, run.duration_s)
        if isinstance(self._runner, MasterRunner):
            self._crew = WorkerGroup(run.run.id, run.write)
            self._crew.enlist(self._runner, run.plan)
            gevent.spawn(self._set_off, run)  # the workers are ready only when Locust has gone on from here
        else:
            self._set_off(run)

    def _set_off(self, run: JudgedRun) -> None:
        """Start the load, and see to its end."""
        start_ns = self._start(run)
        options: Any = self._environment.parsed_options
        if run.run.ended is not None:
            return
        if run.load.open and run.duration_s is not None and (options.headless or run.load.shape):
            run_shape(self._environment, self._runner, run.load.shape or "open loop", start_ns, run.duration_s)

    def _start(self, run: JudgedRun) -> int:
        """Start the load; when it begins, in nanoseconds since the epoch."""
        if self._crew is not None and isinstance(self._runner, MasterRunner):
            return self._crew.start(self._runner)
        plan = run.plan(0, 1)
        self.driver = make_driver(plan, Recorder(0, run.write), self._environment)
        start_ns = time.time_ns() + ALONE_DELAY_NS
        begin(self.driver, plan, start_ns)
        return start_ns

    def _refuse(self, message: str) -> None:
        """Show the page and the log why nothing starts, and stop what Locust has begun."""
        logger.error(message)
        self._runner.log_exception("plumbline", message, "")
        gevent.spawn_later(0.1, self._runner.stop)

    def _on_events(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._crew is not None:
            self._crew.take_events(msg.node_id, msg.data)

    def _on_ready(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._crew is not None:
            self._crew.take_ready(msg.node_id, msg.data)

    def _on_final(self, environment: Environment, msg: Any, **_: object) -> None:
        if self._crew is not None:
            self._crew.take_final(msg.node_id, msg.data)

    def _on_test_stop(self, **_: object) -> None:
        self._environment.shape_class = None  # the next test may be a closed loop
        run = self._run
        if run is None or run.run.ended is not None:
            return
        limit_s = INTERRUPTED_DRAIN_S if self.interrupted else run.timeout_s
        reports, recorder = self._drained(limit_s)
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        stop: Stop = "interrupted" if self.interrupted else "failed" if recorder.workers_lost else "finished"
        tags = sorted({tag for report in reports for tag in report.recorded.tags})
        run.end(stop, recorder, tags)
        if recorder.dropped:
            message = f"{recorder.dropped:,} visits were due while --max-in-flight were under way, and were dropped"
            print(f"  {message}: the deployment does not keep up with this rate", file=sys.stderr, flush=True)
        if not self.automatic:
            self._judging = gevent.spawn(self._judge)

    def _drained(self, limit_s: float) -> tuple[list[DriverReport], runfolder.RecorderReport]:
        if self._crew is not None and isinstance(self._runner, MasterRunner):
            crew = self._crew
            crew.drain(self._runner, limit_s)
            reports = crew.reports()
            workers, lost, events, unrecorded = len(crew.members), crew.lost(), crew.events(), crew.unrecorded()
        else:
            assert self.driver is not None  # noqa: S101 - made when the test started
            reports = [self.driver.drain(limit_s)]
            self.driver = None
            recorded = reports[0].recorded
            workers, lost, events, unrecorded = 1, 0, recorded.events, recorded.unrecorded
        cpu_share = max((report.cpu_share for report in reports), default=0.0)
        waited = [report.waited_share for report in reports if report.waited_share is not None]
        waited_share = round(max(waited), 4) if waited else None
        dropped = sum(report.dropped for report in reports)
        summary = runfolder.RecorderReport(
            events, unrecorded, workers, lost, round(cpu_share, 4), dropped, waited_share
        )
        return reports, summary

    def _judge(self) -> None:
        assert self._run is not None  # noqa: S101 - there is something to judge
        limit_s = max(self._hurry_until - time.monotonic(), 0.3) if self.interrupted else None
        self._verdict = self._run.judge(limit_s)
        if not self.automatic:
            print(self._verdict.text, end="", flush=True)

    def _on_quitting(self, **_: object) -> None:
        run = self._run
        if run is None:
            return
        if run.run.ended is None:
            self.interrupt()
            if isinstance(self._runner, MasterRunner):
                self._runner.stop(send_stop_to_client=False)
            else:
                self._runner.stop()
        if self._judging is not None:
            self._judging.join()
        elif self._verdict is None:
            self._judge()
        if self.automatic and self._verdict is not None:
            self._environment.process_exit_code = self._verdict.code

    def _on_quit(self, **_: object) -> None:
        """Print the verdict last, below Locust's tables."""
        if self.automatic and self._verdict is not None:
            print(self._verdict.text, end="", flush=True)


def refuse_to_start(error: SetupError) -> None:
    """End the process with one line and exit code 2."""
    sys.stdout.flush()
    print(str(error), file=sys.stderr, flush=True)
    if os.environ.get("PLUMBLINE_TRACEBACK"):
        raise error
    sys.exit(BAD_INPUT)
