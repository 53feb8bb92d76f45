"""The exit code of a load test: the judge's, and Locust's own option beside it."""

from __future__ import annotations

import pytest

from locustfiles.run.exit_code import exit_code


@pytest.mark.parametrize(
    ("judged", "failed", "on_error", "code"),
    [
        (0, False, 1, 0),
        (0, True, 1, 0),
        (0, True, 9, 9),
        (0, False, 9, 0),
        (3, True, 9, 3),
        (4, True, 9, 4),
    ],
    ids=["pass", "pass with failures", "asked for", "no failure", "fail", "inconclusive"],
)
def test_the_code_for_failed_requests_is_given_if_it_was_asked_for(
    judged: int, failed: bool, on_error: int, code: int
) -> None:
    """``--exit-code-on-error 9``: a PASS with failed requests ends with 9. A worse verdict stays what it is."""
    assert exit_code(judged, on_error, failed=failed) == code
