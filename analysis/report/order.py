"""The order and the titles of findings for people, which are not those of the judgement."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.judge.due import FOLLOWS
from analysis.judge.registry import TITLES


def check_name(check: str) -> str:
    """The title of a check for people; the name itself if it has none, as a check of a later version."""
    return TITLES.get(check, check)


def only_follows(message: str) -> bool:
    """Whether a finding says no more than that its check could not be made because of another finding."""
    return message.startswith(FOLLOWS)


def places(findings: Sequence[tuple[str, str]]) -> list[float]:
    """The sort key of each finding of the same verdict, given as (check, subject): its place in the judgement.

    If a subject has both, the finding about the last counts comes before the finding about the scrapes on the way. The
    first says what happened (which cells, how many, since when). The second only says that some scrape showed it.
    """
    ends = {subject: at for at, (check, subject) in enumerate(findings) if check == "equality"}
    return [
        ends.get(subject, at) + 0.5 if check == "bounds" and ends.get(subject, at) > at else at
        for at, (check, subject) in enumerate(findings)
    ]
