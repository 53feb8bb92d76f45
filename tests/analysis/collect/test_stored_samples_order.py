"""A scrape may be stored at any moment, so also between two queries of one collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

import worlds
from alterations import ALONE
from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.collect.stored_samples import LedgerTotals, TimeBefore, _Gathering
from analysis.evidence.samples import Series
from analysis.evidence.scrapes.published import judged
from analysis.evidence.scrapes.targets import targets_of
from analysis.record import runfolder
from analysis.record.instants import epoch_s
from model.contract import CELLS, METRIC_OF_CELL

TARGET = {"job": "seldon", "instance": "127.0.0.1:6000"}

SELECTION = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1)


class Scraping:
    """A Prometheus that stores one more scrape after every query it is asked; each scrape has ``up`` and the cells."""

    def __init__(self, start_s: float, labels: dict[str, str]) -> None:
        self._start_s = start_s
        self._labels = labels
        self._scrapes = 1

    def range_vector(self, query: str, _: float) -> list[Series]:
        """Every stored sample of what the query names."""
        times = np.array([round(self._start_s * 1000) + i for i in range(self._scrapes)])
        self._scrapes += 1
        if "true_pos" in query:
            names = [METRIC_OF_CELL[cell] for cell in CELLS]
            return [Series(name, self._labels, times, np.full(len(times), 7.0)) for name in names]
        if "up" in query and "scrape_duration" in query:
            return [Series("up", TARGET, times, np.ones(len(times)))]
        return []

    def clock(self, now: object) -> Any:
        raise NotImplementedError

    def version(self) -> str:
        return "2.42.0"


def test_a_scrape_between_two_queries_does_not_read_as_counts_that_fell_to_nothing(tmp_path: Path) -> None:
    """Each scrape that ``up`` shows has its cells too.

    If the cells were fetched first, the last scrape would be all 0.
    """
    worlds.put(tmp_path, ALONE)
    run = runfolder.read(tmp_path)
    predictor = run.predictors[0].name
    labels = TARGET | {"deployment_name": run.deployment, "predictor_name": predictor, "method": "feedback"}
    scraping = Scraping(epoch_s(run.started), labels)
    gathering = _Gathering(run, cast("Any", scraping), SELECTION, LedgerTotals(None, 0), TimeBefore(1.0))
    for _ in range(3):
        gathering.fetch(epoch_s(run.started) + 5)
        (target,) = targets_of(gathering.samples(), judged(gathering.samples(), predictor, SELECTION))
        assert (target.present[target.up] == len(CELLS)).all()
        assert (target.value[target.up] == 7).all()
