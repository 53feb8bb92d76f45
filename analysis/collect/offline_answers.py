"""Edge: scikit-learn's answers to the held-out rows, once for each pair of artefact and rows.

Importing scikit-learn takes seconds, so the answers are kept in the cache, under the digests of what they were
made from. A run that finds them there does not import it.
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
from analysis.evidence.rounding import margins
from analysis.record.arrays import Codes, Floats, Ints
from analysis.record.runfolder import Run
from model.artifact import Model, card_digest, card_path, load_card, load_model
from model.artifact_name import ARTIFACTS, ARTIFACTS_ENV, ArtifactError, advice_for, artifact_file
from model.dataset import DatasetError, load_heldout
from model.installation import cache_folder

_KEPT: Final = "offline"


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
        paths = {name: artifact_file(artifacts, name) for name in names}
    except ArtifactError as error:
        raise OfflineError(str(error)) from error
    _check(heldout, run.heldout_sha256, "held-out rows")
    for name, path in paths.items():
        _check(path, run.artifacts.get(name, ""), "artefact")
    cards = _cards(run, paths)
    kept = cache_folder() / _KEPT / f"{_key(run, cards)}.parquet"
    try:
        return offline.read(kept)
    except OfflineError:
        answers = _score(heldout, paths)
    _keep(kept, answers)
    return answers


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


def _cards(run: Run, paths: Mapping[str, Path]) -> dict[str, str]:
    """SHA-256 of what the card of each artefact says. `OfflineError` if it is not what the run was started with."""
    try:
        cards = {name: card_digest(load_card(path)) for name, path in paths.items()}
    except ArtifactError as error:
        raise OfflineError(str(error)) from error
    for name, digest in cards.items():
        if run.cards.get(name, digest) != digest:
            raise OfflineError(
                f"scoring offline: expected the card of {name} as it was when the run was started, got another "
                f"({card_path(paths[name])}). Bring back that card, or run again."
            )
    return cards


def _key(run: Run, cards: Mapping[str, str]) -> str:
    """What the answers depend on, in one word: the rows, the artefacts, all that their cards say, and scikit-learn."""
    parts = [str(offline.SCHEMA_VERSION), run.heldout_sha256, metadata.version("scikit-learn")]
    parts += [part for name, card in cards.items() for part in (name, run.artifacts[name], card)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _score(heldout: Path, paths: Mapping[str, Path]) -> OfflineAnswers:
    try:
        models = {name: load_model(path) for name, path in paths.items()}
        cards = [model.card for model in models.values()]
        if len({(card.features, card.classes, card.positive_class) for card in cards}) > 1:
            raise OfflineError(
                "scoring offline: expected artefacts of the same features, classes and positive class, "
                f"got {', '.join(paths)}. Run such models in deployments of their own."
            )
        if not cards:
            raise OfflineError(
                "scoring offline: expected a predictor that names its artefact, got none. "
                "Name it in the manifest as the graph's parameter model_name."
            )
        rows = load_heldout(heldout, cards[0].features, cards[0].classes)
    except (ArtifactError, DatasetError) as error:
        raise OfflineError(str(error)) from error
    for name, model in models.items():
        _check_threshold(name, model, rows.X)
    classes = np.array(cards[0].classes)
    order = np.argsort(rows.ids, kind="stable")
    return OfflineAnswers(
        rows=rows.ids[order],
        truth=_indices(classes, rows.truth[order]),
        classes=cards[0].classes,
        positive=cards[0].classes.index(cards[0].positive_class),
        heldout_sha256=rows.sha256,
        answers={
            name: ArtifactAnswers(
                model.card.sha256,
                _indices(classes, model.predict(rows.X[order])),
                model.scores(rows.X[order]),
                model.card.decision_threshold,
            )
            for name, model in models.items()
        },
    )


def _check_threshold(name: str, model: Model, rows: Floats) -> None:
    """Raise `OfflineError` unless the model's classes are those of its scores and of the threshold in its card."""
    score, threshold = model.scores(rows), model.card.decision_threshold
    is_second = model.predict(rows) == model.card.classes[1]
    wrong = (is_second != (score > threshold)) & (np.abs(score - threshold) > margins(score))
    if wrong.any():
        raise OfflineError(
            f"model card of {name}: expected the decision_threshold at which its scores give its answers, got "
            f"{threshold:g}, by which {int(wrong.sum()):,} of {len(rows):,} held-out rows are of the other class. "
            f"Put the threshold into the card that the model decides at."
        )


def _indices(classes: Ints, labels: Codes) -> Codes:
    """Index of each label among the classes, which may be in any order."""
    order = np.argsort(classes)
    return order[np.searchsorted(classes[order], labels)].astype(np.int16)


def _keep(path: Path, answers: OfflineAnswers) -> None:
    """Keep the answers for the next run; if the folder cannot be written, the next run only takes longer."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        offline.write(path, answers)
    except OSError:
        return
