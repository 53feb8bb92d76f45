"""The values of ``result.json`` as types, which the reports use; `result.parse` makes them."""

from __future__ import annotations

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
class Timeline:
    """``time``: RFC 3339; ``live`` and ``offline``: for each ratio, a fraction or None at each time."""

    time: tuple[str, ...]
    live: Mapping[str, Series]
    offline: Mapping[str, Series]


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
    group.
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

    @property
    def shares(self) -> bool:
        """Whether it shares its traffic, so that its events are not known from those of another predictor."""
        return len(self.group) > 1


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

    ``counts``: one for each group of predictors that is judged together, which is mostly one predictor. ``load`` is
    None if the ledger could not be read.
    """

    run: Raw
    verdict: Verdict
    findings: tuple[ParsedFinding, ...]
    load: LoadRead | None
    predictors: tuple[ParsedPredictor, ...]
    counts: tuple[CellCounts, ...]
    comparison: Raw | None
    evidence: Raw
