"""The card: positive class, scorer, threshold, edges and figures of a subject on its held-out rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.artifact import NO_SCORES, SCHEMA_VERSION, Card, OfflineFigures
from model.artifact_name import ArtifactError
from model.card.errors import CardError
from model.card.subject import Questions, Subject
from model.rows.labels import NO_CLASS, Label
from model.threshold import check_threshold, threshold_of

QUANTILES: Final = 61
"""Edges that are quantiles of the held-out rows' scores, both ends included."""
PACKAGES: Final = ("scikit-learn", "numpy", "joblib", "pyarrow", "pandas")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose: label of the positive class, scorer and threshold; None if it is to be seen."""

    positive: str | None
    scorer: str | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class _Scoring:
    kind: str
    scores: NDArray[np.float64] | None
    threshold: float | None


def make_card(subject: Subject, questions: Questions, choices: Choices) -> tuple[Card, list[str]]:
    """The card of a subject, and remarks about it. Raises `CardError`."""
    classes = questions.classes
    positive = positive_of(classes, choices.positive)
    rows_as = subject.rows_as(questions.rows)
    answers = subject.answers(questions)
    scoring, remarks = _scoring_of(subject, questions, choices, positive, answers)
    card = Card(
        schema=SCHEMA_VERSION,
        artifact=subject.name,
        sha256=hashlib.sha256(subject.content).hexdigest(),
        estimator=subject.kind,
        features=questions.rows.names,
        classes=classes,
        positive_class=None if positive == NO_CLASS else classes[positive],
        score_kind=scoring.kind,
        decision_threshold=scoring.threshold,
        score_edges=_edges(scoring),
        offline=figures(answers, questions.truth, positive, len(classes)),
        seed=0,
        train_rows=0,
        heldout_sha256=questions.sha256,
        versions={"python": python_version()} | {name: version(name) for name in PACKAGES},
        feature_types=questions.rows.types,
        rows_as=rows_as,
        imports={name: hashlib.sha256(content).hexdigest() for name, content in subject.imports.items()},
    )
    try:
        check_threshold(card, answers, scoring.scores)
    except ArtifactError as error:
        raise CardError(str(error)) from error
    return card, remarks


def positive_of(classes: Sequence[Label], chosen: str | None) -> int:
    """Index of the positive class; `NO_CLASS` with more than two classes. Raises `CardError`.

    Without a choice it is the second, as in scikit-learn, unless labels are text, whose order means nothing.
    """
    if len(classes) < 2:
        raise CardError(f"expected two classes or more, got {list(classes)}. Give rows and a model that know both.")
    if len(classes) > 2:
        if chosen is not None:
            known = ", ".join(map(str, classes[:5])) + ", ..." * (len(classes) > 5)
            raise CardError(
                f"expected no --positive with {len(classes)} classes ({known}), got {chosen!r}. Leave it out, "
                "or correct the labels."
            )
        return NO_CLASS
    texts = [str(label) for label in classes]
    if chosen is None:
        if isinstance(classes[1], str):
            raise CardError(
                f"expected --positive, one of {' and '.join(texts)}, got none. Say which class is positive."
            )
        return 1
    if chosen not in texts:
        raise CardError(f"expected --positive to be one of {' and '.join(texts)}, got {chosen!r}")
    return texts.index(chosen)


def _scoring_of(
    subject: Subject, questions: Questions, choices: Choices, positive: int, answers: NDArray[np.int16]
) -> tuple[_Scoring, list[str]]:
    """The scorer and its threshold: those chosen, or the first of the subject's that give its answers."""
    if choices.scorer == NO_SCORES or (choices.scorer is None and not subject.scorers):
        if choices.threshold is not None:
            raise CardError(f"expected no --threshold without scores, got {choices.threshold:g}. Leave it out.")
        reason = "as --scorer says" if choices.scorer else "because it gives none"
        return _Scoring(NO_SCORES, None, None), [f"no scores, {reason}: there will be no curve by threshold"]
    if choices.scorer is not None and choices.scorer not in subject.scorers:
        has = " and ".join(subject.scorers) or "none"
        raise CardError(f"expected --scorer to be what {subject.name} has ({has}), got {choices.scorer}")
    problems: list[str] = []
    for kind in (choices.scorer,) if choices.scorer else subject.scorers:
        try:
            return _scored(subject, questions, choices, positive, answers, kind), []
        except CardError as error:
            problems.append(str(error))
    if choices.scorer is not None or choices.threshold is not None:
        raise CardError(problems[0])
    return _Scoring(NO_SCORES, None, None), [*problems, "so no scores are used: there will be no curve by threshold"]


def _scored(
    subject: Subject,
    questions: Questions,
    choices: Choices,
    positive: int,
    answers: NDArray[np.int16],
    kind: str,
) -> _Scoring:
    classes = questions.classes
    scores = subject.scores(questions, positive, kind)
    if len(classes) > 2:
        return _Scoring(kind, scores, None)
    given = choices.threshold
    threshold = given if given is not None else threshold_of(scores, answers == positive, subject.thresholds(kind))
    if threshold is None:
        raise CardError(f"no threshold on the scores of {kind} gives the answers of {subject.name}")
    return _Scoring(kind, scores, threshold)


def _edges(scoring: _Scoring) -> tuple[float, ...]:
    if scoring.scores is None or scoring.threshold is None:
        return ()
    quantiles = np.quantile(scoring.scores, np.linspace(0.0, 1.0, QUANTILES))
    return tuple(float(edge) for edge in np.unique([*quantiles, scoring.threshold]))


def figures(answers: NDArray[Any], truth: NDArray[Any], positive: int, classes: int) -> OfflineFigures:
    """Cells and ratios of answers against truth, both indices [n]; with more than two classes the matrix of both."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, answers), 1)
    accuracy = _ratio(int(np.trace(matrix)), len(truth))
    if positive == NO_CLASS:
        confusion = tuple(tuple(row) for row in matrix.tolist())
        return OfflineFigures(len(truth), *(None,) * 4, accuracy, *(None,) * 3, confusion)
    negative = 1 - positive
    tp, fn = int(matrix[positive, positive]), int(matrix[positive, negative])
    fp, tn = int(matrix[negative, positive]), int(matrix[negative, negative])
    ratios = (_ratio(tp, tp + fp), _ratio(tp, tp + fn), _ratio(tn, tn + fp))
    return OfflineFigures(len(truth), tp, fp, tn, fn, accuracy, *ratios)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
