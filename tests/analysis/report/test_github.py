"""Annotations for a job on GitHub: as many as a step may have, the worst first, and nothing that ends a line early."""

from __future__ import annotations

from pathlib import Path

import pytest

import report_samples as samples
from analysis.__main__ import main
from analysis.report import github
from analysis.result.parse import parse


def test_a_failure_is_an_error_that_names_its_check_and_says_what_to_do() -> None:
    lines = github.lines(parse(samples.swapped_cells()))
    assert lines[0].startswith("::error title=plumbline%3A FAIL%2C ")
    assert samples.PERMUTED["message"].replace("%", "%25") in lines[0]
    assert lines[0].endswith(f"%0A{samples.PERMUTED['advice']}".replace("%", "%25").replace("%250A", "%0A"))


def test_what_could_not_be_told_is_a_warning() -> None:
    """It is no notice, which nobody looks at."""
    assert {line.split()[0] for line in github.lines(parse(samples.nothing_sent()))} == {"::warning"}


def test_a_pass_is_a_notice() -> None:
    assert github.lines(parse(samples.single_pass())) == [
        "::notice title=plumbline%3A PASS::The live metrics can be believed"
    ]


@pytest.mark.parametrize(("findings", "last"), [(10, "message 9"), (11, "2 more findings are in"), (500, "491 more")])
def test_a_step_shows_all_of_them(findings: int, last: str) -> None:
    """At most ten lines; the last one says how many findings are left."""
    many = [samples.finding("equality", f"p{number}", "FAIL", f"message {number}") for number in range(findings)]
    lines = github.lines(parse(samples.single_pass() | {"verdict": "FAIL", "findings": many}))
    assert len(lines) == 10
    assert last in lines[-1]


def test_a_message_stays_on_its_line() -> None:
    """What a server said may hold anything: a line break would begin another command."""
    wrong = samples.finding("load", "load", "FAIL", "50 %\r\n::add-mask::x", advice="a" * 5000)
    (line,) = github.lines(parse(samples.single_pass() | {"verdict": "FAIL", "findings": [wrong]}))
    assert "50 %25%0D%0A::add-mask::x" in line
    assert len(line.splitlines()) == 1
    assert len(line) < 1300


def test_the_step_report_prints_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In place of the paths, so that all that a job prints there is for its page."""
    folder = samples.put(tmp_path, samples.single_pass())
    assert main(["report", str(folder), "--annotations"]) == 0
    assert capsys.readouterr().out == "::notice title=plumbline%3A PASS::The live metrics can be believed\n"
