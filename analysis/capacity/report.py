"""The files of a capacity search: ``capacity.json``, ``capacity.html`` and ``capacity.md``. Pure."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.capacity import file
from analysis.capacity.charts import pictures
from analysis.capacity.file import CAPACITY_FILE, HTML_FILE, MARKDOWN_FILE, SearchRecord
from analysis.capacity.search import RULE
from analysis.capacity.step import Step
from analysis.report import wording as words
from analysis.report.markdown import plain

_TEMPLATES: Final = Path(__file__).parent.parent / "report" / "templates"
WORD: Final = {
    "held": "✓ holds",
    "server": "✗ does not hold",
    "generator": "? generator unfit",
    "undecided": "? could not be told",
}

_HEADS: Final = (
    "| rate | result | achieved | predict p50 | p99 | feedback p50 | p99 | failed | counts off | shadow | reason |"
)


def render_all(searched: SearchRecord) -> dict[str, str]:
    """Text of each file, by its name; the figures first, so that they are the first on disk."""
    texts = {CAPACITY_FILE: file.text(searched), HTML_FILE: _html(searched), MARKDOWN_FILE: _markdown(searched)}
    return {name: text.encode("utf-8", "replace").decode() for name, text in texts.items()}


def tone(searched: SearchRecord) -> str:
    """The verdict whose colours the page has: PASS if the capacity was found, else INCONCLUSIVE."""
    return "PASS" if searched.answer.is_known else "INCONCLUSIVE"


def state(searched: SearchRecord) -> str:
    """How the search ended, in words."""
    search = searched.search
    return {
        None: "still going on, or cut short",
        "resolution": f"ended within {search.within * 100:g} %",
        "budget": f"ended with its budget of {words.seconds(search.budget_s)}",
        "lowest": "ended at the lowest rate",
        "highest": "ended at the highest rate",
        "interrupted": "interrupted",
    }[searched.why]


def figures(step: Step) -> list[str]:
    """A step's cells of the table, after its rate."""
    times = [
        _time(step.latency_ms.get(kind, {}).get(name), step.requests)
        for kind in ("predict", "feedback")
        for name in ("p50", "p99")
    ]
    off, errors, shadow = step.live_minus_offline, step.errors, step.shadow
    return [
        "not known" if step.achieved is None else f"{step.achieved:,.1f}/s",
        *times,
        "not known" if errors is None else words.percent(errors),
        "not known" if off is None else words.count(off),
        "none" if shadow is None else words.percent(shadow),
    ]


def _time(duration_ms: float | None, requests: int) -> str:
    return words.milliseconds(duration_ms) if duration_ms is not None else "too few" if requests else "none"


def _html(searched: SearchRecord) -> str:
    style = "\n".join(
        (_TEMPLATES / name).read_text(encoding="utf-8").strip() for name in ("report.css", "capacity.css")
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("capacity.html.j2").render(
        searched=searched, answer=searched.answer, request=searched.request, search=searched.search,
        headline=file.headline(searched), advice=file.advice(searched), tone=tone(searched), state=state(searched),
        pictures=pictures(searched.steps, searched.answer) if searched.steps else (),
        figures=figures, word=WORD, rule=RULE, words=words, svg=Markup, style=Markup(style),  # noqa: S704
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    )  # fmt: skip


def _markdown(searched: SearchRecord) -> str:
    answer, request = searched.answer, searched.request
    of = f"{request.deployment} in namespace {request.namespace}"
    rows = [
        f"| {step.rate:,g}/s | {WORD[step.holding]} | {' | '.join(figures(step))} | {plain(step.reason)[:300]} |"
        for step in searched.steps
    ]
    blocks = [
        f"## {plain(file.headline(searched))}",
        f"{plain(of)}, {words.moment(request.started)}; {state(searched)}.",
        f"Because: {plain(answer.reason)}" if answer.reason else "",
        file.advice(searched),
        f"Held to {plain(', '.join(request.gates))}, and live counts exact. {RULE}",
        "\n".join([_HEADS, "|---" * (_HEADS.count("|") - 1) + "|", *rows]),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"
