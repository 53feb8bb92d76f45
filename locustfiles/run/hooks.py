"""What `single.py` and `shadow.py` share: the options, the user, and the listeners to Locust's events."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import Runner, WorkerRunner

from locustfiles.load.options import OWN_STACK_ENV, OptionsError, add_options
from locustfiles.run import controller
from locustfiles.run.controller import RunController, refuse_to_start
from locustfiles.run.progress import PROGRESS_ENV
from locustfiles.run.setup import SetupError, check_logins
from locustfiles.run.web_page import guard
from locustfiles.run.worker import WorkerController
from model.command_line import BAD_INPUT

INTERRUPTED: Final = 128 + signal.SIGINT
"""Exit code of a test that a Ctrl-C ended before its load, as a shell gives it."""
_SIDES: Final[dict[Environment, RunController | WorkerController]] = {}
_REGISTERED: Final[list[Path]] = []


class SeldonUser(User):
    """A user that visits rows: it requests a prediction, then sends the truth.

    In an open loop (``--rate``) the arrivals come from the driver and the users only keep Locust running.
    """

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._leaving = Event()

    @task
    def drive(self) -> None:
        """Visit rows until the test stops; then wait for Locust to take the user away."""
        driver = _SIDES[self.environment].driver
        if driver is not None and not driver.open:
            driver.user(self._leaving)
        while True:
            gevent.sleep(3600)

    def on_stop(self) -> None:
        """Begin no other visit. The present one goes on without this user; the driver waits for its end."""
        self._leaving.set()


def register(default_manifest: Path) -> None:
    """Attach everything to Locust's events; called once, by the locustfile."""
    if _REGISTERED:
        print(
            "reading the locustfiles: expected one, single.py or shadow.py, got both. Give one with -f.",
            file=sys.stderr,
        )
        raise SystemExit(BAD_INPUT)
    _REGISTERED.append(default_manifest)

    def on_init(environment: Environment, runner: Runner, **_: Any) -> None:
        if isinstance(runner, WorkerRunner):
            _SIDES[environment] = WorkerController(environment, runner)
            _on_interrupt(None)
        else:
            guard(environment)
            _own(environment, runner, default_manifest)
        # without this a short run time is shortened by the time of the imports (gevent's timers count from the
        # loop's last look at the clock)
        gevent.get_hub().loop.update_now()

    hooks: Any = events
    hooks.init_command_line_parser.add_listener(_teach)
    hooks.init.add_listener(on_init)


def _teach(parser: LocustArgumentParser, **_: Any) -> None:
    add_options(parser)
    parser.set_defaults(web_host="127.0.0.1")  # Locust would listen on every interface, without a login
    if os.environ.get(PROGRESS_ENV):
        # The front door says everything. A locust.conf of the user's is for the user's own load tests.
        parser._default_config_files = []  # noqa: SLF001  (as Locust does itself)


def _own(environment: Environment, runner: Runner, default_manifest: Path) -> None:
    host = os.environ.get("HOST", "")
    if "://" in host and (not environment.host or os.environ.get(OWN_STACK_ENV)):
        environment.host = host  # whatever a configuration file of Locust says, our stack is driven
    options: Any = environment.parsed_options
    try:
        check_logins(environment.host or "", options.prometheus_url or "")  # before a page shows them
    except SetupError as error:
        refuse_to_start(error)
    side = RunController(environment, runner, default_manifest)
    _SIDES[environment] = side
    _on_interrupt(side)
    if os.environ.get(PROGRESS_ENV):
        _quiet_tables()
    if side.automatic:
        try:
            side.prepare()
        except (SetupError, OptionsError) as error:
            refuse_to_start(error if isinstance(error, SetupError) else SetupError(str(error)))
        except KeyboardInterrupt:
            print("interrupted before the load began: nothing was sent", file=sys.stderr, flush=True)
            sys.exit(INTERRUPTED)


def _quiet_tables() -> None:
    """Send Locust's tables to its log; the front door shows a progress line and the verdict in their place."""
    tables = logging.getLogger("locust.stats_logger")
    tables.handlers = list(logging.getLogger().handlers)


def _on_interrupt(side: controller.RunController | None) -> None:
    """Let the first Ctrl-C end Locust's main greenlet, wherever it waits, and later ones only shorten the drain.

    Python would raise KeyboardInterrupt in whichever greenlet happens to run, perhaps one that is sending a
    request, and a second one (a launcher may pass on what the terminal has sent already) in the drain.
    """
    main = gevent.get_hub().parent
    seen: list[int] = []

    def on_signal() -> None:
        if side is not None:
            side.interrupt()
        if not seen:
            seen.append(1)
            gevent.get_hub().loop.run_callback(main.throw, KeyboardInterrupt())

    gevent.signal_handler(signal.SIGINT, on_signal)
