"""Findings have titles and an order for readers."""

from __future__ import annotations

from analysis.judge.registry import CHECKS
from analysis.report import order


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
