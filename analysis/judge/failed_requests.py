"""How requests failed, in words, and what kind of failure it is: a refused login is no reason to lower the load."""

from __future__ import annotations

from typing import Final

from analysis.evidence.evidence import Evidence
from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind

_SHOWN: Final = 3
_SITUATIONS: Final = {
    "login": (401, 403, 407),
    "form": (400, 411, 415, 422),
    "route": (404, 405),
    "error": (500, 501),
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
_OF_GRPC: Final = {"login": (7, 16), "form": (3,), "route": (5, 12), "error": (2, 13)}
"""The same of gRPC: PERMISSION_DENIED and UNAUTHENTICATED, INVALID_ARGUMENT, NOT_FOUND and UNIMPLEMENTED, UNKNOWN and
INTERNAL."""


def failures(evidence: Evidence, tally: Tally, kind: Kind) -> str:
    """Text like ``; 57 got 401 Unauthorized ("log in first"), 3 no answer``; empty if no request of the kind failed."""
    failed = sorted(tally.failed[kind].items(), key=lambda pair: -pair[1])
    if not failed:
        return ""
    parts = [f"{number:,} got {_name(evidence, status)}{_quoted(evidence, kind, status)}" for status, number in failed]
    return f"; {', '.join(parts[:_SHOWN])}" + ", ..." * (len(failed) > _SHOWN)


def situation(evidence: Evidence, tally: Tally, kind: Kind) -> str | None:
    """Situation of the advice by the most frequent failure; None for one that a lower load may mend."""
    failed = tally.failed[kind]
    if not failed:
        return None
    most = max(failed, key=lambda status: failed[status])
    if _is_success(evidence, most):
        return "unreadable"
    kinds = _OF_GRPC if _is_grpc(evidence) else _SITUATIONS
    return next((name for name, statuses in kinds.items() if most in statuses), None)


def _is_grpc(evidence: Evidence) -> bool:
    return evidence.run.options.get("transport") == "grpc"


def _is_success(evidence: Evidence, status: int) -> bool:
    """Whether the status says that all is well, so that the request failed by what its answer held."""
    return status == 0 if _is_grpc(evidence) else 200 <= status < 300


def _name(evidence: Evidence, status: int) -> str:
    if _is_success(evidence, status):
        return "an answer that cannot be read"
    if _is_grpc(evidence):
        return f"gRPC status {status}"
    if status == 0:
        return "no answer"
    return f"{status} {_PHRASES.get(status, '')}".rstrip()


def _quoted(evidence: Evidence, kind: Kind, status: int) -> str:
    """What the first such request was told, in brackets; empty if nothing is known."""
    of_kind = {(failure.kind, failure.status): failure.reason for failure in evidence.run.failures}
    reason = of_kind.get((kind.name.lower(), status))
    return f' ("{reason}")' if reason else ""
