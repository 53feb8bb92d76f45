"""The card of a model: ``NAME.json`` beside ``NAME.joblib`` (the bare estimator), or beside a file of its answers.

The estimator is bare so that any Seldon class can load it. The card has what the judge needs to know, above all the
SHA-256 of the file's bytes: a file with another digest is not unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

from model.artifact_name import ArtifactError, advice_for
from model.rows.columns import TYPES
from model.rows.labels import NO_CLASS, Label

SCHEMA_VERSION: Final = 1
SCORE_KIND: Final = "decision_function"
SCORE_KINDS: Final = (SCORE_KIND, "predict_proba", "none")
"""How a model's rows get their scores: by scikit-learn's method of that name, or not at all."""
NO_SCORES: Final = "none"
FRAME: Final = "frame"
ARRAY: Final = "array"
ANSWERS: Final = "answers file"
"""The ``estimator`` of a card whose artefact is a file of answers, so that no model is loaded."""


@dataclass(frozen=True, slots=True)
class OfflineFigures:
    """What the estimator answers on all ``rows`` held-out rows: cells as counts, ratios in 0..1 (None if undefined).

    Cells and ratios but the accuracy are those of two classes, None with more. ``confusion``: counts [truth][predicted]
    in the order of the card's classes; empty of two classes, whose cells say the same.
    """

    rows: int
    tp: int | None
    fp: int | None
    tn: int | None
    fn: int | None
    accuracy: float | None
    precision: float | None
    recall: float | None
    specificity: float | None
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one model file.

    ``artifact``: its file name. ``sha256``: of its bytes. ``features``: column names, in order. ``classes``: labels in
    the estimator's order; ``positive_class`` is one of them, and None with more than two.

    ``score_kind``: one of `SCORE_KINDS`. A score is towards the positive class: where that is the first class, it is
    ``-decision_function``. A row is called positive if its score is above ``decision_threshold``. Without scores, and
    with more than two classes, there is no threshold. ``score_edges``: strictly increasing scores, quantiles of some
    rows' scores and the threshold.

    ``offline``: on the held-out rows. ``seed``: of the split. ``train_rows``: 0 if that is not known.
    ``heldout_sha256``: of the held-out file. ``versions``: of the packages that wrote it.

    The rest may be left out. ``feature_types``: one of `rows.columns.TYPES` for each feature; without them, numbers
    are float64 and all else is text. ``rows_as``: `FRAME` or `ARRAY`, what the estimator takes; without it, a DataFrame
    if it was fitted on one. ``imports``: SHA-256 of each Python file beside the card that must be imported first.
    """

    schema: int
    artifact: str
    sha256: str
    estimator: str
    features: tuple[str, ...]
    classes: tuple[Label, ...]
    positive_class: Label | None
    score_kind: str
    decision_threshold: float | None
    score_edges: tuple[float, ...]
    offline: OfflineFigures
    seed: int
    train_rows: int
    heldout_sha256: str
    versions: Mapping[str, str]
    feature_types: tuple[str, ...] = ()
    rows_as: str = ""
    imports: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_classes(self.classes, self.positive_class)
        _check_scores(self)
        if any(a >= b for a, b in zip(self.score_edges, self.score_edges[1:], strict=False)):
            raise ValueError("score_edges: expected strictly increasing scores")
        if len(self.sha256) != 64 or not self.features or len(set(self.features)) != len(self.features):
            raise ValueError("expected a SHA-256 in hexadecimal and at least one feature, each named once")
        if self.feature_types and len(self.feature_types) != len(self.features):
            raise ValueError(f"feature_types: {len(self.feature_types)} for {len(self.features)} features")
        if set(self.feature_types) - set(TYPES):
            strange = min(set(self.feature_types) - set(TYPES))
            raise ValueError(f"feature_types: {strange!r}, which is none of {', '.join(TYPES)}")
        if self.rows_as not in {"", FRAME, ARRAY}:
            raise ValueError(f"rows_as: {self.rows_as!r}, which is neither {FRAME} nor {ARRAY}")

    @property
    def positive(self) -> int:
        """Index of the positive class; `rows.labels.NO_CLASS` if there is none."""
        return NO_CLASS if self.positive_class is None else self.classes.index(self.positive_class)


def _check_classes(classes: tuple[Label, ...], positive: Label | None) -> None:
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise ValueError(f"classes: {list(classes)}, which are not two or more, each named once")
    if len(classes) > 2 and positive is None:
        return
    if isinstance(positive, bool) and not any(isinstance(label, bool) for label in classes):
        raise ValueError(f"positive_class: bool {positive}")
    if positive not in classes:
        raise ValueError(f"positive_class: expected one of {list(classes)}, got {positive}")


def _check_scores(card: Card) -> None:
    if card.score_kind not in SCORE_KINDS:
        raise ValueError(f"score_kind: {card.score_kind!r}, which is none of {', '.join(SCORE_KINDS)}")
    has_threshold = card.score_kind != NO_SCORES and len(card.classes) == 2
    if has_threshold and card.decision_threshold is None:
        raise ValueError("decision_threshold: null, where the scores need one")
    if card.score_kind == NO_SCORES and (card.decision_threshold is not None or card.score_edges):
        raise ValueError("decision_threshold or score_edges: something, where score_kind is none")


def card_path(path: Path | str) -> Path:
    """Path of the card of a model file: beside it, ``.json`` for ``.joblib``.

    A card's own path is returned as it is.
    """
    return Path(path).with_suffix(".json")


def card_of(folder: Path, name: str, source: Path) -> Card:
    """The card of the artefact ``name``, whose answers come from ``source``: of that name, or beside the source.

    Raises `ArtifactError` if there is neither.
    """
    own = card_path(folder / name)
    return load_card(own if own.is_file() or source == folder / name else source)


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


def card_digest(card: Card) -> str:
    """SHA-256 of all that the card says, as hexadecimal text."""
    return hashlib.sha256(card_bytes(card)).hexdigest()


def card_bytes(card: Card) -> bytes:
    """The card as JSON, one key a line, as `load_card` reads it; without the fields that say nothing."""
    values = {name: value for name, value in asdict(card).items() if name not in _OPTIONAL or value}
    if not values["offline"]["confusion"]:
        del values["offline"]["confusion"]
    return (json.dumps(values, indent=2, sort_keys=False) + "\n").encode()


_OPTIONAL: Final = ("feature_types", "rows_as", "imports")


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
    all_fields = fields(kind)
    strange = [name for name in content if name not in {known.name for known in all_fields}]
    if strange:
        raise ValueError(f"an unknown field {strange[0]!r}")
    for known in all_fields:
        if known.name not in content and known.default is MISSING and known.default_factory is MISSING:
            raise ValueError(f"no field {known.name!r}")
    return {name: _typed(name, value, str(hints[name])) for name, value in content.items()}


_MEMBERS: Final = {
    "tuple[str, ...]": (str,),
    "tuple[bool | int | str, ...]": (bool, int, str),
    "tuple[float, ...]": (float, int),
}
_SINGLE: Final = {
    "<class 'int'>": (int,),
    "<class 'str'>": (str,),
    "<class 'float'>": (float, int),
    "int | None": (int, type(None)),
    "float | None": (float, int, type(None)),
    "bool | int | str | None": (bool, int, str, type(None)),
}


def _typed(name: str, value: Any, hint: str) -> Any:
    if hint in _MEMBERS:
        if not isinstance(value, list) or not all(_is(member, _MEMBERS[hint]) for member in value):
            raise ValueError(f"{name}: not a list of {' or '.join(kind.__name__ for kind in _MEMBERS[hint])}")
        return tuple(value)
    if name == "confusion":
        if not isinstance(value, list) or not all(isinstance(row, list) and all(map(_is_int, row)) for row in value):
            raise ValueError(f"{name}: not a list of lists of int")
        return tuple(map(tuple, value))
    if name in {"versions", "imports"} and not (
        isinstance(value, dict) and all(_is(member, (str,)) for member in value.values())
    ):
        raise ValueError(f"{name}: not an object of strings")
    if hint in _SINGLE and not _is(value, _SINGLE[hint]):
        raise ValueError(f"{name}: {type(value).__name__} {value!r}")
    return value


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _is_int(value: object) -> bool:
    return _is(value, (int,))
