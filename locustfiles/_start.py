"""Making a driver go."""

from __future__ import annotations

from locust.env import Environment

from locustfiles._drive import Driver, Plan
from locustfiles._recorder import Recorder
from locustfiles._schedule import arrivals_of


def start_driver(plan: Plan, recorder: Recorder, environment: Environment) -> Driver:
    """A driver for ``plan``; its open loop has begun, if it has one. Users of a closed loop come by themselves."""
    driver = Driver(plan, recorder, environment.events.request.fire)
    schedule = arrivals_of(plan.load)
    if schedule is not None:
        driver.open_loop(schedule)
    return driver
