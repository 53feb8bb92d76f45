"""The file ``result.json``: its text, written in one place and read in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from analysis.record.runfolder import RESULT_FILE
from analysis.result.fields import JUDGE_AGAIN, ReportError, mapping
from model.atomic import write_text
from model.installation import COMMAND


def text_of(content: Mapping[str, Any]) -> str:
    """JSON with a line for each key and a newline at the end; equal content gives equal text."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_result(folder: Path, text: str) -> None:
    """Write ``result.json``, whose text `text_of` made, into a run folder, whole or not at all."""
    write_text(folder / RESULT_FILE, text)


def read_result(folder: Path) -> Mapping[str, Any]:
    """Content of ``result.json`` in a run folder, an object of which nothing else is checked yet.

    Raises `ReportError` if there is no such file, or if it is not JSON.
    """
    path = folder / RESULT_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise ReportError(
            f"reading a result: expected {path}, got: {error.strerror}. Judge the run first: `{COMMAND} judge RUN`."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"reading a result: expected JSON in {path}, got: {error}. {JUDGE_AGAIN}") from error
    return mapping(content, "the file")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON number")
