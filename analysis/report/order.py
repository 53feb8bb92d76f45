"""In which order findings are told, and under which names: as people ask, not as they were judged."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.judge.registry import TITLES


def check_name(check: str) -> str:
    """What people are told of a check; the name itself where there is none, as of a later judge."""
    return TITLES.get(check, check)


def places(findings: Sequence[tuple[str, str]]) -> list[float]:
    """Where to tell each finding, given as (check, subject), of one verdict: where it was judged.

    But what was seen on the way comes after what is so at the end, where both are of one subject: the second says in
    words what happened (which cells, how many, since when), the first only that some scrape showed it.
    """
    ends = {subject: at for at, (check, subject) in enumerate(findings) if check == "equality"}
    return [
        ends.get(subject, at) + 0.5 if check == "bounds" and ends.get(subject, at) > at else at
        for at, (check, subject) in enumerate(findings)
    ]
