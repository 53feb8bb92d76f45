"""Rows in which the load generator, or what it recorded, cannot be relied upon."""

from __future__ import annotations

from typing import Final

from actions import (
    busy,
    fill_disk,
    kill_generator_process,
    pause_generator,
    retrained,
    truncated,
)
from choices import OPEN, STEADY
from scene import Row

GENERATOR: Final = (
    Row(
        "generator-late",
        "the load generator stands still for a second",
        "INCONCLUSIVE",
        ("generator late",),
        (),
        load=OPEN,
        during=pause_generator(1.0),
    ),
    Row(
        "arrivals-dropped",
        "a rate of 100,000 a second with 20 in flight",
        "INCONCLUSIVE",
        ("arrivals dropped",),
        (),
        load=("--rate", "100000", "--max-in-flight", "20"),
        may=("generator CPU-bound", "generator late"),
    ),
    Row(
        "generator-busy",
        "the generator used 97 % of a core (written into run.json)",
        "INCONCLUSIVE",
        ("generator CPU-bound",),
        (),
        after=busy,
    ),
    Row(
        "generator-killed",
        "one of two generator processes is killed",
        "INCONCLUSIVE",
        ("ledger incomplete",),
        (),
        load=("--processes", "2", "--users", "4"),
        during=kill_generator_process,
    ),
    Row(
        "disk-full",
        "the disk of the ledger fills up",
        "INCONCLUSIVE",
        ("ledger incomplete",),
        (),
        load=STEADY,
        during=fill_disk,
    ),
    Row(
        "ledger-truncated",
        "the ledger lost its last bytes afterwards",
        "INCONCLUSIVE",
        ("ledger incomplete",),
        (),
        after=truncated,
    ),
    Row(
        "retrained",
        "the offline answers are of models trained since",
        "INCONCLUSIVE",
        ("provenance unequal",),
        (),
        after=retrained,
    ),
    Row(
        "nothing-sent",
        "the first arrival is due after the end",
        "INCONCLUSIVE",
        ("nothing was sent",),
        (),
        trace=(100.0,),
        duration="2s",
    ),
)
