"""Run folders for the tests of the reports: ``result.json`` and ``run.json`` by DESIGN's schema, made by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.record import runfolder
from analysis.record.instants import rfc3339
from analysis.record.runfolder import PredictorSpec, RecorderReport, Run
from analysis.stats.classification import ClassCounts
from analysis.stats.confusion import RATIOS, Confusion
from model.contract import CELLS

START = 1_790_000_000.0
PERCEPT = {"tp": 3650, "fp": 310, "tn": 1930, "fn": 110}
LOGISTIC = {"tp": 3680, "fp": 260, "tn": 1980, "fn": 80}
SWAPPED = {"tp": 3650, "fp": 1930, "tn": 110, "fn": 310}
"""What the notebook's class reports where the truth is `PERCEPT`."""
NOTHING: dict[str, int] = dict.fromkeys(CELLS, 0)

type Json = dict[str, Any]


def scores(cells: Mapping[str, int]) -> Json:
    confusion = Confusion(**cells)
    return {**cells, **{ratio: getattr(confusion, ratio) for ratio in RATIOS}}


def finding(check: str, subject: str, verdict: str, message: str, **extra: Any) -> Json:
    fields = dict.fromkeys(("expected", "observed", "diagnosis", "advice"))
    return {"check": check, "subject": subject, "verdict": verdict, "message": message, **fields, **extra}


def timeline(live: Mapping[str, int], offline: Mapping[str, int], points: int) -> Json:
    def ratios(cells: Mapping[str, int]) -> dict[str, list[float | None]]:
        grown = [
            Confusion(**{cell: number * i // (points - 1) for cell, number in cells.items()}) for i in range(points)
        ]
        return {ratio: [getattr(one_series, ratio) for one_series in grown] for ratio in RATIOS}

    times = [rfc3339(START + i) for i in range(points)]
    return {"time": times, "live": ratios(live), "offline": ratios(offline)}


def score_curve(cells: Mapping[str, int], points: int) -> Json:
    positives, negatives = cells["tp"] + cells["fn"], cells["tn"] + cells["fp"]
    tp = [round(positives * (1 - (i / points) ** 3)) for i in range(points)]
    fp = [round(negatives * (1 - i / points) ** 3) for i in range(points)]
    side = {"tp": tp, "fp": fp, "tn": [negatives - rows for rows in fp], "fn": [positives - rows for rows in tp]}
    threshold = [i / points for i in range(points)]
    return {"threshold": threshold, "live": side, "offline": {cell: list(side[cell]) for cell in CELLS}}


def predictor(live: Mapping[str, int] | None, offline: Mapping[str, int], points: int = 31, **fields: Any) -> Json:
    total = sum(offline.values())
    drawn = timeline(live or NOTHING, offline, points) if live and points > 1 else None
    return {
        "model": "percept-model",
        "artifact": "binary-percept.joblib",
        "shadow": False,
        "traffic": 100,
        "feedback": {"attempted": total, "acknowledged": total, "refused": 0, "indeterminate": 0},
        "live": None if live is None else scores(live),
        "offline": scores(offline),
        "expected": {"low": dict(offline), "high": dict(offline)},
        "curve": None,
        "timeline": drawn,
        **fields,
    }


def shadow(live: Mapping[str, int], offline: Mapping[str, int], points: int = 31, **fields: Any) -> Json:
    made = predictor(live, offline, points, **fields)
    return {**made, "model": "lr-model", "artifact": "binary-lr.joblib", "shadow": True}


def load(points: int = 30, **fields: Any) -> Json:
    return {
        "attempted": 12_000,
        "acknowledged": 12_000,
        "refused": 0,
        "indeterminate": 0,
        "rate_asked": None,
        "rate_achieved": 399.8,
        "latency_ms": {
            "predict": {"p50": 2.113, "p90": 3.9, "p99": 9.41, "p999": 21.8, "p9999": None, "max": 33.017},
            "feedback": {"p50": 2.7, "p90": 4.4, "p99": 11.02, "p999": 25.1, "p9999": None, "max": 41.2},
        },
        "service_ms": {
            "predict": {"p50": 1.9, "p90": 3.1, "p99": 8.12, "p999": 20.4, "p9999": None, "max": 31.017},
            "feedback": {"p50": 2.7, "p90": 4.4, "p99": 11.02, "p999": 25.1, "p9999": None, "max": 41.2},
        },
        "percentile_needs": {"p50": 2, "p90": 10, "p99": 100, "p999": 1000, "p9999": 10_000},
        "generator": {"verdict": "PASS", "processes": 1, "cpu_share": 0.41, "waited_share": 0.01, "dropped": 0},
        "lateness_ms": {"p50": 0.0, "p99": 0.0, "max": 0.0},
        "timeline": {
            "time": [rfc3339(START + i) for i in range(points)],
            "attempted_per_s": [400 + 9 * math.sin(i) for i in range(points)],
            "p50_ms": [2 + math.sin(i / 3) / 5 for i in range(points)],
            "p99_ms": [9 + 2 * math.sin(i / 2) for i in range(points)],
        },
        **fields,
    }


def result(verdict: str, findings: list[Json], predictors: Mapping[str, Json], **fields: Any) -> Json:
    recorded = run()
    content = {
        "schema": 1,
        "run": {
            name: getattr(recorded, name)
            for name in ("id", "deployment", "namespace", "manifest", "started", "ended", "seed", "versions")
        },
        "verdict": verdict,
        "findings": findings,
        "load": load(),
        "predictors": dict(predictors),
        "comparison": None,
        "evidence": {"prometheus": "2.42.0", "clock_offset_s": 0.0004},
        **fields,
    }
    return dict(json.loads(json.dumps(content)))  # its own copy of all that tests may change


def run(**fields: Any) -> Run:
    made = Run(
        id="20260921T141320000Z-ab-test",
        deployment="ab-test",
        namespace="seldon",
        manifest="deploy/seldon/ab-test.yaml",
        manifest_sha256="a" * 64,
        predictors=(PredictorSpec("default", "percept-model", "binary-percept.joblib", False, 100, 1),),
        host="http://127.0.0.1:33501",
        prometheus_url="http://127.0.0.1:40117",
        seed=0,
        options={"rate_per_s": 0.0, "users": 8, "duration_s": 30.0, "feedback_ratio": 1.0, "trace": "", "processes": 1},
        heldout="artifacts/heldout.parquet",
        heldout_sha256="b" * 64,
        artifacts={"binary-percept.joblib": "c" * 64},
        versions={"plumbline": "0.1.0", "python": "3.12.3"},
        started=rfc3339(START),
        ended=rfc3339(START + 30.2),
        stop="finished",
        recorder=RecorderReport(12_000, 0, 1, 0, 0.41),
    )
    return replace(made, **fields)


SENT = finding("sent", "load", "PASS", "6,000 feedbacks were acknowledged", expected="> 0", observed=6000)
EQUAL = finding("equality", "default", "PASS", "all four cells equal", expected=PERCEPT, observed=PERCEPT)
PERMUTED = finding(
    "equality",
    "default",
    "FAIL",
    "the cells are permuted: true_neg reports FN, false_pos reports TN, false_neg reports FP",
    expected=PERCEPT,
    observed=SWAPPED,
    diagnosis="cells permuted",
    advice="Mend metrics() of the served class: each gauge must report its own cell.",
)
BOUNDS = finding(
    "bounds", "default", "FAIL", "tn was 4 at 14:13:22Z, outside 61..63", expected={"low": 61, "high": 63}, observed=4,
    advice="See the diagnosis.",
)  # fmt: skip
NOT_SENT = finding(
    "sent", "load", "INCONCLUSIVE", "no feedback was acknowledged", expected="> 0", observed=0,
    advice="Give the run more time (DURATION) or users (USERS).",
)  # fmt: skip
COMPARISON = {
    "rows": 512,
    "both_right": 470,
    "only_primary": 6,
    "only_shadow": 13,
    "both_wrong": 23,
    "p_value": 0.167,
    "primary": "default",
    "shadow": "shadow",
    "difference": {
        "accuracy": {"value": 0.0137, "low": -0.004, "high": 0.032},
        "recall": {"value": None, "low": None, "high": None},
    },
    "discordant": {"only_primary": [3, 17, 90], "only_shadow": [5, 9]},
    "message": "512 distinct rows do not show a difference (p = 0.17)",
}


def single_pass() -> Json:
    return result("PASS", [SENT, EQUAL], {"default": predictor(PERCEPT, PERCEPT)})


def shadow_pass() -> Json:
    both = {"default": predictor(PERCEPT, PERCEPT), "shadow": shadow(LOGISTIC, LOGISTIC)}
    return result("PASS", [SENT, EQUAL], both, comparison=COMPARISON)


def swapped_cells() -> Json:
    return result("FAIL", [SENT, BOUNDS, PERMUTED], {"default": predictor(SWAPPED, PERCEPT)})


def nothing_sent() -> Json:
    empty = load(0, attempted=0, acknowledged=0, rate_achieved=0.0, latency_ms={"predict": None, "feedback": None})
    return result("INCONCLUSIVE", [NOT_SENT], {"default": predictor(None, NOTHING)}, load=empty)


def nothing_known() -> Json:
    """The ledger and the samples are gone: everything that may be null is."""
    lost = finding("recorder", "ledger", "INCONCLUSIVE", "there is no ledger", advice="Run again.")
    blank = dict.fromkeys(("feedback", "live", "offline", "expected", "curve", "timeline"))
    return result("INCONCLUSIVE", [lost], {"default": {**predictor(None, NOTHING), **blank}}, load=None)


def undefined_ratios() -> Json:
    cells = {"tp": 0, "fp": 0, "tn": 40, "fn": 0}
    return result("PASS", [SENT, EQUAL], {"default": predictor(cells, cells)})


def weighted_primaries() -> Json:
    half = {cell: number // 2 for cell, number in PERCEPT.items()}
    group = ["blue", "green"]
    predictors = {
        name: {
            **predictor(half, PERCEPT, 31, traffic=50),
            "group": group,
            "expected": {"low": PERCEPT, "high": PERCEPT},
        }
        for name in group
    }
    return result("PASS", [SENT, EQUAL], predictors)


def matrix(number: int, size: int = 400) -> list[list[int]]:
    """Rows by truth and answer of a model that confuses neighbours, and never answers with the last class."""
    rows = [[max(size // 8 - 23 * abs(t - a), 0) for a in range(number)] for t in range(number)]
    for t in range(number):
        rows[t][t] += max(size - 37 * t, 40)
        rows[t][0] += rows[t][-1]
        rows[t][-1] = 0
    return rows


def class_side(labels: Sequence[str], counted: list[list[int]], *, whole: bool = True) -> Json:
    counts = ClassCounts.of(np.array(counted))
    columns = zip(labels, counts.precision, counts.recall, counts.f1, counts.truth.tolist(), strict=True)
    names = ("label", "precision", "recall", "f1", "support")
    return {
        "accuracy": counts.accuracy,
        "macro": counts.macro,
        "weighted": counts.weighted,
        "by_class": [dict(zip(names, row, strict=True)) for row in columns],
        "matrix": counted if whole else None,
    }


def claim(name: str, expected: int, live: float | str | None, more: int = 0) -> Json:
    return {"key": name, "name": name, "low": expected, "high": expected + more, "live": live}


def of_classes(labels: Sequence[str], live: list[list[int]] | None, offline: list[list[int]], **fields: Any) -> Json:
    """A predictor of more than two classes that publishes its matrix, or nothing at all."""
    number = range(len(labels))
    claims = [
        claim(f'confusion_total{{truth="{labels[t]}",predicted="{labels[a]}"}}', offline[t][a], live[t][a])
        for t in number
        for a in number
        if live is not None
    ]
    side = class_side(labels, offline)
    drawn = [side["accuracy"], side["macro"]["precision"], side["macro"]["recall"], None]
    curves = {ratio: [value] * 31 for ratio, value in zip(RATIOS, drawn, strict=True)}
    total = sum(map(sum, offline))
    return {
        **predictor(None, NOTHING),
        "feedback": {"attempted": total, "acknowledged": total, "refused": 0, "indeterminate": 0},
        "offline": None,
        "expected": None,
        "timeline": {"time": [rfc3339(START + i) for i in range(31)], "average": "macro", "live": curves,
                     "offline": curves} if live is not None else None,
        "claims": claims,
        "classes": {
            "labels": list(labels),
            "zero_division": 0.0,
            "live": None if live is None else class_side(labels, live),
            "offline": side,
            "expected": None if live is None else {"low": offline, "high": offline},
        },
        **fields,
    }  # fmt: skip


def three_classes() -> Json:
    labels, counted = ("setosa", "versicolor", "virginica"), matrix(3)
    return result("PASS", [SENT, EQUAL], {"default": of_classes(labels, counted, counted)})


def ten_classes() -> Json:
    """Ten classes with long names; the live matrix has exchanged truth and answer, on a primary and a shadow."""
    labels = [f"a rather long name of class {i} & <more>" for i in range(9)] + ["ünknown/other"]
    counted = matrix(10, 12_000)
    transposed = [list(column) for column in zip(*counted, strict=True)]
    interval = {"value": 0.01, "low": -0.02, "high": 0.03}
    more = {**COMPARISON, "difference": {"accuracy": interval, **{f"recall of {label}": interval for label in labels}}}
    predictors = {
        "default": of_classes(labels, transposed, counted),
        "shadow": of_classes(labels, counted, counted, shadow=True, traffic=0),
    }
    return result("FAIL", [SENT, PERMUTED], predictors, comparison=more)


def metrics_server() -> Json:
    """Three classes of which counts by class are published, from which no matrix follows."""
    content = three_classes()
    classes, labels = content["predictors"]["default"]["classes"], content["predictors"]["default"]["classes"]["labels"]
    classes["live"]["matrix"] = classes["expected"] = None
    content["predictors"]["default"]["claims"] = [
        claim(f'seldon_metric_{name}_total{{class="CLASS_{label}"}}', 300 + i, 300 + i)
        for name in ("true_positive", "true_negative", "false_positive", "false_negative")
        for i, label in enumerate(labels)
    ]
    note = "seldon_metric_true_negative_total counts the right answers: an accuracy that adds both shows up to 2."
    content["metrics"] = {"name": "seldon-metrics-server-multiclass", "rows": "first", "note": note}
    return content


def right_and_all() -> Json:
    """Two classes; published are the right answers and all of them, from which the four cells do not follow."""
    content = single_pass()
    claims = [claim("right_total", 5580, 5579, 2), claim("rows_total", 6000, 6000)]
    content["predictors"]["default"] |= {"live": None, "expected": None, "timeline": None, "claims": claims}
    content["metrics"] = {"name": "totals", "rows": "every", "note": ""}
    return result("FAIL", [SENT, PERMUTED], content["predictors"], metrics=content["metrics"])


def forty_classes() -> Json:
    """More classes than any table or picture shows, on two predictors."""
    labels, counted = [f"class {i}" for i in range(40)], matrix(40)
    predictors = {name: of_classes(labels, counted, counted) for name in ("default", "shadow")}
    return result("PASS", [SENT, EQUAL], predictors)


def classes_unseen() -> Json:
    """Three classes and no sample of any count."""
    content = three_classes()
    content["predictors"]["default"] = of_classes(("a", "b", "c"), None, matrix(3))
    return result("INCONCLUSIVE", [NOT_SENT], content["predictors"])


def huge() -> Json:
    """An hour and more: four predictors, 300 points everywhere, a curve of 101 thresholds each, 300 long findings."""
    cells = {cell: number * 10**6 + 1 for cell, number in LOGISTIC.items()}
    predictors = {f"predictor-{i}": predictor(cells, cells, 300, curve=score_curve(cells, 101)) for i in range(4)}
    wrong = [
        finding("served", f"row {i}", "FAIL", f"row {i} was answered wrongly " * 20, expected=cells, observed=cells,
                diagnosis="serving skew", advice="Look at the artefact. " * 20)
        for i in range(300)
    ]  # fmt: skip
    return result("FAIL", [SENT, *wrong], predictors, load=load(300), comparison=COMPARISON)


EVERY: dict[str, Callable[[], Json]] = {
    finding.__name__: finding
    for finding in (
        single_pass,
        shadow_pass,
        swapped_cells,
        nothing_sent,
        nothing_known,
        undefined_ratios,
        weighted_primaries,
        three_classes,
        ten_classes,
        forty_classes,
        metrics_server,
        right_and_all,
        classes_unseen,
        huge,
    )
}


def put(folder: Path, content: Json, options: Run | None = None) -> Path:
    """A run folder with this ``result.json`` and ``run.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    runfolder.write(folder, options or run())
    (folder / runfolder.RESULT_FILE).write_text(json.dumps(content), encoding="utf-8")
    return folder
