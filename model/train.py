"""Trains the notebook's two models: ``python -m model.train``.

Idempotent: it does nothing, and says so, if the files are there, have the digests of their cards, and were written with
the present scikit-learn and the same seed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, Final

import joblib
import numpy as np
from numpy.typing import NDArray

from model import artifact, artifact_name, dataset
from model.command_line import BAD_INPUT, OneLineParser
from model.contract import CELLS, Cell, cell_of
from model.installation import INSTALLED, example_artifacts
from model.own_files import ForeignFileError, OwnFiles

QUANTILES: Final = 61
"""Edges that are quantiles of the training scores, both ends included."""

THRESHOLD: Final = 0.0
"""``predict`` of scikit-learn's linear classifiers is positive where ``decision_function`` is above zero."""


def logistic_regression() -> Any:
    """The notebook's logistic regression, without the argument ``multi_class`` that scikit-learn dropped."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  (import of a second; see `_whole`)

    return LogisticRegression(solver="liblinear")


def perceptron() -> Any:
    """The notebook's perceptron; its ``n_iter`` is called ``max_iter`` today."""
    from sklearn.linear_model import Perceptron  # noqa: PLC0415

    return Perceptron(max_iter=40, eta0=0.1, random_state=0)


MODELS: Final[dict[str, Callable[[], Any]]] = {
    "binary-lr.joblib": logistic_regression,
    "binary-percept.joblib": perceptron,
}


OURS: Final = (
    artifact_name.HELDOUT_FILE,
    *(name for model in MODELS for name in (model, artifact.card_path(Path(model)).name)),
)
"""Names of all files that training writes."""
MADE_FILE: Final = ".trained.json"
"""Digests of what was written, so that nothing else is overwritten or removed."""
KEPT_ANSWERS: Final = ".offline"
"""Folder in which the judge of earlier versions kept the models' answers, as files called ``<32 digits>.parquet``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; one printed line for each file."""
    options = _parser().parse_args(argv)
    out: Path = options.out
    if not options.force and not options.remove and _whole(out, options.seed):
        for name in MODELS:
            print(f"{out / name}: {_summary(artifact.load_card(out / name))}; already there")
        print(f"{out / artifact_name.HELDOUT_FILE}: already there. --force trains again.")
        return 0
    try:
        if options.remove:
            return remove(out)
        train(out, options.seed)
    except ForeignFileError as error:
        print(f"train: {error}", file=sys.stderr)
        return 0 if options.give_way else BAD_INPUT
    except OSError as error:
        print(f"train: expected to write to {out}, got {error.strerror or error}. Give another --out.", file=sys.stderr)
        return BAD_INPUT
    return 0


def train(out: Path, seed: int) -> None:
    """Writes the held-out rows, each model file, then its card, so that no card names a file that is not there yet.

    Raises `ForeignFileError`, before anything is written, if one of these is somebody else's.
    """
    files = OwnFiles(out, MADE_FILE)
    if (out / MADE_FILE).exists() and not _is_note(files):
        raise ForeignFileError(
            f"expected digests of training's files in {out / MADE_FILE}, got something else. "
            "Give that file another name, or train with another --out."
        )
    parts = dataset.split(seed)
    heldout = dataset.heldout_bytes(parts.test_ids, parts.test_x, parts.test_y)
    contents = {artifact_name.HELDOUT_FILE: heldout}
    lines = [f"{out / artifact_name.HELDOUT_FILE}: {len(parts.test_ids)} held-out rows, seed {seed}"]
    for name, make in MODELS.items():
        estimator = make()
        with warnings.catch_warnings():
            # The perceptron stops at max_iter on purpose: 40 passes are the notebook's setting.
            warnings.simplefilter("ignore")
            estimator.fit(parts.train_x, parts.train_y)
        sink = io.BytesIO()
        joblib.dump(estimator, sink)
        card = make_card(name, sink.getvalue(), estimator, parts, seed, heldout)
        contents |= {name: sink.getvalue(), artifact.card_path(Path(name)).name: artifact.card_bytes(card)}
        lines.append(f"{out / name}: {_summary(card)}")
    files.check(contents.items())
    out.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        files.write(name, content)
    print("\n".join(lines))


def make_example(out: Path) -> None:
    """Train in ``out`` if that is the example's folder and we are installed: in a checkout, `make` does that.

    Raises `ArtifactError` if something else is there, or if it cannot be written.
    """
    if not INSTALLED or out != example_artifacts() or _whole(out, dataset.SEED):
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        print(f"plumbline: training the two models of the example into {out}", file=sys.stderr, flush=True)
        with contextlib.redirect_stdout(io.StringIO()):
            train(out, dataset.SEED)
    except ForeignFileError as error:
        raise artifact_name.ArtifactError(f"training the example: {error}") from error
    except OSError as error:
        raise artifact_name.ArtifactError(
            f"training the example: expected to write to {out}, got {error.strerror or error}. "
            "Name another folder by the variable XDG_CACHE_HOME."
        ) from error


def remove(out: Path) -> int:
    """Remove what training made, and the folder if nothing else is in it. Exit code 0."""
    if not out.is_dir():
        return 0
    files = OwnFiles(out, MADE_FILE)
    for name in filter(files.holds, OURS):
        (out / name).unlink()
    for path in (out / KEPT_ANSWERS).glob("*.parquet"):
        if re.fullmatch("[0-9a-f]{32}", path.stem):
            path.unlink()
    with contextlib.suppress(OSError):  # there is none, or it is not empty
        (out / KEPT_ANSWERS).rmdir()
    kept = sorted(path.name for path in out.iterdir() if not (path.name == MADE_FILE and _is_note(files)))
    if kept:
        print(f"{out}: kept {', '.join(kept[:5])}, which training did not make")
        return 0
    (out / MADE_FILE).unlink(missing_ok=True)
    if not out.is_symlink():
        out.rmdir()
    return 0


def _is_note(files: OwnFiles) -> bool:
    """Whether the note is training's: digests by the names of its files."""
    noted = files.digests()
    digests = [digest for digests in noted.values() for digest in digests]
    return bool(noted) and set(noted) <= set(OURS) and all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)


def make_card(
    name: str, content: bytes, estimator: Any, parts: dataset.Split, seed: int, heldout: bytes
) -> artifact.Card:
    """The card of an estimator fitted on ``parts``; ``content`` and ``heldout`` are the files' bytes."""
    return artifact.Card(
        schema=artifact.SCHEMA_VERSION,
        artifact=name,
        sha256=hashlib.sha256(content).hexdigest(),
        estimator=type(estimator).__name__,
        features=dataset.FEATURES,
        classes=tuple(int(label) for label in estimator.classes_),
        positive_class=dataset.POSITIVE_CLASS,
        score_kind=artifact.SCORE_KIND,
        decision_threshold=THRESHOLD,
        score_edges=score_edges(estimator.decision_function(parts.train_x)),
        offline=offline(estimator.predict(parts.test_x), parts.test_y),
        seed=seed,
        train_rows=len(parts.train_y),
        heldout_sha256=hashlib.sha256(heldout).hexdigest(),
        versions=_versions(),
    )


def score_edges(scores: NDArray[np.float64]) -> tuple[float, ...]:
    """Strictly increasing edges: `QUANTILES` quantiles of ``scores`` [n] from minimum to maximum, and `THRESHOLD`."""
    quantiles = np.quantile(scores, np.linspace(0.0, 1.0, QUANTILES))
    return tuple(float(edge) for edge in np.unique([*quantiles, THRESHOLD]))


def offline(predicted: NDArray[np.int64], truth: NDArray[np.int64]) -> artifact.OfflineFigures:
    """Cells and ratios of predicted against true labels, both [n]. A ratio over nothing is None."""
    count: dict[Cell, int] = dict.fromkeys(CELLS, 0)
    for answer, label in zip(predicted, truth, strict=True):
        count[cell_of(int(answer), int(label), dataset.POSITIVE_CLASS)] += 1
    tp, fp, tn, fn = (count[cell] for cell in CELLS)
    return artifact.OfflineFigures(
        rows=len(truth),
        tp=tp,
        fp=fp,
        tn=tn,
        fn=fn,
        accuracy=_ratio(tp + tn, tp + fp + tn + fn),
        precision=_ratio(tp, tp + fp),
        recall=_ratio(tp, tp + fn),
        specificity=_ratio(tn, tn + fp),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _versions() -> dict[str, str]:
    packages = ("scikit-learn", "numpy", "joblib", "pyarrow")
    return {"python": python_version()} | {name: version(name) for name in packages}


def _whole(out: Path, seed: int) -> bool:
    """Whether every file is there, of the digest that its card names, of this seed and of the versions that run now."""
    try:
        heldout = dataset.load_heldout(out / artifact_name.HELDOUT_FILE)
        cards = [artifact.load_card(out / name) for name in MODELS]
        digests = [hashlib.sha256((out / name).read_bytes()).hexdigest() for name in MODELS]
    except (dataset.DatasetError, artifact_name.ArtifactError, OSError):
        return False
    return digests == [card.sha256 for card in cards] and all(
        card.seed == seed and card.heldout_sha256 == heldout.sha256 and card.versions == _versions() for card in cards
    )


def _summary(card: artifact.Card) -> str:
    offline = card.offline
    return (
        f"{card.estimator}, {offline.rows} held-out rows: tp {offline.tp}, fp {offline.fp}, tn {offline.tn}, "
        f"fn {offline.fn}; sha256 {card.sha256[:12]}"
    )


def _default_out() -> Path:
    """The example's folder; in a checkout as a user writes it, relative to the root."""
    return example_artifacts() if INSTALLED else Path("artifacts")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m model.train",
        description="Trains logistic regression and perceptron on 10 % of scikit-learn's breast-cancer data and keeps\n"
        "the other 90 % as held-out rows. Does nothing if all of the files are there and complete.",
        epilog="Writes binary-lr.joblib, binary-percept.joblib (bare scikit-learn estimators), a card NAME.json\n"
        "beside each (digest, features, classes, threshold, offline counts), heldout.parquet (id, truth, features).\n"
        "Equal seed and versions give equal bytes.\n\nexample:\n  python -m model.train --out models --seed 1\n\n"
        "exit codes: 0 done, 2 bad arguments or input, or a file that training did not make is in the way.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, default=_default_out(), metavar="DIR", help="where to (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=dataset.SEED, help="random_state of the split (default %(default)s)"
    )
    parser.add_argument("--force", action="store_true", help="train again, whatever of its own is there")
    parser.add_argument(
        "--give-way", action="store_true", help="if a file of somebody else's is in the way, say so and end with 0"
    )
    parser.add_argument("--remove", action="store_true", help="remove what training made, and nothing else")
    return parser


if __name__ == "__main__":
    sys.exit(main())
