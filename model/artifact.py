"""A trained model on disk: ``NAME.joblib`` (the bare estimator) and its card ``NAME.json`` (all else).

The estimator is bare so that any Seldon class can load it. The card has what the judge needs to know, above all the
SHA-256 of the file's bytes: a file with another digest is not unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

import joblib
import numpy as np
from numpy.typing import NDArray

from model.artifact_name import ArtifactError, advice_for

SCHEMA_VERSION: Final = 1
SCORE_KIND: Final = "decision_function"


@dataclass(frozen=True, slots=True)
class OfflineFigures:
    """What the estimator answers on all ``rows`` held-out rows: cells as counts, ratios in 0..1 (None if undefined)."""

    rows: int
    tp: int
    fp: int
    tn: int
    fn: int
    accuracy: float | None
    precision: float | None
    recall: float | None
    specificity: float | None


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one model file.

    ``artifact``: its file name. ``sha256``: of its bytes. ``features``: column names, in order.
    ``classes``: labels in the estimator's order; ``positive_class`` is one of them. A row is called
    positive if its score (``score_kind``, scikit-learn's method name) is above ``decision_threshold``.
    ``score_edges``: strictly increasing scores, quantiles of the training rows' scores and the
    threshold. ``offline``: on the held-out rows. ``seed``: of the split. ``heldout_sha256``: of the
    held-out file. ``versions``: of the packages that wrote it.
    """

    schema: int
    artifact: str
    sha256: str
    estimator: str
    features: tuple[str, ...]
    classes: tuple[int, ...]
    positive_class: int
    score_kind: str
    decision_threshold: float
    score_edges: tuple[float, ...]
    offline: OfflineFigures
    seed: int
    train_rows: int
    heldout_sha256: str
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.positive_class not in self.classes:
            raise ValueError(f"positive_class: expected one of {list(self.classes)}, got {self.positive_class}")
        if any(a >= b for a, b in zip(self.score_edges, self.score_edges[1:], strict=False)):
            raise ValueError("score_edges: expected strictly increasing scores")
        if len(self.sha256) != 64 or not self.features or len(set(self.features)) != len(self.features):
            raise ValueError("expected a SHA-256 in hexadecimal and at least one feature, each named once")


@dataclass(frozen=True, slots=True)
class Model:
    """An estimator whose bytes are those that its card names."""

    card: Card
    estimator: Any

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        """Class label of each row [n]; ``rows`` is [n, features], columns in the card's order."""
        labels: NDArray[np.int64] = self.estimator.predict(rows)
        return labels

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Decision score of each row [n] (``decision_function``): above the card's threshold is positive."""
        scores: NDArray[np.float64] = self.estimator.decision_function(rows)
        return scores


def card_path(path: Path | str) -> Path:
    """Path of the card of a model file: beside it, ``.json`` for ``.joblib``.

    A card's own path is returned as it is.
    """
    return Path(path).with_suffix(".json")


def load_card(path: Path | str) -> Card:
    """The card of a model file (or at this path itself). `ArtifactError` if it is missing or malformed."""
    where = card_path(path)
    try:
        content = json.loads(where.read_bytes())
    except OSError as error:
        raise ArtifactError(
            f"model card: expected a file, got {error.strerror or error} ({where}). {advice_for(where)}"
        ) from error
    except (ValueError, RecursionError) as error:  # of JSON and of UTF-8 alike
        raise ArtifactError(f"model card: expected JSON, got: {error} ({where}). {advice_for(where)}") from error
    try:
        return parse_card(content)
    except ValueError as error:
        message = str(error).splitlines()[0].rstrip(".")
        raise ArtifactError(
            f"model card: expected schema {SCHEMA_VERSION}, got {message} ({where}). {advice_for(where)}"
        ) from error


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
    return Model(card, _checked(_unpickled(content, path), card, path))


def card_digest(card: Card) -> str:
    """SHA-256 of all that the card says, as hexadecimal text."""
    return hashlib.sha256(card_bytes(card)).hexdigest()


def card_bytes(card: Card) -> bytes:
    """The card as JSON, one key a line, as `load_card` reads it."""
    return (json.dumps(asdict(card), indent=2, sort_keys=False) + "\n").encode()


def parse_card(content: object) -> Card:
    """The card in a parsed JSON document; ValueError says which field is missing, unknown or of another type."""
    if not isinstance(content, dict):
        raise ValueError("a document that is not an object")  # noqa: TRY004  (one kind of error for all malformed cards)
    values = _fields_of(Card, content)
    if values["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {values['schema']}")
    if not isinstance(values["offline"], dict):
        raise ValueError("offline: not an object")  # noqa: TRY004
    offline = OfflineFigures(**_fields_of(OfflineFigures, values["offline"]))
    return Card(**{**values, "offline": offline})


def _fields_of(kind: type, content: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    strange = [name for name in content if name not in names]
    if strange:
        raise ValueError(f"an unknown field {strange[0]!r}")
    for name in names:
        if name not in content:
            raise ValueError(f"no field {name!r}")
    return {name: _typed(name, content[name], str(hints[name])) for name in names}


_MEMBERS: Final = {
    "tuple[str, ...]": (str,),
    "tuple[int, ...]": (int,),
    "tuple[float, ...]": (float, int),
}
_SINGLE: Final = {
    "<class 'int'>": (int,),
    "<class 'str'>": (str,),
    "<class 'float'>": (float, int),
    "float | None": (float, int, type(None)),
}


def _typed(name: str, value: Any, hint: str) -> Any:
    if hint in _MEMBERS:
        if not isinstance(value, list) or not all(_is(member, _MEMBERS[hint]) for member in value):
            raise ValueError(f"{name}: not a list of {_MEMBERS[hint][0].__name__}")
        return tuple(value)
    if name == "versions" and not (isinstance(value, dict) and all(_is(v, (str,)) for v in value.values())):
        raise ValueError(f"{name}: not an object of strings")
    if hint in _SINGLE and not _is(value, _SINGLE[hint]):
        raise ValueError(f"{name}: {type(value).__name__} {value!r}")
    return value


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _unpickled(content: bytes, path: Path) -> Any:
    try:
        return joblib.load(io.BytesIO(content))
    except Exception as error:
        raise ArtifactError(
            f"model file: expected a scikit-learn classifier written by joblib, got {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else 'no message'} ({path}). {advice_for(path)}"
        ) from error


def _checked(estimator: Any, card: Card, path: Path) -> Any:
    attributes = ("predict", card.score_kind, "classes_", "n_features_in_")
    missing = [name for name in attributes if not hasattr(estimator, name)]
    if missing:
        raise ArtifactError(
            f"model file: expected a fitted classifier, got a {type(estimator).__name__} without {missing[0]} "
            f"({path}). {advice_for(path)}"
        )
    names = getattr(estimator, "feature_names_in_", None)
    fits = estimator.n_features_in_ == len(card.features) if names is None else tuple(names) == card.features
    if not fits:
        raise ArtifactError(
            f"model file: expected the {len(card.features)} features of its card, got {estimator.n_features_in_} "
            f"({path}). {advice_for(path)}"
        )
    labels = np.asarray(estimator.classes_)
    if len(labels) != 2 or labels.dtype.kind not in "biuf":
        raise ArtifactError(
            f"model file: expected a classifier of two classes with numbers for labels, got {labels.tolist()} "
            f"({path}). {advice_for(path)}"
        )
    if tuple(int(label) for label in estimator.classes_) != card.classes:
        raise ArtifactError(
            f"model file: expected the classes {list(card.classes)} of its card, got {list(estimator.classes_)} "
            f"({path}). {advice_for(path)}"
        )
    return estimator
