"""A mutation: one change to one file of a run folder, with the name of its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Mutation:
    """``file``: its name. ``place``: key, column or part of the file. ``change``: what is done there, in two words.

    ``apply``: does it, in a folder.
    """

    file: str
    place: str
    change: str
    apply: Callable[[Path], None]

    def named(self) -> Mutation:
        """The mutation without what it does, which another process can be sent."""
        return replace(self, apply=_nothing)

    @property
    def kind(self) -> str:
        """File, place and change, for people."""
        return f"{self.file} {self.place}: {self.change}"


def _nothing(_: Path) -> None:
    """Change nothing."""
