"""The reports of a judged run: ``report.html``, ``report.md`` and ``junit.xml``.

Each is a pure function of ``result.json`` and ``run.json``: no server, no clock, no ledger. The same two
files give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from analysis.record import runfolder
from analysis.record.runfolder import Run
from analysis.report import github, html, junit, markdown
from analysis.result.fields import JUDGE_AGAIN, ReportError
from analysis.result.file import read_result
from analysis.result.parse import parse
from analysis.result.parsed import Result
from model.atomic import write_text
from model.installation import COMMAND
from model.printable import printable

HTML_FILE: Final = "report.html"
MARKDOWN_FILE: Final = "report.md"
JUNIT_FILE: Final = "junit.xml"

__all__ = ["HTML_FILE", "JUNIT_FILE", "MARKDOWN_FILE", "ReportError", "annotation_lines", "render_all", "write_reports"]


def write_reports(folder: Path) -> tuple[Path, ...]:
    """Paths of the reports written into ``folder``, ``report.html`` first.

    All are rendered before the first is written, and each replaces the earlier one as a whole, so a reader never sees
    half a report. Raises `ReportError` when ``result.json`` or ``run.json`` is missing, is not JSON, has another schema
    or another run than the other file, and when the folder cannot be written.
    """
    result = parse(read_result(folder))
    run = _run(folder)
    if result.run.get("id") != run.id:
        raise ReportError(
            f"reading a result: expected that of run {run.id}, which {folder / runfolder.RUN_FILE} describes, "
            f"got that of {result.run.get('id')}. {JUDGE_AGAIN}"
        )
    written = []
    for name, text in render_all(result, run).items():
        path = folder / name
        try:
            write_text(path, text)
        except OSError as error:
            raise ReportError(f"writing {path}: {error.strerror}. Make room, or make the folder writable.") from error
        written.append(path)
    return tuple(written)


def annotation_lines(folder: Path) -> list[str]:
    """Lines for a job on GitHub. Raises `ReportError` as `write_reports` does."""
    return github.lines(parse(read_result(folder)))


def render_all(result: Result, run: Run) -> dict[str, str]:
    """Text of each report, by the name of its file; half a surrogate pair, which JSON may hold, becomes ``?``.

    Control characters, which an answer's tags may hold, are written out.
    """
    texts = {
        HTML_FILE: html.render(result, run),
        MARKDOWN_FILE: markdown.render(result, run),
        JUNIT_FILE: junit.render(result),
    }
    return {name: printable(text.encode("utf-8", "replace").decode()) for name, text in texts.items()}


def _run(folder: Path) -> Run:
    try:
        run = runfolder.read(folder)
    except runfolder.RunFolderError as error:
        raise ReportError(str(error)) from error
    kinds: dict[str, type] = {"options": dict, "artifacts": dict, "versions": dict}
    texts = ("id", "deployment", "namespace", "manifest", "manifest_sha256", "host", "prometheus_url", "started")
    for name, kind in (kinds | dict.fromkeys(texts, str)).items():
        if not isinstance(getattr(run, name), kind):
            key, value = runfolder.KEY_OF_FIELD.get(name, name), repr(getattr(run, name))[:60]
            raise ReportError(
                f"reading a run: expected {'text' if kind is str else 'an object'} at {key} "
                f"in {folder / runfolder.RUN_FILE}, got {value}. "
                f"Name another run, or start one with `{COMMAND} loadtest`."
            )
    return run
