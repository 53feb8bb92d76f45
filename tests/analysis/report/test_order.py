"""Findings have titles and an order for readers."""

from __future__ import annotations

from pathlib import Path

import worlds
from alterations import BASE
from analysis.command.judge_step import judgement
from analysis.judge.registry import CHECKS
from analysis.record.runfolder import LEDGER_FILE
from analysis.report import order
from analysis.report.reports import write_reports
from analysis.report.terminal import summary
from analysis.verdict import Verdict


def test_every_check_has_a_name_for_people() -> None:
    """Each check has one, there is no other, and no two are the same."""
    assert len({check.title for check in CHECKS}) == len(CHECKS)
    assert [order.check_name(check.name) for check in CHECKS] == [check.title for check in CHECKS]
    assert order.check_name("of a later judge") == "of a later judge"


def test_what_is_so_at_the_end_is_told_before_what_was_seen_on_the_way() -> None:
    """This holds for findings of one subject. A finding of another subject, or a single one, keeps its place."""
    judged = [("stored", "a"), ("bounds", "a"), ("bounds", "b"), ("equality", "a"), ("gate", "a")]
    assert in_order(judged) == [("stored", "a"), ("bounds", "b"), ("equality", "a"), ("bounds", "a"), ("gate", "a")]
    assert in_order(judged[:3]) == judged[:3]


def in_order(findings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [placed for _, placed in sorted(zip(order.places(findings), findings, strict=True))]


def test_checks_that_only_follow_are_named_in_one_line_behind_their_reasons(tmp_path: Path) -> None:
    """An altered ledger leaves a dozen checks unmade; a reader sees why once, in each of the reports."""
    worlds.put(tmp_path, BASE)
    with (tmp_path / LEDGER_FILE).open("ab") as ledger:
        ledger.write(b" ")
    judged = judgement(tmp_path, None)
    content, verdict = judged.content, judged.verdict
    assert verdict is Verdict.INCONCLUSIVE
    following = [finding for finding in content["findings"] if order.only_follows(finding["message"])]
    assert len(following) > 8
    texts = {path.suffix: path.read_text() for path in write_reports(tmp_path)}
    markdown, page = texts[".md"], texts[".html"]
    line = f"{len(following)} checks could not be made because of this"
    assert line in markdown
    assert line in page
    assert "not judged, because of" not in markdown
    assert f"could not be made because of this: {len(following)} " in summary(content)
    assert "not judged, because of" not in summary(content)
