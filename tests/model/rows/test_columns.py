"""Rows as an estimator takes them: an array of one type, or a DataFrame as pandas itself reads it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model.dataset import load_heldout
from model.rows.columns import Rows, of_matrix
from model.rows.labels import NO_CLASS, Label, indices_of, label_of

TYPES = ("float64", "int64", "bool", "text")
CSV = "id,truth,a,b,c,d\n4,1,0.1,3,True,Ulm\n7,0,,-2,False,\n9,0,1e300,0,True,NA\n"


def test_a_csv_file_is_read_as_pandas_reads_it(tmp_path: Path) -> None:
    """Types, values, and what is missing: the estimator was fitted on what pandas reads."""
    path = tmp_path / "rows.csv"
    path.write_text(CSV)
    heldout = load_heldout(path, "abcd", (0, 1), TYPES)
    frame = heldout.rows.frame()
    expected = pd.read_csv(io.StringIO(CSV))
    assert heldout.ids.tolist() == [4, 7, 9]
    assert heldout.truth.tolist() == [1, 0, 0]
    assert heldout.rows.missing == ("a", "d")
    for name in "abcd":
        pd.testing.assert_series_equal(frame[name], expected[name], check_dtype=name != "d")
    assert heldout.rows.cells()[1] == [None, -2, False, None]


def test_a_parquet_file_and_a_csv_file_of_the_same_rows_are_the_same(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "rows.csv", tmp_path / "rows.parquet"
    csv.write_text(CSV)
    pd.read_csv(csv).to_parquet(parquet)
    by_csv, by_parquet = (list(load_heldout(path, "abcd", (0, 1), TYPES).rows.cells()) for path in (csv, parquet))
    assert by_csv == by_parquet


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_short_floats_keep_their_type_and_their_values(kind: str) -> None:
    """As an array and as a DataFrame; JSON gets the same number."""
    values = np.array([0.1, 3.3], kind)
    rows = Rows(("a", "b"), (kind, kind), (values, values))
    assert rows.array().dtype == kind
    assert rows.frame().dtypes.tolist() == [np.dtype(kind)] * 2
    assert list(rows.cells()) == [[float(value)] * 2 for value in values]


def test_an_array_is_of_the_type_that_numpy_joins_the_columns_to() -> None:
    """With text, of objects in which a missing value is NaN, as in an object array of pandas."""
    numbers = Rows(("a", "b"), ("float32", "int64"), (np.array([1.5], "float32"), np.array([3])))
    assert numbers.array().dtype == np.float64
    text = np.array(["x", None], dtype=object)
    mixed = Rows(("a", "b"), ("float64", "text"), (np.array([1.5, np.nan]), text)).array()
    assert mixed.dtype == object
    assert mixed.tolist()[0] == [1.5, "x"]
    assert pd.isna(mixed[1]).all()
    assert of_matrix(np.eye(2), "ab").array().tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("values", "classes", "indices"),
    [
        (["good", "bad", "ugly"], ("bad", "good"), [1, 0, NO_CLASS]),
        (np.array([1.0, -1.0, 0.5]), (-1, 1), [1, 0, NO_CLASS]),
        ([True, False, None], (False, True), [1, 0, NO_CLASS]),
        (["0", "1"], (0, 1), [NO_CLASS, NO_CLASS]),
        ([0, 1], ("0", "1"), [NO_CLASS, NO_CLASS]),
        (np.array([1, 0]), (False, True), [1, 0]),
        ([float("nan"), 2], (1, 2), [NO_CLASS, 1]),
    ],
)
def test_a_label_is_a_class_by_its_value(values: object, classes: tuple[Label, ...], indices: list[int]) -> None:
    """The text "0" is not the number 0; a float, and true, are the number of their value."""
    assert indices_of(values, classes).tolist() == indices


def test_what_a_label_is() -> None:
    for value, label in ((np.float64(2.0), 2), (np.str_("a"), "a"), (np.True_, True), (np.int8(-1), -1)):
        assert (label_of(value), type(label_of(value))) == (label, type(label))
    for strange in (0.5, None, float("nan"), [1]):
        with pytest.raises(ValueError, match="expected text, true, false or a whole number"):
            label_of(strange)
