"""Model files: unpickled only if their very bytes are those that the card names."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from model import artifact, artifact_name, dataset, estimator, train
from model.atomic import write_bytes
from model.rows.columns import of_matrix


@pytest.fixture
def path(tmp_path: Path, trained: Path) -> Path:
    """A copy of the perceptron and its card that a test may spoil."""
    for name in ("binary-percept.joblib", "binary-percept.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    return tmp_path / "binary-percept.joblib"


def refusal(path: Path) -> str:
    """The message with which `load_model` refuses; it is one line and names the file."""
    with pytest.raises(artifact_name.ArtifactError) as caught:
        estimator.load_model(path)
    text = str(caught.value)
    assert "\n" not in text
    assert path.stem in text
    return text


def with_card(path: Path, content: bytes, **changes: object) -> Path:
    """Puts ``content`` at ``path`` with a card that names its digest."""
    card = json.loads(artifact.card_path(path).read_bytes())
    card |= {"sha256": hashlib.sha256(content).hexdigest(), **changes}
    path.write_bytes(content)
    artifact.card_path(path).write_text(json.dumps(card))
    return path


def dumped(thing: object) -> bytes:
    sink = io.BytesIO()
    joblib.dump(thing, sink)
    return sink.getvalue()


def test_a_whole_model_answers_as_its_card_says(path: Path) -> None:
    """The loaded estimator gives the card's counts on the held-out rows, from labels and from scores alike."""
    model = estimator.load_model(path)
    parts = dataset.split(model.card.seed)
    rows = of_matrix(parts.test_x, model.card.features)
    predicted = model.predict(rows)
    assert train.offline(predicted, parts.test_y) == model.card.offline
    scores = model.scores(rows)
    assert scores is not None
    assert model.card.decision_threshold == 0
    assert np.array_equal((scores > 0).astype(int), predicted)


def test_a_model_of_another_digest_is_not_unpickled(path: Path, tmp_path: Path) -> None:
    """One altered byte is refused, and a payload that would act when unpickled does not act."""
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert "expected SHA-256" in refusal(path)

    witness = tmp_path / "unpickled"
    path.write_bytes(pickle.dumps(Acts(str(witness))))
    assert "expected SHA-256" in refusal(path)
    assert not witness.exists()


class Acts:
    """Creates a file when it is unpickled."""

    def __init__(self, witness: str) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (self.witness, "w")


def test_the_payload_of_the_digest_test_does_act_when_unpickled(tmp_path: Path) -> None:
    """The twin: the payload is one that acts, so the test above would see it."""
    pickle.loads(pickle.dumps(Acts(str(tmp_path / "unpickled")))).close()
    assert (tmp_path / "unpickled").exists()


def test_a_missing_file_and_a_missing_card_are_told_apart(path: Path) -> None:
    """Each names the file that is missing."""
    artifact.card_path(path).unlink()
    assert refusal(path).startswith("model card: expected a file")
    path.unlink()
    assert refusal(path).startswith("model file: expected a file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a pickle at all", "expected a scikit-learn classifier written by joblib"),
        (b"", "expected a scikit-learn classifier written by joblib"),
        (dumped({"a": 1}), "got a dict without predict"),
        (dumped(LogisticRegression()), "without classes_"),
        (dumped(LogisticRegression().fit([[0.0], [1.0]], [0, 1])), "expected the 30 features of its card, got 1"),
        (dumped(LogisticRegression().fit(np.eye(30), [5, 6] * 15)), "expected the classes [0, 1]"),
    ],
)
def test_a_file_that_is_not_such_a_model_is_refused(path: Path, content: bytes, message: str) -> None:
    """A card that names its digest does not help: not a pickle, not a classifier, not fitted, another one."""
    assert message in refusal(with_card(path, content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"features": "radius"}, "features: not a list of str"),
        ({"features": ["a", "a"]}, "each named once"),
        ({"positive_class": 7}, "positive_class: expected one of [0, 1], got 7"),
        ({"positive_class": True}, "positive_class: bool"),
        ({"score_edges": [1.0, 1.0]}, "strictly increasing"),
        ({"seed": "0"}, "seed: str"),
        ({"versions": [1]}, "versions: not an object"),
        ({"offline": {"rows": 1}}, "no field 'tp'"),
        ({"colour": "red"}, "an unknown field 'colour'"),
    ],
)
def test_a_malformed_card_is_refused(path: Path, change: dict[str, object], message: str) -> None:
    """Each malformed field is named."""
    card = json.loads(artifact.card_path(path).read_bytes())
    artifact.card_path(path).write_text(json.dumps(card | change))
    assert message in refusal(path)


def test_a_card_that_is_not_json_or_lacks_a_field_is_refused(path: Path) -> None:
    """Neither is a traceback."""
    card = json.loads(artifact.card_path(path).read_bytes())
    del card["sha256"]
    artifact.card_path(path).write_text(json.dumps(card))
    assert "no field 'sha256'" in refusal(path)
    for content in (b"{", b"\xff\xfe", b"", b"[" * 100_000):
        artifact.card_path(path).write_bytes(content)
        assert "model card: expected JSON, got: " in refusal(path)
    artifact.card_path(path).write_bytes(b"[]")
    assert "model card: expected schema 1, got a document that is not an object" in refusal(path)


def test_a_card_survives_writing_and_reading(path: Path) -> None:
    """Parsing the bytes that `card_bytes` gives is the same card."""
    card = artifact.load_card(path)
    assert artifact.parse_card(json.loads(artifact.card_bytes(card))) == card


def test_an_interrupted_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be written whole is not written, and leaves nothing behind."""
    target = tmp_path / "x"
    write_bytes(target, b"old")
    with pytest.raises(TypeError):
        write_bytes(target, "text")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../binary-lr.joblib", "/srv/x.joblib", "a/b.joblib", "a\\b.joblib", "a\nb", "a\x1b[31m"]
)
def test_a_manifest_names_a_file_and_never_a_path(tmp_path: Path, name: str) -> None:
    """What it names is unpickled, and the manifest may be a stranger's."""
    with pytest.raises(artifact_name.ArtifactError, match="expected the name of a file in") as caught:
        artifact_name.artifact_file(tmp_path, name)
    assert str(caught.value).isprintable()
    assert artifact_name.artifact_file(tmp_path, "my model.joblib") == tmp_path / "my model.joblib"


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("artifacts/binary-lr.joblib", "Run `make train`."),
        ("artifacts/binary-lr.json", "Run `make train`."),
        ("artifacts/heldout.parquet", "Run `make train`."),
        ("artifacts/credit.joblib", "The manifest's parameter model_name names it"),
        ("nope/binary-lr.json", "The manifest's parameter model_name names it"),
        ("own/g.parquet", "Correct the file, or the path that --heldout or --expected gives"),
        ("own/heldout.parquet", "Correct the file, or the path that --heldout or --expected gives"),
        ("own/rows.csv", "Correct the file, or the path that --heldout or --expected gives"),
    ],
)
def test_training_is_advised_only_for_what_it_makes(path: str, advice: str) -> None:
    """That is, for its own files in the project's own folder; a path may be relative to the working folder."""
    project = artifact_name.ARTIFACTS.parent
    assert artifact_name.advice_for(project / path).startswith(advice)
    assert artifact_name.advice_for(Path(os.path.relpath(project / path))).startswith(advice)


def test_the_files_for_which_training_is_advised_are_those_that_it_makes() -> None:
    """Without their endings: a model and its card have one name."""
    assert {Path(name).stem for name in train.OURS} == set(artifact_name.TRAINED)


@pytest.mark.parametrize(
    "classes", [np.array(["0", "1"]), np.array([0, 1, 2]), np.array([1]), np.array([0.5, 1])], ids=str
)
def test_a_classifier_of_other_classes_than_its_card_is_refused(
    tmp_path: Path, trained: Path, classes: NDArray[Any]
) -> None:
    """The text "0" is not the truth 0."""
    model = estimator.load_model(trained / "binary-lr.joblib").estimator
    model.classes_ = classes
    sink = io.BytesIO()
    joblib.dump(model, sink)
    (tmp_path / "odd.joblib").write_bytes(sink.getvalue())
    card = json.loads((trained / "binary-lr.json").read_bytes())
    card |= {"artifact": "odd.joblib", "sha256": hashlib.sha256(sink.getvalue()).hexdigest()}
    (tmp_path / "odd.json").write_text(json.dumps(card))
    with pytest.raises(artifact_name.ArtifactError, match=r"expected the classes \[0, 1\] of its card"):
        estimator.load_model(tmp_path / "odd.joblib")
