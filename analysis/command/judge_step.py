"""The step ``judge``: a run folder in, ``result.json`` and the verdict out.

It is apart from `steps` because it neither queries a server nor draws a page: the imports for those take longer than
judging a run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.judge import gates, registry
from analysis.record import runfolder
from analysis.record.runfolder import GATES_FILE, RESULT_FILE, RunFolderError
from analysis.report.terminal import summary
from analysis.result.content import content_of
from analysis.result.file import write_result
from analysis.verdict import Verdict
from model.atomic import write_text
from model.command_line import BAD_INPUT

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
    content, verdict = judgement(options.folder, options.gate)
    print_line(summary(content))
    print_line(f"  result: {options.folder / RESULT_FILE}")
    return EXIT_CODE[verdict]


def judgement(folder: Path, gate: Sequence[str] | None) -> tuple[dict[str, Any], Verdict]:
    """Write ``result.json``; its content and verdict. ``gate``: as on the command line, None if there was none."""
    save_gates(folder, gate)
    evidence = arrange(files.read(folder, runfolder.read(folder)))
    findings = registry.judge(evidence)
    content = content_of(evidence, findings)
    write_result(folder, content)
    return content, registry.verdict(findings)


def save_gates(folder: Path, texts: Sequence[str] | None) -> None:
    """Write down the gates of the run, if any are given, so that a copied folder is judged by the same gates."""
    if texts is not None:
        chosen = [gates.parse(text).text for text in texts]
        write_text(folder / GATES_FILE, json.dumps(chosen, indent=1) + "\n")


def print_line(text: str) -> None:
    """Print the text as a line on standard output."""
    sys.stdout.write(text + "\n")


def complain(line: str) -> int:
    """Print the line on standard error; the exit code of bad input."""
    sys.stderr.write(f"plumbline: {line}\n")
    return BAD_INPUT
