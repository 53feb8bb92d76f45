"""Makes a driver, and starts it."""

from __future__ import annotations

import gc

from locust.env import Environment

from locustfiles.drive.driver import Driver
from locustfiles.drive.plan import WorkerPlan
from locustfiles.drive.recorder import Recorder
from locustfiles.load.arrivals import Until
from locustfiles.load.schedule import arrivals_of


def make_driver(plan: WorkerPlan, recorder: Recorder, environment: Environment) -> Driver:
    """A driver that is ready to start.

    What was imported and read until now stays for good. Without the freeze, each full garbage collection visits all of
    it, and during that time no request leaves.
    """
    driver = Driver(plan, recorder, environment.events.request.fire)
    gc.collect()
    gc.freeze()
    return driver


def start_driver(plan: WorkerPlan, recorder: Recorder, environment: Environment) -> Driver:
    """A driver whose load begins when ``plan`` says."""
    driver = make_driver(plan, recorder, environment)
    begin(driver, plan, plan.start_ns)
    return driver


def begin(driver: Driver, plan: WorkerPlan, start_ns: int) -> None:
    """Let the load begin at ``start_ns``. Locust starts the users of a closed loop; an open loop has arrivals."""
    driver.start_at(start_ns)
    schedule = arrivals_of(plan.load)
    if schedule is not None:
        driver.open_loop(schedule if plan.duration_s is None else Until(schedule, plan.duration_s))
