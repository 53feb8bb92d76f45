"""The evidence of one run, as the checks see it: values only, each made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.claims.claim import Claims
from analysis.claims.selection import Selection
from analysis.evidence.bounds import Counted, Share
from analysis.evidence.curve import Curve
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.gateway import Gateway
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.samples import ClockOffset, Samples, Series
from analysis.evidence.scrapes.published import Published
from analysis.evidence.scrapes.targets import ScrapeTarget
from analysis.evidence.scrapes.trajectories import Trajectory
from analysis.evidence.tally import Tally
from analysis.record.runfolder import PredictorSpec, Run
from analysis.verdict import Explanation


@dataclass(frozen=True, slots=True)
class CellCounters:
    """What a predictor publishes beside the account that is judged, of the same events.

    It is read as ``increase`` reads it: a fall is a restart from 0. ``account``: its series, and what they claim.
    ``malformed``: why the series are no counts, whatever was sent, or None. ``falls``: a sentence for each counter that
    fell since the run began. ``targets``: the scrape targets, as `PredictorEvidence` has them of the cells.
    ``path``: the growth since the run began; None if something makes it unknown, and then ``obstacle`` says why.
    ``counted``: the growth at each scrape that has the cells, too, beside its bounds; None if the last one has not.
    """

    account: Published
    malformed: Explanation | None = None
    obstacle: Explanation | None = None
    falls: tuple[str, ...] = ()
    targets: tuple[ScrapeTarget, ...] = ()
    path: Trajectory | None = None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class PredictorEvidence:
    """What Prometheus stored of one predictor.

    ``account``: the series that it is judged by, and what they claim. ``targets``: the scrape targets that they come
    from. ``silent``: targets that may be its own and show no cells. ``scraped_twice``: how a pod or instance is stored
    twice, or None. ``malformed``: why its series are no counts, whatever was sent, or None. ``path``: its counts since
    the run began; None if something makes them unknown (`Group.obstacle`). ``beside``: what else it publishes of the
    same events. ``of_no_class``: series that would make claims if they named classes of the run.
    """

    spec: PredictorSpec
    account: Published
    targets: tuple[ScrapeTarget, ...] = ()
    silent: tuple[ScrapeTarget, ...] = ()
    scraped_twice: str | None = None
    malformed: Explanation | None = None
    path: Trajectory | None = None
    beside: tuple[CellCounters, ...] = ()
    of_no_class: tuple[Series, ...] = ()

    @property
    def series(self) -> tuple[Series, ...]:
        """The series that it is judged by."""
        return self.account.series

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def awaited(self) -> tuple[ScrapeTarget, ...]:
        """The targets that its counts come from, or may come from."""
        return self.targets + self.silent


@dataclass(frozen=True, slots=True)
class Group:
    """Predictors that are judged together: a single one, or several that share the traffic by weight.

    ``counted``: the summed counts with their bounds; None if they cannot be known, and then ``obstacle`` says why.
    ``malformed``: why the series of its members are no counts, whatever was sent, or None.
    ``gateway``: the gateway's counters for a group of one; None if they are not stored.
    ``curve``: counts by score threshold for a group of one; None if it publishes no score buckets, or if they are no
    counts by threshold, and then ``curve_problem`` says why. ``member_curves``: for a group of several, the curve of
    each member that publishes score buckets, by its name, as if it alone had got all traffic. ``together``: for a group
    of several, the counters of predictions as the sum over its members.
    """

    members: tuple[PredictorEvidence, ...]
    share: Share
    counted: Counted | None = None
    gateway: Gateway | None = None
    obstacle: Explanation | None = None
    malformed: Explanation | None = None
    curve: Curve | None = None
    curve_problem: Explanation | None = None
    member_curves: tuple[tuple[str, Curve], ...] = ()
    together: tuple[CellCounters, ...] = ()

    @property
    def beside(self) -> tuple[CellCounters, ...]:
        """All counters beside the cells, of each member and of all together."""
        return (*(counters for member in self.members for counters in member.beside), *self.together)

    @property
    def name(self) -> str:
        """The members' names, joined by ``+``."""
        return "+".join(member.name for member in self.members)

    @property
    def claims(self) -> Claims:
        """What its members' series claim; all of them claim the same."""
        return self.members[0].account.account.claims

    @property
    def targets(self) -> tuple[ScrapeTarget, ...]:
        """The scrape targets of all members."""
        return tuple(target for member in self.members for target in member.targets)

    @property
    def awaited(self) -> tuple[ScrapeTarget, ...]:
        """The targets that the counts of all members come from, or may come from.

        A silent target does not say which predictor it is of, so each member has the same ones.
        """
        return self.targets + self.members[0].silent


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a run.

    ``tally``: the ledger as counts; None if it cannot be read. ``cut``: where the ledger breaks off, or None.
    ``samples``: what Prometheus stored of the targets that took part. ``clock``: of Prometheus, over the whole run.
    ``selection``: which series claim what.
    ``provided``: the offline answers as they were read; ``offline``: the part of them that belongs to this run.
    ``predictors``: every predictor of the run, by name. ``groups``: those that get traffic, grouped.
    ``under_way``: requests of an earlier load that were not answered when this one began. ``endpoints``: number of the
    models' metrics endpoints that could be read before the load.
    ``gates``: as the user wrote them. ``problems``: what could not be read, by file name.
    """

    run: Run
    tally: Tally | None
    cut: str | None
    samples: Samples | None
    clock: ClockOffset
    selection: Selection
    provided: OfflineAnswers | None
    offline: OfflineAnswers | None
    predictors: Mapping[str, PredictorEvidence]
    groups: tuple[Group, ...]
    exposed: tuple[ExposedCounts, ...]
    gates: tuple[str, ...]
    problems: Mapping[str, str]
    under_way: int = 0
    endpoints: int = 0

    def counted(self) -> tuple[tuple[Group, Counted], ...]:
        """The groups whose counts are known, each with its counts."""
        return tuple((group, group.counted) for group in self.groups if group.counted is not None)

    @property
    def first_span_ms(self) -> tuple[float, float] | None:
        """When the first event was sent, at the earliest and at the latest, on Prometheus' clock; None without one."""
        if self.tally is None or self.tally.span_ns is None:
            return None
        first_ns = self.tally.span_ns[0]
        return self.clock.earliest_prometheus_ms(first_ns), self.clock.latest_prometheus_ms(first_ns)

    @property
    def span_ms(self) -> tuple[float, float] | None:
        """First sending and last end of any event, on Prometheus' clock; None without an event."""
        if self.tally is None or self.tally.span_ns is None:
            return None
        first_ns, last_ns = self.tally.span_ns
        return self.clock.prometheus_ms(first_ns), self.clock.prometheus_ms(last_ns)
