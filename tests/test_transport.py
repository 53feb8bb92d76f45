"""The gRPC transport as a user runs it: the local stack, an existing one, and hosts that do not speak it."""

from __future__ import annotations

import argparse
import re
from typing import Any

import pytest

from analysis.record import ledger
from analysis.record.ledger_file import read_ledger
from locustfiles.load.options import load_of
from locustfiles.protocol.transport import DeploymentAddress, unanswered
from tests.model.serving import serving
from tests.running import ROOT, Ended, LoadTest
from tests.test_loadtest import assert_clean

pytestmark = pytest.mark.stack

GRPC = ("--transport", "grpc")


def events_of(run: Ended) -> list[dict[str, Any]]:
    """The ledger's events as (kind, row, position) and what was answered, in the order in which they were begun."""
    events: list[dict[str, Any]] = read_ledger(run.folder / "ledger.arrow").events.to_pylist()
    return sorted(events, key=lambda event: (event["worker"], event["request"], event["position"]))


def rows_of(run: Ended) -> list[int]:
    """Rows that were asked for, in order."""
    return [event["row"] for event in events_of(run) if event["kind"] == ledger.Kind.PREDICT]


def assert_by_grpc(run: Ended) -> None:
    """PASS with equal counts, every answer with gRPC's OK, and the transport is on record."""
    assert_clean(run)
    assert run.result["load"]["statuses"] == {"0": run.result["load"]["requests"]}
    assert '"transport": "grpc"' in (run.folder / "run.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "options",
    [(), ("--processes", "2", "--batch", "5", "--payload", "tensor")],
    ids=["rows", "two-processes-batches-of-tensors"],
)
def test_a_clean_stack_passes_by_grpc_with_live_counts_equal_to_offline(
    options: tuple[str, ...], loadtest: LoadTest
) -> None:
    """Through Envoy's HTTP/2 route to both predictors' gRPC servers, and the mirror of it."""
    assert_by_grpc(loadtest(*GRPC, *options, "--duration", "4s"))


def test_the_same_seed_visits_the_same_rows_by_both_transports(loadtest: LoadTest, existing: dict[str, str]) -> None:
    """One after the other on one existing deployment: each counts its own, and the rows come in the same order."""
    by_grpc = loadtest(*GRPC, "--seed", "7", "--users", "1", "--duration", "3s", name="grpc", **existing)
    by_rest = loadtest("--seed", "7", "--users", "1", "--duration", "3s", name="rest", **existing)
    assert_by_grpc(by_grpc)
    assert_clean(by_rest)
    assert set(by_rest.result["load"]["statuses"]) == {"200"}
    rows = [rows_of(by_grpc), rows_of(by_rest)]
    shorter = min(map(len, rows))
    assert rows[0][:shorter] == rows[1][:shorter]
    assert shorter > 50


def test_the_same_rows_are_answered_alike_by_both_transports(loadtest: LoadTest, existing: dict[str, str]) -> None:
    """Each row's class is the same whichever way it was asked: the features arrive to the last bit."""
    answers = []
    for transport in ("grpc", "rest"):
        run = loadtest("--transport", transport, "--duration", "3s", name=f"like-{transport}", **existing)
        answers.append(
            {event["row"]: event["predicted"] for event in events_of(run) if event["kind"] == ledger.Kind.PREDICT}
        )
        assert ledger.NO_CLASS not in answers[-1].values()
    both = answers[0].keys() & answers[1].keys()
    assert {row: answers[0][row] for row in both} == {row: answers[1][row] for row in both}
    assert len(both) > 100


def test_a_deployment_that_the_ingress_does_not_know_is_refused_before_anything_is_sent(
    loadtest: LoadTest, existing: dict[str, str]
) -> None:
    """Envoy has no route for that namespace and says UNIMPLEMENTED without a word: one line, exit code 2."""
    run = loadtest(*GRPC, "--namespace", "elsewhere", **existing)
    assert run.code == 2, str(run)
    assert re.fullmatch(r"plumbline: reaching the host: expected Seldon's gRPC at .*/ab-test, got .*\n", run.err), (
        run.err
    )
    assert not (run.folder / "ledger.arrow").exists()


def test_seldons_own_grpc_server_is_known_without_an_ingress() -> None:
    """The model server's gRPC port answers the question that is asked first."""
    load = load_of(argparse.Namespace(transport="grpc"))
    with serving(ROOT / "artifacts" / "binary-percept.joblib") as server:
        place = DeploymentAddress(f"http://127.0.0.1:{server.grpc}", "seldon", "metrics-model")
        assert unanswered(place, load) == ""
        assert unanswered(DeploymentAddress(f"http://127.0.0.1:{server.http}", "seldon", "metrics-model"), load) != ""
