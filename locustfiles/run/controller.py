"""The process that controls a test: the local runner's, or the master's. It makes the run folder and has it judged."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, Runner

from analysis.access.access import ACCESS_ENV, CA_FILE_ENV
from analysis.record.runfolder import Stop
from locustfiles.drive.driver import Driver
from locustfiles.load.options import named_files
from locustfiles.load.schedule import ends_after, peak_per_s
from locustfiles.run.exit_code import exit_code
from locustfiles.run.generators import INTERRUPTED_DRAIN_S, Generators
from locustfiles.run.judged_run import JudgedRun, JudgeOutput, RunRequest, make_run
from locustfiles.run.load_shape import run_shape
from locustfiles.run.local import LocalGenerator
from locustfiles.run.master import WorkerGenerators
from locustfiles.run.progress import PROGRESS_ENV, Progress
from locustfiles.run.setup import SetupError, check_host, check_logins, read_setup
from model.artifact_name import ARTIFACTS_ENV
from model.command_line import BAD_INPUT
from model.printable import printable

logger = logging.getLogger("plumbline")

INTERRUPTED_S: Final = 2.4
"""Time from a Ctrl-C to our end, including the judging. The launcher waits for 3.5 s."""


class RunController:
    """Controls one test after another; each has its run folder."""

    def __init__(self, environment: Environment, runner: Runner, default_manifest: Path) -> None:
        self._environment = environment
        self._runner = runner
        self._default_manifest = default_manifest
        self._generators: Generators = (
            WorkerGenerators(runner) if isinstance(runner, MasterRunner) else LocalGenerator(environment, runner)
        )
        self._prepared: JudgedRun | None = None
        self._run: JudgedRun | None = None
        self._judging: gevent.Greenlet | None = None
        self._output: JudgeOutput | None = None
        self._progress: Progress | None = None
        self._first = True
        self._hurry_until = 0.0
        self.interrupted = False
        events: Any = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stop.add_listener(self._on_test_stop)
        # registered in `init`, so it comes before Locust's own listener, which makes the master quit
        events.quitting.add_listener(self._on_quitting)
        events.quit.add_listener(self._on_quit)

    @property
    def automatic(self) -> bool:
        """Whether the test starts by itself, so that Locust's clock of the run time must not run yet."""
        options: Any = self._environment.parsed_options
        return bool(options.headless or options.autostart)

    @property
    def driver(self) -> Driver | None:
        """The driver on which Locust's users of this process run."""
        return self._generators.driver

    @property
    def run(self) -> JudgedRun | None:
        """The present run, or the last one."""
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
        check_logins(host, options.prometheus_url)
        for variable, path in ((ACCESS_ENV, setup.load.access), (CA_FILE_ENV, setup.load.ca_file)):
            os.environ[variable] = str(Path(path).resolve()) if path else ""  # for the judge, which asks Prometheus
        os.environ[ARTIFACTS_ENV] = str(Path(options.artifacts).resolve())  # the judge takes the same as the load
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
                judge=not options.no_judge,
                files=named_files(options),
            ),
        )
        self._report_calibration(self._prepared)
        self._first = False
        if options.headless and setup.load.open:
            options.run_time = None  # the shape ends it; Locust's clock would, a moment before the last arrival

    def _report_calibration(self, run: JudgedRun) -> None:
        """Print what the generator can send, and a warning if the load asks for more than `calibration.SHARE` of it."""
        if run.calibration is None:
            return
        options: Any = self._environment.parsed_options
        processes = int(options.processes or getattr(options, "expect_workers", None) or 1)
        cores = self._generators.cores(processes, forked=bool(options.processes))
        peak = peak_per_s(run.load)
        warning = peak and run.calibration.warning(peak, processes, cores)
        for line in filter(None, (run.calibration.line(), warning)):
            if os.environ.get(PROGRESS_ENV):
                print(f"  {line}", file=sys.stderr, flush=True)
            else:
                logger.warning(line) if line == warning else logger.info(line)

    def interrupt(self) -> None:
        """Shorten everything that takes time, because the user wants an end."""
        if not self.interrupted:
            self.interrupted = True
            self._hurry_until = time.monotonic() + INTERRUPTED_S
        self._generators.limit_drain(INTERRUPTED_DRAIN_S)
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
        self._generators.begin(run, lambda: self._start(run))

    def _start(self, run: JudgedRun) -> None:
        """Start the load, and have it end."""
        start_ns = self._generators.start()
        options: Any = self._environment.parsed_options
        if run.run.ended is not None:
            return
        if run.load.open and run.duration_s is not None and (options.headless or run.load.shape):
            run_shape(self._environment, self._runner, run.load.shape or "open loop", start_ns, run.duration_s)

    def _refuse(self, message: str) -> None:
        """Show on the page and in the log why nothing starts, and stop what Locust has begun."""
        logger.error(message)
        self._runner.log_exception("plumbline", message, "")
        gevent.spawn_later(0.1, self._runner.stop)

    def _on_test_stop(self, **_: object) -> None:
        self._environment.shape_class = None  # the next test may be a closed loop
        run = self._run
        if run is None or run.run.ended is not None:
            return
        drained = self._generators.drain(INTERRUPTED_DRAIN_S if self.interrupted else run.timeout_s)
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        recorder = drained.recorder
        stop: Stop = "interrupted" if self.interrupted else "failed" if recorder.workers_lost else "finished"
        run.end(stop, recorder, drained.tags, drained.failures)
        if recorder.dropped:
            message = f"{recorder.dropped:,} visits were due while --max-in-flight were under way, and were dropped"
            print(f"  {message}: the deployment does not keep up with this rate", file=sys.stderr, flush=True)
        if not self.automatic:
            self._judging = gevent.spawn(self._judge)

    def _judge(self) -> None:
        assert self._run is not None  # noqa: S101 - there is something to judge
        limit_s = max(self._hurry_until - time.monotonic(), 0.3) if self.interrupted else None
        self._output = self._run.judge(limit_s)
        if not self.automatic:
            print(self._output.text, end="", flush=True)

    def _on_quitting(self, **_: object) -> None:
        run = self._run
        if run is None:
            return
        if run.run.ended is None:
            self.interrupt()
            self._generators.stop()
        if self._judging is not None:
            self._judging.join()
        elif self._output is None:
            self._judge()
        if self.automatic and self._output is not None:
            options: Any = self._environment.parsed_options
            failed = bool(self._environment.stats.errors)
            code = exit_code(self._output.code, int(options.exit_code_on_error), failed=failed)
            self._environment.process_exit_code = code

    def _on_quit(self, **_: object) -> None:
        """Print the verdict last, below Locust's tables.

        From here on a Ctrl-C is ignored: Python restores the default handler while it ends, so a late Ctrl-C would kill
        the process after its verdict and replace the judge's exit code.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.automatic and self._output is not None:
            print(self._output.text, end="", flush=True)


def refuse_to_start(error: SetupError) -> None:
    """End the process with one line and exit code 2."""
    sys.stdout.flush()
    print(printable(str(error)), file=sys.stderr, flush=True)
    sys.exit(BAD_INPUT)
