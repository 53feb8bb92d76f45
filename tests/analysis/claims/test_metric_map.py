"""Metric maps: what is read, what is refused, and what the ready-made ones say."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.claims import metric_map
from analysis.claims.metric_map import DEFAULT, MetricMap, MetricMapError
from model.contract import (
    CELLS,
    CONFUSION_COUNTER,
    COUNTER_OF_CELL,
    LABEL_PREDICTED,
    LABEL_TRUTH,
    METRIC_OF_CELL,
    SCORE_BUCKETS,
)

OWN = """
[match]
deployment_name = "{deployment}"
predictor_name = "{predictor}"

[[series]]
metric = "outcome_total"
match = { outcome = "tp" }
counts = "tp"
"""


def test_the_default_map_has_the_names_of_the_contract() -> None:
    chosen = metric_map.load(DEFAULT)
    by_account = {name: [rule for rule in chosen.rules if rule.account == name] for name in chosen.accounts}
    names = {name: {rule.counts: rule.metric for rule in rules} for name, rules in by_account.items()}
    assert names == {
        "gauges": dict(METRIC_OF_CELL),
        "counters": {cell: f"{METRIC_OF_CELL[cell]}_total" for cell in CELLS},
        "scored": {cell: f"{COUNTER_OF_CELL[cell]}_total" for cell in CELLS},
        "confusion": {"pair": f"{CONFUSION_COUNTER}_total"},
    }
    assert (chosen.rules[-1].truth, chosen.rules[-1].predicted) == (LABEL_TRUTH, LABEL_PREDICTED)
    assert SCORE_BUCKETS not in chosen.metrics


@pytest.mark.parametrize("name", metric_map.ready_made())
def test_a_ready_made_map_tells_deployments_and_predictors_apart(name: str) -> None:
    chosen = metric_map.load(name)
    assert chosen.deployment_label == "deployment_name"
    assert chosen.predictor_label == "predictor_name"
    assert chosen.worker == "worker_id"


def test_a_map_of_the_users_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    chosen = metric_map.load(str(path))
    assert (chosen.name, chosen.metrics, chosen.rules[0].match) == ("own", ("outcome_total",), {"outcome": "tp"})
    assert metric_map.of_run(metric_map.recorded(chosen)) == chosen


def test_a_run_records_any_map_but_the_projects_own() -> None:
    assert metric_map.recorded(metric_map.load(DEFAULT)) == {}
    assert metric_map.of_run({}) == metric_map.load(DEFAULT)
    with pytest.raises(MetricMapError, match=r"expected name and text in run\.json, found name"):
        metric_map.of_run({"name": "own"})


def own(old: str, new: str) -> MetricMap:
    assert old in OWN
    return metric_map.parse(OWN.replace(old, new), "own")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('counts = "tp"', "", "expected counts = one of tp, fp,"),
        ('counts = "tp"', 'counts = "true"', "found 'true'"),
        ('counts = "tp"', "counts = 1", "expected a text as counts of series 1, found 1"),
        ('counts = "tp"', 'count = "tp"', "has a key 'count' that no map has. Did you mean counts?"),
        ("[match]", "[matches]", "Did you mean match?"),
        ('metric = "outcome_total"', "", "expected the name of a metric in series 1, found none"),
        ('{ outcome = "tp" }', "{ outcome = 1 }", 'expected label = "value" pairs as match of series 1'),
        ('counts = "tp"', 'counts = "pair"', "expected the labels truth and predicted in series 1"),
        ('counts = "tp"', 'counts = "tp"\ntruth = "truth"', "exactly if it counts pairs; outcome_total counts tp"),
        ('counts = "tp"', 'counts = "truth"', "expected class = the label that holds the class in series 1"),
        ('counts = "tp"', 'counts = "all"\nclass = "class"', "counts all, which is of no single class"),
        ('counts = "tp"', 'counts = "tp"\nform = "CLASS"', 'expected form with "{}" for the class'),
        ("[match]", 'rows = "some"\n[match]', 'expected rows = "every" or "first", found \'some\''),
        ('counts = "tp"', 'counts = "tp"\nevents = "predictions"', "expected the first [[series]] to count feedback"),
        (
            'counts = "tp"',
            'counts = "tp"\nevents = "rows"',
            "expected events = one of feedback, predictions for outcome",
        ),
        (
            'counts = "tp"',
            'counts = "tp"\n[[series]]\nmetric = "b"\ncounts = "all"\nevents = "predictions"',
            "outcome_total counts feedback and b counts predictions, in one account",
        ),
        ("[[series]]", "[series]", "expected at least one [[series]] table, found none"),
        ("[match]", "[match", "the map is not TOML"),
        ("{predictor}", "{predicor}", "found '{predicor}'. Did you mean {predictor}?"),
        ('"outcome_total"', "'outcome_total{outcome=\"tp\"}'", "Labels belong in match"),
        (
            'match = { outcome = "tp" }',
            'counts = "tp"\n[[series]]\nmetric = "outcome_total"\nmatch = { outcome = "fp" }',
            "a series of it may be either",
        ),
    ],
)
def test_what_is_wrong_with_a_map_is_said_in_a_line(old: str, new: str, words: str) -> None:
    with pytest.raises(MetricMapError) as error:
        own(old, new)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("other", ['match = { outcome = "fp" }', 'account = "b"'])
def test_series_of_one_metric_that_differ_are_taken(other: str) -> None:
    """By a label's value, or by their account."""
    chosen = own('counts = "tp"', f'counts = "tp"\n[[series]]\nmetric = "outcome_total"\ncounts = "fp"\n{other}')
    assert len(chosen.rules) == 2


def test_a_name_that_is_no_map_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(MetricMapError, match="Did you mean confusion-matrix"):
        metric_map.load("confusion-matrx")
    with pytest.raises(MetricMapError, match="cannot be read: No such file"):
        metric_map.load(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"note = '\xff'")
    with pytest.raises(MetricMapError, match="is not UTF-8"):
        metric_map.load(str(tmp_path / "latin.toml"))
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(MetricMapError, match="is not TOML"):
        metric_map.load(str(tmp_path / "deep.toml"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('counts = "all"', 'counts = "tp"\nmatch = { outcome = "tp" }'),
        ('counts = "tp"', 'counts = "tp"'),
        ('counts = "truth"\nclass = "a"', 'counts = "pair"\ntruth = "a"\npredicted = "b"'),
    ],
)
def test_a_series_that_may_be_of_two_claims_of_one_account_is_refused(first: str, second: str) -> None:
    tables = [f'[[series]]\nmetric = "m"\n{table}\n' for table in (first, second)]
    with pytest.raises(metric_map.MetricMapError, match="a series of it may be either"):
        metric_map.parse("".join(tables), "own")
    metric_map.parse(tables[0] + tables[1] + 'account = "beside"\n', "own")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('counts = "tp"\nmatch = { outcome = "tp" }', 'counts = "fp"\nmatch = { outcome = "fp" }'),
        ('counts = "truth"\nclass = "of"\nform = "truth {}"', 'counts = "predicted"\nclass = "of"\nform = "answer {}"'),
        ('counts = "truth"\nclass = "of"', 'counts = "all"\nmatch = { of = "all" }'),
    ],
)
def test_series_that_some_label_tells_apart_are_of_their_own_claims(first: str, second: str) -> None:
    tables = [f'[[series]]\nmetric = "m"\n{table}\n' for table in (first, second)]
    assert len(metric_map.parse("".join(tables), "own").rules) == 2


def test_a_series_that_counts_feedback_and_predictions_is_refused() -> None:
    table = '[[series]]\nmetric = "m"\ncounts = "all"\n'
    other = table + 'account = "answers"\nevents = "predictions"\n'
    with pytest.raises(
        metric_map.MetricMapError, match="m counts all of feedback and all of predictions, and a series"
    ):
        metric_map.parse(table + other, "own")
