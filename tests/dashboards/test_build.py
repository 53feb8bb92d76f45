"""The dashboard: the committed file is the built one, and its expressions mean what their titles say."""

from __future__ import annotations

import re

import promql_parser
import pytest

from dashboards import build
from model.contract import CELLS, METRIC_OF_CELL

EXPRESSIONS = [target["expr"] for panel in build.panels() for target in panel["targets"]]


def test_the_committed_dashboard_is_the_one_that_is_built() -> None:
    """`dashboards/statistical-metrics.json` holds what `dashboards.build` makes of the contract, byte for byte."""
    assert build.OUT.read_text(encoding="utf-8") == build.text()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_is_promql(expression: str) -> None:
    """Each target parses as PromQL once Grafana has put in its variables."""
    filled = expression.replace("$deployment", ".*").replace("$predictor", ".*")
    assert promql_parser.parse(filled) is not None


def test_an_expression_that_is_no_promql_is_refused_by_the_parser() -> None:
    """The twin of the above."""
    with pytest.raises(ValueError, match="inside braces"):
        promql_parser.parse("sum by (x) (true_pos{) / 2")


def evaluated(expression: str, counts: dict[str, int]) -> float:
    """The expression as plain arithmetic, with each summed metric replaced by its count."""
    plain = re.sub(r"sum by \([^)]*\) \((\w+)\{[^}]*\}\)", lambda match: str(counts[match.group(1)]), expression)
    return float(eval(plain.replace("> 0", "")))  # noqa: S307 - digits, signs and brackets of our own making


def test_each_panel_shows_the_ratio_that_its_title_names() -> None:
    """With the four cells 2, 3, 5, 7 (no two ratios alike), each panel gives scikit-learn's definition."""
    tp, fp, tn, fn = 2, 3, 5, 7
    counts = {METRIC_OF_CELL[cell]: count for cell, count in zip(CELLS, (tp, fp, tn, fn), strict=True)}
    shown = {title: evaluated(expression, counts) for title, _, expression in build.RATIOS}
    assert shown == {
        "Accuracy": (tp + tn) / 17,
        "Precision": tp / (tp + fp),
        "Recall": tp / (tp + fn),
        "Specificity": tn / (tn + fp),
    }


def test_no_expression_relies_on_a_label_that_only_some_scrapes_add() -> None:
    """Every expression filters feedback and none groups by the notebook's ``seldon_app``."""
    assert all('method="feedback"' in expression for expression in EXPRESSIONS)
    assert not any("seldon_app" in expression for expression in EXPRESSIONS)


def overlapping(panels: list[build.Panel]) -> bool:
    """Whether two panels cover one grid square."""
    squares = [
        (place["x"] + column, place["y"] + row)
        for place in (panel["gridPos"] for panel in panels)
        for column in range(place["w"])
        for row in range(place["h"])
    ]
    return len(squares) != len(set(squares))


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    """Ids are unique, no two panels cover one grid square, and a panel put on another is seen."""
    panels = build.panels()
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert not overlapping(panels)
    assert overlapping([*panels, panels[0]])
