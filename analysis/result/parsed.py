"""The values of ``result.json`` as types, which the reports use; `result.parse` makes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.result.fields import Raw
from analysis.verdict import Value, Verdict
from model.contract import Cell

type Series = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ParsedFinding:
    """One finding, as the judge wrote it. Unlike a `verdict.Finding` it may lack advice."""

    check: str
    subject: str
    verdict: Verdict
    message: str
    expected: Value
    observed: Value
    diagnosis: str | None
    advice: str | None


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts of the four cells and the ratios that the judge made of them; None is an undefined ratio."""

    cells: Mapping[Cell, int]
    ratios: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class CellCounts:
    """Live counts, and the bounds within which each must lie; None if there is no sample, or no bound is known."""

    name: str
    live: Mapping[Cell, int] | None
    low: Mapping[Cell, int] | None
    high: Mapping[Cell, int] | None

    def off_by(self, cell: Cell) -> int | None:
        """How far the live count lies outside ``low..high``: 0 inside, negative below, None where not known."""
        if self.live is None or self.low is None or self.high is None:
            return None
        return min(self.live[cell] - self.low[cell], 0) + max(self.live[cell] - self.high[cell], 0)


@dataclass(frozen=True, slots=True)
class ParsedClaim:
    """A published number, and the bounds within which it must lie; None if there is no sample, or no bound is known.

    ``name``: the series, with the labels that tell it from others. ``live``: text where it is too large to be a count.
    """

    key: str
    name: str
    low: int | None
    high: int | None
    live: float | str | None

    def off_by(self) -> float | None:
        """How far the live count lies outside ``low..high``: 0 inside, negative below, None where not known.

        Infinite for a number that is too large to be a count.
        """
        if self.live is None or self.low is None or self.high is None:
            return None
        if isinstance(self.live, str):
            return math.inf
        return min(self.live - self.low, 0) + max(self.live - self.high, 0)


@dataclass(frozen=True, slots=True)
class ClaimCounts:
    """All that a group of predictors publishes, where it is not the four cells; no claims if there is no sample."""

    name: str
    claims: tuple[ParsedClaim, ...]


@dataclass(frozen=True, slots=True)
class ClassRatios:
    """Ratios of one class, None where undefined; ``support``: number of its rows."""

    label: str
    ratios: Mapping[str, float | None]
    support: int


type Matrix = tuple[tuple[int, ...], ...]
"""Rows by truth, then by answer, as ``sklearn.metrics.confusion_matrix`` has them."""


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Quality by class. ``macro``, ``weighted``: averages over the classes. ``matrix``: None if it is not known."""

    accuracy: float | None
    macro: Mapping[str, float | None]
    weighted: Mapping[str, float | None]
    by_class: tuple[ClassRatios, ...]
    matrix: Matrix | None

    @property
    def ratios(self) -> dict[str, float | None]:
        """The accuracy and the macro averages, as the curves over time show them."""
        return {"accuracy": self.accuracy, **self.macro}


@dataclass(frozen=True, slots=True)
class ParsedClasses:
    """Quality of a predictor of more than two classes.

    ``zero_division``: what an undefined ratio of a class counts as in an average. ``live``, ``offline``: None if not
    known. ``low``, ``high``: bounds of the live matrix; None if not known.
    """

    labels: tuple[str, ...]
    zero_division: float
    live: ClassScores | None
    offline: ClassScores | None
    low: Matrix | None
    high: Matrix | None


@dataclass(frozen=True, slots=True)
class MetricNames:
    """The metric map. ``first_row_only``: of a request only the first row is counted. ``note``: often empty."""

    name: str
    first_row_only: bool
    note: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """``time``: RFC 3339; ``live`` and ``offline``: for each ratio, a fraction or None at each time.

    ``average``: over the classes, such as ``macro``; empty with two classes.
    """

    time: tuple[str, ...]
    live: Mapping[str, Series]
    offline: Mapping[str, Series]
    average: str = ""

    @property
    def ratios(self) -> tuple[str, ...]:
        """The ratios that have a value at some time; all of them without any time."""
        sides = (self.live, self.offline)
        return tuple(
            ratio
            for ratio in self.live
            if not self.time or any(value is not None for side in sides for value in side[ratio])
        )


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """Counts by threshold, each as long as ``threshold``; element i calls ``score > threshold[i]`` positive."""

    threshold: tuple[float, ...]
    live: Mapping[Cell, tuple[int, ...]]
    offline: Mapping[Cell, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class ParsedPredictor:
    """One predictor.

    ``group``: names of the predictors that share its traffic, itself among them. With more than one, it is not known
    which event went where, so ``counts`` has no bounds of its own, and ``offline`` is of every row that was sent to the
    group. ``claims``: empty where the four cells are published, or no sample is there; their bounds are of the group.
    ``classes``: None with two classes; with more, ``live`` and ``offline`` are None.
    """

    name: str
    model: str
    artifact: str
    shadow: bool
    traffic: int | None
    group: tuple[str, ...]
    feedback: Mapping[str, int]
    live: Scores | None
    offline: Scores | None
    counts: CellCounts
    curve: ScoreCurve | None
    timeline: Timeline
    claims: tuple[ParsedClaim, ...]
    classes: ParsedClasses | None

    @property
    def publishes_cells(self) -> bool:
        """Whether the four cells are what is published, or follow from it."""
        derived = self.live is not None or self.counts.low is not None
        return self.classes is None and (derived or not self.claims)

    @property
    def live_ratios(self) -> Mapping[str, float | None] | None:
        """Live ratios of the predictor, averages where there are more than two classes; None if they are not known."""
        return _ratios(self.live, None if self.classes is None else self.classes.live)

    @property
    def offline_ratios(self) -> Mapping[str, float | None] | None:
        """Offline ratios of the predictor, as `live_ratios`."""
        return _ratios(self.offline, None if self.classes is None else self.classes.offline)

    @property
    def shares(self) -> bool:
        """Whether it shares its traffic, so that its events are not known from those of another predictor."""
        return len(self.group) > 1


def _ratios(cells: Scores | None, classes: ClassScores | None) -> Mapping[str, float | None] | None:
    side = classes if cells is None else cells
    return None if side is None else side.ratios


@dataclass(frozen=True, slots=True)
class GeneratorRead:
    """What the load generator reported: arrivals that it ``dropped``; and its verdict, by the judge."""

    verdict: Verdict
    dropped: int
    waited_share: float | None


@dataclass(frozen=True, slots=True)
class LoadRead:
    """What was sent and how it went.

    ``latency_ms`` (from when a request was due), ``service_ms`` (from when it was sent): by kind, then by percentile
    name; None without requests of the kind. ``needs``: smallest number of requests for a percentile, by its name.
    ``generator``: None without a report. ``rate_asked``: the mean of ``shape``, if it had one. ``ceiling_per_s``,
    ``floor_ms``: of one generator process, as calibrated.
    """

    requests: int
    outcomes: Mapping[str, int]
    statuses: Mapping[str, int]
    rate_asked: float | None
    shape: str | None
    ceiling_per_s: float | None
    floor_ms: float | None
    rate_achieved: float | None
    latency_ms: Mapping[str, Mapping[str, float | None] | None]
    service_ms: Mapping[str, Mapping[str, float | None] | None]
    needs: Mapping[str, int]
    generator: GeneratorRead | None
    lateness_ms: Mapping[str, float | None] | None
    time: tuple[str, ...]
    attempted_per_s: Series
    p50_ms: Series
    p99_ms: Series


@dataclass(frozen=True, slots=True)
class Result:
    """All of ``result.json`` that a report shows. ``comparison`` and ``evidence`` stay as the judge wrote them.

    ``counts``: one for each group of predictors that is judged together, which is mostly one predictor, and whose cells
    are known. ``claims``: one for each group of which anything else is published, or that has more than two classes.
    ``load`` is None if the ledger could not be read, ``metrics`` where no metric map is recorded.
    """

    run: Raw
    verdict: Verdict
    findings: tuple[ParsedFinding, ...]
    load: LoadRead | None
    predictors: tuple[ParsedPredictor, ...]
    counts: tuple[CellCounts, ...]
    claims: tuple[ClaimCounts, ...]
    metrics: MetricNames | None
    comparison: Raw | None
    evidence: Raw
