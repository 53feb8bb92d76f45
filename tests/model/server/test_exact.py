"""Counts under load: equal to what was acknowledged, whatever the workers, threads, transport and deaths."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
from seldon_core.utils import json_to_feedback

from bench.tools.bare_http import DriveFigures, drive, post
from model import contract, dataset
from model.estimator import load_model
from tests.model.serving import STOCK, Server, serving

pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ROWS = 40
REWARD = 0.5


class Load:
    """Feedback for the first held-out rows, half of the truths flipped so that no cell stays empty."""

    def __init__(self, folder: Path) -> None:
        heldout = dataset.load_heldout(folder / "heldout.parquet")
        model = load_model(folder / "binary-percept.joblib")
        predicted = model.predict(heldout.rows).tolist()[:ROWS]
        truths = [int(label) ^ (row % 2) for row, label in enumerate(heldout.truth[:ROWS])]
        self.truths = truths
        self.scores = model.estimator.decision_function(heldout.X[:ROWS]).tolist()
        self.edges = [*model.card.score_edges, math.inf]
        self.cells = [contract.cell_of(p, t, 1) for p, t in zip(predicted, truths, strict=True)]
        self.messages: list[dict[str, Any]] = [
            {
                "request": {"data": {"ndarray": [heldout.X[row].tolist()]}},
                "reward": REWARD,
                "truth": {"data": {"ndarray": [truths[row]]}},
            }
            for row in range(ROWS)
        ]
        # one in four goes the stock way through Flask and protobuf: the tag makes the request unusual
        tagged = [m | {"request": m["request"] | {"meta": {"tags": {"a": "b"}}}} for m in self.messages]
        self.requests = [
            post("/api/v1.0/feedback", json.dumps(tagged[row] if row % 4 == 0 else self.messages[row]).encode())
            for row in range(ROWS)
        ]
        self.protos = [json_to_feedback(message) for message in self.messages]

    def cells_of(self, counts: Counter[int]) -> dict[str, int]:
        """Cells of so many feedbacks for each row."""
        cells: dict[str, int] = dict.fromkeys(contract.CELLS, 0)
        for row, number in counts.items():
            cells[self.cells[row]] += number
        return cells

    def buckets_of(self, counts: Counter[int]) -> dict[str, int]:
        """Score buckets of the same, by a look at each row for each edge."""
        return {
            f"{truth} {edge}": sum(
                number for row, number in counts.items() if self.truths[row] == truth and self.scores[row] <= edge
            )
            for truth in (0, 1)
            for edge in self.edges
        }


@pytest.fixture(scope="module")
def load(trained: Path) -> Load:
    return Load(trained)


def over_rest(server: Server, load: Load, count: int, connections: int = 8) -> DriveFigures:
    order = itertools.islice(itertools.cycle(range(ROWS)), count)
    return drive(server.http, load.requests, order, connections, lambda: True)


def over_grpc(server: Server, load: Load, count: int, threads: int = 4) -> DriveFigures:
    driven = DriveFigures()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel, ThreadPoolExecutor(threads) as pool:
        stub = prediction_pb2_grpc.SeldonStub(channel)

        def send(number: int) -> int:
            answer = stub.SendFeedback(load.protos[number % ROWS], timeout=20)
            assert isinstance(answer, prediction_pb2.SeldonMessage)
            return number % ROWS

        driven.acknowledged = Counter(pool.map(send, range(count)))
    return driven


def counted(server: Server) -> dict[str, dict[str, int]]:
    """What the metrics endpoint says: gauges and counters by cell, and the wrapper's own counters."""
    sums = server.sums()
    return {
        "gauges": {cell: int(sums[name]) for cell, name in contract.METRIC_OF_CELL.items()},
        "counters": {cell: int(sums[f"{name}_total"]) for cell, name in contract.COUNTER_OF_CELL.items()},
        "wrapper": {
            "feedback": int(sums[f"{contract.FEEDBACK_COUNTER}_total"]),
            "reward": int(sums[f"{contract.REWARD_COUNTER}_total"] / REWARD),
        },
        "buckets": buckets(server),
    }


def buckets(server: Server) -> dict[str, int]:
    """Score buckets by truth and edge, added up over the workers."""
    numbers: Counter[str] = Counter()
    for family in text_string_to_metric_families(server.scrape()[1]):
        for sample in family.samples:
            if sample.name == contract.SCORE_BUCKETS:
                at = f"{sample.labels[contract.LABEL_TRUTH]} {float(sample.labels[contract.LABEL_EDGE])}"
                numbers[at] += int(sample.value)
    return dict(numbers)


def expected(load: Load, counts: Counter[int]) -> dict[str, dict[str, int]]:
    """The oracle: what must be counted if exactly these feedbacks were."""
    cells, total = load.cells_of(counts), counts.total()
    return {
        "gauges": cells,
        "counters": cells,
        "wrapper": {"feedback": total, "reward": total},
        "buckets": load.buckets_of(counts),
    }


def assert_between(low: Any, actual: Any, high: Any) -> None:
    """Each figure of ``found`` is within the same figure of ``low`` and ``high``."""
    for group, figures in low.items():
        assert figures.keys() == actual[group].keys()
        for name, least in figures.items():
            assert least <= actual[group][name] <= high[group][name], (group, name, low, actual, high)


def check_exact(trained: Path, load: Load, workers: int, threads: int, scale: int = 1) -> None:
    """REST, then gRPC, then both at once on one server: after each the counts equal what was acknowledged so far."""
    options = ("--workers", str(workers), "--threads", str(threads), "--grpc-threads", str(threads))
    with serving(trained / "binary-percept.joblib", options=options) as server:
        total: Counter[int] = Counter()
        for kinds in (("rest",), ("grpc",), ("rest", "grpc")):
            with ThreadPoolExecutor(2) as pool:
                sent = [
                    pool.submit(over_rest, server, load, 400 * scale)
                    if kind == "rest"
                    else pool.submit(over_grpc, server, load, 200 * scale)
                    for kind in kinds
                ]
            for request in sent:
                driven = request.result()
                assert (driven.refused.total(), driven.indeterminate.total()) == (0, 0)
                total += driven.acknowledged
            assert counted(server) == expected(load, total)


@pytest.mark.parametrize(("workers", "threads"), [(2, 8)])
def test_counts_equal_what_was_acknowledged(trained: Path, load: Load, workers: int, threads: int) -> None:
    """REST, gRPC and mixed, with several threads in each of several workers."""
    check_exact(trained, load, workers, threads)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_counts_equal_what_was_acknowledged_ten_times_over(
    trained: Path, load: Load, workers: int, threads: int
) -> None:
    """Ten runs of each of workers 1, 2, 4 with threads 1, 8."""
    for _ in range(10):
        check_exact(trained, load, workers, threads)


def test_the_check_sees_what_the_stock_store_loses(trained: Path, load: Load) -> None:
    """The twin: on the same load with eight threads the stock launcher's counters are short, and the check says so."""
    with serving(trained / "binary-percept.joblib", STOCK, options=("--threads", "8")) as server:
        driven = over_rest(server, load, 300)
        assert driven.acknowledged.total() == 300
        counted_cells, truth = counted(server), expected(load, driven.acknowledged)
        assert counted_cells["wrapper"]["feedback"] < truth["wrapper"]["feedback"]
        assert counted_cells != truth


def check_recycled(trained: Path, load: Load, count: int) -> None:
    """Workers recycled every 200 requests: counts stay within what was acknowledged and what may have been counted."""
    options = ("--workers", "2", "--max-requests", "200")
    with serving(trained / "binary-percept.joblib", options=options) as server:
        first = workers_of(server)
        driven = over_rest(server, load, count)
        sure, maybe = driven.acknowledged, driven.acknowledged + driven.indeterminate
        assert sure.total() + driven.indeterminate.total() == count
        assert driven.indeterminate.total() <= count // 20
        assert_between(expected(load, sure), counted(server), expected(load, maybe))
        assert workers_of(server).isdisjoint(first)
        assert len(workers_in_series(server)) <= 5


def test_recycled_workers_lose_nothing_and_make_no_series(trained: Path, load: Load) -> None:
    """``--max-requests 200`` over 1,500 feedbacks."""
    check_recycled(trained, load, 1500)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_recycled_workers_lose_nothing_ten_times_over(trained: Path, load: Load) -> None:
    """Ten runs of the above."""
    for _ in range(10):
        check_recycled(trained, load, 1500)


def check_killed(trained: Path, load: Load) -> None:
    """A worker killed in the middle of the load: only its requests in flight are open."""
    with serving(trained / "binary-percept.joblib", options=("--workers", "2", "--threads", "2")) as server:
        kills = 0
        stop = threading.Event()
        driven: list[DriveFigures] = []
        order = itertools.cycle(range(ROWS))
        client = threading.Thread(
            target=lambda: driven.append(drive(server.http, load.requests, order, 8, lambda: not stop.is_set()))
        )
        client.start()
        for _ in range(3):
            kill_one(server)
            kills += 1
        stop.set()
        client.join()
        (result,) = driven
        sure, maybe = result.acknowledged, result.acknowledged + result.indeterminate
        assert 0 <= result.indeterminate.total() <= 8 * kills
        assert_between(expected(load, sure), counted(server), expected(load, maybe))
        # and what the successors count on is exact again
        base = counted(server)
        more = over_rest(server, load, 200)
        grown = expected(load, more.acknowledged)
        assert counted(server) == {g: {n: v + base[g][n] for n, v in figures.items()} for g, figures in grown.items()}
        assert len(workers_in_series(server)) <= 5


def kill_one(server: Server) -> None:
    """Kills a worker once a hundred more feedbacks were counted; returns when there is another in its place."""
    before = counted(server)["wrapper"]["feedback"]
    wait_until(lambda: counted(server)["wrapper"]["feedback"] > before + 100)
    victim = min(workers_of(server))
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers_of(server) - {victim}) == 2)


def test_a_killed_worker_takes_nothing_along(trained: Path, load: Load) -> None:
    """SIGKILL of a worker three times under load."""
    check_killed(trained, load)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_worker_takes_nothing_along_ten_times_over(trained: Path, load: Load) -> None:
    """Ten runs of the above."""
    for _ in range(10):
        check_killed(trained, load)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_is_flat_over_two_hundred_thousand_requests(trained: Path, load: Load) -> None:
    """From request 20,000 to 200,000 the group grows by less than 2 MiB."""
    with serving(trained / "binary-percept.joblib", environment={"GRPC_WORKERS": "0"}) as server:
        over_rest(server, load, 20_000)
        before = memory_of(server)
        over_rest(server, load, 180_000)
        assert memory_of(server) - before < 2 << 20


def memory_of(server: Server) -> int:
    """Bytes of private memory of all processes of the group."""
    return sum(psutil.Process(pid).memory_full_info().uss for pid in server.group())


def workers_of(server: Server) -> set[int]:
    """Pids of the gunicorn workers: grandchildren of the supervisor."""
    main = psutil.Process(server.process.pid)
    pids: set[int] = set()
    for child in main.children():
        for grandchild in child.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended since it was listed
                if grandchild.status() != psutil.STATUS_ZOMBIE:
                    pids.add(grandchild.pid)
    return pids


def workers_in_series(server: Server) -> set[str]:
    """Values of the label ``worker_id``."""
    return set(re.findall(r'worker_id="(\d+)"', server.scrape()[1]))


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.02)


def test_the_comparison_sees_one_feedback_too_many_or_too_few(load: Load) -> None:
    """The twin of all of the above: one event dropped, doubled or moved to another cell is not equal."""
    truth = expected(load, Counter(range(ROWS)))
    assert truth != expected(load, Counter(range(ROWS - 1)))
    assert truth != expected(load, Counter([*range(ROWS), 3]))
    assert min(truth["gauges"].values()) > 0
    moved = {cell: truth["gauges"][cell] + change for cell, change in zip(contract.CELLS, (1, -1, 0, 0), strict=True)}
    off_by_one = truth["buckets"] | {"1 0.0": truth["buckets"]["1 0.0"] + 1}
    changes: list[dict[str, Any]] = [{"gauges": moved}, {"buckets": off_by_one}, {"buckets": {}}]
    for altered in changes:
        with pytest.raises(AssertionError):
            assert_between(truth, truth | altered, truth)
