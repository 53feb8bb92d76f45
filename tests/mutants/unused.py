"""Why no verdict depends on a place of a run folder, and where another content is rightly judged better."""

from __future__ import annotations

import fnmatch
from typing import Final

from analysis.record.runfolder import GATES_FILE

UNUSED: Final[dict[str, dict[str, tuple[str, ...]]]] = {}
"""Places, as patterns, that may hold anything of their type without a change of the verdict: by reason, by file."""

BETTER: Final[dict[tuple[str, str], str]] = {
    (GATES_FILE, "*"): "the gates are the user's: a run that was asked for others is judged by others",
}
"""Places in which another content, if the run itself had left it so, is rightly judged better; with the reason."""


def reason_of(file: str, place: str) -> str:
    """Why a mutant of the place may stay PASS; empty if no reason is known."""
    for reason, places in UNUSED.items():
        if any(fnmatch.fnmatchcase(place, pattern) for pattern in places.get(file, ())):
            return reason
    return ""


def may_be_better(file: str, place: str) -> bool:
    """Whether a run that had another content there could rightly be better."""
    return any(file == name and fnmatch.fnmatchcase(place, pattern) for name, pattern in BETTER)
