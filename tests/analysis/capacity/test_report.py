"""The files of a capacity search: complete, safe to open, and never claiming more than the steps show."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analysis.capacity.file import (
    CAPACITY_FILE,
    HTML_FILE,
    MARKDOWN_FILE,
    SearchRecord,
    SearchRequest,
    closing_lines,
    headline,
    line,
)
from analysis.capacity.report import render_all
from analysis.capacity.search import Holding, Search, StopReason
from analysis.capacity.step import Step, StepRun, without_result
from analysis.report.html import LIMIT_BYTES

ASKED = SearchRequest(
    "ab-test", "seldon", "/m/ab-test.yaml", "http://127.0.0.1:8003", ("failures<=0.1%", "p99_predict_ms<=50"),
    3.0, 10.0, 0, 1, "2026-11-23T11:00:00.000Z",
)  # fmt: skip
SEARCH = Search(50, 5000, 0.25, 300)


def step(rate: float, holding: Holding, attempt: int = 1, off: int = 0) -> Step:
    """A step with plausible figures, slower where the rate is higher."""
    latency = {kind: {"p50": 2.0 + rate / 100, "p99": 8.0 + rate / 10} for kind in ("predict", "feedback")}
    reason = "" if holding == "held" else "p99_predict_ms<=50: 90 of <1,000> & more"
    return Step(
        rate, attempt, 10.0, 18.0, rate, "PASS" if holding == "held" else "FAIL", holding, latency,
        int(rate * 10), 0.0, off, 1.0, reason, f"steps/{attempt:02d}-{rate:g}",
    )  # fmt: skip


def searched(why: StopReason | None, *steps: Step) -> SearchRecord:
    return SearchRecord(ASKED, SEARCH, steps, why)


FOUND = searched(
    "resolution", step(50, "held"), step(100, "held"), step(200, "server", off=3), step(200, "server", 2),
    step(141.4, "held"), step(168.2, "server"), step(168.2, "server", 2),
)  # fmt: skip
CASES = [
    (FOUND, "It holds 141.4/s; at 168.2/s it does not", 0),
    (searched("lowest", step(50, "server"), step(50, "server", 2)), "Less than 50/s: the lowest rate", 4),
    (searched("highest", step(5000, "held")), "At least 5,000/s: the highest rate asked for holds", 4),
    (
        searched("resolution", step(50, "held"), step(60, "generator"), step(60, "server", 2)),
        "generator reached its limit",
        4,
    ),
    (
        searched("lowest", step(50, "generator"), step(50, "generator", 2)),
        "Not known: the generator reached its limit",
        4,
    ),
    (searched("resolution", step(50, "held"), step(60, "undecided"), step(60, "undecided", 2)), "not be told", 4),
    (searched("budget", step(50, "held"), step(100, "server")), "At least 50/s: nothing above it was decided", 4),
    (searched("interrupted"), "Not known: no rate was seen to hold", 4),
    (searched(None, *FOUND.steps), "It holds 141.4/s", 4),
]


@pytest.mark.parametrize(("record", "message", "code"), CASES)
def test_the_headline_says_what_is_known_and_the_exit_code_whether_it_was_found(
    record: SearchRecord, message: str, code: int
) -> None:
    """0 only if the search ended and saw both ends; every file has the same sentence."""
    assert message in headline(record)
    assert record.exit_code == code
    texts = render_all(record)
    assert headline(record) in texts[HTML_FILE].replace("&#39;", "'")
    assert texts[MARKDOWN_FILE].startswith("## ")
    assert headline(record) in closing_lines(record, "report.html")


def test_the_generator_that_gave_out_is_told_to_use_more_processes() -> None:
    """The last lines say what to do: twice the processes."""
    assert "--processes 2" in closing_lines(CASES[3][0], "capacity.html")


def test_the_json_holds_every_step_and_the_interval() -> None:
    """Schema 1, the fields that others read."""
    content = json.loads(render_all(FOUND)[CAPACITY_FILE])
    assert content["schema"] == 1
    assert content["capacity"]["passed"] == 141.4
    assert content["capacity"]["failed"] == 168.2
    assert content["capacity"]["limited_by"]["kind"] == "server"
    assert [step["rate"] for step in content["steps"]] == [50, 100, 200, 200, 141.4, 168.2, 168.2]
    assert set(content["steps"][0]) >= {
        "rate", "achieved", "verdict", "latency_ms", "errors", "live_minus_offline", "shadow", "reason", "run",
    }  # fmt: skip
    assert content["search"]["ended"] == "resolution"


class Page(HTMLParser):
    """References and unclosed elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]
        if tag not in {"meta", "br", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("record", [case[0] for case in CASES])
def test_the_page_is_small_well_formed_and_fetches_nothing(record: SearchRecord) -> None:
    """Under 200 KB, every element closed, links only to the steps' own reports."""
    text = render_all(record)[HTML_FILE]
    page = Page()
    page.feed(text)
    assert page.open == []
    assert all(re.fullmatch(r"steps/[\w.-]+/report\.html", reference) for reference in page.references)
    assert len(text.encode()) < LIMIT_BYTES
    assert 'http-equiv="Content-Security-Policy"' in text
    assert "<1,000>" not in text


def test_many_steps_stay_under_the_limit() -> None:
    """Many more steps than any search makes within its budget."""
    record = searched("resolution", *(step(50.0 + i, "held", off=i) for i in range(100)))
    assert len(render_all(record)[HTML_FILE].encode()) < LIMIT_BYTES


def marks(page: str) -> tuple[int, int]:
    """Discs and crosses of all pictures."""
    return page.count('class="held"'), page.count('class="fell"')


def test_each_picture_has_a_mark_for_each_step_that_has_a_value() -> None:
    """Discs for what held, crosses for what did not; twin: a step without figures has none."""
    whole = render_all(FOUND)[HTML_FILE]
    assert marks(whole) == (3 * 7, 4 * 7)  # 2 lines in 2 latencies, 1 in the other 3 pictures
    empty = without_result(StepRun(168.2, 2, 10, 18, "steps/07-168.2"), "the run ended with 2")
    less = render_all(replace(FOUND, steps=(*FOUND.steps[:-1], empty)))[HTML_FILE]
    assert marks(less) == (3 * 7, 3 * 7)


def test_a_step_is_one_line_that_says_what_did_not_hold() -> None:
    """For the terminal."""
    row = line(step(200, "server", 2, off=3))
    assert "\n" not in row
    for part in ("200/s", "p99 28.0 ms", "counts off by 3", "does not hold (again): p99_predict_ms<=50"):
        assert part in row
