"""What stands for each predictor: which artefact, whose answers are expected of it, and where these come from.

That is the artefact that the manifest's ``model_name`` names, or another by ``--model PREDICTOR=ARTIFACT_OR_FILE``. The
expected answers are its own, or those of a file (``--expected``, or a file of answers in place of an artefact).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.manifest.deployment import Predictor
from model.artifact import Card, card_of, card_path
from model.artifact_name import ArtifactError, advice_for, artifact_file
from model.rows.answers_file import artifacts_in, is_answers_file


@dataclass(frozen=True, slots=True)
class Expected:
    """What stands for one predictor. ``artifact``: its name in the run. ``path``: where its answers come from.

    ``sha256``: of the bytes at ``path``. That is the digest in the card, unless the answers of a model are in a file.
    """

    artifact: str
    path: Path
    card: Card
    sha256: str

    @property
    def from_file(self) -> bool:
        """Whether the answers come from a file, so that no model is loaded."""
        return is_answers_file(self.path)


def names_of(text: str) -> dict[str, str]:
    """Artefact or file by predictor, of ``PREDICTOR=ARTIFACT_OR_FILE``, several joined by commas.

    Raises `ArtifactError`.
    """
    names: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        predictor, sign, name = part.partition("=")
        if not sign or not predictor or not name or names.get(predictor, name) != name:
            raise ArtifactError(
                "reading --model: expected PREDICTOR=ARTIFACT_OR_FILE, each predictor once and several joined by "
                f"commas, got {part!r}."
            )
        names[predictor] = name
    return names


def expected_of(predictors: tuple[Predictor, ...], folder: Path, model: str, answers: str) -> dict[str, Expected]:
    """What stands for each predictor, by its name; ``model`` and ``answers``: of those options, or empty.

    Raises `ArtifactError` for the first that is not sound, and ``AnswersError`` for a file that cannot be read.
    """
    names = names_of(model)
    known = [predictor.name for predictor in predictors]
    strange = [name for name in names if name not in known]
    if strange:
        raise ArtifactError(
            f"reading --model: expected predictors of the manifest ({', '.join(known)}), got {strange[0]!r}."
        )
    return {
        predictor.name: _with_answers(predictor, names, folder, Path(answers).absolute())
        if answers
        else _own(predictor, names, folder)
        for predictor in predictors
    }


def _own(predictor: Predictor, names: Mapping[str, str], folder: Path) -> Expected:
    """By the artefact's own name: its file in the folder of artefacts, or a file that ``--model`` gives the path of."""
    name = names.get(predictor.name, predictor.artifact)
    if not name:
        raise ArtifactError(
            f"reading predictor {predictor.name}: expected a parameter model_name that names the artefact "
            "(spec.predictors[].graph.parameters), got none. Without it there is no model to compare with. "
            f"Name it by --model {predictor.name}=ARTIFACT."
        )
    given = Path(names.get(predictor.name, ""))
    path = given.absolute() if predictor.name in names and given.name != str(given) else artifact_file(folder, name)
    if path.parent.resolve() != folder.resolve() and not is_answers_file(path):
        raise ArtifactError(
            f"reading --model: expected a model in the folder of the artefacts ({folder}), got {path}. "
            "Name its folder with --artifacts."
        )
    return _whole(path.name, path, card_of(path.parent, path.name, path))


def _with_answers(predictor: Predictor, names: Mapping[str, str], folder: Path, answers: Path) -> Expected:
    """By the file of ``--expected``: all of it, or what it has of the predictor's artefact, if it says whose it is."""
    if not is_answers_file(answers):
        raise ArtifactError(f"reading --expected: expected a .parquet or .csv file of answers, got {answers}.")
    held = artifacts_in(answers)
    if held is None:
        return _whole(answers.name, answers, card_of(folder, answers.name, answers))
    name = names.get(predictor.name, predictor.artifact)
    if name not in held:
        raise ArtifactError(
            f"reading --expected: expected answers of {name or 'an artefact'!r} for predictor {predictor.name} in "
            f"{answers}, got those of {', '.join(held)}. Say which by --model {predictor.name}=ARTIFACT."
        )
    return _whole(name, answers, card_of(folder, name, answers))


def _whole(name: str, path: Path, card: Card) -> Expected:
    """With the digest of the file. Raises `ArtifactError` unless the card belongs to the artefact."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        what = "answers" if is_answers_file(path) else "model file"
        raise ArtifactError(
            f"{what}: expected a file, got {error.strerror or error} ({path}). {advice_for(path)}"
        ) from error
    if card.artifact not in {name, path.name}:
        raise ArtifactError(
            f"model card: expected artifact {name!r}, got {card.artifact!r} ({card_path(path)}). "
            "Put the model's own card beside it."
        )
    if card.artifact == path.name and digest != card.sha256:
        what = "answers" if is_answers_file(path) else "model file"
        raise ArtifactError(
            f"{what}: expected SHA-256 {card.sha256} as its card says, got {digest} ({path}). {advice_for(path)}"
        )
    return Expected(name, path, card, digest)
