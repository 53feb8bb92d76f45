"""The step ``judge`` of the command line: a run folder in, ``result.json`` and the verdict out.

Apart from `steps`, for it asks nobody and draws nothing: what they import for that takes longer than to judge a run.
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
from analysis.record.runfolder import RESULT_FILE, RunFolderError
from analysis.report.terminal import spoken
from analysis.result import content as result
from analysis.verdict import Verdict
from model.atomic import write_text
from model.command_line import BAD_INPUT

EXIT_CODE: Final = {Verdict.PASS: 0, Verdict.FAIL: 3, Verdict.INCONCLUSIVE: 4}


def run(options: argparse.Namespace) -> int:
    """Judge the folder that the arguments name, and say the verdict; the exit code."""
    return told(options, _judge)


def told(
    options: argparse.Namespace, step: Callable[[argparse.Namespace], int], errors: tuple[type[Exception], ...] = ()
) -> int:
    """The step's exit code; that of bad input, and a line, where it raises one of the ``errors`` or cannot read."""
    expected: tuple[type[Exception], ...] = (gates.GateError, RunFolderError, *errors)
    try:
        return step(options)
    except expected as error:
        return complain(str(error))
    except OSError as error:
        return complain(f"{options.step}: {error.strerror or error} ({error.filename or options.folder}).")


def _judge(options: argparse.Namespace) -> int:
    content, verdict = judgement(options.folder, options.gate)
    say(spoken(content))
    say(f"  result: {options.folder / RESULT_FILE}")
    return EXIT_CODE[verdict]


def judgement(folder: Path, gate: Sequence[str] | None) -> tuple[dict[str, Any], Verdict]:
    """Content of ``result.json``, which is written, and its verdict; ``gate``: as the command line gave them."""
    settle_gates(folder, gate)
    evidence = arrange(files.read(folder, runfolder.read(folder)))
    findings = registry.judge(evidence)
    content = result.result(evidence, findings)
    write_text(folder / RESULT_FILE, result.text(content))
    return content, registry.verdict(findings)


def settle_gates(folder: Path, texts: Sequence[str] | None) -> None:
    """Write down the gates that the run is judged by, if any are given: a copied folder is then judged by the same."""
    if texts is not None:
        chosen = [gates.parse(text).text for text in texts]
        write_text(folder / runfolder.GATES_FILE, json.dumps(chosen, indent=1) + "\n")


def say(text: str) -> None:
    """The text as a line on standard output."""
    sys.stdout.write(text + "\n")


def complain(line: str) -> int:
    """The exit code of bad input; the line goes to standard error."""
    sys.stderr.write(f"plumbline: {line}\n")
    return BAD_INPUT
