"""The reports of a judged run: ``report.html``, ``report.md`` and ``junit.xml``.

Each is a pure function of ``result.json`` and ``run.json``: no server, no clock, no ledger. The same two
files give the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NoReturn

from analysis import report_html, report_junit, report_md, runfolder
from analysis.report_fields import JUDGE_AGAIN, ReportError
from analysis.report_parse import parse
from analysis.report_result import Result
from analysis.runfolder import Run

HTML_FILE: Final = "report.html"
MARKDOWN_FILE: Final = "report.md"
JUNIT_FILE: Final = "junit.xml"

__all__ = ["HTML_FILE", "JUNIT_FILE", "MARKDOWN_FILE", "ReportError", "render_all", "write_reports"]


def write_reports(folder: Path) -> tuple[Path, ...]:
    """Paths of the reports written into ``folder``, ``report.html`` first.

    All are rendered before the first is written, and each replaces its forerunner whole, so a reader never
    sees half a report. Raises `ReportError` when ``result.json`` or ``run.json`` is missing, is not JSON or
    is of another schema, and when the folder cannot be written.
    """
    result = parse(_decoded(folder / runfolder.RESULT_FILE))
    try:
        run = runfolder.read(folder)
    except runfolder.RunFolderError as error:
        raise ReportError(str(error)) from error
    written = []
    for name, text in render_all(result, run).items():
        path = folder / name
        try:
            runfolder.write_atomically(path, text)
        except OSError as error:
            raise ReportError(f"writing {path}: {error.strerror}. Make room, or make the folder writable.") from error
        written.append(path)
    return tuple(written)


def render_all(result: Result, run: Run) -> dict[str, str]:
    """Text of each report, by the name of its file."""
    return {
        HTML_FILE: report_html.render(result, run),
        MARKDOWN_FILE: report_md.render(result, run),
        JUNIT_FILE: report_junit.render(result),
    }


def _decoded(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise ReportError(
            f"reading a result: expected {path}, got: {error.strerror}. "
            "Judge the run first: `python -m analysis judge RUN`."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"reading a result: expected JSON in {path}, got: {error}. {JUDGE_AGAIN}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON number")
