"""Training: deterministic, idempotent, and the figures are scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from model import dataset, train
from model.estimator import load_model

NAMES = ("binary-lr.joblib", "binary-lr.json", "binary-percept.joblib", "binary-percept.json", "heldout.parquet")


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name in NAMES}


def test_two_trainings_give_equal_bytes(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file of a second training is that of the first, byte for byte, and there are no others but the note."""
    assert train.main(["--out", str(tmp_path)]) == 0
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted((*NAMES, train.MADE_FILE))
    assert contents(tmp_path) == contents(trained)
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert printed.err == ""


def test_another_seed_gives_another_model(tmp_path: Path, trained: Path) -> None:
    """The twin: the files above are not equal just because they are constant."""
    assert train.main(["--out", str(tmp_path), "--seed", "1"]) == 0
    ours, theirs = contents(tmp_path), contents(trained)
    assert all(ours[name] != theirs[name] for name in NAMES)


def test_a_second_run_writes_nothing(tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where all is whole it says so and leaves the files alone; --force leaves what it would write again."""
    for name, content in contents(trained).items():
        (tmp_path / name).write_bytes(content)
    before = {entry: entry.stat().st_ino for entry in tmp_path.iterdir()}
    assert train.main(["--out", str(tmp_path)]) == 0
    assert "already there" in capsys.readouterr().out
    assert {entry: entry.stat().st_ino for entry in tmp_path.iterdir()} == before
    assert train.main(["--out", str(tmp_path), "--force"]) == 0
    assert {entry: entry.stat().st_ino for entry in tmp_path.iterdir()} == before


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "of a version that noted nothing"])
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_made_anew(tmp_path: Path, trained: Path, name: str, noted: bool) -> None:
    """Whichever file is missing, all are whole after the next run."""
    filled_from(trained, tmp_path, noted=noted)
    (tmp_path / name).unlink()
    assert train.main(["--out", str(tmp_path)]) == 0
    assert contents(tmp_path) == contents(trained)


@pytest.mark.parametrize(("noted", "code"), [(True, 0), (False, 2)])
def test_only_what_is_noted_is_written_over(tmp_path: Path, trained: Path, noted: bool, code: int) -> None:
    """Another seed needs other files. Where nothing is noted, they may be anybody's."""
    filled_from(trained, tmp_path, noted=noted)
    assert train.main(["--out", str(tmp_path), "--seed", "1"]) == code
    assert (contents(tmp_path) == contents(trained)) is not noted


@pytest.mark.parametrize("options", [[], ["--force"]], ids=["plain", "forced"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_somebody_else_is_not_written_over(
    tmp_path: Path, trained: Path, name: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names it, exit code 2, and every file as it was; nor is it removed with what is ours."""
    filled_from(trained, tmp_path, noted=True)
    (tmp_path / name).write_bytes(b"mine")
    before = contents(tmp_path)
    assert train.main(["--out", str(tmp_path), *options]) == 2
    assert contents(tmp_path) == before
    assert f"{name}, got a file there that this command did not make" in capsys.readouterr().err
    assert train.main(["--out", str(tmp_path), "--remove"]) == 0
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_of_somebody_else_stops_no_other_command(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make loadtest` for a model of a user's needs no example: it is said, nothing is written, and it goes on."""
    (tmp_path / "heldout.parquet").write_bytes(b"mine")
    assert train.main(["--out", str(tmp_path), "--give-way"]) == 0
    assert contents(tmp_path) == {"heldout.parquet": b"mine"}
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("note", ["mine", "[]", '{"mine": ["too"]}', '{"heldout.parquet": ["mine"]}'])
def test_a_note_of_somebody_else_is_kept(tmp_path: Path, note: str) -> None:
    """A file that only has the name of ours is neither written over nor removed."""
    (tmp_path / train.MADE_FILE).write_text(note)
    assert train.main(["--out", str(tmp_path)]) == 2
    assert train.main(["--out", str(tmp_path), "--remove"]) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {train.MADE_FILE: note}


def test_of_the_folder_of_kept_answers_only_ours_are_removed(tmp_path: Path, trained: Path) -> None:
    """Those of earlier versions, by their names."""
    filled_from(trained, tmp_path / "made", noted=True)
    kept = tmp_path / "made" / train.KEPT_ANSWERS
    kept.mkdir()
    for name in (f"{'0a' * 16}.parquet", "mine.parquet"):
        (kept / name).touch()
    assert train.main(["--out", str(tmp_path / "made"), "--remove"]) == 0
    assert [path.name for path in kept.iterdir()] == ["mine.parquet"]
    (kept / "mine.parquet").unlink()
    assert train.main(["--out", str(tmp_path / "made"), "--remove"]) == 0
    assert not (tmp_path / "made").exists()


def test_what_training_made_is_removed_with_its_folder(tmp_path: Path, trained: Path) -> None:
    filled_from(trained, tmp_path / "made", noted=True)
    assert train.main(["--out", str(tmp_path / "made"), "--remove"]) == 0
    assert not (tmp_path / "made").exists()
    assert train.main(["--out", str(tmp_path / "made"), "--remove"]) == 0


def filled_from(source: Path, folder: Path, *, noted: bool) -> None:
    """Copy what training made there, with or without its note."""
    folder.mkdir(exist_ok=True)
    for name in (*NAMES, *([train.MADE_FILE] if noted else [])):
        (folder / name).write_bytes((source / name).read_bytes())


def test_the_cards_counts_are_those_of_scikit_learn(trained: Path) -> None:
    """Cells and ratios agree with ``sklearn.metrics`` on every held-out row."""
    heldout = dataset.load_heldout(trained / "heldout.parquet")
    for name in train.MODELS:
        model = load_model(trained / name)
        predicted = model.predict(heldout.rows)
        (tn, fp), (fn, tp) = confusion_matrix(heldout.truth, predicted).tolist()
        offline = model.card.offline
        assert (offline.tp, offline.fp, offline.tn, offline.fn) == (tp, fp, tn, fn)
        assert offline.precision == pytest.approx(precision_score(heldout.truth, predicted), abs=0, rel=1e-15)
        assert offline.recall == pytest.approx(recall_score(heldout.truth, predicted), abs=0, rel=1e-15)
        assert model.card.heldout_sha256 == heldout.sha256


def test_a_ratio_over_nothing_is_none() -> None:
    """No positive prediction and no negative row: precision and specificity are undefined, not zero."""
    offline = train.offline(np.array([0, 0]), np.array([1, 1]))
    assert (offline.precision, offline.specificity, offline.recall) == (None, None, 0.0)


def test_score_edges_are_many_and_hold_the_threshold() -> None:
    """At least 50 strictly increasing edges from the lowest to the highest training score, and the threshold."""
    edges = train.score_edges(np.linspace(-3.0, 5.0, 56))
    assert len(edges) >= 50
    assert list(edges) == sorted(set(edges))
    assert (edges[0], edges[-1]) == (-3.0, 5.0)
    assert train.THRESHOLD in edges


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` names what is written."""
    with pytest.raises(SystemExit) as ended:
        train.main(["--help"])
    assert ended.value.code == 0
    assert "heldout.parquet" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the folder should be: one line and exit code 2."""
    (tmp_path / "file").write_text("")
    assert train.main(["--out", str(tmp_path / "file")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
