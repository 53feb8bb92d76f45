"""Findings are told in the words and the order of those who ask."""

from __future__ import annotations

from analysis.judge.registry import CHECKS
from analysis.report import order


def test_every_check_has_a_name_for_people() -> None:
    """None is forgotten, none is left over, and no two are called the same."""
    assert len({check.title for check in CHECKS}) == len(CHECKS)
    assert [order.check_name(check.name) for check in CHECKS] == [check.title for check in CHECKS]
    assert order.check_name("of a later judge") == "of a later judge"


def test_what_is_so_at_the_end_is_told_before_what_was_seen_on_the_way() -> None:
    """Of one subject; of another, or alone, a finding keeps its place, and so does whatever lies between."""
    judged = [("stored", "a"), ("bounds", "a"), ("bounds", "b"), ("equality", "a"), ("gate", "a")]
    assert in_order(judged) == [("stored", "a"), ("bounds", "b"), ("equality", "a"), ("bounds", "a"), ("gate", "a")]
    assert in_order(judged[:3]) == judged[:3]


def in_order(findings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [placed for _, placed in sorted(zip(order.places(findings), findings, strict=True))]
