"""The exit code of a load test: the judge's, and Locust's own option beside it."""

from __future__ import annotations

from typing import Final

LOCUSTS_OWN: Final = 1
"""Locust's default of ``--exit-code-on-error``: a PASS with failures ends with 0 unless another code is asked for."""


def exit_code(judged: int, on_error: int, *, failed: bool) -> int:
    """The judge's code, or ``on_error`` if that was asked for, a request ``failed``, and nothing else is wrong."""
    return on_error if judged == 0 and on_error != LOCUSTS_OWN and failed else judged
