"""How one request ended, and which outcome that is: whether the server may have counted it.

* REFUSED only if no byte of the request left, or the server answered 4xx;
* ACKNOWLEDGED only for a 2xx answer read whole;
* everything else is INDETERMINATE.
"""

from __future__ import annotations

from typing import NamedTuple

from analysis.record.ledger import Outcome


class Exchange(NamedTuple):
    """How one request ended.

    ``status``: HTTP status, 0 without an answer's head; or gRPC status, which is 0 for OK. ``fault``: empty unless
    something went wrong. ``reached``: False if no server could be reached.
    """

    outcome: Outcome
    status: int
    body: bytes
    fault: str
    reached: bool = True


def outcome_of(status: int) -> Outcome:
    """Outcome of an answer read whole. 3xx and 5xx may follow after the request was counted."""
    if 200 <= status < 300:
        return Outcome.ACKNOWLEDGED
    return Outcome.REFUSED if 400 <= status < 500 else Outcome.INDETERMINATE
