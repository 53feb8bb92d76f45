"""JUnit XML: what a CI system counts, and that INCONCLUSIVE never counts as a pass."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

import report_samples as samples
from analysis.report import junit
from analysis.result.parse import parse
from report_samples import Json


def suite(content: Json) -> ET.Element:
    return ET.fromstring(junit.render(parse(content)))  # noqa: S314  (our own file)


def check_shape(root: ET.Element) -> None:
    """Ant's junitreport schema (windyroad's JUnit.xsd): attributes and the order of children."""
    assert root.tag == "testsuite"
    assert set(root.attrib) == {"name", "timestamp", "hostname", "tests", "failures", "errors", "time"}
    tags = [child.tag for child in root]
    cases = tags[1:-2]
    assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
    assert all(set(element.attrib) == {"name", "value"} for element in root.iter("property"))
    for case in root.iter("testcase"):
        assert set(case.attrib) == {"name", "classname", "time"}
        assert len(case) <= 1
        for outcome in case:
            assert outcome.tag in {"failure", "error"}
            assert set(outcome.attrib) == {"type", "message"}


@pytest.mark.parametrize("name", samples.EVERY)
def test_one_case_for_each_finding_and_the_counts_are_right(name: str) -> None:
    """PASS is a plain case, FAIL a failure, INCONCLUSIVE an error; the suite's counts are those of its cases."""
    content = samples.EVERY[name]()
    root = suite(content)
    check_shape(root)
    tags = {"PASS": [], "FAIL": ["failure"], "INCONCLUSIVE": ["error"]}
    children = [[child.tag for child in case] for case in root.iter("testcase")]
    assert children == [tags[finding["verdict"]] for finding in content["findings"]]
    assert int(root.get("tests", "")) == len(content["findings"])
    assert int(root.get("failures", "")) == sum(finding["verdict"] == "FAIL" for finding in content["findings"])
    assert int(root.get("errors", "")) == sum(finding["verdict"] == "INCONCLUSIVE" for finding in content["findings"])


def test_a_failure_says_what_was_expected_found_diagnosed_and_advised() -> None:
    """All that the finding says is in the failure, for a reader who sees nothing but the CI's page."""
    failure = next(suite(samples.swapped_cells()).iterfind("testcase[3]/failure"))
    assert failure.get("type") == "cells permuted"
    assert failure.get("message") == samples.PERMUTED["message"]
    assert (failure.text or "").splitlines() == [
        samples.PERMUTED["message"],
        "verdict: FAIL",
        "expected: tp 3,650, fp 310, tn 1,930, fn 110",
        "observed: tp 3,650, fp 1,930, tn 110, fn 310",
        "diagnosis: cells permuted",
        f"advice: {samples.PERMUTED['advice']}",
    ]


def test_a_run_without_a_finding_is_an_error_and_not_an_empty_suite() -> None:
    """An empty suite is green everywhere; nothing judged must not be."""
    root = suite(samples.result("INCONCLUSIVE", [], {}))
    check_shape(root)
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("1", "0", "1")


def test_findings_of_one_name_stay_apart() -> None:
    """CI systems merge cases of the same name, and a merged failure is hidden."""
    content = samples.result("FAIL", [samples.PERMUTED, samples.PERMUTED], {})
    assert [case.get("name") for case in suite(content).iter("testcase")] == [
        "equality: default",
        "equality: default (2)",
    ]


def test_markup_and_control_characters_are_harmless() -> None:
    """What XML cannot hold becomes U+FFFD; what it reads as markup is escaped."""
    text = "<failure>&\x00\x1b]]>\ud800 end"
    content = samples.result("FAIL", [samples.finding("served", text, "FAIL", text, advice=text)], {})
    root = suite(content)
    check_shape(root)
    failure = next(root.iter("failure"))
    assert failure.get("message") == "<failure>&\ufffd\ufffd]]>\ufffd end"


def test_time_and_properties_are_those_of_the_run() -> None:
    """Start in Ant's form without a zone, length in seconds, and what identifies the run."""
    root = suite(samples.single_pass())
    assert (root.get("timestamp"), root.get("time")) == ("2026-09-21T14:13:20", "30.200")
    named = {element.get("name"): element.get("value") for element in root.iter("property")}
    assert named["id"] == samples.run().id
    assert named["seed"] == "0"
