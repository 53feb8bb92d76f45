"""Quality by class and published counts, as lines of tables: what each value is, and whether it is as expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from analysis.report import wording as words
from analysis.result.parsed import ClassScores, Matrix, MetricNames, ParsedClaim, ParsedClasses, ParsedPredictor, Result

RATIOS: Final = {"precision": "precision", "recall": "recall", "f1": "F1"}
"""Columns of a table by class: key in the result, and heading."""
MOST_CLASSES: Final = 24
"""Lines of a table by class; with more classes, the rest is counted."""
MOST_CLAIMS: Final = 12
"""Lines of a table of published counts. With more of them, the rest is counted."""
UNDERIVED: Final = "does not follow from what is published"
FIRST_ROW: Final = "Of a request with several rows only the first is counted."


@dataclass(frozen=True, slots=True)
class Heat:
    """A matrix to be drawn. ``low``, ``high``: bounds of each cell; None where there are none to hold it against."""

    labels: tuple[str, ...]
    matrix: Matrix
    low: Matrix | None
    high: Matrix | None

    def off_by(self, truth: int, answer: int) -> int:
        """How far a cell lies outside its bounds; 0 without bounds."""
        if self.low is None or self.high is None:
            return 0
        number = self.matrix[truth][answer]
        return min(number - self.low[truth][answer], 0) + max(number - self.high[truth][answer], 0)

    def expected(self, truth: int, answer: int) -> str:
        """What a cell was expected to be."""
        if self.low is None or self.high is None:
            return "not known"
        return words.between(words.count(self.low[truth][answer]), words.count(self.high[truth][answer]))

    @property
    def cells(self) -> list[tuple[int, int]]:
        """Truth and answer of each cell."""
        return [(truth, answer) for truth in range(len(self.labels)) for answer in range(len(self.labels))]

    @property
    def wrong(self) -> list[tuple[int, int]]:
        """The cells that are outside of their bounds."""
        return [cell for cell in self.cells if self.off_by(*cell)]


@dataclass(frozen=True, slots=True)
class ComparedValue:
    """A value with what it is compared with.

    ``shown``: the live value; the offline one where there is no live one. ``number``: the same, unrounded; None for a
    word. ``offline``: empty where it is the same. ``difference``: with its mark; empty without a comparison.
    """

    shown: str
    number: float | None
    offline: str
    difference: str
    differs: bool


@dataclass(frozen=True, slots=True)
class ClassLine:
    """One line of the table by class. ``support``: None for an average."""

    label: str
    ratios: tuple[ComparedValue, ...]
    support: ComparedValue | None

    @property
    def differs(self) -> bool:
        """Whether anything in it is wrong."""
        return any(value.differs for value in (*self.ratios, *([self.support] if self.support else [])))


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The table by class of a predictor. ``more``: classes that are left out. ``of``: which side its values are of."""

    accuracy: ComparedValue
    lines: tuple[ClassLine, ...]
    averages: tuple[ClassLine, ...]
    more: int
    side: str
    legend: str


def with_two_classes(result: Result) -> list[ParsedPredictor]:
    """The predictors whose quality is that of a positive class."""
    return [predictor for predictor in result.predictors if predictor.classes is None]


def with_more_classes(result: Result) -> list[ParsedPredictor]:
    """The predictors whose quality is by class."""
    return [predictor for predictor in result.predictors if predictor.classes is not None]


def heat_of(predictor: ParsedPredictor) -> Heat | None:
    """The confusion matrix to draw: the live one, else the offline one; None if neither is known."""
    classes = predictor.classes
    if classes is None:
        return None
    if classes.live is not None and classes.live.matrix is not None:
        return Heat(classes.labels, classes.live.matrix, classes.low, classes.high)
    matrix = None if classes.offline is None else classes.offline.matrix
    return None if matrix is None else Heat(classes.labels, matrix, None, None)


def heat_title(predictor: ParsedPredictor) -> str:
    """What the drawn matrix is."""
    return f"{'Live' if _is_live(predictor) else 'Offline'} confusion matrix"


def heat_status(predictor: ParsedPredictor, heat: Heat) -> str:
    """Whether the drawn matrix is as expected."""
    if not _is_live(predictor):
        return f"live: {live_missing(predictor) or UNDERIVED}"
    if heat.low is None:
        return "what each cell should be is not known"
    wrong, cells = len(heat.wrong), words.count(len(heat.cells))
    return f"✗ {words.count(wrong)} of {cells} cells not as expected" if wrong else f"✓ all {cells} cells as expected"


def _is_live(predictor: ParsedPredictor) -> bool:
    classes = predictor.classes
    return classes is not None and classes.live is not None and classes.live.matrix is not None


def as_expected(predictor: ParsedPredictor) -> bool | None:
    """Whether all that a predictor publishes is within its bounds; None if that is not known of it alone."""
    off = [None if predictor.shares else claim.off_by() for claim in predictor.claims]
    return None if not off or None in off else not any(off)


def class_table(predictor: ParsedPredictor, classes: ParsedClasses, most: int = MOST_CLASSES) -> ClassTable:
    """The table by class; with many classes those that differ, then those of the lowest recall."""
    sides = classes.live, classes.offline
    live, offline = sides
    compare = _Comparison(as_expected(predictor) is False)
    rows = [_line(compare, i, text, sides) for i, text in enumerate(words.labels(classes.labels))]
    lines = rows if len(rows) <= most else sorted(rows, key=lambda line: (not line.differs, _recall(line)))
    return ClassTable(
        accuracy=compare.fractions(_accuracy(live), _accuracy(offline), live is None, offline is None),
        lines=tuple(lines[:most]),
        averages=tuple(_average(compare, name, sides) for name in ("macro", "weighted")),
        more=max(len(rows) - most, 0),
        side="live" if live is not None else "offline" if offline is not None else "",
        legend=legend(classes),
    )


def legend(classes: ParsedClasses) -> str:
    """How the averages are made."""
    return (
        "Macro: the mean over the classes that occur. Weighted: by the number of rows of each class. "
        "A precision is undefined where no row was answered so, a recall where no row is of the class; in an average, "
        f"an undefined ratio counts as {classes.zero_division:g} (zero_division of scikit-learn)."
    )


def live_missing(predictor: ParsedPredictor) -> str:
    """Why there is no live value of a predictor; empty if there is one."""
    if predictor.live is not None or (predictor.classes is not None and predictor.classes.live is not None):
        return ""
    return UNDERIVED if predictor.claims else "no sample"


def note(metrics: MetricNames | None) -> str:
    """What a reader of the published metrics should know; empty if there is nothing."""
    if metrics is None:
        return ""
    return " ".join(part for part in (FIRST_ROW if metrics.first_row_only else "", metrics.note) if part)


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """A published count: its series, what was expected, what is live, and the difference with its mark."""

    name: str
    expected: str
    live: str
    difference: str
    differs: bool


def claim_lines(claims: Sequence[ParsedClaim], most: int = MOST_CLAIMS) -> tuple[list[ClaimLine], int]:
    """At most so many published counts, only those that differ if there are more; and how many are left out."""
    lines = [_claim(claim) for claim in claims]
    if len(lines) > most:
        lines = [line for line in lines if line.differs] or lines
    shown = lines[:most]
    return shown, len(claims) - len(shown)


def wrong_claims(claims: Sequence[ParsedClaim]) -> int:
    """How many published counts are outside of their bounds."""
    return sum(bool(claim.off_by()) for claim in claims)


def claims_status(claims: Sequence[ParsedClaim]) -> str:
    """How many published counts are as expected, in words."""
    wrong = wrong_claims(claims)
    if wrong:
        return f"✗ {words.count(wrong)} not as expected"
    known = all(claim.off_by() is not None for claim in claims)
    return "✓ all as expected" if known else "? nothing to compare with"


def number(value: float | str | None) -> str:
    """A published number: a count where it is whole."""
    if value is None:
        return "no sample"
    if isinstance(value, str):
        return value
    return words.count(int(value)) if float(value).is_integer() else f"{value:,.6g}"


def _claim(claim: ParsedClaim) -> ClaimLine:
    off = claim.off_by()
    known = claim.low is not None and claim.high is not None
    expected = words.between(number(claim.low), number(claim.high)) if known else "not known"
    if off is None:
        difference = "not known"
    elif off:
        difference = "✗ no count" if math.isinf(off) else f"✗ {'+' if off > 0 else ''}{number(off)}"
    else:
        difference = "✓ 0" if claim.low == claim.high else "✓ within"
    return ClaimLine(claim.name, expected, number(claim.live), difference, bool(off))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """``wrong``: whether a difference is marked. Requests that may or may not have been counted make innocent ones."""

    wrong: bool

    def fractions(self, live: float | None, offline: float | None, no_live: bool, no_offline: bool) -> ComparedValue:
        """Two fractions; None is an undefined one. ``no_live``, ``no_offline``: the side is not known at all."""
        texts = ["undefined" if side is None else words.percent(side) for side in (live, offline)]
        difference = "differs" if live is None or offline is None else words.points(live - offline)
        return self._compared((live, offline), texts, difference, no_live, no_offline)

    def counts(self, live: int | None, offline: int | None) -> ComparedValue:
        """Two numbers of rows; None where the side is not known."""
        texts = ["not known" if side is None else words.count(side) for side in (live, offline)]
        difference = words.signed((live or 0) - (offline or 0))
        return self._compared((live, offline), texts, difference, live is None, offline is None)

    def _compared(
        self,
        sides: tuple[float | None, float | None],
        texts: Sequence[str],
        difference: str,
        no_live: bool,
        no_offline: bool,
    ) -> ComparedValue:
        if no_live or no_offline:
            at = 1 if no_live else 0
            return ComparedValue("not known" if no_live and no_offline else texts[at], sides[at], "", "", False)
        if sides[0] == sides[1]:
            return ComparedValue(texts[0], sides[0], "", "✓", False)
        mark = "✗ " if self.wrong else ""
        return ComparedValue(texts[0], sides[0], texts[1], f"{mark}{difference}", self.wrong)


type _Sides = tuple[ClassScores | None, ClassScores | None]


def _line(compare: _Comparison, i: int, text: str, sides: _Sides) -> ClassLine:
    live, offline = (None if side is None else side.by_class[i] for side in sides)
    ratios = (
        compare.fractions(
            None if live is None else live.ratios[ratio],
            None if offline is None else offline.ratios[ratio],
            live is None,
            offline is None,
        )
        for ratio in RATIOS
    )
    support = compare.counts(None if live is None else live.support, None if offline is None else offline.support)
    return ClassLine(text, tuple(ratios), support)


def _average(compare: _Comparison, name: str, sides: _Sides) -> ClassLine:
    live, offline = (None if side is None else getattr(side, name) for side in sides)
    ratios = (
        compare.fractions((live or {}).get(ratio), (offline or {}).get(ratio), live is None, offline is None)
        for ratio in RATIOS
    )
    return ClassLine(f"{name} average", tuple(ratios), None)


def _accuracy(side: ClassScores | None) -> float | None:
    return None if side is None else side.accuracy


def _recall(line: ClassLine) -> float:
    recall = line.ratios[list(RATIOS).index("recall")].number
    return 2.0 if recall is None else recall
