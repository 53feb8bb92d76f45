"""Models of many kinds with rows for them, as a data scientist has them: a joblib and a CSV or Parquet file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

ROWS: Final = 150
"""Rows to fit on, and as many to hold out."""
NUMBERS: Final = ("income", "age", "debt", "term", "score", "late")

RULES: Final = '''"""A rule of a user's own."""


class Rule:
    """No estimator of scikit-learn: it has a predict, needs columns by name, and gives no scores."""

    def predict(self, rows):
        return ["bad" if late > limit else "good" for late, limit in zip(rows["late"], rows["age"])]
'''


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model. ``table``: which rows; ``labels``: negative and positive; ``suffix``: of the file of rows."""

    make: Callable[[], Any]
    table: str
    labels: tuple[Any, Any]
    scorer: str
    suffix: str = ".csv"
    options: tuple[str, ...] = ()


def tables() -> dict[str, pd.DataFrame]:
    """Rows of numbers; the same with holes; with text, booleans and counts beside them; with float32."""
    chance = np.random.default_rng(0)
    features, _ = make_classification(2 * ROWS, len(NUMBERS), random_state=0, flip_y=0.1)
    numbers = pd.DataFrame(features, columns=list(NUMBERS))
    mixed = numbers.mask(chance.random(numbers.shape) < 0.05)
    mixed["town"] = pd.Series(chance.choice(["Ulm", "Köln", "007"], 2 * ROWS)).mask(chance.random(2 * ROWS) < 0.1)
    mixed["member"] = chance.random(2 * ROWS) < 0.5
    mixed["children"] = chance.integers(0, 5, 2 * ROWS)
    holes = numbers.mask(chance.random(numbers.shape) < 0.1)
    return {"numbers": numbers, "holes": holes, "mixed": mixed, "short": numbers.astype("float32")}


def is_positive() -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The truth of every row."""
    truth: np.ndarray[Any, np.dtype[np.bool_]] = (
        make_classification(2 * ROWS, len(NUMBERS), random_state=0, flip_y=0.1)[1] == 1
    )
    return truth


def _mixed(last: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["town", "member"]), (numbers, [*NUMBERS, "children"])
        ),
        last,
    )


GOOD: Final = ("bad", "good")
KINDS: Final = {
    "forest": Kind(lambda: RandomForestClassifier(30, random_state=0), "numbers", GOOD, "predict_proba"),
    "neighbours": Kind(lambda: KNeighborsClassifier(4), "numbers", GOOD, "predict_proba"),
    "calibrated": Kind(lambda: CalibratedClassifierCV(GaussianNB()), "numbers", (-1, 1), "predict_proba"),
    "fixed": Kind(
        lambda: FixedThresholdClassifier(LogisticRegression(), threshold=0.3), "numbers", (-1, 1), "predict_proba"
    ),
    "tuned": Kind(
        lambda: TunedThresholdClassifierCV(LogisticRegression(), random_state=0), "numbers", (1, 2), "predict_proba"
    ),
    "boosted": Kind(lambda: HistGradientBoostingClassifier(max_iter=20, random_state=0), "holes", (False, True),
                    "decision_function", ".parquet"),
    "boosted otherwise": Kind(lambda: HistGradientBoostingClassifier(max_iter=3, random_state=1), "holes",
                              (False, True), "decision_function", ".parquet"),
    "mixed": Kind(lambda: _mixed(LogisticRegression()), "mixed", GOOD, "decision_function"),
    "mixed forest": Kind(lambda: _mixed(RandomForestClassifier(10, random_state=3)), "mixed", GOOD, "predict_proba",
                         ".parquet"),
    "short": Kind(lambda: RandomForestClassifier(5, random_state=0), "short", (0, 1), "predict_proba", ".parquet"),
    "votes": Kind(
        lambda: VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]), "numbers", (0, 1), "none"
    ),
    "linear": Kind(LogisticRegression, "numbers", ("0", "1"), "decision_function"),
}  # fmt: skip
"""By name. Each is fitted on a DataFrame, so that it knows its features by name."""


@dataclass(frozen=True, slots=True)
class Files:
    """A model and its rows as files, with the options that ``plumbline card`` needs for them."""

    model: Path
    rows: Path
    options: tuple[str, ...]


def files_of(name: str, folder: Path, *, negated: bool = False) -> Files:
    """The files of a kind, in ``folder``. ``negated``: fitted on the other class of each row."""
    kind = KINDS[name]
    labels = np.array(kind.labels)[is_positive().astype(int)]
    fitted_on = np.array(kind.labels)[(is_positive() != negated).astype(int)]
    table = tables()[kind.table]
    with threadpool_limits(1):  # for so few rows, threads that wait for a CPU cost more than they do
        estimator = kind.make().fit(table[:ROWS], fitted_on[:ROWS])
    return written(
        estimator,
        table[ROWS:].assign(outcome=labels[ROWS:]),
        folder,
        name.replace(" ", "-"),
        kind.suffix,
        tuple(f"--positive={label}" for label in kind.labels[1:] if isinstance(label, str)) + kind.options,
    )


def several_classes(name: str, folder: Path, *, exchanged: bool = False) -> tuple[Files, Files]:
    """Two models of the same rows of more than two classes: three irises by name, or ten digits by number.

    ``exchanged``: fitted on the next class in place of each.
    """
    data = {"irises": load_iris, "digits": load_digits}[name](as_frame=True)
    labels = np.array(data.target_names)[data.target] if name == "irises" else data.target.to_numpy()
    order = np.random.default_rng(0).permutation(len(labels))[:400]
    table, labels = data.data.iloc[order].reset_index(drop=True), labels[order]
    half = len(order) // 2
    classes = np.unique(labels)
    fitted_on = np.roll(classes, -1)[np.searchsorted(classes, labels)] if exchanged else labels
    rows = table[half:].assign(outcome=labels[half:])
    models = (RandomForestClassifier(10, random_state=0), make_pipeline(StandardScaler(), LogisticRegression(C=0.01)))
    first, second = (model.fit(table[:half], fitted_on[:half]) for model in models)
    return tuple(  # type: ignore[return-value]
        written(model, rows, folder, f"{name}-{kind}", ".csv", ())
        for model, kind in ((first, "forest"), (second, "linear"))
    )


def rule_files(folder: Path) -> Files:
    """The files of a rule in a module of the user's own, which this process does not import."""
    (folder / "rules.py").write_text(RULES)
    module: dict[str, Any] = {"__name__": "rules"}
    exec(RULES, module)  # noqa: S102  (the text is above)
    labels = np.where(is_positive(), "good", "bad")
    import types  # noqa: PLC0415

    sys.modules["rules"] = types.ModuleType("rules")
    sys.modules["rules"].Rule = module["Rule"]  # type: ignore[attr-defined]
    try:
        table = tables()["numbers"][ROWS:].assign(outcome=labels[ROWS:])
        options = ("--positive=bad", f"--import={folder / 'rules.py'}")
        return written(module["Rule"](), table, folder, "rule", ".csv", options)
    finally:
        del sys.modules["rules"]


def written(
    estimator: Any, rows: pd.DataFrame, folder: Path, name: str, suffix: str, options: tuple[str, ...]
) -> Files:
    """The estimator and the rows as files."""
    folder.mkdir(parents=True, exist_ok=True)
    model, path = folder / f"{name}.joblib", folder / f"{name}{suffix}"
    joblib.dump(estimator, model)
    if suffix == ".csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_parquet(path, index=False)
    return Files(model, path, ("--target=outcome", *options))


class Alone(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Answers a row by itself in another way than among others, as a model that normalises by batch does."""

    def __init__(self) -> None:
        self.classes_ = np.array([0, 1])

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), int(len(rows) > 1))
