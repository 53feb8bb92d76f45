"""``python -m bench.clients.load_ours URL ...``: our driver under Locust's own runner; prints JSON.

Everything is that of a real run: Locust's environment, runner and statistics with their history, the driver's
users or its open loop, the recorder, and the ledger's file. Only the run folder and the judge are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import User, task
from locust.env import Environment
from locust.stats import stats_history

from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import WorkerPlan
from locustfiles.drive.recorder import LedgerFile, Recorder
from locustfiles.load.options import load_of
from locustfiles.run.start import start_driver
from model.artifact import load_card
from model.dataset import load_heldout

ARTIFACT: Final = "binary-percept.joblib"
SPACE: Final = "bench"
"""Namespace and deployment in the path of each request."""
DRAIN_S: Final = 10.0


def plan_of(arguments: argparse.Namespace) -> WorkerPlan:
    """The plan of the driver: predictions only, from now on."""
    card = load_card(arguments.artifacts / ARTIFACT)
    heldout = arguments.artifacts / "heldout.parquet"
    options = argparse.Namespace(feedback_ratio=0.0, rate=arguments.rate, timeout=DRAIN_S)
    return WorkerPlan(
        run=SPACE,
        worker=0,
        workers=1,
        start_ns=time.time_ns() + 500_000_000,  # as `locustfiles.run.local.START_DELAY_NS`: time to read the rows first
        host=arguments.url,
        namespace=SPACE,
        deployment=SPACE,
        heldout=str(heldout),
        heldout_sha256=load_heldout(heldout, card.features, card.classes).sha256,
        features=card.features,
        classes=card.classes,
        load=load_of(options),
    )


def user_of(drivers: list[Driver]) -> type[User]:
    """A user that does what `locustfiles.run.hooks.SeldonUser` does, for the driver in ``drivers``."""

    class Visitor(User):
        @task
        def drive(self) -> None:
            if not drivers[0].open:
                drivers[0].user(Event())
            while True:
                gevent.sleep(3600)

    return Visitor


def load(arguments: argparse.Namespace) -> dict[str, Any]:
    """Locust's own counts, and the CPU seconds that were used before the load began."""
    drivers: list[Driver] = []
    environment = Environment(user_classes=[user_of(drivers)], host=arguments.url)
    runner = environment.create_local_runner()
    ledger_file = LedgerFile(arguments.ledger)
    plan = plan_of(arguments)
    before_s = time.process_time()
    drivers.append(start_driver(plan, Recorder(0, ledger_file.append), environment))
    history = gevent.spawn(stats_history, runner)
    runner.start(arguments.connections, spawn_rate=arguments.connections)
    gevent.sleep(arguments.seconds + max(plan.start_ns - time.time_ns(), 0) / 1e9 * drivers[0].open)
    driven = drivers[0].drain(DRAIN_S)
    ledger_file.close()
    total = environment.stats.total
    history.kill()
    runner.quit()
    return {
        "counted": total.num_requests,
        "failed": total.num_failures + driven.recorded.unrecorded + driven.dropped,
        "recorded": driven.recorded.events,
        "waited_share": driven.waited_share,
        "before_s": before_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--artifacts", type=Path, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    print(json.dumps(load(parser.parse_args())))


if __name__ == "__main__":
    main()
