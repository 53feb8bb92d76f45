"""How requests failed, in words, and what kind of failure it is: a refused login is no reason to lower the load."""

from __future__ import annotations

from typing import Final

from analysis.evidence.evidence import Evidence
from analysis.evidence.tally import Tally

_SHOWN: Final = 3
_SITUATIONS: Final = {
    "login": (401, 403, 407),
    "form": (400, 411, 415, 422),
    "route": (404, 405),
}
"""HTTP statuses that say by themselves what is wrong, by the situation of their advice in `Diagnosis`."""
_PHRASES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_OF_GRPC: Final = {"login": (7, 16), "form": (3,), "route": (5, 12)}
"""The same of gRPC: PERMISSION_DENIED and UNAUTHENTICATED, INVALID_ARGUMENT, NOT_FOUND and UNIMPLEMENTED."""


def failures(evidence: Evidence, tally: Tally) -> str:
    """Text like ``; of all requests, 57 got 401 Unauthorized, 3 no answer``; empty if none failed."""
    failed = sorted(_failed(evidence, tally).items(), key=lambda pair: -pair[1])
    if not failed:
        return ""
    parts = [f"{number:,} got {_name(evidence, status)}" for status, number in failed[:_SHOWN]]
    return f"; of all requests, {', '.join(parts)}" + ", ..." * (len(failed) > _SHOWN)


def situation(evidence: Evidence, tally: Tally) -> str | None:
    """Situation of the advice by the most frequent failure; None for one that a lower load may mend."""
    failed = _failed(evidence, tally)
    if not failed:
        return None
    most = max(failed, key=lambda status: failed[status])
    kinds = _OF_GRPC if _is_grpc(evidence) else _SITUATIONS
    return next((name for name, statuses in kinds.items() if most in statuses), None)


def _is_grpc(evidence: Evidence) -> bool:
    return evidence.run.options.get("transport") == "grpc"


def _failed(evidence: Evidence, tally: Tally) -> dict[int, int]:
    """Number of requests by status, of those that did not succeed."""
    if _is_grpc(evidence):
        return {status: number for status, number in tally.statuses.items() if status != 0}
    return {status: number for status, number in tally.statuses.items() if not 200 <= status < 300}


def _name(evidence: Evidence, status: int) -> str:
    if _is_grpc(evidence):
        return f"gRPC status {status}"
    if status == 0:
        return "no answer"
    return f"{status} {_PHRASES.get(status, '')}".rstrip()
