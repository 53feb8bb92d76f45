"""The exit code of a load test: the judge's, and Locust's own option beside it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from locustfiles.run.controller import RunController


@pytest.mark.parametrize(
    ("judged", "failures", "on_error", "code"),
    [
        (0, {}, "1", 0),
        (0, {"predict": 1}, "1", 0),
        (0, {"predict": 1}, "9", 9),
        (0, {}, "9", 0),
        (3, {"predict": 1}, "9", 3),
        (4, {"predict": 1}, "9", 4),
    ],
    ids=["pass", "pass with failures", "asked for", "no failure", "fail", "inconclusive"],
)
def test_the_code_for_failed_requests_is_given_if_it_was_asked_for(
    judged: int, failures: dict[str, int], on_error: str, code: int
) -> None:
    """``--exit-code-on-error 9``: a PASS with failed requests ends with 9. A worse verdict stays what it is."""
    options = SimpleNamespace(exit_code_on_error=on_error)
    environment = SimpleNamespace(parsed_options=options, stats=SimpleNamespace(errors=failures))
    assert RunController._exit_code(cast("Any", SimpleNamespace(_environment=environment)), judged) == code
