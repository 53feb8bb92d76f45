"""The step ``judge``: a run folder in, ``result.json`` and the verdict out.

It is apart from `steps` because it neither queries a server nor draws a page: the imports for those take longer than
judging a run.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analysis.claims import metric_map
from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.evidence.files import RunFiles
from analysis.judge import gates, registry
from analysis.record import runfolder, seal
from analysis.record.runfolder import GATES_FILE, RESULT_FILE, SEAL_FILE, Run, RunFolderError
from analysis.report.terminal import summary
from analysis.result.content import content_of
from analysis.result.file import text_of, write_result
from analysis.verdict import Verdict
from model.atomic import write_text
from model.command_line import BAD_INPUT
from model.installation import COMMAND
from model.printable import printable

EXIT_CODE: Final = {Verdict.PASS: 0, Verdict.FAIL: 3, Verdict.INCONCLUSIVE: 4}


def run(options: argparse.Namespace) -> int:
    """Judge the folder that the options name and print the verdict; the exit code."""
    return exit_code_of(options, _judge)


def exit_code_of(
    options: argparse.Namespace, step: Callable[[argparse.Namespace], int], errors: tuple[type[Exception], ...] = ()
) -> int:
    """The step's exit code. If it raises one of ``errors`` or cannot read: one line, and the exit code of bad input."""
    expected: tuple[type[Exception], ...] = (gates.GateError, RunFolderError, *errors)
    try:
        return step(options)
    except expected as error:
        return complain(str(error))
    except OSError as error:
        return complain(f"{options.step}: {error.strerror or error} ({error.filename or options.folder}).")


def _judge(options: argparse.Namespace) -> int:
    judged = judgement(options.folder, options.gate)
    if judged.unkept is not None:
        return say_unkept(judged, options.folder)
    print_line(summary(judged.content))
    print_line(f"  result: {options.folder / RESULT_FILE}")
    _renew_reports(options.folder)
    print_line(f"  exit code {EXIT_CODE[judged.verdict]}")
    return EXIT_CODE[judged.verdict]


def say_unkept(judged: Judgement, folder: Path) -> int:
    """Print a verdict whose ``result.json`` could not be written; the exit code, which is not that of a PASS."""
    again = f"Make room there, or make it writable, then: {COMMAND} judge {folder}"
    if judged.verdict is Verdict.PASS:
        print_line(
            f"INCONCLUSIVE  {folder.name}: it was judged PASS, and the result is not kept: {judged.unkept}. {again}"
        )
        return EXIT_CODE[Verdict.INCONCLUSIVE]
    print_line(summary(judged.content))
    print_line(f"  not kept: {judged.unkept}. {again}")
    return EXIT_CODE[judged.verdict]


def _renew_reports(folder: Path) -> None:
    """Write the reports again if there are any, which would otherwise say what the last judgement said."""
    if not any((folder / name).exists() for name in ("report.html", "report.md", "junit.xml")):
        return
    from analysis.report.reports import ReportError, write_reports  # noqa: PLC0415  (it draws, and is mostly not needed)

    try:
        write_reports(folder)
    except ReportError as error:
        complain(f"the reports still say what they said before: {error}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What ``result.json`` says, the verdict, and why the file could not be written, or None."""

    content: dict[str, Any]
    verdict: Verdict
    unkept: str | None = None


def judgement(folder: Path, gate: Sequence[str] | None) -> Judgement:
    """Write ``result.json``. ``gate``: as on the command line, None if there was none."""
    save_gates(folder, gate)
    run = runfolder.read(folder)
    try:
        content, verdict = _judged(files.read(folder, run))
        text = text_of(content)
    except Exception as error:  # noqa: BLE001  (whatever a folder holds, its run gets a verdict)
        content, verdict = _judged(_without_evidence(run, error))
        text = text_of(content)
    try:
        write_result(folder, text)
    except OSError as error:  # a full disk must not lose the verdict
        return Judgement(content, verdict, f"{error.strerror or error} ({folder / RESULT_FILE})")
    return Judgement(content, verdict)


def _judged(contents: RunFiles) -> tuple[dict[str, Any], Verdict]:
    """Content of ``result.json``, and the verdict."""
    evidence = arrange(contents)
    findings = registry.judge(evidence)
    return content_of(evidence, findings), registry.verdict(findings)


def _without_evidence(run: Run, error: Exception) -> RunFiles:
    """A run folder of which nothing can be used, because reading it or arranging it failed."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    problem = f"the evidence cannot be used: {type(error).__name__}: {error} ({where})"
    return RunFiles(
        run, metric_map.load(metric_map.DEFAULT), None, None, None, None, None, None, (), (), {"evidence": problem}
    )


def save_gates(folder: Path, texts: Sequence[str] | None) -> None:
    """Write down the gates of the run, if any are given, so that a copied folder is judged by the same gates."""
    if texts is not None:
        chosen = [gates.parse(text).text for text in texts]
        write_text(folder / GATES_FILE, json.dumps(chosen, indent=1) + "\n")
        if (folder / SEAL_FILE).exists():
            with suppress(seal.SealError):  # the judge reports a seal that is unreadable
                seal.write(folder, (GATES_FILE,))


def print_line(text: str) -> None:
    """Print the text as a line on standard output."""
    sys.stdout.write(printable(text) + "\n")


def complain(line: str) -> int:
    """Print the line on standard error; the exit code of bad input."""
    sys.stderr.write(f"plumbline: {printable(line)}\n")
    return BAD_INPUT
