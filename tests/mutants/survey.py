"""Judges mutants of run folders: what became of each, and which are better than they may be."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np

import bytes_of_files
import json_files
import tables
from analysis.command.judge_step import judgement
from analysis.judge.gates import GateError
from analysis.record import runfolder, seal
from analysis.record.runfolder import RunFolderError
from analysis.report import reports
from analysis.result.fields import ReportError
from mutation import Mutation
from unused import may_be_better

JSON_FILES: Final = (
    runfolder.RUN_FILE,
    runfolder.BASELINE_FILE,
    runfolder.EXPOSED_FILE,
    runfolder.GATES_FILE,
)
REFUSED: Final = "refused"
"""In place of a verdict: one line and exit code 2."""
CRASHED: Final = "traceback"
UNCHANGED: Final = "unchanged"
"""In place of a verdict: the mutation left every file as it was."""
AFTER, BEFORE = "after the seal", "before the seal"
"""When a mutant was made: the file was altered afterwards, or the run itself left it so and sealed it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutation of one folder, judged. ``verdict``: a verdict, `REFUSED`, or `CRASHED`.

    ``original``: verdict of the folder. ``detail``: the exception of a crash, or what the judge's guard caught.
    """

    folder: str
    original: str
    mutation: Mutation
    made: str
    verdict: str
    detail: str = ""

    @property
    def is_defect(self) -> bool:
        """Whether the judge was wrong: a crash, a better verdict, or a FAIL for a file that was altered afterwards."""
        if self.verdict == CRASHED:
            return True
        if self.made == AFTER:
            return self.verdict == "PASS" or (self.verdict == "FAIL" and self.original != "FAIL")
        is_better = self.verdict == "PASS" and self.original != "PASS"
        return is_better and not may_be_better(self.mutation.file, self.mutation.place)


def mutations_of(folder: Path, others: Sequence[Path], seed: int, at_most: int) -> list[Mutation]:
    """Mutations of the folder, chosen by the seed, one of each kind first; ``others``: folders to exchange files with.

    Folders that are given other seeds together cover the kinds of which one folder has too many.
    """
    random = np.random.default_rng(seed)
    possible = [
        *bytes_of_files.mutations(folder, seal.SEALED, others, random),
        *json_files.mutations(folder, JSON_FILES),
        *tables.mutations(folder, random),
        Mutation(runfolder.SEAL_FILE, "file", "lost", lambda into: (into / runfolder.SEAL_FILE).unlink()),
        *bytes_of_files.mutations(folder, (runfolder.SEAL_FILE,), (), random),
        *json_files.mutations(folder, (runfolder.SEAL_FILE,)),
    ]
    order = random.permutation(len(possible))
    nth: Counter[str] = Counter()
    ranked: list[tuple[int, int]] = []
    for at in order.tolist():
        kind = possible[at].kind
        ranked.append((nth[kind], at))
        nth[kind] += 1
    return [possible[at] for _, at in sorted(ranked, key=itemgetter(0))[:at_most]]


def survey(folder: Path, mutations: Sequence[Mutation], report_every: int = 0) -> Iterator[Mutant]:
    """Each mutation of the folder, judged both ways; of every so many mutants a report is written as well."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "run"
        evidence = [path for path in folder.iterdir() if path.name in {*seal.SEALED, runfolder.SEAL_FILE}]
        original, _ = _judged(_fresh(copy, evidence))
        for number, mutation in enumerate(mutations):
            for made in (AFTER, BEFORE):
                if made == BEFORE and mutation.file == runfolder.SEAL_FILE:
                    continue
                verdict, detail = _made(_fresh(copy, evidence), mutation, made)
                if report_every and number % report_every == 0 and verdict in {"PASS", "FAIL", "INCONCLUSIVE"}:
                    verdict, detail = _reported(copy, verdict, detail)
                yield Mutant(folder.name, original, mutation, made, verdict, detail)


def _made(folder: Path, mutation: Mutation, made: str) -> tuple[str, str]:
    before = _contents(folder)
    mutation.apply(folder)
    if _contents(folder) == before:
        return UNCHANGED, ""
    if made == BEFORE:
        (folder / runfolder.SEAL_FILE).unlink()
        try:
            seal.write(folder)
        except OSError:  # a folder in place of a file: no run can have left it so
            return REFUSED, ""
    return _judged(folder)


def _contents(folder: Path) -> dict[str, object]:
    """Bytes of each file; of the seal what it says, since a space more does not matter."""
    contents: dict[str, object] = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with suppress(ValueError, RecursionError, KeyError, TypeError, OSError):
        content = json.loads((folder / runfolder.SEAL_FILE).read_text(encoding="utf-8"))
        contents[runfolder.SEAL_FILE] = content["schema"], content["sha256"]
    return contents


def _fresh(copy: Path, evidence: Sequence[Path]) -> Path:
    """A new copy of the files."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in evidence:
        shutil.copyfile(path, copy / path.name)
    return copy


def _judged(folder: Path) -> tuple[str, str]:
    """Verdict of the folder, and what the guard of the judge caught."""
    try:
        with np.errstate(all="ignore"):
            judged = judgement(folder, None)
            content, verdict = judged.content, judged.verdict
    except (RunFolderError, GateError, seal.SealError, OSError) as error:
        return (CRASHED, f"several lines: {error}") if "\n" in str(error) else (REFUSED, str(error))
    except Exception as error:  # noqa: BLE001  (the mutant found a defect, which the survey is for)
        return CRASHED, f"{type(error).__name__}: {error}"
    caught = [
        str(finding["message"])
        for finding in content["findings"]
        if finding["diagnosis"] == "check failed" or finding["subject"] == "evidence"
    ]
    return verdict.name, "; ".join(caught)


def _reported(folder: Path, verdict: str, detail: str) -> tuple[str, str]:
    try:
        reports.write_reports(folder)
    except ReportError as error:
        return REFUSED, str(error)
    except Exception as error:  # noqa: BLE001  (as above)
        return CRASHED, f"report: {type(error).__name__}: {error}"
    return verdict, detail
