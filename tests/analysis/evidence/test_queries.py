"""The PromQL text, letter for letter: a change of it changes the evidence of every verdict."""

from __future__ import annotations

import promql_parser
import pytest

from analysis.claims import metric_map
from analysis.evidence import queries

NAMESPACE = 'namespace=~"seldon|",kubernetes_namespace=~"seldon|",exported_namespace=~"seldon|"'


def counts(deployment: str, namespace: str) -> str:
    (selector,) = queries.counts(metric_map.load(metric_map.DEFAULT), deployment, namespace)
    return selector


def test_cells_are_asked_for_by_deployment_and_feedback_only() -> None:
    """The selector of the cells.

    ``metrics()`` runs on predict too, so without ``method`` each gauge would be summed twice; a namespace other
    than ours is left out, a scrape that adds none is not; Seldon's COUNTERs carry ``_total``.
    """
    assert counts("ab-test", "seldon") == (
        '{__name__=~"true_pos|false_pos|true_neg|false_neg|true_pos_total|false_pos_total|true_neg_total|'
        "false_neg_total|scored_true_pos_total|scored_false_pos_total|scored_true_neg_total|scored_false_neg_total|confusion_total|"
        'seldon_api_model_feedback_total|seldon_api_model_feedback_reward_total",deployment_name="ab-test",method="feedback",'
        + NAMESPACE
        + "}"
    )


def test_targets_are_found_by_the_operators_label() -> None:
    """``up`` carries no deployment name of the wrapper, so the operator's pod label is used."""
    assert queries.targets_of("ab-test", "seldon") == (
        '{__name__=~"up|scrape_duration_seconds",seldon_deployment_id="ab-test",' + NAMESPACE + "}"
    )


def test_targets_without_the_label_are_found_by_their_place() -> None:
    """A bare PodMonitor maps no pod label; dots are escaped, since the matcher is a regular expression."""
    assert queries.targets_at(["10.0.0.2:6000", "10.0.0.1:6000"]) == (
        '{__name__=~"up|scrape_duration_seconds",instance=~"10\\\\.0\\\\.0\\\\.1:6000|10\\\\.0\\\\.0\\\\.2:6000"}'
    )


def test_a_window_is_a_raw_range_vector() -> None:
    """A range in whole milliseconds and no step: the samples as stored."""
    assert queries.window("up", 3_600_000) == "up[3600000ms]"


def test_score_buckets_are_asked_for_by_deployment_and_feedback_only() -> None:
    """As the cells are."""
    assert queries.buckets("ab-test", "seldon") == (
        '{__name__="feedback_score_bucket",deployment_name="ab-test",method="feedback",' + NAMESPACE + "}"
    )


def test_the_gateways_clusters_are_named_after_the_services() -> None:
    """Envoy's counters of loss and retries, of the local stack's clusters and of Istio's."""
    query = queries.gateway("ab-test", ["default", "shadow"])
    assert "envoy_cluster_upstream_rq_pending_overflow" in query
    names = "(.*[|])?ab-test-default(_grpc)?([.].*)?|(.*[|])?ab-test-shadow(_grpc)?([.].*)?"
    assert query.endswith(f'envoy_cluster_name=~"{names}"}}')


@pytest.mark.parametrize(
    "query",
    [
        counts('a"b\\c', "n.s"),
        queries.targets_of("ab-test", "seldon"),
        queries.targets_at(["10.0.0.1:6000"]),
        queries.gateway("ab-test", ["default"]),
        queries.window(counts("ab-test", "seldon"), 10),
    ],
)
def test_queries_are_promql(query: str) -> None:
    """Each is accepted by a PromQL parser, quotes and backslashes in names included."""
    assert promql_parser.parse(query) is not None
