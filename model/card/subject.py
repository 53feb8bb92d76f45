"""What a card is of: a model that is loaded here, or a file of answers that were made elsewhere."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from model.artifact import ANSWERS, ARRAY, FRAME, SCORE_KIND
from model.artifact_name import ArtifactError
from model.card.errors import CardError
from model.estimator import PredictionError, answers_of, import_file, is_fitted, scores_of, unpickled
from model.rows.answers_file import AnswersError, FileAnswers, has_scores, labels_in, load_answers
from model.rows.columns import TEXT, Rows
from model.rows.labels import NO_CLASS, Label, indices_of, label_of, labels_of
from model.threshold import own_thresholds

ELSEWHERE: Final = (
    f"Here are scikit-learn {version('scikit-learn')} and numpy {version('numpy')}. Load it where it was made, write "
    "its predictions into a file (columns id, predicted and, if it has one, score), and give that with --answers in "
    "place of the model: then it is not loaded here at all."
)
PROBABILITIES: Final = "predict_proba"


@dataclass(frozen=True, slots=True)
class Questions:
    """The held-out rows: ``truth`` [n] index of the class of each; ``sha256`` of the file that they are written to."""

    rows: Rows
    ids: NDArray[np.int32]
    truth: NDArray[np.int16]
    classes: tuple[Label, ...]
    sha256: str


class Subject(Protocol):
    """A model or a file of answers. ``imports``: Python files that it needs."""

    name: str
    content: bytes
    imports: dict[str, bytes]

    @property
    def kind(self) -> str:
        """Name of its class."""

    @property
    def scorers(self) -> tuple[str, ...]:
        """Its scorers, the likeliest first."""

    def features(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Names of its features, of the columns of a table. Raises `CardError` if these cannot be it."""

    def classes(self, truth: Sequence[Label]) -> tuple[Label, ...]:
        """Its classes in its own order. ``truth``: the labels in the table."""

    def rows_as(self, rows: Rows) -> str:
        """As what it takes rows; empty if it says so itself, or takes none."""

    def answers(self, questions: Questions) -> NDArray[np.int16]:
        """Index of the class that it gives each row. Raises `CardError`."""

    def scores(self, questions: Questions, positive: int, scorer: str) -> NDArray[np.float64]:
        """Score of each row, as `model.estimator.Model.scores`. Raises `CardError`."""

    def thresholds(self, scorer: str) -> tuple[float, ...]:
        """Thresholds that it may decide at, the likeliest first."""


@dataclass(slots=True)
class ModelSubject:
    """A model that was loaded. ``frame``: whether it takes a DataFrame, as far as is known."""

    name: str
    content: bytes
    estimator: Any
    imports: dict[str, bytes] = field(default_factory=dict)
    frame: bool | None = None

    @property
    def kind(self) -> str:
        """Name of its class."""
        return type(self.estimator).__name__

    @property
    def scorers(self) -> tuple[str, ...]:
        """Its methods that score, the likeliest first. A classifier with its own threshold looks at probabilities."""
        order = (SCORE_KIND, PROBABILITIES)
        if hasattr(self.estimator, "response_method"):
            order = (PROBABILITIES, SCORE_KIND)
        return tuple(name for name in order if hasattr(self.estimator, name))

    def features(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Those that it was fitted on, or else all columns."""
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is not None:
            missing = [str(name) for name in names if name not in columns]
            if missing:
                raise CardError(
                    f"expected the {len(names)} features of the model as columns, got none named {missing[0]!r}. Its "
                    f"features are {_listed(names)}; give rows of them."
                )
            return tuple(str(name) for name in names)
        number = getattr(self.estimator, "n_features_in_", None)
        if number is not None and number != len(columns):
            raise CardError(
                f"expected {number} columns of features, as many as the model was fitted on, got {len(columns)}: "
                f"{_listed(columns)}. Leave out the others, or name the ids with --id."
            )
        return tuple(columns)

    def classes(self, truth: Sequence[Label]) -> tuple[Label, ...]:
        """Its ``classes_``, or those in the table."""
        own = getattr(self.estimator, "classes_", None)
        if own is None:
            return in_order(truth)
        try:
            return labels_of(own)
        except ValueError as error:
            raise CardError(f"{error}, of the model's classes {list(own)}") from error

    def rows_as(self, rows: Rows) -> str:
        """Tried out, if it was not fitted on named columns: an array, unless it needs names or there is text."""
        if getattr(self.estimator, "feature_names_in_", None) is not None:
            self.frame = True
            return ""
        ways = (FRAME, ARRAY) if TEXT in rows.types else (ARRAY, FRAME)
        for way in ways:
            try:
                answers_of(self.estimator, rows.take([0]), as_frame=way == FRAME)
            except PredictionError:
                continue
            self.frame = way == FRAME
            return way
        self.frame = ways[0] == FRAME
        return ways[0]

    def answers(self, questions: Questions) -> NDArray[np.int16]:
        """Of all rows at once, and of the first ones by themselves, as a server is asked."""
        rows, frame = questions.rows, bool(self.frame)
        first = range(min(3, len(rows)))
        try:
            labels = answers_of(self.estimator, rows, as_frame=frame)
            alone = [answers_of(self.estimator, rows.take([place]), as_frame=frame)[0] for place in first]
        except PredictionError as error:
            advice = "Correct the rows, or give its answers with --answers"
            raise CardError(f"model {self.name}: {error}. {advice}.") from error
        if alone != labels[: len(alone)].tolist():
            raise CardError(
                f"model {self.name}: expected the same answer to a row by itself as among others, got {alone} for "
                f"{labels[: len(alone)].tolist()}. Such a model cannot be judged."
            )
        return _indices(labels, questions.classes, f"model {self.name}")

    def scores(self, questions: Questions, positive: int, scorer: str) -> NDArray[np.float64]:
        """By its own method."""
        rows, classes, frame = questions.rows, len(questions.classes), bool(self.frame)
        try:
            return scores_of(self.estimator, rows, scorer, classes, positive, as_frame=frame)
        except PredictionError as error:
            raise CardError(f"model {self.name}: {error}. Give --scorer none, or another scorer.") from error

    def thresholds(self, scorer: str) -> tuple[float, ...]:
        """Its own, then scikit-learn's."""
        return own_thresholds(self.estimator, scorer)


@dataclass(slots=True)
class AnswersSubject:
    """A file of answers; ``artifact``: whose, if the file says so."""

    name: str
    content: bytes
    path: Path
    artifact: str | None = None
    imports: dict[str, bytes] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Says that no model is loaded."""
        return ANSWERS

    @property
    def scorers(self) -> tuple[str, ...]:
        """Probabilities if no score is outside of 0..1; nothing without scores."""
        if not has_scores(self.path):
            return ()
        return (PROBABILITIES, SCORE_KIND)

    def features(self, columns: Sequence[str]) -> tuple[str, ...]:
        """All columns."""
        if not columns:
            raise CardError(
                "expected columns of features beside the truth, got none. They are what is sent to the model."
            )
        return tuple(columns)

    def classes(self, truth: Sequence[Label]) -> tuple[Label, ...]:
        """Those in the table and in the answers."""
        try:
            predicted = [label_of(value) for value in labels_in(self.path)[0]]
        except (AnswersError, ValueError) as error:
            raise CardError(f"{error} ({self.path})") from error
        return in_order([*truth, *predicted])

    def rows_as(self, rows: Rows) -> str:  # noqa: ARG002  (as `Subject` has it)
        """It takes none."""
        return ""

    def answers(self, questions: Questions) -> NDArray[np.int16]:
        """Those in the file."""
        return self._loaded(questions, 1).predicted

    def scores(self, questions: Questions, positive: int, scorer: str) -> NDArray[np.float64]:
        """Those in the file."""
        scores = self._loaded(questions, max(positive, 0)).scores
        assert scores is not None  # noqa: S101  (`scorers` has looked)
        if scorer == PROBABILITIES and ((scores < 0) | (scores > 1)).any():
            raise CardError(f"expected probabilities in the column score, got {scores.min():g} to {scores.max():g}")
        return scores

    def thresholds(self, scorer: str) -> tuple[float, ...]:
        """scikit-learn's."""
        return (0.0 if scorer == SCORE_KIND else 0.5,)

    def _loaded(self, questions: Questions, positive: int) -> FileAnswers:
        answers = load_answers(self.path, questions.classes, self.artifact, positive)
        return answers.of_rows(questions.ids, self.path)


def load_subject(path: Path, imports: Sequence[Path]) -> tuple[ModelSubject, list[str]]:
    """The model at ``path``, after the Python files were imported, and what is remarkable about it.

    Raises `CardError` if it cannot be loaded here: then it says what to do.
    """
    content = read_bytes(path)
    files = {file.name: read_bytes(file) for file in imports}
    remarks: list[str] = []
    try:
        for file in imports:
            import_file(file.absolute(), hashlib.sha256(files[file.name]).hexdigest())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = unpickled(content, path)
        remarks = list(dict.fromkeys(str(warning.message).splitlines()[0] for warning in caught))
    except ArtifactError as error:
        reason = str(error).partition(f" ({path})")[0]
        raise CardError(f"{reason} ({path}). {_advice(reason)}{ELSEWHERE}") from error
    if not hasattr(estimator, "predict") or not is_fitted(estimator):
        missing = "predict" if not hasattr(estimator, "predict") else "classes_: it is not fitted"
        raise CardError(f"expected a fitted classifier, got a {type(estimator).__name__} without {missing} ({path})")
    return ModelSubject(path.name, content, estimator, files), remarks


def _advice(reason: str) -> str:
    if "__main__" in reason:
        return "Define its class in a module, pickle it again, and name the file with --import. Or else: "
    return "If it needs a module of yours, name its file with --import. Otherwise: " if "No module" in reason else ""


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises `CardError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CardError(f"expected a file, got {error.strerror or error} ({path}). Correct the path.") from error


def in_order(labels: Sequence[Label]) -> tuple[Label, ...]:
    """The distinct labels as scikit-learn orders classes. Raises `CardError` for text among numbers."""
    distinct = list(dict.fromkeys(labels))
    if len({isinstance(label, str) for label in distinct}) > 1:
        raise CardError(f"expected labels of one kind, got text and numbers: {_listed(distinct)}")
    return tuple(sorted(distinct))


def _indices(labels: Any, classes: Sequence[Label], whose: str) -> NDArray[np.int16]:
    indices = indices_of(labels, classes)
    if (indices == NO_CLASS).any():
        strange = labels[int(np.flatnonzero(indices == NO_CLASS)[0])]
        raise CardError(f"{whose}: expected answers among the classes {list(classes)}, got {strange!r}")
    return indices


def _listed(names: Sequence[Any]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(str(name) for name in names[:5]) + more
