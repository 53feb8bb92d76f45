"""What an event adds to each claim, held against scikit-learn, and which series makes which claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

from analysis.claims import metric_map
from analysis.claims.selection import cells, is_same, select

HEAD = '[match]\ndeployment_name = "{deployment}"\npredictor_name = "{predictor}"\n'
EACH = "".join(
    f'[[series]]\nmetric = "m_{counts}"\ncounts = "{counts}"\nclass = "class"\n'
    for counts in ("tp", "fp", "tn", "fn", "truth", "predicted")
)
MATRIX = '[[series]]\nmetric = "m"\ncounts = "pair"\ntruth = "t"\npredicted = "p"\n'
TOTALS = '[[series]]\nmetric = "right"\ncounts = "correct"\n[[series]]\nmetric = "all"\ncounts = "all"\n'
EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


def counted(text: str, events: list[tuple[int, int]], classes: int = 4) -> dict[str, int]:
    """What the events (truth, predicted) add to each claim, by its key."""
    (account,) = select(metric_map.parse(HEAD + text, "own"), list("abcdefghij"[:classes]), None).accounts
    pairs = [truth * classes + predicted for truth, predicted in events]
    return dict(zip(account.claims.keys, account.claims.weight[pairs].sum(axis=0).tolist(), strict=True))


@given(EVENTS)
def test_cells_of_each_class_are_those_of_scikit_learn(events: list[tuple[int, int]]) -> None:
    truth, predicted = zip(*events, strict=True)
    counts = counted(EACH, events)
    matrices = multilabel_confusion_matrix(truth, predicted, labels=range(4))
    for name, ((tn, fp), (fn, tp)) in zip("abcd", matrices.tolist(), strict=True):
        mine = {key: counts[f"{key} {name}"] for key in ("tp", "fp", "tn", "fn", "truth", "predicted")}
        assert mine == {"tp": tp, "fp": fp, "tn": tn, "fn": fn, "truth": tp + fn, "predicted": tp + fp}


@given(EVENTS)
def test_pairs_are_the_confusion_matrix(events: list[tuple[int, int]]) -> None:
    truth, predicted = zip(*events, strict=True)
    matrix = confusion_matrix(truth, predicted, labels=range(4))
    assert counted(MATRIX, events) == {
        f"{t}>{p}": matrix[i, j] for i, t in enumerate("abcd") for j, p in enumerate("abcd")
    }


@given(EVENTS)
def test_right_answers_and_all_are_counted(events: list[tuple[int, int]]) -> None:
    assert counted(TOTALS, events) == {"correct": sum(t == p for t, p in events), "all": len(events)}


def test_a_cell_of_the_positive_class_is_no_claim_where_none_is_positive() -> None:
    (account,) = select(
        metric_map.parse(HEAD + '[[series]]\nmetric = "m"\ncounts = "tp"\n', "own"), "abc", None
    ).accounts
    assert len(account.claims) == 0


@pytest.mark.parametrize("text", [EACH, MATRIX])
def test_the_four_cells_follow_from_the_claims_of_two_classes(text: str) -> None:
    (account,) = select(metric_map.parse(HEAD + text, "own"), ("no", "yes"), 1).accounts
    goal = cells(2, 1)
    deriving = account.claims.deriving(goal)
    assert deriving is not None
    np.testing.assert_allclose(account.claims.weight @ deriving, goal, atol=1e-9)


def test_nothing_is_derived_from_claims_that_do_not_determine_it() -> None:
    (account,) = select(metric_map.parse(HEAD + TOTALS, "own"), ("no", "yes"), 1).accounts
    assert account.claims.deriving(cells(2, 1)) is None


@pytest.mark.parametrize(
    ("text", "expected", "same"),
    [
        ("CLASS_1", "CLASS_1", True),
        ("CLASS_1.0", "CLASS_1", True),
        ("CLASS_10", "CLASS_1", False),
        ("CLASS_[1]", "CLASS_1", False),
        ("1.0", "1", True),
        ("-1.0", "-1", True),
        ("good", "good", True),
        ("goods", "good", False),
        ("good", "1", False),
        ("nan", "nan", True),
        (None, "1", False),
    ],
)
def test_a_class_may_be_written_as_another_spelling_of_its_number(text: str | None, expected: str, same: bool) -> None:
    assert is_same(text, expected) is same


def test_a_series_makes_the_claim_of_its_labels() -> None:
    chosen = metric_map.load("seldon-metrics-server-multiclass")
    (account,) = select(chosen, (0, 1, 2), None).accounts
    labels = {"method": "io.seldon.serving.feedback.metrics", "class": "CLASS_2.0"}
    claim = account.claim_of("seldon_metric_true_negative_total", labels)
    assert claim is not None
    assert account.claims.weight[:, claim].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1], "it counts right answers"
    assert account.claim_of("seldon_metric_true_negative_total", labels | {"method": "feedback"}) is None
    assert account.claim_of("seldon_metric_true_negative_total", labels | {"class": "CLASS_7"}) is None
    assert account.claim_of("other", labels) is None
    assert account.process_of({"pod": "a", "class": "CLASS_2"}) == {"pod": "a"}
