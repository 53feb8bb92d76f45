"""From values to DataFrames. Times are UTC; units are in the names of columns; what is not known is NA or NaN."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.evidence.evidence import Evidence
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import Series
from analysis.record.arrow import to_numpy
from analysis.record.ledger import COLUMNS, Kind, Outcome
from analysis.record.runfolder import PredictorSpec
from analysis.result.fields import Raw
from analysis.result.parsed import ParsedFinding, ParsedPredictor
from model.contract import CELLS

ID_COLUMN = "id"
TRUTH_COLUMN = "truth"


def events(ledger: pa.Table, classes: Sequence[Any]) -> pd.DataFrame:
    """A line for each row of each request, in the order of the ledger.

    ``worker``, ``request``, ``position``: which request, and the row's place in it. ``kind``: predict or feedback.
    ``row``: id of the held-out row. ``planned``, ``sent``, ``done``: times on the load generator's clock. ``outcome``:
    acknowledged, refused or indeterminate. ``status``: of HTTP or gRPC. ``predicted``, ``truth``: class labels,
    ``predicted`` NA without an answer. ``score``: as answered, else NaN. ``response_ms``: from planned to done;
    ``service_ms``: from sent to done; ``late_ms``: from planned to sent.
    """
    whole = ledger.combine_chunks()
    values = {name: _column(whole, name) for name in COLUMNS}
    planned, sent, done = (values[f"{name}_ns"] for name in ("planned", "sent", "done"))
    return pd.DataFrame(
        {
            "worker": values["worker"],
            "request": values["request"],
            "position": values["position"],
            "kind": _category(values["kind"], Kind),
            "row": values["row"],
            "planned": _times(planned),
            "sent": _times(sent),
            "done": _times(done),
            "outcome": _category(values["outcome"], Outcome),
            "status": values["status"],
            "predicted": _labels(values["predicted"], classes),
            "truth": _labels(values["truth"], classes),
            "score": values["score"],
            "response_ms": (done - planned) / 1e6,
            "service_ms": (done - sent) / 1e6,
            "late_ms": (sent - planned) / 1e6,
        }
    )


def samples(series: Sequence[Series]) -> pd.DataFrame:
    """A line for each stored sample, series by series.

    ``time``: on Prometheus' clock. ``metric``, ``value``. A column for each label, NaN where a series lacks it.
    """
    lengths = [len(each.time_ms) for each in series]
    names = sorted({name for each in series for name in each.labels})

    def repeated(words: Sequence[Any]) -> Any:
        return pd.Categorical(words).repeat(lengths)

    return pd.DataFrame(
        {
            "time": _times(np.concatenate([np.empty(0, np.int64), *(each.time_ms for each in series)]) * 1_000_000),
            "metric": repeated([each.metric for each in series]),
            "value": np.concatenate([np.empty(0), *(each.value for each in series)]),
            **{name: repeated([each.labels.get(name) for each in series]) for name in names},
        }
    )


def counts(evidence: Evidence) -> pd.DataFrame:
    """A line for each scrape, predictor and cell, in that order.

    ``time``: of the scrape, on Prometheus' clock. ``predictor``: several that share the traffic are one, joined by
    ``+``. ``cell``: tp, fp, tn, fn, or what else the counts that were judged claim: ``TRUTH>PREDICTED`` of a matrix,
    ``correct``, ``wrong`` ... ``live``: rows that Prometheus counted since the run began. ``low``, ``high``: the bounds
    by the ledger and the offline answers, rows.
    """
    parts = [
        pd.DataFrame(
            {
                "time": _times(counted.path.time_ms * 1_000_000),
                "predictor": group.name,
                "cell": cell,
                "live": counted.path.value[:, index],
                "low": counted.bounds.low[:, index],
                "high": counted.bounds.high[:, index],
            }
        )
        for group, counted in evidence.counted()
        for index, cell in enumerate(counted.claims.keys)
    ]
    if not parts:
        return pd.DataFrame(columns=["time", "predictor", "cell", "live", "low", "high"])
    return pd.concat(parts).sort_values(["time", "predictor"], kind="stable").reset_index(drop=True)


def curves(predictors: Sequence[ParsedPredictor]) -> pd.DataFrame:
    """A line for each predictor, source and threshold: a row is called positive if its score is above it.

    ``source``: live or offline. A column for each cell, in rows. ``precision``, ``recall``: 0..1, NaN if undefined.
    """
    parts = [
        pd.DataFrame({"threshold": curve.threshold, **{str(cell): numbers for cell, numbers in cells.items()}}).assign(
            predictor=predictor.name, source=source
        )[["predictor", "source", "threshold", *cells]]
        for predictor in predictors
        if (curve := predictor.curve) is not None
        for source, cells in (("live", curve.live), ("offline", curve.offline))
    ]
    if not parts:
        return pd.DataFrame(columns=["predictor", "source", "threshold", *CELLS, "precision", "recall"])
    table = pd.concat(parts, ignore_index=True)
    called, positive = table["tp"] + table["fp"], table["tp"] + table["fn"]
    return table.assign(
        precision=table["tp"] / called.where(called > 0), recall=table["tp"] / positive.where(positive > 0)
    )


def findings(judged: Sequence[ParsedFinding]) -> pd.DataFrame:
    """A line for each finding, in the judge's order.

    ``check``, ``subject``, ``verdict`` (PASS, INCONCLUSIVE, FAIL), ``message``, ``expected``, ``observed``,
    ``diagnosis``, ``advice``; None where there is none.
    """
    columns = ("check", "subject", "verdict", "message", "expected", "observed", "diagnosis", "advice")
    lines = [[each.verdict.name if name == "verdict" else getattr(each, name) for name in columns] for each in judged]
    return pd.DataFrame(lines, columns=list(columns), dtype=object)


def comparison(raw: Raw | None) -> pd.DataFrame:
    """A line for each figure (``accuracy``, ``precision`` ...): ``value`` of shadow less primary, and its interval.

    ``low``, ``high``: of the 95 % interval. All are fractions, -1..1. ``attrs`` has the rest of the comparison as
    ``result.json`` has it: ``p_value``, ``both_right``, ``only_primary``, ``discordant`` ...
    """
    content = raw or {}
    difference = content.get("difference") or {}
    table = pd.DataFrame.from_dict(difference, orient="index", columns=["value", "low", "high"], dtype=float)
    table.index.name = "figure"
    table.attrs = {name: value for name, value in content.items() if name != "difference"}
    return table


def rows(offline: OfflineAnswers, predictors: Sequence[PredictorSpec], sent: pd.DataFrame) -> pd.DataFrame:
    """A line for each held-out row; the index ``row`` is its id. ``sent``: as `events` gives it.

    ``truth``: class label. ``served``: the label that predictions of it were answered with, the most frequent if they
    differ; NA if it was never answered. ``answers``, ``distinct_answers``: how many there were. ``feedbacks``: how many
    were acknowledged. ``NAME_offline``, ``NAME_score``: label and score of each predictor's model offline, NA if the
    offline answers lack it. With a score for each class they are ``NAME_score_LABEL``.
    """
    index = pd.Index(offline.rows, name="row")
    table = pd.DataFrame({"truth": _labels(offline.truth, offline.classes)})
    table.index = index
    acknowledged = sent[sent["outcome"] == Outcome.ACKNOWLEDGED.name.lower()]
    answered = acknowledged[(acknowledged["kind"] == Kind.PREDICT.name.lower()) & acknowledged["predicted"].notna()]
    number = answered.groupby(["row", "predicted"], observed=True).size().rename("number").reset_index()
    most = number.sort_values("number", ascending=False, kind="stable").drop_duplicates("row").set_index("row")
    table["served"] = most["predicted"].reindex(index)
    table["answers"] = number.groupby("row")["number"].sum().reindex(index, fill_value=0)
    table["distinct_answers"] = number.groupby("row").size().reindex(index, fill_value=0)
    feedback = acknowledged[acknowledged["kind"] == Kind.FEEDBACK.name.lower()]
    table["feedbacks"] = feedback.groupby("row").size().reindex(index, fill_value=0)
    for predictor in predictors:
        answers = offline.answers.get(predictor.artifact)
        codes = answers.predicted if answers is not None else np.full(len(index), -1)
        scores = answers.score if answers is not None else np.full(len(index), np.nan)
        table[f"{predictor.name}_offline"] = _labels(codes, offline.classes).set_axis(index)
        if scores.ndim == 1:
            table[f"{predictor.name}_score"] = scores
        else:
            for place, label in enumerate(offline.classes):
                table[f"{predictor.name}_score_{label}"] = scores[:, place]
    return table


def features(path: Path, sha256: str) -> pd.DataFrame | None:
    """The features of the held-out rows, by id; None if the file is not there, or is not the one that was sent."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != sha256:
        return None
    table = pd.read_parquet(io.BytesIO(content)) if path.suffix != ".csv" else pd.read_csv(io.BytesIO(content))
    return table.set_index(ID_COLUMN).drop(columns=TRUTH_COLUMN).rename_axis("row")


def _column(table: pa.Table, name: str) -> Any:
    column = table.column(name)
    return to_numpy(column.chunk(0)) if column.num_chunks else np.empty(0, np.int64)


def _times(nanoseconds: Any) -> Any:
    return pd.to_datetime(nanoseconds, unit="ns", utc=True)


def _category(codes: Any, names: type[Kind | Outcome]) -> Any:
    categories = pd.Index([member.name.lower() for member in names])
    return pd.Categorical.from_codes(codes, categories=categories)


def _labels(codes: Any, classes: Sequence[Any]) -> pd.Series[Any]:
    """The class labels of indices; NA for an index that is none."""
    return pd.Series(pd.array(list(classes))).reindex(codes).reset_index(drop=True)
