"""The Grafana dashboard, from the contract: ``python -m dashboards.build`` writes ``statistical-metrics.json``.

It is built, not edited, so that a panel cannot name a metric or a label that nothing publishes. Every expression groups
by ``deployment_name, predictor_name`` (present under every scrape set-up, unlike ``seldon_app``) and counts feedback
only (each gauge is published on predict as well). A ratio whose denominator is 0 is absent, not 0 and not NaN.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from model.command_line import OneLineParser
from model.contract import CELLS, LABEL_DEPLOYMENT, LABEL_METHOD, LABEL_PREDICTOR, METHOD_FEEDBACK, METRIC_OF_CELL, Cell

OUT: Final = Path(__file__).with_name("statistical-metrics.json")
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
SELECTOR: Final = (
    f'{LABEL_METHOD}="{METHOD_FEEDBACK}",{LABEL_DEPLOYMENT}=~"$deployment",{LABEL_PREDICTOR}=~"$predictor"'
)
LEGEND: Final = f"{{{{{LABEL_DEPLOYMENT}}}}} / {{{{{LABEL_PREDICTOR}}}}}"
WIDTH: Final = 12
HEIGHT: Final = 8

Panel = dict[str, Any]


def cell_sum(cell: Cell) -> str:
    """PromQL: the count of one cell, summed over workers and replicas, by deployment and predictor."""
    return f"sum by ({LABEL_DEPLOYMENT}, {LABEL_PREDICTOR}) ({METRIC_OF_CELL[cell]}{{{SELECTOR}}})"


def ratio(part: tuple[Cell, ...], whole: tuple[Cell, ...]) -> str:
    """PromQL: the cells of ``part`` over the cells of ``whole``; no sample where ``whole`` is 0."""
    above = " + ".join(cell_sum(cell) for cell in part)
    below = " + ".join(cell_sum(cell) for cell in whole)
    return f"({above}) / (({below}) > 0)"


RATIOS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Accuracy", "share of all answers that are right: (TP + TN) / all", ratio(("tp", "tn"), CELLS)),
    ("Precision", "share of the positive answers that are right: TP / (TP + FP)", ratio(("tp",), ("tp", "fp"))),
    ("Recall", "share of the positive rows that are found: TP / (TP + FN)", ratio(("tp",), ("tp", "fn"))),
    ("Specificity", "share of the negative rows that are found: TN / (TN + FP)", ratio(("tn",), ("tn", "fp"))),
)
"""Title, description and expression of the four panels; formulas as in ``sklearn.metrics``."""


def timeseries(title: str, description: str, targets: list[tuple[str, str]], unit: str, at: tuple[int, int]) -> Panel:
    """One time series panel; ``targets`` are (expression, legend), ``at`` is its place as (x, y)."""
    bounds = {"min": 0, "max": 1} if unit == "percentunit" else {"min": 0}
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": at[0], "y": at[1]},
        "fieldConfig": {
            "defaults": {"unit": unit, "custom": {"lineWidth": 2, "spanNulls": False, "showPoints": "auto"}, **bounds},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"], "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend, "datasource": DATASOURCE}
            for index, (expr, legend) in enumerate(targets)
        ],
    }


def panels() -> list[Panel]:
    """The four ratios, two by two as in the notebook, then the counts that they are made of."""
    panels = [
        timeseries(title, description, [(expr, LEGEND)], "percentunit", (WIDTH * (index % 2), HEIGHT * (index // 2)))
        for index, (title, description, expr) in enumerate(RATIOS)
    ]
    counts = [(cell_sum(cell), f"{METRIC_OF_CELL[cell]} {LEGEND}") for cell in CELLS]
    panels.append(timeseries("Counted feedback", "the four cells as published", counts, "short", (0, 2 * HEIGHT)))
    total = " + ".join(cell_sum(cell) for cell in CELLS)
    about = "a shadow that lags its primary here has not seen all feedback; compare no ratio before it has"
    panels.append(timeseries("Rows scored", about, [(total, LEGEND)], "short", (WIDTH, 2 * HEIGHT)))
    return [{"id": index, **panel} for index, panel in enumerate(panels, start=1)]


def variable(name: str, label: str, matchers: str) -> dict[str, Any]:
    """A multi-valued template variable over the values of one label of the published gauges."""
    query = f"label_values({METRIC_OF_CELL['tp']}{{{matchers}}}, {label})"
    return {
        "name": name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": f"variable-{name}"},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "sort": 1,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard() -> dict[str, Any]:
    """The whole dashboard, importable into Grafana 10 and later."""
    feedback = f'{LABEL_METHOD}="{METHOD_FEEDBACK}"'
    return {
        "uid": "plumbline-statistical-metrics",
        "title": "Statistical metrics",
        "description": "Live accuracy, precision, recall and specificity of Seldon predictors, from feedback.",
        "tags": ["plumbline", "seldon"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "refresh": 1, "current": {}},
                variable("deployment", LABEL_DEPLOYMENT, feedback),
                variable("predictor", LABEL_PREDICTOR, f'{feedback},{LABEL_DEPLOYMENT}=~"$deployment"'),
            ]
        },
        "panels": panels(),
    }


def text() -> str:
    """The file's text, deterministic."""
    return json.dumps(dashboard(), indent=2, sort_keys=True) + "\n"


def main() -> int:
    """Write the dashboard, or with ``--check`` say whether the file is the one that would be written."""
    parser = OneLineParser(description=f"Write {OUT.name} from the contract.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 3 when the file is out of date")
    if parser.parse_args().check:
        return 0 if OUT.is_file() and OUT.read_text(encoding="utf-8") == text() else 3
    OUT.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
