"""``python -m bench.reference.by_pandas RUN at_end|each_scrape``: a run's counts as pandas and scikit-learn give them.

The straightforward reading that the judge is measured beside: the whole ledger into a data frame, the offline answers
merged to it, and ``sklearn.metrics.confusion_matrix``. Once at the end, which is less than the judge does (no bounds
at the scrapes, no latency, no answers); or at every scrape, for the bounds, in the most obvious way.
It prints JSON: the cells of each artefact on the acknowledged feedback.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
from sklearn.metrics import confusion_matrix

from analysis.record import runfolder
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE, SAMPLES_FILE
from model.contract import LABEL_PREDICTOR


def cells(frame: pd.DataFrame) -> dict[str, int]:
    """The four cells of rows with ``truth`` and ``answer``; scikit-learn refuses to count none."""
    if frame.empty:
        return {"tp": 0, "fp": 0, "tn": 0, "fn": 0}
    tn, fp, fn, tp = confusion_matrix(frame["truth"], frame["answer"], labels=[0, 1]).ravel().tolist()
    return {"tp": tp, "fp": fp, "tn": tn, "fn": fn}


def feedback_of(folder: Path) -> pd.DataFrame:
    """The feedback of the ledger, as a data frame."""
    with pa.OSFile(str(folder / LEDGER_FILE)) as source, pa.ipc.open_stream(source) as reader:
        events: pd.DataFrame = reader.read_all().to_pandas()
    return events[events["kind"] == Kind.FEEDBACK]


def count(folder: Path, *, each_scrape: bool) -> dict[str, dict[str, int]]:
    """Cells by artefact, at the end; with ``each_scrape`` the bounds at each scrape are worked out on the way."""
    feedback = feedback_of(folder)
    answers = pd.read_parquet(folder / OFFLINE_FILE)
    counts = {}
    for predictor in runfolder.read(folder).predictors:
        own = answers.loc[answers["artifact"] == predictor.artifact, ["row", "predicted"]]
        merged = feedback.merge(own.rename(columns={"predicted": "answer"}), on="row")
        acknowledged = merged[merged["outcome"] == Outcome.ACKNOWLEDGED]
        for at_ns in scrapes_of(folder, predictor.name) if each_scrape else ():
            cells(acknowledged[acknowledged["done_ns"] < at_ns])
            cells(merged[(merged["sent_ns"] <= at_ns) & (merged["outcome"] != Outcome.REFUSED)])
        counts[predictor.artifact] = cells(acknowledged)
    return counts


def scrapes_of(folder: Path, predictor: str) -> list[int]:
    """When the predictor was scraped, in nanoseconds."""
    samples = pd.read_parquet(folder / SAMPLES_FILE)
    own = [f'"{LABEL_PREDICTOR}":"{predictor}"' in labels for labels in samples["labels"]]
    times_ms: list[int] = samples.loc[own, "time_ms"].unique().tolist()
    return [time_ms * 10**6 for time_ms in times_ms]


def main(arguments: Sequence[str]) -> int:
    """Prints the counts."""
    folder, when = arguments
    print(json.dumps(count(Path(folder), each_scrape=when == "each_scrape")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
