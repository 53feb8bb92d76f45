"""What an answer says of a failure, in one line."""

from __future__ import annotations

import pytest

from locustfiles.protocol.reasons import LONGEST, one_line, reason_in

SELDON = b'{"status":{"code":-1,"info":"Expected 30 features\\nTraceback","reason":"MICROSERVICE_BAD_DATA"}}'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (SELDON, "MICROSERVICE_BAD_DATA: Expected 30 features"),
        (b'{"status":{"status":1}}', '{"status": 1}'),
        (b'{"message": "no Route matched with those values"}', "no Route matched with those values"),
        (b'{"error": {"code": 7}}', '{"error": {"code": 7}}'),
        (b"{not json\nat all", "{not json"),
        (b"[" * 10_000, "[" * (LONGEST - 3) + "..."),
        (b'{"a":' * 10_000, ('{"a":' * 40)[: LONGEST - 3] + "..."),
        (b"<html><head><title>502 Bad\n Gateway</title></head><body>nginx</body></html>", "502 Bad"),
        (b"<p>upstream <b>down</b></p>", "upstream down"),
        (b"\n\n  upstream connect error\nreset reason", "upstream connect error"),
        (b"no healthy upstream", "no healthy upstream"),
        (b"", ""),
        (b"\xff\xfe\x1b[31mred", "\ufffd\ufffd\\x1b[31mred"),
        (b"see http://me:secret@host/x", "see http://***@host/x"),
    ],
)
def test_the_reason_is_one_short_line(body: bytes, reason: str) -> None:
    assert reason_in(body) == reason


def test_a_long_line_is_cut() -> None:
    assert len(one_line("x" * 1000)) == LONGEST
    assert one_line("x" * LONGEST) == "x" * LONGEST
