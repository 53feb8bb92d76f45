"""The address of a host, and the outcome of a status."""

from __future__ import annotations

import pytest

from analysis.record.ledger import Outcome
from locustfiles.http1.outcome import outcome_of
from locustfiles.http1.target import TargetError, target_of


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "ftp://h", "http://", "http://h:port", "http://h:99999", "http://h/?q"]
)
def test_a_url_that_is_none_is_refused_in_one_line(url: str) -> None:
    """The message shows what was given and what one looks like."""
    with pytest.raises(TargetError, match=r"expected a URL as http://127\.0\.0\.1:8003, got") as refusal:
        target_of(url)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "header", "path"),
    [
        ("http://h", "h", ""),
        ("http://h:8003/", "h:8003", ""),
        ("http://h:80/a/b/", "h", "/a/b"),
        ("https://h:443", "h", ""),
        ("http://[::1]:81", "[::1]:81", ""),
    ],
)
def test_the_host_header_leaves_out_only_the_schemes_own_port(url: str, header: str, path: str) -> None:
    """RFC 9110, section 7.2; a path in front of Seldon's is kept, without its last slash."""
    target = target_of(url)
    assert (target.header, target.path) == (header, path)


def test_each_status_has_the_outcome_that_the_ledger_states() -> None:
    """2xx acknowledged, 4xx refused, all else indeterminate, over every status there is."""
    actual = {code: outcome_of(code) for code in range(100, 600)}
    assert {code for code, outcome in actual.items() if outcome is Outcome.ACKNOWLEDGED} == set(range(200, 300))
    assert {code for code, outcome in actual.items() if outcome is Outcome.REFUSED} == set(range(400, 500))
