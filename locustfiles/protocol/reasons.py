"""What an answer says of a failure, in one short line: for the report, where the status alone explains little."""

from __future__ import annotations

import json
import re
from typing import Final

from analysis.record.urls import without_password
from locustfiles.http1.outcome import Exchange
from model.printable import printable

UNREADABLE: Final = "unreadable answer: "
"""Beginning of the fault of a 2xx answer that is not one of Seldon's."""
LONGEST: Final = 160
"""Characters of a reason. The rest is in the deployment's log."""
_READ: Final = 64 * 1024
"""Bytes of an answer that are looked at: a page of an error is small."""
_TITLE: Final = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")


def reason_of(exchange: Exchange) -> str:
    """Why a request failed: what its answer says, or what was wrong where no whole answer says it."""
    reason = "" if 200 <= exchange.status < 300 else reason_in(exchange.body)
    return reason or one_line(exchange.fault.removeprefix(UNREADABLE))


def reason_in(body: bytes) -> str:
    """The reason in an answer's body, in one line; empty if it has none.

    That is ``reason: info`` of Seldon's status, the text of a JSON error, the title of an HTML page, or the first line.
    Passwords in URLs are left out, and control characters are written out.
    """
    text = body[:_READ].decode("utf-8", "replace").strip()
    words = _of_json(text) if text.startswith("{") else _of_html(text) if text.startswith("<") else text
    return one_line(words)


def one_line(text: str) -> str:
    """The first line of a text that somebody else wrote, fit to be kept and shown."""
    first = next((" ".join(line.split()) for line in text.splitlines() if line.strip()), "")
    shown = printable(without_password(first))
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


def _of_json(text: str) -> str:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text
    status = answer.get("status")
    if isinstance(status, dict):
        parts = [str(status[key]) for key in ("reason", "info") if status.get(key)]
        return ": ".join(parts) or json.dumps(status)
    for key in ("message", "error", "detail", "info", "reason"):
        if isinstance(answer.get(key), str) and answer[key].strip():
            return str(answer[key])
    return json.dumps(answer)


def _of_html(text: str) -> str:
    title = _TITLE.search(text)
    return _TAG.sub(" ", title[2] if title else text)
