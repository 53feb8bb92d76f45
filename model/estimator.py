"""A model: an estimator whose bytes are those that its card names, and what it answers to rows."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy.typing import NDArray

from model.artifact import FRAME, NO_SCORES, SCORE_KIND, Card, card_path, load_card
from model.artifact_name import ArtifactError, advice_for
from model.rows.columns import Rows
from model.rows.labels import NO_CLASS, indices_of, labels_of
from model.threshold import check_threshold

if TYPE_CHECKING:
    from model.linear import LinearClassifier


class PredictionError(ValueError):
    """An estimator does not answer rows as its card says; one line says what was expected and what it did."""


@dataclass(frozen=True, slots=True)
class Model:
    """An estimator and its card. The arithmetic of a bare linear classifier is done without scikit-learn's checks."""

    card: Card
    estimator: Any
    as_frame: bool = False
    _linear: LinearClassifier | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from model.linear import linear_classifier  # noqa: PLC0415  (scikit-learn, which no load needs)

        object.__setattr__(self, "_linear", linear_classifier(self.estimator))

    def predict(self, rows: Rows) -> NDArray[Any]:
        """Class label of each row [n], as the estimator gives it. Raises `PredictionError`."""
        if self._linear is not None:
            return self._linear.predict(_finite(rows))
        return answers_of(self.estimator, rows, as_frame=self.as_frame)

    def indices(self, rows: Rows) -> NDArray[np.int16]:
        """Index of the class of each row [n]. Raises `PredictionError`, also for a class that the card lacks."""
        answers = self.predict(rows)
        indices = indices_of(answers, self.card.classes)
        if (indices == NO_CLASS).any():
            strange = answers[indices == NO_CLASS][0]
            raise PredictionError(f"expected answers among the classes {list(self.card.classes)}, got {strange!r}")
        return indices

    def scores(self, rows: Rows) -> NDArray[np.float64] | None:
        """Score of each row towards the positive class [n], of each class [n, classes] with more than two.

        None if the card names no scorer. Raises `PredictionError`.
        """
        kind, positive = self.card.score_kind, self.card.positive
        if kind == NO_SCORES:
            return None
        if self._linear is not None and kind == SCORE_KIND:
            scores = self._linear.score(_finite(rows))
            return -scores if positive == 0 else scores
        return scores_of(self.estimator, rows, kind, len(self.card.classes), positive, as_frame=self.as_frame)

    def check(self, rows: Rows) -> None:
        """Raise `ArtifactError` unless the answers to ``rows`` are of the card's classes, scores and threshold."""
        try:
            indices, scores = self.indices(rows), self.scores(rows)
        except PredictionError as error:
            raise ArtifactError(
                f"model {self.card.artifact}: {error}. Correct the card or the held-out rows, or give the expected "
                "answers as a file (--expected)."
            ) from error
        check_threshold(self.card, indices, scores)


def answers_of(estimator: Any, rows: Rows, *, as_frame: bool) -> NDArray[Any]:
    """Class label of each row [n], as the estimator gives it. Raises `PredictionError`."""
    answers = np.asarray(_called(estimator, "predict", rows, as_frame=as_frame))
    if answers.ndim == 2 and answers.shape[1] == 1:
        answers = answers[:, 0]
    if answers.shape != (len(rows),):
        raise PredictionError(f"expected a class for each of {len(rows)} rows, got shape {answers.shape}")
    return answers


def scores_of(
    estimator: Any, rows: Rows, kind: str, classes: int, positive: int, *, as_frame: bool
) -> NDArray[np.float64]:
    """Scores of the method ``kind``, as `Model.scores` gives them. Raises `PredictionError`."""
    scores = np.asarray(_called(estimator, kind, rows, as_frame=as_frame), np.float64)
    if classes == 2 and scores.ndim == 2 and scores.shape[1] == 2:
        scores = scores[:, positive]
    elif classes == 2 and positive == 0 and kind == SCORE_KIND:
        scores = -scores
    expected = (len(rows),) if classes == 2 else (len(rows), classes)
    if scores.shape != expected or not np.isfinite(scores).all():
        observed = f"shape {scores.shape}" if scores.shape != expected else "NaN or infinity"
        raise PredictionError(f"expected scores of shape {expected} from {kind}, got {observed}")
    return scores


def _called(estimator: Any, method: str, rows: Rows, *, as_frame: bool) -> Any:
    values = rows.frame() if as_frame else rows.array()
    try:
        return getattr(estimator, method)(values)
    except Exception as error:  # an estimator may raise anything
        reason = str(error).splitlines()[0] if str(error) else "no message"
        raise PredictionError(f"expected an answer of {method}, got {type(error).__name__}: {reason}") from error


def load_model(path: Path | str) -> Model:
    """The model of a file, with its card.

    The bytes that are hashed are the bytes that are unpickled: the file is read once. Raises
    `ArtifactError` if the file or its card is missing, if the digest is not the card's, if the file is
    not a classifier, or if its features or classes are not the card's.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"model file: expected a file, got {error.strerror or error} ({path}). {advice_for(path)}"
        ) from error
    card = load_card(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.sha256:
        raise ArtifactError(
            f"model file: expected SHA-256 {card.sha256} as its card says, got {digest} ({path}). "
            "Bring back the file that the card belongs to."
        )
    for name, own_digest in card.imports.items():
        import_file(card_path(path).parent / name, own_digest)
    return model_of(unpickled(content, path), card, path)


def import_file(path: Path, digest: str) -> None:
    """Import a Python file under its own name, for what a pickle names in it, if it has that digest.

    Raises `ArtifactError` if it has not, or if it cannot be imported.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"model import: expected a file, got {error.strerror or error} ({path}).") from error
    observed = hashlib.sha256(content).hexdigest()
    if observed != digest:
        raise ArtifactError(
            f"model import: expected SHA-256 {digest[:12]} as the card says, got {observed[:12]} ({path}). "
            "Bring back the file, or make the card again."
        )
    spec = importlib.util.spec_from_loader(path.stem, loader=None, origin=str(path))
    assert spec is not None  # noqa: S101  (a name without a loader always has one)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) != str(path):
        raise ArtifactError(
            f"model import: expected a module name that is free, got {path.stem}, which is imported already ({path}). "
            "Rename the file, and pickle the model again."
        )
    sys.modules[path.stem] = module
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102  (the user's own file, by its digest)
    except Exception as error:
        del sys.modules[path.stem]
        raise ArtifactError(
            f"model import: expected a Python file that can be imported, got {type(error).__name__}: {error} ({path})."
        ) from error


def unpickled(content: bytes, path: Path) -> Any:
    """The estimator in the bytes of a file. Raises `ArtifactError` if they are none that this environment can load."""
    try:
        return joblib.load(io.BytesIO(content))
    except Exception as error:
        raise ArtifactError(
            f"model file: expected a scikit-learn classifier written by joblib, got {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else 'no message'} ({path}). {advice_for(path)}"
        ) from error


def model_of(estimator: Any, card: Card, path: Path) -> Model:
    """The model, if the estimator has what the card says. Raises `ArtifactError`."""
    methods = ("predict",) if card.score_kind == NO_SCORES else ("predict", card.score_kind)
    missing = [name for name in methods if not hasattr(estimator, name)]
    if not missing and not is_fitted(estimator):
        missing = ["classes_"]
    if missing:
        raise ArtifactError(
            f"model file: expected a fitted classifier, got a {type(estimator).__name__} without {missing[0]} "
            f"({path}). {advice_for(path)}"
        )
    names, number = getattr(estimator, "feature_names_in_", None), getattr(estimator, "n_features_in_", None)
    fits = number in {None, len(card.features)} if names is None else tuple(names) == card.features
    if not fits:
        raise ArtifactError(
            f"model file: expected the {len(card.features)} features of its card, got {number} "
            f"({path}). {advice_for(path)}"
        )
    labels = getattr(estimator, "classes_", None)
    if labels is not None:
        try:
            known = labels_of(labels)
        except ValueError:
            known = ()
        if [(type(label), label) for label in known] != [(type(label), label) for label in card.classes]:
            raise ArtifactError(
                f"model file: expected the classes {list(card.classes)} of its card, got {list(labels)} "
                f"({path}). {advice_for(path)}"
            )
    return Model(card, estimator, as_frame=card.rows_as == FRAME if card.rows_as else names is not None)


def is_fitted(estimator: Any) -> bool:
    """Whether it knows its classes, or is none of scikit-learn's kind that would have to be fitted."""
    if hasattr(estimator, "classes_") or not hasattr(estimator, "fit"):
        return True
    from sklearn.exceptions import NotFittedError  # noqa: PLC0415  (it was imported with the estimator)
    from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415

    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError):
        return False
    return True


def _finite(rows: Rows) -> NDArray[np.float64]:
    matrix: NDArray[np.float64] = rows.array().astype(np.float64, copy=False)
    if not np.isfinite(matrix).all():
        raise PredictionError("expected finite numbers, got NaN or infinity")
    return matrix
