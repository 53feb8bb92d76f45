"""Edge: the artefacts' answers to the held-out rows, once for each pair of artefact and rows.

They come from a file of answers, or from scikit-learn. Importing that takes seconds, so its answers are kept in the
cache, under the digests of what they were made from. A run that finds them there does not import it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np

from analysis.evidence import offline
from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers, OfflineError
from analysis.record.arrays import Codes
from analysis.record.runfolder import Run
from model.artifact import NO_SCORES, Card, card_digest, card_of, card_path
from model.artifact_name import ARTIFACTS, ARTIFACTS_ENV, ArtifactError, advice_for, artifact_file
from model.dataset import DatasetError, Heldout, load_heldout
from model.estimator import PredictionError, load_model
from model.installation import cache_folder
from model.rows.answers_file import AnswersError, is_answers_file, load_answers
from model.threshold import check_threshold

_KEPT: Final = "offline"
_KEPT_VERSION: Final = 2
"""Changes when the answers that are kept change their meaning."""


def artifacts_folder() -> Path:
    """The folder with the artefacts: ``$PLUMBLINE_ARTIFACTS``, else that of the example."""
    return Path(os.environ.get(ARTIFACTS_ENV, ARTIFACTS))


def answers_for(run: Run, artifacts: Path) -> OfflineAnswers:
    """Offline answers of every artefact that the run names, on the run's held-out rows.

    Raises `OfflineError` when an artefact or the rows are missing, or are not those that the run was started with.
    """
    heldout = Path(run.heldout)
    names = sorted({predictor.artifact for predictor in run.predictors if predictor.artifact})
    try:
        paths = {name: _path_of(run, artifacts, name) for name in names}
    except ArtifactError as error:
        raise OfflineError(str(error)) from error
    _check(heldout, run.heldout_sha256, "held-out rows")
    for name, path in paths.items():
        source = run.sources.get(name)
        _check(path, source.sha256 if source else run.artifacts.get(name, ""), "answers" if source else "artefact")
    cards = _cards(run, artifacts, paths)
    if all(is_answers_file(path) for path in paths.values()):
        return _score(run, heldout, paths, cards)  # reading a file is as quick as reading what was kept of it
    kept = cache_folder() / _KEPT / f"{_key(run, cards)}.parquet"
    try:
        return offline.read(kept)
    except OfflineError:
        answers = _score(run, heldout, paths, cards)
    _keep(kept, answers)
    return answers


def _path_of(run: Run, artifacts: Path, name: str) -> Path:
    """The file from which the answers of an artefact come: its own, or one of answers. `ArtifactError` for no name."""
    source = run.sources.get(name)
    return Path(source.file) if source else artifact_file(artifacts, name)


def _check(path: Path, digest: str, what: str) -> None:
    try:
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise OfflineError(
            f"scoring offline: expected the {what} {path}, got: {error.strerror}. {advice_for(path)}"
        ) from error
    if actual != digest:
        raise OfflineError(
            f"scoring offline: expected {what} of digest {digest[:12]} as the run has it, got {actual[:12]} ({path}). "
            "Bring back the file that the run was started with."
        )


def _cards(run: Run, artifacts: Path, paths: Mapping[str, Path]) -> dict[str, Card]:
    """The card of each artefact. `OfflineError` if it does not say what it did when the run was started."""
    try:
        cards = {name: card_of(artifacts, name, path) for name, path in paths.items()}
    except ArtifactError as error:
        raise OfflineError(str(error)) from error
    for name, card in cards.items():
        if run.cards.get(name, card_digest(card)) != card_digest(card):
            raise OfflineError(
                f"scoring offline: expected the card of {name} as it was when the run was started, got another "
                f"({card_path(paths[name])}). Bring back that card, or run again."
            )
    return cards


def _key(run: Run, cards: Mapping[str, Card]) -> str:
    """What the answers depend on, in one word: the rows, the artefacts, all that their cards say, and scikit-learn."""
    parts = [str(_KEPT_VERSION), run.heldout_sha256, metadata.version("scikit-learn")]
    for name, card in cards.items():
        source = run.sources.get(name)
        parts += [name, run.artifacts[name], card_digest(card), source.sha256 if source else ""]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _score(run: Run, heldout: Path, paths: Mapping[str, Path], cards: Mapping[str, Card]) -> OfflineAnswers:
    kinds = {(card.features, card.feature_types, card.classes, card.positive_class) for card in cards.values()}
    if len(kinds) > 1:
        raise OfflineError(
            "scoring offline: expected artefacts of the same features, feature_types, classes and positive class, "
            f"got {', '.join(paths)}. Run such models in deployments of their own."
        )
    if not cards:
        raise OfflineError(
            "scoring offline: expected a predictor that names its artefact, got none. "
            "Name it in the manifest as the graph's parameter model_name, or by --model PREDICTOR=ARTIFACT."
        )
    card = next(iter(cards.values()))
    try:
        rows = load_heldout(heldout, card.features, card.classes, card.feature_types)
        order = np.argsort(rows.ids, kind="stable")
        answers = {
            name: _answers(cards[name], path, name, rows, order, run.artifacts[name]) for name, path in paths.items()
        }
    except (ArtifactError, DatasetError, AnswersError) as error:
        raise OfflineError(str(error)) from error
    return OfflineAnswers(
        rows=rows.ids[order],
        truth=rows.truth_index[order],
        classes=card.classes,
        positive=card.positive,
        heldout_sha256=rows.sha256,
        answers=answers,
    )


def _answers(card: Card, path: Path, name: str, heldout: Heldout, order: Codes, digest: str) -> ArtifactAnswers:
    """The answers of one artefact to the held-out rows, in the given order."""
    if is_answers_file(path):
        answers = load_answers(path, card.classes, name, max(card.positive, 0)).of_rows(heldout.ids[order], path)
        indices, scores = answers.predicted, None if card.score_kind == NO_SCORES else answers.scores
    else:
        model, rows = load_model(path), heldout.rows.take(order)
        try:
            indices, scores = model.indices(rows), model.scores(rows)
        except PredictionError as error:
            raise ArtifactError(f"scoring offline: model {name}: {error}.") from error
    check_threshold(card, indices, scores)
    if scores is None:
        scores = np.full(len(indices), np.nan)
    return ArtifactAnswers(digest, indices, scores, card.decision_threshold or 0.0)


def _keep(path: Path, answers: OfflineAnswers) -> None:
    """Keep the answers for the next run; if the folder cannot be written, the next run only takes longer."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        offline.write(path, answers)
    except OSError:
        return
