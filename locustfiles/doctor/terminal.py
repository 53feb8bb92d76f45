"""Observations as lines of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from analysis.verdict import Verdict, merge
from locustfiles.doctor.observation import Observation
from model.printable import printable

MARKS: Final = {Verdict.PASS: "ok", Verdict.FAIL: "FAIL", Verdict.INCONCLUSIVE: "?"}
SKIPPED: Final = "-"
WIDTH: Final = 110
_LEFT: Final = 18


def lines_of(observation: Observation) -> str:
    """One line if all is well, else three: expected, observed, and what to do."""
    mark = MARKS[observation.verdict] if observation.verdict is Verdict.PASS or not observation.message else SKIPPED
    head = f"  {mark:<5}{observation.subject:<11}"
    if observation.message:
        return head + printable(observation.message)
    rows = (("expected", observation.expected), ("observed", observation.observed), ("do", observation.advice))
    texts = [_wrapped(f"{name:<10}", printable(text)) for name, text in rows]
    return head + "\n".join(texts).removeprefix(" " * _LEFT)


def _wrapped(name: str, text: str) -> str:
    first = " " * _LEFT + name
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def summary(observations: Sequence[Observation], took_s: float) -> str:
    """The verdict, and how many looks it rests on."""
    verdict = merge(observation.verdict for observation in observations)
    counts = {kind: sum(observation.verdict is kind for observation in observations) for kind in Verdict}
    parts = [f"{counts[Verdict.PASS]} ok"]
    parts += [f"{counts[Verdict.FAIL]} broken"] if counts[Verdict.FAIL] else []
    parts += [f"{counts[Verdict.INCONCLUSIVE]} not known"] if counts[Verdict.INCONCLUSIVE] else []
    words = {
        Verdict.PASS: "a load test can start",
        Verdict.FAIL: "a load test would fail, or could prove nothing",
        Verdict.INCONCLUSIVE: "not everything could be told",
    }
    return f"{verdict.name}  {words[verdict]}: {', '.join(parts)}, {took_s:.1f} s"
