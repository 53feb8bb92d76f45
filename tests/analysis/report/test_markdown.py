"""The summary: short enough for a comment, and safe in one."""

from __future__ import annotations

import pytest

import report_samples as samples
from analysis.report import markdown as report_md
from analysis.result.parse import parse
from report_samples import Json

COMMENT_LIMIT = 65_536
"""Characters that a comment on GitHub may have."""


def markdown(content: Json) -> str:
    return report_md.render(parse(content), samples.run())


@pytest.mark.parametrize("name", samples.EVERY)
def test_the_first_line_is_the_verdict_and_the_whole_fits_a_comment(name: str) -> None:
    """The verdict's word leads, whatever else there is, and the file never outgrows a comment."""
    content = samples.EVERY[name]()
    text = markdown(content)
    assert content["verdict"] in text.splitlines()[0]
    assert text.endswith("\n")
    assert len(text) < COMMENT_LIMIT


def test_six_predictors_of_many_classes_fit_a_comment() -> None:
    """All counts are wrong, the names are long, and there are twenty findings."""
    wrong = samples.huge()["findings"][1:21]
    for number in (10, 24):
        labels = [f"{'long & ' * 20}name {i}" for i in range(number)]
        counted = samples.matrix(number, 10**6)
        other = [list(column) for column in zip(*counted, strict=True)]
        predictors = {f"p{i}": samples.of_classes(labels, other, counted) for i in range(6)}
        text = markdown(samples.result("FAIL", wrong, predictors))
        assert len(text) < COMMENT_LIMIT
        assert text.count("Live confusion matrix") == 6


def test_a_failure_is_told_with_its_values_diagnosis_and_advice() -> None:
    """Message, expected, found, diagnosis and advice of the finding, and the table of counts with the difference."""
    text = markdown(samples.swapped_cells())
    assert "- expected: tp 3,650, fp 310, tn 1,930, fn 110\n- found: tp 3,650, fp 1,930, tn 110, fn 310\n" in text
    assert "- diagnosis: cells permuted\n- **what to do**: Mend metrics\\(\\) of the served class" in text
    assert "| false positive | 310 | 1,930 | ✗ +1,620 |" in text
    assert "| precision | 92.17 % | 65.41 % | ✗ \N{MINUS SIGN}26.76 points |" in text


def test_an_inconclusive_run_has_no_tick_in_it() -> None:
    """INCONCLUSIVE is marked as a pass nowhere."""
    assert "✓" not in markdown(samples.nothing_sent())
    assert "This is not a pass." in markdown(samples.nothing_sent())


def test_undefined_ratios_are_words() -> None:
    """Neither 0 nor 100 % but the reason."""
    reason = "undefined: nothing was called positive"
    assert f"| precision | {reason} | {reason} | not known |" in markdown(samples.undefined_ratios())


@pytest.mark.parametrize("text", ["<script>x</script>", "a|b\nc", "![i](http://x.test)", "*b* `c` # d", "1 > 2 ~x~"])
def test_markup_in_a_text_is_escaped(text: str) -> None:
    """Nothing in a name or a message can start an element, a link, a cell or a heading."""
    escaped = report_md.plain(text)
    unescaped = escaped.replace("\\\\", "")
    specials = [i for i, character in enumerate(unescaped) if character in "<|[]()*`#~>!"]
    assert all(unescaped[i - 1] == "\\" for i in specials)
    assert "\n" not in escaped
    content = samples.result("FAIL", [samples.finding("served", text, "FAIL", text, advice=text)], {})
    assert "<script" not in markdown(content)
    assert escaped in markdown(content)


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    """A `|` in a name would shift every number of its row by a column."""
    content = samples.single_pass()
    content["load"]["latency_ms"] = {"a|b": {"p50": 1.0, "max": 2.0}}
    rows = [line.replace("\\|", "") for line in markdown(content).splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows[:6]} == {5}
    assert {row.count("|") for row in rows[-3:]} == {4}


def test_the_reason_at_the_top_is_the_one_in_words() -> None:
    """The finding about the last counts says that cells are permuted.

    A finding about an earlier scrape comes after it, diagnosed or not.
    """
    alike = {**samples.BOUNDS, "diagnosis": samples.PERMUTED["diagnosis"]}
    for bounds in (samples.BOUNDS, alike):
        predictors = samples.swapped_cells()["predictors"]
        text = markdown(samples.result("FAIL", [samples.SENT, bounds, samples.PERMUTED], predictors))
        assert text.index("counts at the end of default") < text.index("counts on the way of default")


def test_service_time_and_the_generator_stand_by_the_response_time() -> None:
    """Two lines for each kind, null as what it takes, and whether the generator was fit to measure any of it."""
    text = markdown(samples.single_pass())
    assert "| predict, response | 2.11 | 3.90 | 9.41 | 21.8 | needs 10,000 | 33.0 |" in text
    assert "| predict, service | 1.90 | 3.10 | 8.12 | 20.4 | needs 10,000 | 31.0 |" in text
    assert "Generator fit: late by p50 0.00, p99 0.00, max 0.00 ms; 0 arrivals dropped." in text
    content = samples.single_pass()
    content["load"]["generator"] |= {"verdict": "INCONCLUSIVE", "dropped": 7}
    assert "Generator **not fit**: late by p50 0.00, p99 0.00, max 0.00 ms; 7 arrivals dropped." in markdown(content)
