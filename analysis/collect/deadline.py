"""A deadline for a whole reading. A socket's timeout is for each packet: a server that drips bytes never exceeds it."""

from __future__ import annotations

import threading
from collections.abc import Callable


class DeadlineError(Exception):
    """The reading did not end in time."""


def within[T](seconds: float, read: Callable[[], T]) -> T:
    """What ``read`` returns, or the exception that it raises. Raises `DeadlineError` if it takes longer.

    It is then left to itself, in a thread that does not keep the process alive.
    """
    outcome: list[T] = []
    problem: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(read())
        except BaseException as error:  # noqa: BLE001  (it is raised again where the reading was asked for)
            problem.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if problem:
        raise problem[0]
    if not outcome:
        raise DeadlineError
    return outcome[0]
