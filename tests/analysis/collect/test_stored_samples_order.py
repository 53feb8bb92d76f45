"""A scrape may be stored at any moment, so also between two queries of one collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import worlds
from alterations import ALONE
from analysis.collect.stored_samples import LedgerTotals, _Gathering
from analysis.evidence.targets import targets_of
from analysis.record import runfolder
from analysis.record.instants import epoch_s
from model.contract import CELLS, METRIC_OF_CELL

TARGET = {"job": "seldon", "instance": "127.0.0.1:6000"}


class Scraping:
    """A Prometheus that stores one more scrape after every query it is asked; each scrape has ``up`` and the cells."""

    def __init__(self, start_s: float, labels: dict[str, str]) -> None:
        self._start_s = start_s
        self._labels = labels
        self._scrapes = 1

    def ask(self, query: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """Every stored sample of what the query names."""
        values = [[self._start_s + 0.001 * i, "7"] for i in range(self._scrapes)]
        self._scrapes += 1
        if "true_pos" in query:
            names = [METRIC_OF_CELL[cell] for cell in CELLS]
            return [{"metric": {"__name__": name, **self._labels}, "values": values} for name in names]
        if "up" in query and "scrape_duration" in query:
            ones = [[at, "1"] for at, _ in values]
            return [{"metric": {"__name__": "up", **TARGET}, "values": ones}]
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
    gathering = _Gathering(run, cast("Any", scraping), LedgerTotals(None, 0), 1.0)
    for _ in range(3):
        gathering.fetch(epoch_s(run.started) + 5)
        (target,) = targets_of(gathering.samples(), predictor)
        assert (target.present[target.up] == len(CELLS)).all()
        assert (target.value[target.up] == 7).all()
