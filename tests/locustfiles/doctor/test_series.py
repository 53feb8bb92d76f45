"""What the doctor makes of stored series: copies, growth, other labels and other names."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.evidence.samples import ClockOffset, Series
from analysis.evidence.scrapes.published import Published
from analysis.verdict import Verdict
from deploy.manifest.deployment import Predictor
from locustfiles.doctor import scraping as scraping_module
from locustfiles.doctor import series
from locustfiles.doctor.observation import Observation
from locustfiles.doctor.scraping import Scraping, look_at_targets
from locustfiles.doctor.series import Counts

SELECTION = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1)
NAMES = SELECTION.accounts[0].metrics
OURS = {
    "deployment_name": "d", "predictor_name": "default", "method": "feedback", "namespace": "seldon",
    "job": "a", "instance": "10.0.0.1:6000", "pod": "d-0",
}  # fmt: skip


def stored(metric: str, *values: float, step_ms: int = 1000, **labels: Any) -> Series:
    """A series with our labels, apart from those given; None leaves one out."""
    merged = {name: value for name, value in (OURS | labels).items() if value is not None}
    times = np.arange(1, len(values) + 1, dtype=np.int64) * step_ms
    return Series(metric, merged, times, np.array(values, float))


def cells(**labels: Any) -> list[Series]:
    return [stored(name, 1.0, **labels) for name in NAMES]


def published(content: Sequence[Series]) -> Published:
    return Published(SELECTION.accounts[0], tuple(content))


class Store:
    """Stands in for a Prometheus: it takes the selectors of the doctor apart and answers from a list of series."""

    def __init__(self, content: Sequence[Series], errors: dict[Any, Any] | None = None) -> None:
        self._content = content
        self._errors = errors or {}

    def range_vector(self, query: str, at_s: float) -> list[Series]:
        return [each for each in self._content if self._fits(each, query)]

    def ask(self, query: str) -> list[dict[str, Any]]:
        label = re.match(r"group by \((\w+)\)", query)
        assert label is not None
        fitting = [each for each in self._content if self._fits(each, query)]
        return [
            {"metric": {label[1]: each.metric if label[1] == "__name__" else each.labels.get(label[1], "")}}
            for each in fitting
        ]

    def scrape_errors(self) -> dict[Any, Any]:
        return self._errors

    @staticmethod
    def _fits(each: Series, query: str) -> bool:
        labels = {**each.labels, "__name__": each.metric}
        named = re.match(r"(\w+)\{", query)
        matchers = re.findall(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"', query)
        return (named is None or named[1] == each.metric) and all(
            re.fullmatch(value.replace("\\\\", "\\"), labels.get(name, "")) is not None
            if kind == "=~"
            else labels.get(name) == value
            for name, kind, value in matchers
        )


def scraping(content: Sequence[Series], *ups: Series, errors: dict[Any, Any] | None = None, **options: Any) -> Scraping:
    store: Any = Store(content, errors)
    return Scraping(store, ClockOffset(0, 0), "d", "seldon", {}, ups, **options)


def predictor(name: str = "default", *, shadow: bool = False) -> Predictor:
    return Predictor(name, "m", "m.joblib", "i", shadow, 100, 1, (), (), (), ())


def looked(content: Sequence[Series], *ups: Series, is_fed: bool = True) -> Observation:
    place = scraping(content, *ups)
    return series.look_at_names(
        place, SELECTION.metric_map, series.counts_of(place, SELECTION, [predictor()]), is_fed=is_fed
    )


def test_cells_that_are_all_there_are_well() -> None:
    assert looked(cells()).verdict is Verdict.PASS
    assert looked([stored(f"{name}_total", 1.0) for name in NAMES]).verdict is Verdict.PASS


UP = stored("up", 1.0, 1.0, deployment_name=None, predictor_name=None, method=None, seldon_deployment_id="d")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (cells(namespace="models"), ("namespace models", "Give --namespace models.")),
        (cells(deployment_name=None, exported_deployment="d"), ('exported_deployment="d"', "renames labels")),
        (
            cells(deployment_name=None, seldon_deployment_id="d"),
            ("without deployment_name", "through Seldon's wrapper"),
        ),
        (cells(predictor_name="main"), ("predictor_name 'main'", "the manifest that is deployed")),
        (cells(method="predict"), ("method predict only", "from send_feedback too")),
        (cells(deployment_name="e", pod="e-0"), ("deployment_name e only", "Is it this manifest that is deployed")),
        (cells()[:3], ("expected false_neg of default", "no metric on its targets")),
        ([], ("no target of the deployment", "PodMonitor")),
    ],
    ids=["namespace", "label", "no label", "predictor", "method", "other deployment", "one cell", "nothing"],
)
def test_what_differs_is_named(content: list[Series], words: tuple[str, str]) -> None:
    """Each label that the judge asks for, and the value that is there in its place."""
    observation = looked(content)
    assert observation.verdict is Verdict.FAIL
    text = f"expected {observation.expected} {observation.observed} {observation.advice}"
    assert [word for word in words if word not in text] == [], text


def test_the_nearest_names_on_the_targets_are_listed_and_none_of_other_targets() -> None:
    there = [stored("true_positives_total", 1.0), stored("outcome_total", 1.0), stored("python_gc_total", 1.0)]
    elsewhere = [stored("true_posts", 1.0, instance="10.0.0.2:6000")]
    observation = looked([*there, *elsewhere, UP], UP)
    assert observation.observed == "nearest on its targets: true_positives_total, outcome_total"


def test_before_any_feedback_absent_metrics_prove_nothing() -> None:
    """A class may publish at its first feedback only."""
    assert looked([UP], UP, is_fed=False).verdict is Verdict.INCONCLUSIVE


def test_one_count_that_is_stored_twice_is_named_and_two_replicas_are_not() -> None:
    def doubles(*copies: dict[str, str | None]) -> Observation | None:
        every_cell = tuple(cell for labels in copies for cell in cells(**labels))
        return series.look_for_doubles(Counts({"default": published(every_cell)}))

    assert doubles({}) is None
    assert doubles({}, {"pod": "d-1", "instance": "10.0.0.2:6000"}) is None
    assert doubles({"pod": None}, {"pod": None, "instance": "10.0.0.2:6000"}) is None
    twice = doubles({}, {"job": "b"})
    assert twice is not None
    assert twice.observed == "d-0 twice: by job=a and by job=b"
    assert doubles({}, {"instance": "svc:6000"}) is not None
    assert doubles({"prometheus_replica": "0"}, {"prometheus_replica": "1"}) is not None


def up(*values: float, **options: Any) -> Series:
    return stored("up", *values, seldon_deployment_id="d", **options)


def test_targets_are_looked_at() -> None:
    """Down, with the error of the scrape; too rare; rarer than configured; well."""
    address = ("a", "10.0.0.1:6000")
    errors = {address: ("http://10.0.0.1:6000/metrics", "server returned HTTP status 404 Not Found")}
    down = look_at_targets(scraping([], up(1.0, 0.0), errors=errors), 30)
    assert down is not None
    assert (down.verdict, down.observed) == (Verdict.FAIL, ": ".join(errors[address]))
    rare = look_at_targets(scraping([], up(1.0, 1.0, step_ms=60_000)), 30)
    assert rare is not None
    assert rare.observed.startswith("one every 60 s")
    skipping = Scraping(
        scraping([]).prometheus, ClockOffset(0, 0), "d", "seldon", {address: 1.0}, (up(1, 1, step_ms=3000),)
    )
    skipped = look_at_targets(skipping, 30)
    assert skipped is not None
    assert (skipped.expected, skipped.verdict) == ("a scrape every 1 s, as configured", Verdict.FAIL)
    well = look_at_targets(scraping([], up(1.0, 1.0)), 30)
    assert well is not None
    assert well.verdict is Verdict.PASS
    assert look_at_targets(scraping([]), 30) is None


def test_a_scrape_that_does_not_come_is_not_waited_for_longer_than_its_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And it is said that something is waited for; a target that is down is not waited for at all."""
    monkeypatch.setattr(scraping_module, "LATE_S", 0.1)
    monkeypatch.setattr(scraping_module, "SILENCE_S", 0.0)
    address = ("a", "10.0.0.1:6000")
    lines: list[str] = []
    silent = replace(scraping([up(1.0, 1.0)], up(1.0, 1.0)), intervals={address: 0.2})
    assert not silent.wait_for_scrape(1e9, (), lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("waiting for the next scrape")
    down = replace(scraping([up(1.0, 0.0)], up(1.0, 0.0)), intervals={address: 60.0})
    assert down.wait_for_scrape(1e9, (), lines.append)
    assert silent.wait_for_scrape(1.0, (), lines.append)


def test_metrics_of_targets_without_a_label_are_waited_for_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PodMonitor that adds no labels: before its first count, nothing says which target is the deployment's."""
    monkeypatch.setattr(series, "UNKNOWN_INTERVAL_S", 0.2)
    monkeypatch.setattr(series, "LATE_S", 0.1)
    lines: list[str] = []
    content: list[Series] = []
    assert series.wait_for_counts(scraping(content), SELECTION, [predictor()], lines.append).all == ()
    assert len(lines) == 1
    assert "no target says that it is of d" in lines[0]
    timer = threading.Timer(0.05, lambda: content.extend(cells()))
    timer.start()
    monkeypatch.setattr(series, "UNKNOWN_INTERVAL_S", 20.0)
    assert len(series.wait_for_counts(scraping(content), SELECTION, [predictor()], lines.append).all) == 4
    timer.join()
