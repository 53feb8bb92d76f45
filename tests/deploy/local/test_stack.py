"""A stack that runs: what reaches whom, and what Prometheus makes of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from math import sqrt
from pathlib import Path
from typing import Any

import grpc
import pytest

from deploy.local.running.state import StackRecord
from tests.deploy.conftest import Job, call, counts, post, wait_for

pytestmark = pytest.mark.stack

BODY = {"data": {"ndarray": [[1.0]]}}
FEEDBACK = {"request": BODY, "reward": 1.0, "truth": {"data": {"ndarray": [1]}}}
SHADOW = "mirrored-shadow-0-shadow-toy-0"


def url(record: StackRecord, verb: str) -> str:
    return f"{record.host}/seldon/{record.namespace}/{record.deployment}/api/v1.0/{verb}"


def query(record: StackRecord, expression: str) -> list[dict[str, Any]]:
    """Result of an instant query."""
    address = f"{record.prometheus_url}/api/v1/query?query={urllib.parse.quote(expression)}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        actual: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return actual


def sent(
    record: StackRecord, verb: str, body: dict[str, Any], metric: str, times: int, shadow: str | None = None
) -> dict[str, float]:
    """How much each pod's gauge grew by ``times`` requests, once Envoy has none in flight any more.

    ``shadow``: pod that gets a copy of each. Envoy answers the client before it counts the last copy as in flight, so
    that pod is waited for. Raises AssertionError, with what Envoy says of the copies, if they do not arrive.
    """
    before = counts(record, metric)
    for _ in range(times):
        post(url(record, verb), body)
    try:
        wait_for(lambda: shadow is None or counts(record, metric)[shadow] - before[shadow] >= times, 20)
    except AssertionError as error:
        raise AssertionError(fates(record, f"{record.deployment}-shadow", metric)) from error
    wait_for(lambda: in_flight(record) == 0)
    return {pod: after - before[pod] for pod, after in counts(record, metric).items()}


def in_flight(record: StackRecord) -> int:
    """Requests that Envoy has taken, mirrored ones too, and that are not answered.

    A request that waits for a connection is not in ``upstream_rq_active`` yet, but in ``upstream_rq_pending_active``.
    """
    address = f"{record.envoy_admin_url}/stats?filter=upstream_rq(_pending)?_active$"
    with urllib.request.urlopen(address, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    assert any("upstream_rq_active" in line for line in lines)
    assert any("upstream_rq_pending_active" in line for line in lines)
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines)


def fates(record: StackRecord, cluster: str, metric: str) -> str:
    """What Envoy says became of a cluster's requests (its counters that are not 0), and each pod's gauge by now."""
    address = f"{record.envoy_admin_url}/stats?usedonly&filter=^cluster[.]{cluster}[.]upstream_(rq|cx)_"
    with urllib.request.urlopen(address, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    counters = "; ".join(line.rsplit(".", 1)[-1] for line in lines if not line.endswith((": 0", "values")))
    return f"{counters}; {metric} by now: {counts(record, metric)}"


def test_feedback_reaches_the_primary_and_the_shadow(mirrored: Job) -> None:
    """As with Istio, the whole prefix is mirrored: twenty feedbacks count twenty on both sides."""
    grown = sent(mirrored.record(), "feedback", FEEDBACK, "toy_feedbacks", 20, SHADOW)
    assert grown[SHADOW] == 20, fates(mirrored.record(), "mirrored-shadow", "toy_feedbacks")
    assert grown["mirrored-main-0-main-toy-0"] + grown["mirrored-main-0-main-toy-1"] == 20


def test_every_replica_gets_some_of_the_traffic(mirrored: Job) -> None:
    """Forty predictions over two replicas leave none of them idle, and the shadow sees them all."""
    grown = sent(mirrored.record(), "predictions", BODY, "toy_predictions", 40, SHADOW)
    assert min(grown["mirrored-main-0-main-toy-0"], grown["mirrored-main-0-main-toy-1"]) > 0
    assert grown[SHADOW] == 40, fates(mirrored.record(), "mirrored-shadow", "toy_predictions")


def test_the_answer_is_the_primarys(mirrored: Job) -> None:
    """A client never gets the shadow's answer."""
    answers = [post(url(mirrored.record(), "predictions"), BODY) for _ in range(10)]
    assert {answer["meta"]["tags"]["predictor"] for answer in answers} == {"main"}


def test_weights_and_the_mirrored_percentage_hold(weighted: Job) -> None:
    """Of 400 predictions, 80 : 20 go to the primaries, 30 in a hundred to the shadow, within five standard errors."""
    grown = sent(weighted.record(), "predictions", BODY, "toy_predictions", 400)
    for pod, share in {
        "weighted-major-0-major-toy-0": 0.8,
        "weighted-minor-0-minor-toy-0": 0.2,
        "weighted-shadow-0-shadow-toy-0": 0.3,
    }.items():
        assert abs(grown[pod] - 400 * share) < 5 * sqrt(400 * share * (1 - share)), pod


def test_grpc_goes_by_the_headers_to_the_same_model(mirrored: Job) -> None:
    """``seldon.protos.Seldon/Predict`` with the headers is answered, without them it is UNIMPLEMENTED."""
    record = mirrored.record()
    message = b"\x2a\x01x"  # SeldonMessage {strData: "x"}
    with grpc.insecure_channel(record.host.removeprefix("http://")) as channel:
        predict = channel.unary_unary("/seldon.protos.Seldon/Predict")
        answer = predict(message, metadata=[("seldon", "mirrored"), ("namespace", "seldon")], timeout=10)
        assert message in answer
        with pytest.raises(grpc.RpcError) as error:
            predict(message, metadata=[("seldon", "mirrored")], timeout=10)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_what_is_not_this_deployments_is_not_found(mirrored: Job) -> None:
    """Another deployment's path gives 404."""
    with pytest.raises(urllib.error.HTTPError) as error:
        post(f"{mirrored.record().host}/seldon/seldon/other/api/v1.0/predictions", BODY)
    error.value.close()
    assert error.value.code == 404


def test_prometheus_holds_the_series_with_the_labels_of_a_cluster(mirrored: Job) -> None:
    """The gauges carry the wrapper's labels and the scrape's, and Envoy's counters are there too."""
    record = mirrored.record()
    post(url(record, "predictions"), BODY)
    series = wait_for(lambda: query(record, 'toy_predictions{predictor_name="shadow",method="predict"}'))
    expected = {
        "deployment_name": "mirrored", "model_name": "shadow-toy", "namespace": "seldon", "container": "shadow-toy",
        "endpoint": "metrics", "job": "seldon/plumbline-seldon", "pod": "mirrored-shadow-0-shadow-toy-0",
        "seldon_app": "mirrored-shadow", "seldon_deployment_id": "mirrored",
    }  # fmt: skip
    assert {name: series[0]["metric"].get(name) for name in expected} == expected
    assert wait_for(
        lambda: query(
            record, 'envoy_cluster_upstream_rq_xx{envoy_cluster_name="mirrored-shadow",envoy_response_code_class="2"}'
        )
    )


def test_status_names_every_process_and_up_refuses_a_second_stack(mirrored: Job, tmp_path: Path) -> None:
    """`status` has a line for each process, all running; a second `up` exits with 2 and leaves the first alone."""
    record = mirrored.record()
    status = call(["status"], mirrored.stacks)
    for process in record.processes:
        line = next(line for line in status.stdout.splitlines() if line.startswith(f"{process.name} "))
        assert line.split()[1:3] == [str(process.pid), "runs"]
    assert {"prometheus", "envoy"} < {process.name for process in record.processes}
    second = call(["up", "single.yaml"], mirrored.stacks)
    assert (second.returncode, len(second.stderr.splitlines())) == (2, 1)
    assert "expected no stack, got mirrored" in second.stderr
    assert call(["status"], tmp_path).stdout == "no stack is up\n"
