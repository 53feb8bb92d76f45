"""The command ``python -m model.card``: see ``--help``."""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from model.artifact import SCORE_KINDS, Card, card_bytes, card_path
from model.artifact_name import HELDOUT_FILE
from model.card.errors import CardError
from model.card.making import Choices, make_card
from model.card.source import heldout_bytes, read_source
from model.card.subject import AnswersSubject, Questions, Subject, load_subject, read_bytes
from model.command_line import BAD_INPUT, OneLineParser
from model.installation import COMMAND
from model.own_files import ForeignFileError, OwnFiles
from model.printable import printable
from model.rows.answers_file import AnswersError, artifacts_in, is_answers_file, labels_in
from model.rows.labels import NO_CLASS

NOTE: Final = ".card.json"
"""In the folder: digests of what was written, so that nothing else is overwritten."""


EPILOG: Final = """\
A model that cannot be loaded here (another version, another framework) is given by its answers: a CSV or Parquet
file with the columns id and predicted, optionally score (or score_LABEL for each class) and artifact (whose answers
they are). The ids are those of --id, or the numbers of the rows from 0.

examples:
  python -m model.card credit.joblib --heldout rows.csv --target default --positive yes --out models
  python -m model.card --answers answers.csv --heldout rows.csv --target default --id customer

exit codes: 0 done, 2 bad arguments or input"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0, or `BAD_INPUT` with one line on standard error."""
    options = parser().parse_args(argv)
    try:
        for line in make(options):
            print(printable(line))
    except (CardError, AnswersError, ForeignFileError) as error:
        print(f"plumbline: card: {printable(str(error))}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        problem = f"expected to write to {options.out}, got {error.strerror or error}. Give another --out."
        print(f"plumbline: card: {problem}", file=sys.stderr)
        return BAD_INPUT
    return 0


def make(options: argparse.Namespace) -> Iterator[str]:
    """Make the files; a line for each of them, and then what to do next. Raises what `main` catches."""
    subjects, remarks = _subjects(options)
    first = subjects[0]
    text_labels = _are_text(first)
    source = read_source(options.heldout, options.target, options.id, text_labels=text_labels)
    rows = source.features(first.features(source.columns))
    classes = first.classes(source.labels())
    ids, truth = source.ids(), source.truth(classes)
    heldout = heldout_bytes(ids, rows, truth, classes)
    questions = Questions(rows, ids, truth, classes, hashlib.sha256(heldout).hexdigest())
    choices = Choices(options.positive, options.scorer, options.threshold)
    made = [make_card(subject, questions, choices) for subject in subjects]
    cards = [card for card, _ in made]
    file: Path = options.model or options.answers
    folder: Path = options.out or Path("artifacts") / file.stem
    _write(folder, {HELDOUT_FILE: heldout, **first.imports, file.name: first.content}, cards)
    counts = Counter(str(classes[place]) for place in truth.tolist())
    yield f"{folder / HELDOUT_FILE}: {len(ids):,} rows, {_types(rows.types)}; {options.target}: {_counts(counts)}"
    unused = [name for name in source.columns if name not in rows.names]
    if unused:
        yield f"remark: no features of the model, and not sent: {', '.join(unused)}"
    for card, more in made:
        yield f"{folder / card_path(Path(card.artifact)).name}: {_summary(card)}"
        yield from (f"remark: {remark}" for remark in (*remarks, *more))
    yield from _next(folder, file, cards, by_answers=bool(options.answers))


def _write(folder: Path, contents: dict[str, bytes], cards: Sequence[Card]) -> None:
    """Write the files and the cards. Raises `ForeignFileError` or `CardError`, before anything is written."""
    together = contents | {card_path(Path(card.artifact)).name: card_bytes(card) for card in cards}
    if len(together) < len(contents) + len(cards):
        raise CardError(f"expected files of different names, got {', '.join([*contents, *together])}. Rename one.")
    own = OwnFiles(folder, NOTE)
    own.check(together.items())
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in together.items():  # the cards come last: none names a file that is not there yet
        own.write(name, content)


def _subjects(options: argparse.Namespace) -> tuple[Sequence[Subject], list[str]]:
    """The model; or the answers, one subject for each artefact in their file."""
    if bool(options.model) == bool(options.answers):
        raise CardError(
            "expected a MODEL.joblib or --answers FILE, got both"
            if options.model
            else "expected a MODEL.joblib or --answers FILE, got neither"
        )
    if options.model:
        subject, remarks = load_subject(options.model, options.imports)
        return [subject], remarks
    if options.imports:
        raise CardError("expected no --import with --answers, got one. No model is loaded, so leave it out.")
    path: Path = options.answers
    if not is_answers_file(path):
        raise CardError(f"expected a .parquet or .csv file of answers, got {path}")
    content = read_bytes(path)
    names = artifacts_in(path)
    if names is None:
        return [AnswersSubject(path.name, content, path)], []
    return [AnswersSubject(name, content, path, name) for name in names], []


def _are_text(subject: Subject) -> bool:
    """Whether the labels are text, so that a CSV file's labels are read as such."""
    if isinstance(subject, AnswersSubject):
        return any(isinstance(value, str) for value in labels_in(subject.path)[0])
    return any(isinstance(label, str) for label in subject.classes((0, 1)))


def _types(types: Sequence[str]) -> str:
    return f"{len(types)} features ({', '.join(f'{number} {kind}' for kind, number in Counter(types).items())})"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{label} {number:,}" for label, number in sorted(counts.items()))


def _summary(card: Card) -> str:
    classes = ", ".join(str(label) for label in card.classes)
    positive = "" if card.positive == NO_CLASS else f", positive {card.positive_class}"
    threshold = "" if card.decision_threshold is None else f" above {card.decision_threshold:.6g}"
    accuracy = "" if card.offline.accuracy is None else f", accuracy {card.offline.accuracy:.2%}"
    return f"{card.estimator}, classes {classes}{positive}, scores {card.score_kind}{threshold}{accuracy}"


def _next(folder: Path, file: Path, cards: Sequence[Card], *, by_answers: bool) -> Iterator[str]:
    """What to do next. The last line is a command."""
    if by_answers and cards[0].artifact == file.name:
        yield "The answers stand for every predictor, whatever model_name the manifest gives it."
    else:
        yield f"The manifest's parameter model_name is {' or '.join(card.artifact for card in cards)}."
    yield "Next, with your manifest for M.yaml:"
    command = f"{COMMAND} loadtest --sdep M.yaml --artifacts {shlex.quote(str(folder))}"
    yield f"  {command} --expected {shlex.quote(str(folder / file.name))}" if by_answers else f"  {command}"


def parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    options = OneLineParser(
        prog="python -m model.card",
        description="Writes what a load test has to know of a model: its card, and held-out rows with their truth,\n"
        "into a folder of yours. Nothing that it did not make is overwritten.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL.joblib", help="a scikit-learn compatible classifier"
    )
    options.add_argument("--answers", type=Path, metavar="FILE", help="its answers, in place of the model")
    options.add_argument("--heldout", type=Path, required=True, metavar="ROWS", help="rows, as .csv or .parquet")
    options.add_argument("--target", required=True, metavar="COLUMN", help="column of the true class")
    options.add_argument("--positive", metavar="LABEL", help="the positive class (needed if labels are text)")
    options.add_argument(
        "--id", metavar="COLUMN", help="column of whole numbers as ids (default: rows are numbered from 0)"
    )
    options.add_argument("--threshold", type=float, metavar="X", help="a score above it is positive (default: seen)")
    options.add_argument("--scorer", choices=SCORE_KINDS, help="the method that scores (default: seen)")
    options.add_argument(
        "--import",
        dest="imports",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.py",
        help="a Python file that the model needs; it is copied to the folder",
    )
    options.add_argument("--out", type=Path, metavar="FOLDER", help="where to (default artifacts/NAME)")
    return options


if __name__ == "__main__":
    sys.exit(main())
