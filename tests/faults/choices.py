"""What rows of the catalogue have in common: loads, edits of a manifest, launchers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from scene import Edit, Served

STEADY: Final = ("--think-time", "0.1")
"""Ten users, about 90 visits a second: a known moment is then a known part of the run, on a busy machine too."""
OPEN: Final = ("--rate", "150")
"""An open loop: only there is a request due at a known time, so that it can be late."""
MATRIX: Final = ("--metrics", "confusion-matrix", *("--reward", "none"))
SERVER_MAP: Final = Path(__file__).parent / "maps" / "metrics-server.toml"
METRICS_SERVER: Final = ("--metrics", str(SERVER_MAP), *("--reward", "none"))
"""Other metrics than our own, of classes on the stock wrapper."""
NO_REWARD: Final = ("--reward", "none")
"""Keeps rewards out of a row on the stock wrapper, which counts those of zero nowhere."""
FINE: Final = ("--scrape-interval", "250ms")
"""Scrapes enough in a short run for a course over time."""
STAY_DOWN: Final = ("--restarts", "0")


def model_of(number: int, name: str) -> Edit:
    """The model that a predictor names."""
    return ("spec", "predictors", number, "graph", "parameters", 0, "value"), name


def stock(name: str, *options: str) -> Served:
    """A class under Seldon's own launcher."""
    return Served(name, "model.stock", options)


SPLIT: Final[tuple[Edit, ...]] = (
    (("spec", "predictors", 0, "traffic"), 70),
    (("spec", "predictors", 1, "traffic"), 30),
    (("spec", "predictors", 1, "shadow"), False),
)
HALF_MIRROR: Final[Edit] = (("spec", "predictors", 1, "traffic"), 50)
TWO_REPLICAS: Final[Edit] = (("spec", "predictors", 0, "replicas"), 2)
