"""Edge: fetch what Prometheus stored, once it has scraped the last event, as ``samples.parquet``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analysis.claims import metric_map
from analysis.claims.selection import Selection
from analysis.collect.baseline import SILENCE_S, longest_interval_s, waiting_line
from analysis.collect.prometheus import Fetch, Prometheus, PrometheusError
from analysis.evidence import offline, queries, samples
from analysis.evidence.arrange import selection_of
from analysis.evidence.gateway import METRICS, REQUESTS, of_cluster, unanswered
from analysis.evidence.offline import OfflineError
from analysis.evidence.samples import ClockOffset, Samples, Series
from analysis.evidence.scrapes.published import judged
from analysis.evidence.scrapes.targets import (
    ALIGNMENT_MS,
    ScrapeTarget,
    address_of,
    baseline_index,
    living,
    silent_targets,
    targets_of,
)
from analysis.evidence.scrapes.trajectories import trajectory
from analysis.record import ledger
from analysis.record.arrays import Ints
from analysis.record.arrow import to_numpy
from analysis.record.decoding import decode
from analysis.record.instants import epoch_s
from analysis.record.ledger import Kind, Outcome
from analysis.record.ledger_file import Scan
from analysis.record.runfolder import BASELINE_FILE, LEDGER_FILE, OFFLINE_FILE, SAMPLES_FILE, PredictorSpec, Run
from model.contract import FEEDBACK_COUNTER, LABEL_METHOD, METHOD_FEEDBACK, REWARD_COUNTER

LOOK_BACK_S: Final = 300
"""How far before the run the last sample may lie: five intervals of a slow Prometheus."""
OVERLAP_S: Final = 10
"""A scrape's samples appear when it ends, at most the scrape timeout (10 s by default) after the time they carry."""
POLL_S: Final = 0.1
MOST_NAMES: Final = 20
"""Names of metrics that are noted where none of the map is there."""
LEAST_WAIT_S: Final = 10.0
LATE_S: Final = 20.0
"""How much later than an interval after the scrape before a scrape may come: a timeout, and a load that ended late."""


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """The facts of the ledger that the wait depends on: first sending, and number of feedbacks acknowledged."""

    first_ns: int | None
    acknowledged: int


@dataclass(frozen=True, slots=True)
class TimeBefore:
    """What the wait depends on of the time before the load, as `baseline` writes it.

    ``scrape_interval_s``: the longest of a target, None if unknown. ``targets``: labels of those that were up.
    """

    scrape_interval_s: float | None = None
    targets: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """``wait_s``: for a last scrape of each target (None: two to four scrape intervals, at least 10 s).

    ``settle_s``: how long an incomplete shadow may make no progress; longer than the 5 s for which gunicorn's threaded
    worker can stand still (`model.server.worker`). ``busy_s``: the same while the gateway reports unanswered requests.
    """

    wait_s: float | None = None
    settle_s: float = 8.0
    busy_s: float = 30.0


def collect(
    folder: Path,
    run: Run,
    prometheus: Prometheus,
    patience: Patience | None,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    say: Callable[[str], None] = print,
    since_s: float = 0.0,
) -> Samples:
    """Fetch, wait (not without ``patience``), fetch the rest, and write ``samples.parquet``.

    ``since_s``: every target is to be scraped once after this, too (seconds since the epoch on the ledger's clock).
    If Prometheus fails on the way, `Samples.problem` says so; what was fetched before is kept.
    """
    gathering = _Gathering(run, prometheus, selection_in(folder, run), _load_of(folder), _before(folder), since_s)
    try:
        gathering.begin(now)
        gathering.fetch(now())
        if patience is not None:
            _wait(gathering, patience, now, sleep, say)
        gathering.look_elsewhere(now())
        gathering.look_for_names(now())
    except PrometheusError as error:
        gathering.problem = str(error)
    stored = gathering.samples()
    if stored.series or not (folder / SAMPLES_FILE).exists():  # a Prometheus that has gone must not destroy evidence
        samples.write(folder / SAMPLES_FILE, stored)
    return stored


def selection_in(folder: Path, run: Run) -> Selection:
    """The run's metric map for the classes of its rows, as far as these are known. Raises `MetricMapError`."""
    try:
        answers = offline.read(folder / OFFLINE_FILE)
    except OfflineError:
        answers = None
    return selection_of(metric_map.of_run(run.metrics), answers)


def _wait(
    gathering: _Gathering,
    patience: Patience,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> None:
    """Fetch until every target has been scraped after the end, and every shadow is complete or makes no progress."""
    began = moved = now()
    silent = behind = True
    counted = gathering.shadow_counts()
    while not (gathering.seen_the_end() and gathering.shadows_complete()):
        if gathering.seen_the_end():
            if now() - moved > (patience.busy_s if gathering.under_way() else patience.settle_s):
                return
            if behind and now() - began > SILENCE_S:
                say(gathering.shadow_line(patience))
                behind = False
        elif now() - began > gathering.longest_wait_s(patience.wait_s):
            return
        elif silent and now() - began > SILENCE_S:
            say(gathering.waiting_line(patience.wait_s))
            silent = False
        sleep(POLL_S)
        gathering.fetch(now())
        if (latest := gathering.shadow_counts()) != counted:
            counted, moved = latest, now()


class _Gathering:
    """The samples so far, and whether they are enough."""

    def __init__(
        self,
        run: Run,
        prometheus: Prometheus,
        selection: Selection,
        load: LedgerTotals,
        before: TimeBefore,
        since_s: float = 0.0,
    ) -> None:
        self._run = run
        self._selection = selection
        self._prometheus = prometheus
        self._load = load
        self._before = before
        self._intervals: dict[tuple[str, str], float] = {}
        self._fetch = Fetch(prometheus)
        self._clock = ClockOffset(0.0, 0.0)
        self._version = ""
        self._ended_s = 0.0
        self._since_s = since_s
        self._fetched_s: float | None = None
        self._elsewhere: list[str] = []
        self._names: list[str] = []
        self.problem: str | None = None

    def begin(self, now: Callable[[], float]) -> None:
        """Read Prometheus' clock. A run without an end is taken to end now."""
        self._clock = self._prometheus.clock(now)
        self._version = self._prometheus.version()
        self._intervals = self._prometheus.scrape_intervals()
        self._ended_s = epoch_s(self._run.ended) if self._run.ended else now()

    def fetch(self, now_s: float) -> None:
        """Fetch everything that was stored since the last call."""
        run = self._run
        end_s = self._clock.prometheus_s(now_s)
        first_s = self._clock.prometheus_s(epoch_s(run.started)) - self._look_back_s()
        start_s = first_s if self._fetched_s is None else self._fetched_s - OVERLAP_S
        first_ms, start_ms, end_ms = round(first_s * 1000), round(start_s * 1000), round(end_s * 1000)
        for _ in range(2):
            # `up` first, then the cells: a scrape that is stored between the two is at worst missing from `up`.
            # In the other order it would be there without its cells, which looks like counts that fell to 0.
            strangers = self._instances_without_up()
            self._fetch.extend(queries.targets_of(run.deployment, run.namespace), start_ms, end_ms)
            if strangers:
                self._fetch.extend(queries.targets_at(strangers), first_ms, end_ms)
            for selector in queries.counts(self._selection.metric_map, run.deployment, run.namespace):
                self._fetch.extend(selector, start_ms, end_ms)
            if self._instances_without_up() == strangers:
                break
        self._fetch.extend(
            queries.gateway(run.deployment, [predictor.name for predictor in run.predictors]), start_ms, end_ms
        )
        self._fetch_buckets(end_ms)
        self._fetched_s = end_s

    def look_elsewhere(self, now_s: float) -> None:
        """If the deployment has no cells in its namespace, note the namespaces in which it has."""
        if any(self._is_published(series) for series in self._fetch.series()):
            return
        anywhere = Fetch(self._prometheus)
        end_s = self._clock.prometheus_s(now_s)
        start_s = self._clock.prometheus_s(epoch_s(self._run.started))
        selector = queries.counts_anywhere(self._selection.metric_map, self._run.deployment)
        anywhere.extend(selector, round(start_s * 1000), round(end_s * 1000))
        self._elsewhere = sorted(
            {
                f"{label} {series.labels[label]}"
                for series in anywhere.series()
                for label in queries.NAMESPACE_LABELS
                if label in series.labels
            }
        )

    def look_for_names(self, now_s: float) -> None:
        """If a predictor has no series of the map, note what its deployment's targets show: of feedback first."""
        samples = self.samples()
        if all(judged(samples, predictor.name, self._selection).series for predictor in self._run.predictors):
            return
        labelled = (up.labels for up in samples.of(queries.UP) if self._is_labelled(up.labels))
        published = (series.labels for series in samples.series if self._is_published(series))
        instances = {labels.get("instance", "") for labels in (*labelled, *published)} - {""}
        if not instances:
            return
        shown = self._prometheus.ask(queries.names_at(instances), self._clock.prometheus_s(now_s))
        known = {FEEDBACK_COUNTER + queries.COUNTER_SUFFIX, REWARD_COUNTER + queries.COUNTER_SUFFIX}
        by_rank: dict[str, bool] = {}
        for part in shown if isinstance(shown, list) else []:
            labels = part.get("metric", {}) if isinstance(part, dict) else {}
            name = labels.get("__name__", "")
            if name and name not in known:
                by_rank[name] = by_rank.get(name, True) and labels.get(LABEL_METHOD) != METHOD_FEEDBACK
        self._names = sorted(by_rank, key=lambda name: (by_rank[name], name))[:MOST_NAMES]

    def _fetch_buckets(self, end_ms: int) -> None:
        """Fetch score buckets at both ends only: there are a hundred of them, and they are compared at the end."""
        selector = queries.buckets(self._run.deployment, self._run.namespace)
        if self._load.first_ns is not None and self._fetched_s is None:
            first_ms = round(self._clock.prometheus_ms(self._load.first_ns))
            self._fetch.extend(selector, first_ms - round(self._look_back_s() * 1000), first_ms)
        last_ms = round(self._clock.prometheus_s(self._ended_s) * 1000)
        self._fetch.extend(selector, max(last_ms, end_ms - OVERLAP_S * 1000), end_ms)

    def _instances_without_up(self) -> list[str]:
        """Instances with series of ours whose targets lack the deployment's label; their ``up`` was not fetched."""
        series = self._fetch.series()
        known = {
            stored.labels.get("instance")
            for stored in series
            if stored.metric == queries.UP and self._is_labelled(stored.labels)
        }
        cells = {stored.labels.get("instance", "") for stored in series if self._is_published(stored)}
        return sorted(cells - known - {""})

    def _is_published(self, series: Series) -> bool:
        """Whether a series is one that the model publishes, and not one of its target or of the gateway."""
        return series.metric not in (*queries.TARGET_METRICS, *METRICS)

    def _is_labelled(self, labels: Any) -> bool:
        return bool(labels.get(queries.LABEL_TARGET_DEPLOYMENT) == self._run.deployment)

    def samples(self) -> Samples:
        """The samples fetched so far."""
        notes = {"interval_s": self._before.scrape_interval_s, "elsewhere": self._elsewhere, "names": self._names}
        return Samples(self._fetch.series(), self._clock, self._version, self.problem, notes)

    def longest_wait_s(self, wait_s: float | None) -> float:
        """How long to wait for a last scrape."""
        if wait_s is not None:
            return wait_s
        interval = self._interval_s() or 0.0
        return max(LEAST_WAIT_S, min(4 * interval, 2 * interval + LATE_S))

    def waiting_line(self, wait_s: float | None) -> str:
        """What is waited for and how long, on one line."""
        unseen = [labels for labels, time_ms in self._awaited() if not self._after_end(time_ms)]
        return waiting_line("the last scrape", unseen, self._interval_s(), self.longest_wait_s(wait_s))

    def shadow_line(self, patience: Patience) -> str:
        """How far each shadow that is waited for has come, and when it is given up, on one line."""
        shadows = [predictor.name for predictor in self._run.predictors if predictor.shadow]
        sent = self._load.acknowledged
        behind = ", ".join(
            f"{name} has counted {counted:,.0f} of {sent:,}"
            for name, counted in zip(shadows, self.shadow_counts(), strict=True)
            if counted < sent
        )
        return (
            f"waiting for what was mirrored: {behind} rows; "
            f"until it has them, or counts none for {patience.settle_s:.0f} s "
            f"({patience.busy_s:.0f} s if the gateway waits)"
        )

    def _interval_s(self) -> float | None:
        """The longest scrape interval of a target that is waited for; as it was before the run if nothing tells it."""
        awaited = {address_of(labels) for labels, _ in self._awaited()}
        ups = [up for up in self.samples().of(queries.UP) if address_of(up.labels) in awaited]
        return longest_interval_s(ups, self._intervals) or self._before.scrape_interval_s

    def _look_back_s(self) -> float:
        """How far before the run the last sample of a series may lie."""
        return max(LOOK_BACK_S, 3 * (self._before.scrape_interval_s or 0.0))

    def seen_the_end(self) -> bool:
        """Whether every target that is waited for was scraped after the end."""
        awaited = self._awaited()
        return bool(awaited) and all(self._after_end(time_ms) for _, time_ms in awaited)

    def _awaited(self) -> list[tuple[Mapping[str, str], Ints]]:
        """Labels and good scrapes of every target that has cells or may have them; if none has, of all known ones.

        Also of the gateway, if it was scraped during the run: its counters show where a wrong count comes from.
        """
        targets = self._targets()
        if targets:
            names = [predictor.name for predictor in self._run.predictors]
            targets += silent_targets(
                self._living(), self._run.deployment, targets, self._before.targets, names, self._selection
            )
            awaited = [(target.labels, _settled(target)) for target in targets]
        else:
            ups = self._living().of(queries.UP)
            awaited = [(up.labels, up.time_ms[up.value == 1]) for up in ups]
        return [*awaited, *((counter.labels, counter.time_ms) for counter in self._living().of(REQUESTS))]

    def _after_end(self, time_ms: Ints) -> bool:
        ended_ms = self._clock.latest_prometheus_s(max(self._ended_s, self._since_s)) * 1000
        return bool(len(time_ms)) and int(time_ms[-1]) > ended_ms + ALIGNMENT_MS + 1

    def _targets(self) -> list[ScrapeTarget]:
        samples = self._living()
        return [
            target
            for predictor in self._run.predictors
            for target in targets_of(samples, judged(samples, predictor.name, self._selection))
        ]

    def _living(self) -> Samples:
        """The samples of the targets that had a part in the run."""
        first_ns = self._load.first_ns
        if first_ns is None:
            return self.samples()
        return living(self.samples(), self._clock.prometheus_ms(first_ns), self._before.targets)

    def under_way(self) -> bool:
        """Whether the gateway still waits for a shadow's answers."""
        samples, run = self._living(), self._run
        return any(
            unanswered(of_cluster(samples, run.deployment, predictor.name))
            for predictor in run.predictors
            if predictor.shadow
        )

    def shadows_complete(self) -> bool:
        """Whether each shadow has counted as many feedbacks as were acknowledged."""
        return all(counted >= self._load.acknowledged for counted in self.shadow_counts())

    def shadow_counts(self) -> tuple[float, ...]:
        """Feedbacks that each shadow has counted since the first event."""
        shadows = [predictor for predictor in self._run.predictors if predictor.shadow]
        return tuple(self._counted(shadow) for shadow in shadows)

    def _counted(self, predictor: PredictorSpec) -> float:
        account = judged(self._living(), predictor.name, self._selection)
        targets = targets_of(self._living(), account)
        first_ns = self._load.first_ns
        if (
            first_ns is None
            or not targets
            or not all(_has_baseline(target, first_ns, self._clock) for target in targets)
        ):
            return 0.0
        counts = trajectory(targets, first_ns, self._clock).value[-1]
        return float(counts.sum() / (account.account.claims.per_event or 1))


def _settled(target: ScrapeTarget) -> Ints:
    """Times of the target's good scrapes, without a last one that only the next can explain."""
    good = target.time_ms[target.up]
    return good[:-1] if target.is_unsettled else good


def _has_baseline(target: ScrapeTarget, first_ns: int, clock: ClockOffset) -> bool:
    return baseline_index(target, clock.earliest_prometheus_ms(first_ns)) is not None


def _load_of(folder: Path) -> LedgerTotals:
    """First sending and acknowledged feedback of the run's ledger; None and 0 if it is unreadable."""
    first: list[int] = []
    acknowledged = 0
    try:
        for batch in Scan(folder / LEDGER_FILE):
            if batch.num_rows:
                first.append(int(to_numpy(batch.column("sent_ns")).min()))
                kind, outcome = (to_numpy(batch.column(name)) for name in ("kind", "outcome"))
                acknowledged += int(((kind == Kind.FEEDBACK) & (outcome == Outcome.ACKNOWLEDGED)).sum())
    except ledger.LedgerError:
        return LedgerTotals(None, 0)
    return LedgerTotals(min(first, default=None), acknowledged)


def _before(folder: Path) -> TimeBefore:
    """What ``baseline.json`` says; nothing if it cannot be read, which the judge says."""
    try:
        return decode((folder / BASELINE_FILE).read_bytes(), TimeBefore)
    except (OSError, ValueError):
        return TimeBefore()
