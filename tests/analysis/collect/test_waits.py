"""What is waited for before and after a load, by a Prometheus that is made up scrape by scrape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import worlds
from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.collect import baseline
from analysis.collect.prometheus import Prometheus, duration_s
from analysis.collect.stored_samples import LedgerTotals, Patience, TimeBefore, _Gathering
from analysis.evidence import files, samples
from analysis.evidence.arrange import arrange
from analysis.evidence.gateway import ACTIVE
from analysis.evidence.queries import LABEL_TARGET_DEPLOYMENT
from analysis.evidence.samples import ClockOffset, Series
from analysis.judge import registry
from analysis.record import runfolder
from analysis.record.runfolder import SAMPLES_FILE, Run
from analysis.verdict import Verdict
from answering import answering
from model.contract import CELLS, METRIC_OF_CELL
from worlds import START_NS

START_S = START_NS / 1e9
DEPLOYMENT = {"seldon_deployment_id": "metrics-model", "namespace": "seldon"}


@dataclass
class Stored:
    """Scrapes by job and instance, and whether their targets carry the deployment's label, have cells, and are up."""

    scrapes: dict[tuple[str, str], list[float]]
    labelled: bool = True
    without_cells: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    intervals: dict[tuple[str, str], float] = field(default_factory=dict)
    under_way: dict[float, float] = field(default_factory=dict)
    namespace: str = ""

    def range_vector(self, query: str, at_s: float) -> list[Series]:
        stored_series: list[Series] = []
        gauge = {at: value for at, value in self.under_way.items() if at <= at_s}
        if ACTIVE in query and gauge:
            labels = {"envoy_cluster_name": "metrics-model-default", "job": "envoy", "instance": "envoy:1"}
            moments = np.array([round(at * 1000) for at in gauge])
            stored_series.append(Series(ACTIVE, labels, moments, np.array([*gauge.values()])))
        for (job, instance), times in self.scrapes.items():
            stored = [at for at in times if at <= at_s]
            labels = {"job": job, "instance": instance} | (DEPLOYMENT if self.labelled else {})
            if not stored:
                continue
            if self.namespace:
                labels["kubernetes_namespace"] = self.namespace
            if "true_pos" in query and instance not in self.without_cells:
                if self.namespace and "kubernetes_namespace" in query:
                    continue
                cell = labels | {"deployment_name": "metrics-model", "predictor_name": "default", "method": "feedback"}
                stored_series += [self._series(METRIC_OF_CELL[name], cell, stored, 7.0) for name in CELLS]
            elif "up" in query and (self.labelled or LABEL_TARGET_DEPLOYMENT not in query):
                stored_series.append(self._series("up", labels, stored, float(instance not in self.down)))
        return stored_series

    def _series(self, name: str, labels: Mapping[str, str], times: list[float], value: float) -> Series:
        return Series(name, labels, np.array([round(at * 1000) for at in times]), np.full(len(times), value))

    def clock(self, now: object) -> ClockOffset:
        return ClockOffset(0.0, 0.0)

    def version(self) -> str:
        return "2.42.0"

    def scrape_intervals(self) -> dict[tuple[str, str], float]:
        return self.intervals


SELECTION = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1)
A, B = ("seldon", "a:6000"), ("seldon", "b:6000")


def gathering_of(tmp_path: Path, stored: Stored, before: TimeBefore) -> _Gathering:
    run: Run = worlds.put(tmp_path, worlds.world(worlds.load_of(50, span_s=5.0)))
    gathering = _Gathering(run, cast("Any", stored), SELECTION, LedgerTotals(START_NS, 50), before)
    gathering.begin(lambda: START_S + 6)
    gathering.fetch(START_S + 100)
    return gathering


def test_a_shadow_that_is_waited_for_is_named_with_how_far_it_has_come(tmp_path: Path) -> None:
    """It has no series here: it has counted nothing of the 50."""
    run: Run = worlds.put(tmp_path, worlds.world(worlds.load_of(50, span_s=5.0), (worlds.PRIMARY, worlds.SHADOW)))
    gathering = _Gathering(run, cast("Any", Stored({})), SELECTION, LedgerTotals(START_NS, 50), TimeBefore())
    gathering.begin(lambda: START_S + 6)
    gathering.fetch(START_S + 100)
    assert gathering.shadow_line(Patience()) == (
        "waiting for what was mirrored: shadow has counted 0 of 50 rows; "
        "until it has them, or counts none for 8 s (30 s if the gateway waits)"
    )


@pytest.mark.parametrize("without_cells", [(), ("b:6000",)], ids=["both have cells", "one has none yet"])
@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "without pod labels"])
def test_every_replica_that_was_up_before_the_load_is_waited_for(
    tmp_path: Path, labelled: bool, without_cells: tuple[str, ...]
) -> None:
    """The first replica was scraped after the load, the second only before it."""
    stored = Stored({A: [START_S - 40, START_S + 20], B: [START_S - 1]}, labelled, without_cells)
    both = tuple(
        {"job": job, "instance": instance} | (DEPLOYMENT if labelled else {}) for job, instance in stored.scrapes
    )
    gathering = gathering_of(tmp_path, stored, TimeBefore(60.0, both))
    assert not gathering.seen_the_end()
    assert gathering.longest_wait_s(None) == 140
    assert gathering.waiting_line(None) == (
        "waiting for the last scrape of 1 target, one every 60 s (b:6000); for 140 s at most"
    )
    stored.scrapes[B].append(START_S + 59)
    gathering.fetch(START_S + 110)
    assert gathering.seen_the_end()


def test_a_target_that_was_not_up_before_the_load_and_was_not_scraped_since_is_gone(tmp_path: Path) -> None:
    stored = Stored({A: [START_S - 40, START_S + 20], B: [START_S - 90]})
    gathering = gathering_of(tmp_path, stored, TimeBefore(60.0, ({"job": A[0], "instance": A[1]} | DEPLOYMENT,)))
    assert gathering.seen_the_end()


@dataclass
class Naming(Stored):
    """Answers what the targets show: names of metrics, each with a method."""

    shown: tuple[tuple[str, str], ...] = ()

    def ask(self, query: str, at_s: float) -> list[dict[str, dict[str, str]]]:
        assert 'instance=~"a:6000"' in query
        return [{"metric": {"__name__": name, "method": method}} for name, method in self.shown]


def test_names_of_other_metrics_are_noted_where_none_of_the_map_is_there(tmp_path: Path) -> None:
    """Those of feedback first, and not the wrapper's own."""
    mine = [("calls_total", "predict"), ("outcome_total", "feedback"), ("outcome_total", "predict"), ("age", "")]
    shown = (*mine, ("seldon_api_model_feedback_total", "feedback"))
    naming = Naming({A: [START_S - 40, START_S + 20]}, without_cells=("a:6000",), shown=shown)
    gathering = gathering_of(tmp_path, naming, TimeBefore())
    gathering.look_for_names(START_S + 100)
    assert gathering.samples().notes["names"] == ["outcome_total", "age", "calls_total"]
    naming.without_cells = ()
    (tmp_path / "published").mkdir()
    gathering = gathering_of(tmp_path / "published", naming, TimeBefore())
    gathering.look_for_names(START_S + 100)
    assert gathering.samples().notes["names"] == []


def test_cells_of_another_namespace_are_named(tmp_path: Path) -> None:
    """The deployment's series carry ``kubernetes_namespace``, and another one than the run asks for."""
    gathering = gathering_of(
        tmp_path, Stored({A: [START_S - 40, START_S + 20]}, labelled=False, namespace="dev"), TimeBefore()
    )
    gathering.look_elsewhere(START_S + 100)
    assert gathering.samples().notes["elsewhere"] == ["kubernetes_namespace dev"]
    samples.write(tmp_path / SAMPLES_FILE, gathering.samples())
    worlds.reseal(tmp_path)
    findings = registry.judge(arrange(files.read(tmp_path, runfolder.read(tmp_path))))
    assert registry.verdict(findings) is Verdict.INCONCLUSIVE
    stored = next(finding for finding in findings if finding.check == "stored")
    assert "in the namespace seldon; there are some in kubernetes_namespace dev" in stored.message


@dataclass
class Time:
    """A clock that moves when it is slept on."""

    now_s: float = START_S

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def waited_for_baseline(tmp_path: Path, stored: Stored) -> tuple[float, dict[str, Any], list[str]]:
    """Seconds that the baseline took, its file, and what was progress meanwhile."""
    run, time, progress = worlds.put(tmp_path, worlds.world(worlds.load_of(5))), Time(), list[str]()
    baseline.write(tmp_path, run, cast("Any", stored), None, time.now, time.sleep, progress.append)
    content = json.loads((tmp_path / "baseline.json").read_text(encoding="utf-8"))
    return time.now_s - START_S, content, progress


def test_the_baseline_waits_an_interval_for_each_replica_and_says_so(tmp_path: Path) -> None:
    stored = Stored({A: [START_S - 70, START_S + 20], B: [START_S - 5, START_S + 85]}, intervals={A: 90.0, B: 90.0})
    took_s, content, progress = waited_for_baseline(tmp_path, stored)
    assert 84.9 < took_s < 86
    assert [target["instance"] for target in content["targets"]] == ["a:6000", "b:6000"]
    assert content["scrape_interval_s"] == 90
    assert progress == ["waiting for a fresh scrape of 2 targets, one every 90 s (a:6000, b:6000); for 100 s at most"]


@pytest.mark.parametrize("without_cells", [(), ("a:6000",)], ids=["with cells", "nothing counted yet"])
def test_a_dead_target_of_another_job_is_not_waited_for(tmp_path: Path, without_cells: tuple[str, ...]) -> None:
    """Where no target carries the deployment's label, only those count that can be its own."""
    times = [START_S - 2 + second for second in range(10)]
    dead = ("node", "dead:9100")
    stored = Stored({A: times, dead: times}, False, (*without_cells, dead[1]), down=(dead[1],))
    took_s, content, progress = waited_for_baseline(tmp_path, stored)
    assert took_s < 3
    assert [target["instance"] for target in content["targets"]] == ["a:6000"]
    assert not progress


@pytest.mark.parametrize(
    ("until_s", "took_s", "left", "words"),
    [
        (-1.0, 1.0, 0, []),
        (9.5, 10.0, 0, ["waiting for the answers of 5 requests of an earlier load; for 60 s at most"]),
        (99.0, 60.0, 5, ["waiting for the answers of 5 requests of an earlier load; for 60 s at most"]),
    ],
    ids=["at rest", "soon at rest", "never at rest"],
)
def test_what_is_left_of_an_earlier_load_is_waited_for_and_named(
    tmp_path: Path, until_s: float, took_s: float, left: int, words: list[str]
) -> None:
    """The gateway has 5 requests under way until a time; after a minute the load begins nevertheless."""
    seconds = range(-5, 70)
    stored = Stored(
        {A: [START_S + second for second in seconds]},
        under_way={START_S + second: 5.0 if second <= until_s else 0.0 for second in seconds},
    )
    waited_s, content, progress = waited_for_baseline(tmp_path, stored)
    assert took_s - 0.2 <= waited_s <= took_s + 0.2
    assert content["under_way"] == left
    assert progress == words


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15.0), ("1m", 60.0), ("1m30s", 90.0), ("500ms", 0.5), ("1h0m5s", 3605.0)]
)
def test_durations_as_prometheus_writes_them(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "s", "1.5s", "15s ago"])
def test_any_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected one such as"):
        duration_s(text)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            b'{"data": {"activeTargets": [{"labels": {"job": "j", "instance": "a:1"}, "scrapeInterval": "1m"}]}}',
            {("j", "a:1"): 60.0},
        ),
        (b'{"data": {"activeTargets": [{"labels": {"job": "j", "instance": "a:1"}}]}}', {}),
        (b'{"data": {"activeTargets": [{"labels": [], "scrapeInterval": "1m"}]}}', {}),
        (b'{"data": []}', {}),
        (b"not found", {}),
    ],
    ids=["configured", "an old version", "no labels", "no targets", "another store"],
)
def test_a_server_that_does_not_know_its_intervals_says_none(
    answer: bytes, expected: dict[tuple[str, str], float]
) -> None:
    with answering(lambda _: (200, "application/json", answer)) as url:
        assert Prometheus(url).scrape_intervals() == expected
