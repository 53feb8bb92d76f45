"""The recorded run folders that mutants are made of, and how they were recorded: real stacks, short and thin loads.

A recording is a row of the catalogue of faults, at 20 requests a second, so that its files are small. Paths in
``run.json`` are made those of the repository, and the folder is sealed again; nothing else is altered.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from actions import gated, interrupt_generator
from analysis.record import runfolder, seal
from catalogue import ROWS
from drive import run
from scene import Row

RECORDED: Final = Path(__file__).parent / "recorded"
THIN: Final = ("--rate", "20")


def _row(name: str, **changes: Any) -> Row:
    """A row of the catalogue under a thin load of four seconds, with changes."""
    row = next(row for row in ROWS if row.name == name)
    load = (*row.load, *(() if "--rate" in row.load else THIN))
    return replace(replace(row, load=load, duration="4s"), **changes)


RECORDINGS: Final = {
    "single": _row("clean-single"),
    "shadow": _row("clean"),
    "split": _row("clean-split"),
    "open-loop": _row("clean-open-loop", load=(*THIN, "--arrivals", "poisson")),
    "batch": _row("clean-batch"),
    "processes": _row("clean-processes"),
    "grpc": _row("clean-single", load=(*THIN, "--transport", "grpc")),
    "buckets": _row("clean-buckets"),
    "half-mirror": _row("clean-half-mirror"),
    "permuted": _row("cells-permuted"),
    "permuted-shadow": _row("cells-permuted-in-the-shadow"),
    "tenth-lost": _row("tenth-lost"),
    "wrong-model": _row("wrong-model-untagged"),
    "gate-not-kept": _row("clean-single", after=gated("accuracy>=0.9999")),
    "gate-undecided": _row("clean-single", after=gated("p999_feedback_ms<=2000")),
    "interrupted": _row("interrupted", during=interrupt_generator),
}
"""Row of each recording, by its name."""


def record(name: str, scratch: Path) -> str:
    """Record one folder again and return its verdict. ``scratch``: a folder for the stack's own files."""
    outcome = run(RECORDINGS[name], scratch / name)
    source, target = scratch / name / "run", RECORDED / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in seal.SEALED:
        if (source / file).exists():
            shutil.copyfile(source / file, target / file)
    manifest, heldout = RECORDINGS[name].manifest.name, "artifacts/heldout.parquet"
    runfolder.write(target, replace(runfolder.read(target), manifest=manifest, heldout=heldout))
    seal.write(target)
    return outcome.verdict
