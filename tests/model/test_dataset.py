"""The held-out rows: the split is stated, the reader lets nothing through that cannot be scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

from model import dataset


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """A small held-out file's content: five of the real rows."""
    parts = dataset.split()
    rows, truth, ids = parts.test_x[:5], parts.test_y[:5], parts.test_ids[:5]
    return pq.read_table(pa.BufferReader(dataset.heldout_bytes(ids, rows, truth)))


def saved(table: pa.Table, folder: Path) -> Path:
    path = folder / "heldout.parquet"
    pq.write_table(table, path)
    return path


def replaced(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_the_features_are_those_of_scikit_learn() -> None:
    """The spelt-out names are scikit-learn's, in its order."""
    assert list(load_breast_cancer().feature_names) == list(dataset.FEATURES)


def test_the_split_holds_out_nine_tenths_and_shares_no_row() -> None:
    """569 rows: 56 to train, 513 held out; ids are row numbers of scikit-learn's data, so the rest trains."""
    parts = dataset.split()
    features, labels = load_breast_cancer(return_X_y=True)
    assert (len(parts.train_y), len(parts.test_y)) == (56, 513)
    assert np.array_equal(features[parts.test_ids], parts.test_x)
    assert np.array_equal(labels[parts.test_ids], parts.test_y)
    held = {row.tobytes() for row in parts.test_x}
    assert not any(row.tobytes() in held for row in parts.train_x)


def test_another_seed_is_another_split() -> None:
    """The seed is used: without it the twin above could pass on any fixed split."""
    assert not np.array_equal(dataset.split(0).test_ids, dataset.split(1).test_ids)
    assert np.array_equal(dataset.split(1).test_ids, dataset.split(1).test_ids)


def test_a_written_file_reads_back_equal(tmp_path: Path) -> None:
    """Reader after writer gives the same ids, rows, labels, with the digest of the file's bytes."""
    parts = dataset.split()
    content = dataset.heldout_bytes(parts.test_ids, parts.test_x, parts.test_y)
    path = tmp_path / "heldout.parquet"
    path.write_bytes(content)
    heldout = dataset.load_heldout(path)
    assert np.array_equal(heldout.ids, parts.test_ids)
    assert np.array_equal(heldout.X, parts.test_x)
    assert np.array_equal(heldout.truth, parts.test_y)
    assert heldout.names == dataset.FEATURES
    assert dataset.heldout_bytes(heldout.ids, heldout.X, heldout.truth) == content


def test_columns_are_found_by_name(tmp_path: Path, table: pa.Table) -> None:
    """Columns in another order in the file give the same rows."""
    shuffled = table.select(list(reversed(table.column_names)))
    a = dataset.load_heldout(saved(table, tmp_path))
    b = dataset.load_heldout(saved(shuffled, tmp_path))
    assert np.array_equal(a.X, b.X)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("id", [1, 2, 3, 4, 4], "id 4 2 times"),
        ("id", [1, 2, 3, 4, -4], "-4 to 4"),
        ("id", [0.5, 1.5, 2.5, 3.5, 4.5], "got double"),
        ("truth", [0, 1, 0, 1, 2], "truth among the classes [0, 1], got 2"),
        ("truth", [0, 1, 0, 1, None], "1 empty"),
        ("mean area", [1.0, 2.0, float("inf"), 4.0, 5.0], "'mean area', got inf"),
        ("mean area", ["a", "b", "c", "d", "e"], "'mean area', got string"),
    ],
)
def test_a_bad_cell_is_refused_in_one_line(
    tmp_path: Path, table: pa.Table, name: str, values: list[object], message: str
) -> None:
    """Each fault of one cell is one line that names the column and the file."""
    path = saved(replaced(table, name, values), tmp_path)
    with pytest.raises(dataset.DatasetError) as caught:
        dataset.load_heldout(path, types=("float64",) * len(dataset.FEATURES))
    text = str(caught.value)
    assert message in text
    assert str(path) in text
    assert "\n" not in text


@pytest.mark.parametrize("name", ["id", "truth", "mean radius", "worst fractal dimension"])
def test_a_missing_column_is_refused(tmp_path: Path, table: pa.Table, name: str) -> None:
    """Each needed column is missed by its name."""
    with pytest.raises(dataset.DatasetError, match=f"none named '{name}'"):
        dataset.load_heldout(saved(table.drop_columns([name]), tmp_path))


@pytest.mark.parametrize("name", ["id", "truth", "mean radius"])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, table: pa.Table, name: str) -> None:
    """Parquet allows two columns of one name; which of them is meant cannot be known."""
    path = saved(table.append_column(name, table.column(name)), tmp_path)
    with pytest.raises(dataset.DatasetError, match=f"once, got 2 named '{name}'") as caught:
        dataset.load_heldout(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_rows_are_refused(tmp_path: Path, table: pa.Table) -> None:
    """An empty file is an error, not an empty evaluation."""
    with pytest.raises(dataset.DatasetError, match="at least one row, got no rows"):
        dataset.load_heldout(saved(table.slice(0, 0), tmp_path))


def test_a_file_that_is_missing_or_not_parquet_is_refused(tmp_path: Path) -> None:
    """Both say what to do, in one line. Training writes no file of the user's own, so it is not advised for one."""
    with pytest.raises(dataset.DatasetError, match=r"No such file.*\. Correct the file, or the path"):
        dataset.load_heldout(tmp_path / "heldout.parquet")
    (tmp_path / "text.parquet").write_text("id,truth\n")
    with pytest.raises(dataset.DatasetError, match="expected a parquet file") as caught:
        dataset.load_heldout(tmp_path / "text.parquet")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.int8(), pa.uint16(), pa.int64()], ids=str)
@pytest.mark.parametrize("columns", [1, 2, 30])
def test_a_column_of_any_number_type_is_read_as_its_numbers(tmp_path: Path, kind: pa.DataType, columns: int) -> None:
    """What Arrow calls float has 32 bits, and numpy's float has 64: two such rows were read as one, and then sent."""
    names = [f"f{i}" for i in range(columns)]
    values = [1, 2, 3, 113]
    table = pa.table(
        {"id": pa.array(range(4), pa.int32()), "truth": pa.array([0, 1, 0, 1], pa.int64())}
        | {name: pa.array(np.array(values, kind.to_pandas_dtype()), kind) for name in names}
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    read = dataset.load_heldout(tmp_path / "rows.parquet", names)
    assert read.X.tolist() == [[float(value)] * columns for value in values]
