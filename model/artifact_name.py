"""The name of a model file, as a manifest gives it, and where that file is. Without joblib, which takes a while."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from model.installation import INSTALLED, example_artifacts

ARTIFACTS_ENV: Final = "PLUMBLINE_ARTIFACTS"
"""Names the folder of the artefacts, for servers, load generator and judge alike."""
ARTIFACTS: Final = example_artifacts()
"""The project's own folder of the artefacts, into which ``make train`` writes."""
HELDOUT_FILE: Final = "heldout.parquet"
TRAINED: Final = ("binary-lr", "binary-percept", Path(HELDOUT_FILE).stem)
"""Names, without the ending, of the files that `model.train` makes."""


class ArtifactError(Exception):
    """A model file or its card cannot be used; one line says what was expected, what was found and what to do."""


def artifact_file(folder: Path, name: str) -> Path:
    """Path of the model file that a manifest's parameter ``model_name`` names, in the folder of the artefacts.

    It is a file's name and nothing else: a manifest may be a stranger's, and what it names is unpickled. Raises
    `ArtifactError` for a path, an absolute one or one that leads out of the folder alike.
    """
    if not name or name in {".", ".."} or any(sign in name for sign in "/\\") or not name.isprintable():
        raise ArtifactError(
            f"parameter model_name: expected the name of a file in {folder}, got {name!r}. "
            f"Put the file and its card there, or name their folder with --artifacts ({ARTIFACTS_ENV})."
        )
    return folder / name


def advice_for(path: Path) -> str:
    """What to do about a model file, a card or a file of held-out rows that cannot be used.

    Training is advised only for what it makes: it writes no file of the user's own.
    """
    if path.stem in TRAINED and path.parent.resolve() == ARTIFACTS.resolve():
        return f"Run `{'plumbline' if INSTALLED else 'make'} train`."
    if path.suffix in {Path(HELDOUT_FILE).suffix, ".csv"}:
        return "Correct the file, or the path that --heldout or --expected gives (`plumbline card` writes such rows)."
    return (
        "The manifest's parameter model_name names it: put the file and its card there (`plumbline card` writes one), "
        f"mend the name, or name their folder with --artifacts ({ARTIFACTS_ENV})."
    )
