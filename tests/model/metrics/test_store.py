"""The metrics store against the stock one, and against what the stock one loses."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from seldon_core import metrics as stock
from seldon_core import wrapper

from model import contract
from model.metrics.exposition import WIDTH, lines_of, render
from model.metrics.store import Store

fork = multiprocessing.get_context("fork")
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
FEEDBACK = "feedback"


def gauge(key: str, value: float) -> dict[str, Any]:
    return {"type": "GAUGE", "key": key, "value": value}


def counter(key: str, value: float = 1) -> dict[str, Any]:
    return {"type": "COUNTER", "key": key, "value": value}


def samples(text: str, without: str = contract.LABEL_WORKER) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value by sample name and labels, one label left out."""
    return {
        (sample.name, frozenset((k, v) for k, v in sample.labels.items() if k != without)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def values(kept: Store, name: str) -> list[float]:
    """All values of one sample name, of every slot and method."""
    return [value for (metric, _), value in samples(kept.generate_metrics()[0], without="").items() if metric == name]


METRICS = st.lists(
    st.builds(
        # one key has one kind: with more, sample names clash, under the stock store as well
        lambda kind, key, value, tags: {
            "type": kind,
            "key": f"{kind.lower()}_{key}",
            "value": value,
            "tags": dict(tags),
        },
        st.sampled_from(["COUNTER", "GAUGE", "TIMER"]),
        st.sampled_from(["a", "b_total", "c", "größe"]),
        st.one_of(st.integers(0, 10**6), st.floats(0, 1e6), st.sampled_from([0.0, 1.0, 30_000.0, 30_001.0, -5.0])),
        st.sampled_from([{}, {"x": "y"}, {"x": 'q"\\\n', "w": "z"}]),
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(METRICS, st.sampled_from(["predict", FEEDBACK])), max_size=6))
def test_it_exposes_what_the_stock_store_exposes(updates: list[tuple[list[dict[str, Any]], str]]) -> None:
    """After the same updates the same sample names, labels and values, except for the value of worker_id."""
    ours = Store(slots=1)
    theirs = StockWithoutManager()
    for update, method in updates:
        # a fresh copy for each: both write the method into the tags
        ours.update([metric | {"tags": dict(metric.get("tags", {}))} for metric in update], method)
        theirs.update([metric | {"tags": dict(metric.get("tags", {}))} for metric in update], method)
    mine = samples(ours.generate_metrics()[0])
    stocks = samples(theirs.generate_metrics()[0])
    assert mine.keys() == stocks.keys()
    assert mine == pytest.approx(stocks)


class StockWithoutManager(stock.SeldonMetrics):  # type: ignore[misc]  # seldon_core has no types
    """The stock store in one process: a plain dict instead of the manager's, which takes a process each."""

    def __init__(self) -> None:
        self._lock = multiprocessing.Lock()
        self.data: dict[int, Any] = {}
        self.worker_id_func = os.getpid
        self._extra_default_labels: dict[str, str] = {}

    def __del__(self) -> None:
        """There is no manager to shut down."""


def test_the_stock_stores_labels_are_all_there() -> None:
    """Every default label, the method and the worker."""
    kept = Store(slots=1)
    kept.update([gauge("a", 1)], FEEDBACK)
    (labels,) = [labels for _, labels in samples(kept.generate_metrics()[0], without="")]
    assert dict(labels) == {**stock.DEFAULT_LABELS, "method": FEEDBACK, "worker_id": "0"}


@settings(max_examples=40, deadline=None)
@given(METRICS)
def test_both_forms_are_read_by_their_parsers(update: list[dict[str, Any]]) -> None:
    """The strict OpenMetrics parser and the text parser read the same values, each family once."""
    kept = Store(slots=1)
    kept.update([metric for metric in update if metric["value"] >= 0], "predict")
    text = kept.generate_metrics()[0]
    app = wrapper.get_metrics_microservice(kept)
    answer = app.test_client().get(wrapper.METRICS_ENDPOINT, headers={"Accept": "application/openmetrics-text"})
    strict = {
        (s.name, frozenset(s.labels.items())): s.value
        for family in openmetrics_families(answer.text)  # type: ignore[no-untyped-call]
        for s in family.samples
    }
    assert strict == {(name, labels): value for (name, labels), value in samples(text, without="").items()}
    heads = re.findall("^# TYPE (.*)$", text, flags=re.MULTILINE)
    assert len(heads) == len(set(heads))


def test_no_increment_is_lost_between_threads() -> None:
    """Eight threads with 2,000 updates each; the stock store keeps a fifth of them."""
    kept = Store(slots=1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: kept.update([counter("n"), gauge("g", 1)], FEEDBACK), range(16_000)))
    assert values(kept, "n_total") == [16_000]


def test_a_running_total_never_goes_back_and_any_other_gauge_does() -> None:
    """Of two threads that publish 7 and then 6 the 7 stays; a gauge that is no running total takes the 6."""
    kept = Store({"total"}, slots=1)
    for value in (7, 6):
        kept.update([gauge("total", value), gauge("level", value)], FEEDBACK)
    assert (values(kept, "total"), values(kept, "level")) == ([7], [6])


def test_every_reward_is_counted_with_the_metrics_that_follow_it() -> None:
    """Rewards 0, 1, 0.5 and -1 are four feedbacks with a sum of 0.5."""
    kept = Store(slots=1)
    for reward in (0, 1, 0.5, -1):
        kept.update_reward(reward)
        kept.update([], FEEDBACK)
    assert values(kept, f"{contract.FEEDBACK_COUNTER}_total") == [4]
    assert values(kept, f"{contract.REWARD_COUNTER}_total") == [0.5]


def test_a_reward_whose_feedback_was_refused_is_not_counted() -> None:
    """No metrics follow a refusal: the next feedback of the thread counts one, and a prediction counts none."""
    kept = Store(slots=1)
    kept.update_reward(1)
    kept.update([gauge("a", 1)], "predict")
    kept.update_reward(1)
    kept.update([], FEEDBACK)
    assert values(kept, f"{contract.FEEDBACK_COUNTER}_total") == [1]
    hasty = Store(rewards_wait=False, slots=1)
    hasty.update_reward(1)
    hasty.update_reward(0)
    assert values(hasty, f"{contract.FEEDBACK_COUNTER}_total") == [2]


def grow(kept: Store, end: int | None) -> None:
    """In a worker: takes over, adds ten, and ends or is killed."""
    base = kept.totals().get("total", 0)
    for step in range(1, 11):
        kept.update([counter("n"), gauge("total", base + step)], FEEDBACK)
    if end is not None:
        os.kill(os.getpid(), end)


@pytest.mark.parametrize("end", [None, signal.SIGKILL], ids=["recycled", "killed"])
def test_counts_outlive_their_workers_and_a_successor_makes_no_series(end: int | None) -> None:
    """Five workers one after the other: 50 of each, in one series of each."""
    kept = Store({"total"}, slots=8)
    for _ in range(5):
        worker = fork.Process(target=grow, args=(kept, end))
        worker.start()
        worker.join()
    assert (values(kept, "n_total"), values(kept, "total")) == ([50], [50])


def test_workers_at_the_same_time_have_series_of_their_own() -> None:
    """Four at once: four series each, the sum exact."""
    kept = Store({"total"}, slots=8)
    gate = fork.Barrier(4)

    def work() -> None:
        kept.update([counter("n", 0)], FEEDBACK)
        gate.wait(20)
        grow(kept, None)

    workers = [fork.Process(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert values(kept, "n_total") == [10, 10, 10, 10]


def test_a_full_store_says_so_once_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Series that do not fit are left out with one line; those that are there still count."""
    monkeypatch.setitem(WIDTH, "GAUGE", 1_000_000)
    kept = Store(slots=1)
    kept.update([counter("n")], FEEDBACK)
    for key in ("a", "b", "c"):
        kept.update([gauge(key, 1), counter("n")], FEEDBACK)
    assert values(kept, "n_total") == [4]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "got a full slot" in caplog.text


def test_tags_must_be_text() -> None:
    """A tag of another type is refused when it comes, not at every scrape after it."""
    kept = Store(slots=1)
    with pytest.raises(TypeError, match="expected tags of strings"):
        kept.update([counter("n") | {"tags": {"a": 1}}], FEEDBACK)
    assert kept.generate_metrics()[0] == ""


def test_a_name_that_cannot_be_published_is_left_out_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """An empty one, or none: kept, it would have ended each worker that reads the store, and each that follows."""
    kept = Store(slots=2)
    for _ in range(3):
        kept.update([gauge("", 1), counter("n")], FEEDBACK)
    assert values(kept, "n_total") == [3]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "expected a name to publish" in caplog.text
    assert "n_total" in kept.generate_metrics()[0]


@pytest.mark.parametrize("key", ["a:b", "job:rate:sum", "plain"])
def test_a_counter_has_one_name_in_both_forms(key: str) -> None:
    """A colon belongs to a metric's name, as in names of recording rules."""
    names = {
        form: lines_of("COUNTER", key, {contract.LABEL_METHOD: "feedback"}, 1, form).starts[0].partition("{")[0]
        for form in ("text", "openmetrics")
    }
    assert set(names.values()) == {f"{key}_total"}


def fill(kept: Store, gate: Any) -> None:
    kept.update([gauge(f"g{number}", number) for number in range(200)], FEEDBACK)
    gate.wait(20)


def test_a_scrape_of_800_series_takes_less_than_20_ms() -> None:
    """200 series of four workers, the best of five scrapes after the first."""
    kept = Store(slots=8)
    gate = fork.Barrier(4)
    workers = [fork.Process(target=fill, args=(kept, gate)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(samples(kept.generate_metrics()[0], without="")) == 800
    assert best_scrape(kept) < 0.020


def best_scrape(kept: Store) -> float:
    """Seconds of the fastest of five."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        kept.generate_metrics()
        taken.append(time.perf_counter() - began)
    return min(taken)


def fill_buckets(kept: Store, gate: Any) -> None:
    for truth in "01":
        kept.count_in_buckets("rows", {"truth": truth}, range(62), [3, 3, 62], FEEDBACK)
    gate.wait(20)


def test_a_scrape_of_500_bucket_lines_takes_less_than_20_ms() -> None:
    """Two series of 63 lines of four workers, the best of five scrapes after the first."""
    kept = Store(slots=8)
    gate = fork.Barrier(4)
    workers = [fork.Process(target=fill_buckets, args=(kept, gate)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(samples(kept.generate_metrics()[0], without="")) == 4 * 2 * 63
    assert best_scrape(kept) < 0.020


def test_a_fixed_line_is_that_of_the_series() -> None:
    """The head is the family's, once, and a TIMER's figures add up over its buckets."""
    tags: Mapping[str, str] = {"method": "predict"}
    expected_lines = lines_of("TIMER", "t", tags, 0, "text")
    counts = [0.0] * 51
    counts[3], counts[7] = 2.0, 1.0
    text = render([(expected_lines, [*counts, 0.25])], "text")
    assert text.count("# TYPE t histogram") == 1
    figures = [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith("t_bucket")]
    assert figures[2:9] == [0, 2, 2, 2, 2, 3, 3]
    assert re.search(r"^t_count\{.*\} 3.0$", text, flags=re.MULTILINE)
    assert re.search(r"^t_sum\{.*\} 0.25$", text, flags=re.MULTILINE)
