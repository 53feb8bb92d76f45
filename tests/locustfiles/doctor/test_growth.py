"""What one feedback has to add, by the metric map: to cells, to a matrix, to no other claim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.claims import metric_map
from analysis.claims.selection import Account, select
from analysis.evidence.samples import Series
from analysis.evidence.scrapes.published import Published
from analysis.verdict import Verdict
from deploy.manifest.deployment import Predictor
from locustfiles.doctor.growth import CountGrowth, look_at_growth
from locustfiles.doctor.observation import Observation
from locustfiles.doctor.series import Counts

CELLS = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1).accounts[0]
TRUE_NEG, FALSE_POS = 0, 1
"""Pairs of truth and answer with two classes, of which the second is the positive one."""


def predictor(name: str = "default", *, shadow: bool = False) -> Predictor:
    return Predictor(name, "m", "m.joblib", "i", shadow, 100, 1, (), (), (), ())


def counts(account: Account, values: dict[str, dict[str, float]]) -> Counts:
    """Stored counts, by predictor and metric."""
    return Counts(
        {
            name: Published(
                account,
                tuple(
                    Series(metric, {"predictor_name": name, **account.fixed}, np.array([1]), np.array([value]))
                    for metric, value in metrics.items()
                ),
            )
            for name, metrics in values.items()
        }
    )


BEFORE = {"true_neg": 3.0, "false_pos": 2.0}


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        ({"true_neg": 4.0, "false_pos": 2.0}, Verdict.PASS),
        ({"true_neg": 3.0, "false_pos": 3.0}, Verdict.FAIL),
        ({"true_neg": 3.0, "false_pos": 2.0}, Verdict.FAIL),
        ({"true_neg": 5.0, "false_pos": 2.0}, Verdict.INCONCLUSIVE),
        ({"true_neg": 4.0, "false_pos": 3.0}, Verdict.INCONCLUSIVE),
        ({"true_neg": 0.0, "false_pos": 0.0}, Verdict.INCONCLUSIVE),
        ({"true_neg": 4.0, "false_pos": 2.0, "false_neg": 0.0}, Verdict.PASS),
    ],
    ids=["its cell", "another's", "not counted", "twice", "foreign", "restarted", "new series of 0"],
)
def test_one_feedback_adds_one_row_to_its_cell(after: dict[str, float], verdict: Verdict) -> None:
    growth = CountGrowth.of(counts(CELLS, {"default": BEFORE}), counts(CELLS, {"default": after}))
    (observation,) = look_at_growth(growth, [predictor()], TRUE_NEG)
    assert observation.verdict is verdict, observation


def test_a_shadow_that_lags_behind_is_not_called_broken() -> None:
    """The mirror may be late, or may leave out a share of the requests; where it counted, any cell is right."""
    predictors = [predictor(), predictor("shadow", shadow=True)]
    before = counts(CELLS, {"default": BEFORE, "shadow": {"true_neg": 0.0}})

    def after(shadow: float) -> CountGrowth:
        now = {"default": BEFORE | {"true_neg": 4.0}, "shadow": {"true_neg": shadow}}
        return CountGrowth.of(before, counts(CELLS, now))

    late = look_at_growth(after(0.0), predictors, TRUE_NEG)
    assert [each.verdict for each in late] == [Verdict.PASS, Verdict.INCONCLUSIVE]
    assert not after(0.0).is_complete(predictors)
    assert after(1.0).is_complete(predictors)
    assert [each.verdict for each in look_at_growth(after(1.0), predictors, FALSE_POS)] == [Verdict.FAIL, Verdict.PASS]


def looked_at_map(text: str, added: dict[str, dict[str, str]], pair: int, folder: Path) -> Observation:
    """A map of a user's for three classes; each metric of ``added``, with labels, has grown by one."""
    path = folder / "map.toml"
    path.write_text(text)
    accounts = select(metric_map.load(str(path)), ("a", "b", "c"), None).accounts
    account = next((each for each in accounts if set(added) <= set(each.metrics)), accounts[0])
    series = tuple(Series(name, labels, np.array([1]), np.array([1.0])) for name, labels in added.items())
    growth = CountGrowth.of(counts(account, {}), Counts({"default": Published(account, series)}))
    (observation,) = look_at_growth(growth, [predictor()], pair)
    return observation


MATRIX = '[[series]]\nmetric = "rows_total"\ncounts = "pair"\ntruth = "truth"\npredicted = "answer"\n'
RIGHT = '[[series]]\nmetric = "right_total"\ncounts = "correct"\n[[series]]\nmetric = "rows_total"\ncounts = "all"\n'


def test_a_matrix_of_three_classes_is_held_to_the_pair(tmp_path: Path) -> None:
    """Truth b, answered c: that one series, and the transposed one is named."""
    right = looked_at_map(MATRIX, {"rows_total": {"truth": "b", "answer": "c"}}, 5, tmp_path)
    assert right.verdict is Verdict.PASS
    wrong = looked_at_map(MATRIX, {"rows_total": {"truth": "c", "answer": "b"}}, 5, tmp_path)
    assert wrong.verdict is Verdict.FAIL
    assert 'truth="b"' in wrong.expected
    assert 'truth="c"' in wrong.observed


def test_claims_that_overlap_are_each_held_to_their_weight(tmp_path: Path) -> None:
    """A right answer is one row and one right row; a wrong one is a row alone."""
    both: dict[str, dict[str, str]] = {"right_total": {}, "rows_total": {}}
    assert looked_at_map(RIGHT, both, 0, tmp_path).verdict is Verdict.PASS
    assert looked_at_map(RIGHT, {"rows_total": {}}, 1, tmp_path).verdict is Verdict.PASS
    assert looked_at_map(RIGHT, both, 1, tmp_path).verdict is not Verdict.PASS


def test_counts_of_predictions_do_not_show_a_feedback(tmp_path: Path) -> None:
    text = 'metric = "answers_total"\ncounts = "predicted"\nclass = "answer"\nevents = "predictions"\naccount = "b"\n'
    observation = looked_at_map(f"{RIGHT}[[series]]\n{text}", {"answers_total": {"answer": "b"}}, 0, tmp_path)
    assert observation.verdict is Verdict.INCONCLUSIVE
    assert "they count predictions" in observation.message
