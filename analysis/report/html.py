"""``report.html``: one file, no reference to anything outside it, the same bytes for the same result."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.record.runfolder import Run
from analysis.report import heat_map, order, pictures, quality, view
from analysis.report import wording as words
from analysis.report.charts import Detail
from analysis.result.parsed import Result
from analysis.verdict import Verdict
from model.contract import CELLS

LIMIT_BYTES: Final = 200_000
"""The largest size that CI systems still show and mail servers still accept."""
_DETAILS: Final = (Detail(120, 24), Detail(60, 12), Detail(30, 0), Detail(8, 0), Detail(8, 0, classes=5))
_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(result: Result, run: Run) -> str:
    """The page, with the finest detail that keeps it under `LIMIT_BYTES`."""
    page = ""
    for detail in _DETAILS:
        page = _page(result, run, detail)
        if len(page.encode("utf-8", "replace")) <= LIMIT_BYTES:
            break
    return page


def _page(result: Result, run: Run, detail: Detail) -> str:
    style = _source("report.css")
    script = _source("report.js")
    template = _environment().get_template("report.html.j2")
    return template.render(
        result=result,
        run=run,
        findings=view.ordered(result.findings),
        over_time=view.quality_pictures(result, detail),
        load=result.load and view.load_pictures(result.load, str(result.run.get("started") or ""), detail),
        detail=detail,
        style=Markup(style),  # noqa: S704  (our own files, hashed below)
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["check_name"] = order.check_name
    environment.globals |= {
        "words": words, "view": view, "order": order, "pictures": pictures, "quality": quality,
        "heat_map": heat_map, "CELLS": CELLS, "Verdict": Verdict,
        "svg": Markup,
    }  # fmt: skip
    return environment


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy under which only our own style and script work, and nothing can be fetched."""
    hashes = [base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() for source in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
