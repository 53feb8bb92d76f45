"""The findings as JUnit XML, one test case each, for CI systems that list and count them.

JUnit has no third outcome. An INCONCLUSIVE is written as ``<error>``, not as ``<skipped>``: every CI that reads these
files lets a build with skipped cases pass, and "could not tell" must not pass. The two words differ as ours do: a
*failure* is a check that was made and does not hold, an *error* is a check that could not be made. Shape: Ant's
``junitreport`` schema (windyroad's XSD), which Jenkins, GitLab and others read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from analysis.report import wording as words
from analysis.result.parsed import ParsedFinding, Result
from analysis.verdict import Verdict

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def render(result: Result) -> str:
    """The whole file. A result without findings has one case, an error, because an empty suite would pass."""
    deployment = str(result.run.get("deployment"))
    cases = _cases(result, f"plumbline.{deployment}")
    tags = [child.tag for case in cases for child in case]
    length = words.lasted(result.run.get("started"), result.run.get("ended"))
    started = words.instant(str(result.run.get("started")))
    suite = ET.Element(
        "testsuite",
        {
            "name": _clean(f"plumbline.{deployment}"),
            "timestamp": f"{started:%Y-%m-%dT%H:%M:%S}" if started else "1970-01-01T00:00:00",
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(tags.count("failure")),
            "errors": str(tags.count("error")),
            "time": f"{length or 0.0:.3f}",
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name in ("id", "namespace", "manifest", "seed"):
        ET.SubElement(properties, "property", {"name": name, "value": _clean(words_of(result.run.get(name)))})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = f"{result.verdict.name}\n"
    ET.SubElement(suite, "system-err").text = ""
    ET.indent(suite, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def words_of(value: object) -> str:
    """A property's value as text; None is empty."""
    return "" if value is None else str(value)


def _cases(result: Result, class_: str) -> list[ET.Element]:
    if not result.findings:
        case = ET.Element("testcase", {"classname": class_, "name": "something was judged", "time": "0"})
        ET.SubElement(case, "error", {"type": "INCONCLUSIVE", "message": "nothing was judged"})
        return [case]
    return [
        _case(finding, name, class_) for finding, name in zip(result.findings, _names(result.findings), strict=True)
    ]


def _names(findings: Iterable[ParsedFinding]) -> list[str]:
    """A name for each finding, all different: CI systems take cases of the same name for one case."""
    seen: dict[str, int] = {}
    names = []
    for finding in findings:
        name = f"{finding.check}: {finding.subject}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


def _case(finding: ParsedFinding, name: str, class_: str) -> ET.Element:
    case = ET.Element("testcase", {"classname": _clean(class_), "name": _clean(name), "time": "0"})
    if finding.verdict is not Verdict.PASS:
        tag = "failure" if finding.verdict is Verdict.FAIL else "error"
        kind = finding.diagnosis or finding.verdict.name
        body = ET.SubElement(case, tag, {"type": _clean(kind), "message": _clean(finding.message)})
        body.text = _clean("\n".join(_lines(finding)))
    return case


def _lines(finding: ParsedFinding) -> list[str]:
    fields = [
        ("verdict", finding.verdict.name),
        ("expected", words.value_text(finding.expected)),
        ("observed", words.value_text(finding.observed)),
        ("diagnosis", finding.diagnosis or "none"),
        ("advice", finding.advice or "none"),
    ]
    return [finding.message, *(f"{name}: {text}" for name, text in fields)]


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
