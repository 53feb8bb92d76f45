"""The metrics of the deployment in Prometheus: their names, their labels, and what one feedback added to them."""

from __future__ import annotations

import difflib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.claims import metric_map
from analysis.claims.selection import Selection, select
from analysis.evidence import queries
from analysis.evidence.queries import COUNTER_SUFFIX
from analysis.evidence.samples import Samples, Series
from analysis.evidence.scrapes.published import judged
from analysis.evidence.scrapes.targets import address_of
from deploy.manifest.deployment import Predictor
from locustfiles.doctor.observation import Observation
from locustfiles.doctor.scraping import LATE_S, POLL_S, UNKNOWN_INTERVAL_S, Address, Scraping
from model.contract import CELLS, LABEL_DEPLOYMENT, LABEL_METHOD, LABEL_PREDICTOR, METHOD_FEEDBACK, METRIC_OF_CELL

NAMES: Final = tuple(METRIC_OF_CELL[cell] for cell in CELLS)
NEAREST: Final = 5
LIKE: Final = 0.6
"""From this ratio on, two names are alike (the default of ``difflib.get_close_matches``)."""
_OF_SCRAPE: Final = frozenset({"job", "endpoint", "service", "container", "prometheus", "prometheus_replica"})
"""Labels in which two copies of one count differ: by whom it was scraped, not what was counted."""
_HINTS: Final = frozenset({"pos", "neg", "true", "false", "feedback", "outcome", "correct", "tp", "fp", "tn", "fn"})
"""Words of names of metrics that count what was right and wrong."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The cells that Prometheus holds, by predictor."""

    by_predictor: Mapping[str, tuple[Series, ...]]

    @property
    def addresses(self) -> set[Address]:
        """The targets that they come from."""
        return {address_of(series.labels) for series in self.all}

    @property
    def all(self) -> tuple[Series, ...]:
        """The series of all predictors."""
        return tuple(series for group in self.by_predictor.values() for series in group)


def counts_of(scraping: Scraping, predictors: Iterable[Predictor]) -> Counts:
    """The cells as they are stored now. Raises ``PrometheusError``."""
    selection = _selection()
    selectors = queries.counts(selection.metric_map, scraping.deployment, scraping.namespace)
    samples = Samples(scraping.fetch(*selectors), scraping.clock)
    return Counts({predictor.name: judged(samples, predictor.name, selection).series for predictor in predictors})


def _selection() -> Selection:
    return select(metric_map.load(metric_map.DEFAULT), (0, 1), 1)


def wait_for_counts(scraping: Scraping, predictors: Sequence[Predictor], say: Callable[[str], None]) -> Counts:
    """The cells as soon as there are any, or none after a while. Raises ``PrometheusError``."""
    limit_s = UNKNOWN_INTERVAL_S + LATE_S
    say(f"no target says that it is of {scraping.deployment}: waiting for its metrics, for {limit_s:.0f} s at most")
    deadline = time.monotonic() + limit_s
    while not (counts := counts_of(scraping, predictors)).all and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return counts


def look_at_names(scraping: Scraping, counts: Counts, *, is_fed: bool) -> Observation:
    """Whether each predictor has its four cells. ``is_fed``: whether a feedback was acknowledged and scraped since."""
    missing = {
        name: [metric for metric in NAMES if metric not in {_base(series.metric) for series in group}]
        for name, group in counts.by_predictor.items()
    }
    if not any(missing.values()):
        return Observation.well("metrics", f"{', '.join(NAMES)} of {', '.join(counts.by_predictor)}")
    absent = "; ".join(f"{', '.join(names)} of {name}" for name, names in missing.items() if names)
    expected = f'{absent}, with {LABEL_DEPLOYMENT}="{scraping.deployment}" and {LABEL_METHOD}="{METHOD_FEEDBACK}"'
    labels = _other_labels(scraping, expected, set(counts.by_predictor))
    if labels is not None:
        return labels
    nearest = _nearest(scraping, counts.addresses)
    others = _other_deployments(scraping) if nearest is None else []
    if others:
        advice = "Is it this manifest that is deployed, and this Prometheus that scrapes it?"
        observed = f"them of {LABEL_DEPLOYMENT} {', '.join(others)} only"
        return Observation.broken("metrics", expected=expected, observed=observed, advice=advice)
    if not is_fed:
        advice = "Look again with a feedback (without --no-feedback): a class may publish them at its first one only."
        return Observation.unclear("metrics", expected=expected, observed=_as_list(nearest, "none"), advice=advice)
    if nearest is None:
        observed = "no target of the deployment in Prometheus, and none of these metrics"
        advice = "Does a PodMonitor or a scrape job select the pods, at their port named metrics?"
    else:
        observed = _as_list(nearest, "no metric on its targets whose name is like that")
        advice = (
            f"Have the class publish {', '.join(NAMES)}, or load a class that does: see README, Your own deployment."
        )
    return Observation.broken("metrics", expected=expected, observed=observed, advice=advice)


def _base(metric: str) -> str:
    return metric.removesuffix(COUNTER_SUFFIX)


def _as_list(names: Sequence[str] | None, otherwise: str) -> str:
    return f"nearest on its targets: {', '.join(names)}" if names else otherwise


def _other_labels(scraping: Scraping, expected: str, predictors: set[str]) -> Observation | None:
    """The metrics are there by name, and a label is other than the judge asks for."""
    stored = scraping.fetch(f"{{{_any_cell()}}}")
    holders = [series.labels for series in stored if scraping.deployment in series.labels.values()]

    def broken(observed: str, advice: str) -> Observation:
        return Observation.broken("metrics", expected=expected, observed=observed, advice=advice)

    named = [labels for labels in holders if labels.get(LABEL_DEPLOYMENT) == scraping.deployment]
    if not named and holders:
        label = min(name for name, value in holders[0].items() if value == scraping.deployment)
        if label != queries.LABEL_TARGET_DEPLOYMENT:
            advice = f"The scrape renames labels: keep {LABEL_DEPLOYMENT} as Seldon's wrapper writes it (honorLabels)."
            return broken(f'them with {label}="{scraping.deployment}"', advice)
        advice = f"Publish them through Seldon's wrapper, which adds {LABEL_DEPLOYMENT} and {LABEL_METHOD}."
        return broken(f"them on its targets without {LABEL_DEPLOYMENT}", advice)
    namespaces = {labels[name] for labels in named for name in queries.NAMESPACE_LABELS if name in labels}
    if namespaces and scraping.namespace not in namespaces:
        advice = f"Give --namespace {min(namespaces)}."
        return broken(f"them in the namespace {', '.join(sorted(namespaces))}", advice)
    others = {labels.get(LABEL_PREDICTOR, "") for labels in named} - predictors
    if others and not predictors & {labels.get(LABEL_PREDICTOR, "") for labels in named}:
        advice = "Give the manifest that is deployed: its predictors have other names."
        return broken(f"them with {LABEL_PREDICTOR} {' and '.join(map(repr, sorted(others)))}", advice)
    if named and not any(labels.get(LABEL_METHOD) == METHOD_FEEDBACK for labels in named):
        methods = sorted({labels.get(LABEL_METHOD, "none") for labels in named})
        advice = "Publish them from send_feedback too: metrics() is asked after each call of the class."
        return broken(f"them with {LABEL_METHOD} {', '.join(methods)} only", advice)
    return None


def _other_deployments(scraping: Scraping) -> list[str]:
    """Deployments whose cells Prometheus holds."""
    result = scraping.prometheus.ask(f"group by ({LABEL_DEPLOYMENT}) ({{{_any_cell()}}})")
    return sorted({entry["metric"].get(LABEL_DEPLOYMENT, "") for entry in result} - {""})


def _any_cell() -> str:
    names = "|".join(name + suffix for name in NAMES for suffix in ("", COUNTER_SUFFIX))
    return f"__name__=~{json.dumps(names)}"


def _nearest(scraping: Scraping, addresses: set[Address]) -> list[str] | None:
    """Names on the deployment's targets that are like those expected; None without a target."""
    instances = {up.labels.get("instance", "") for up in scraping.ups} | {instance for _, instance in addresses}
    if not instances - {""}:
        return None
    pattern = json.dumps("|".join(map(re.escape, sorted(instances - {""}))))
    result = scraping.prometheus.ask(f"group by (__name__) ({{instance=~{pattern}}})")
    names = sorted({entry["metric"].get("__name__", "") for entry in result} - set(NAMES))
    likeness = {
        name: max(difflib.SequenceMatcher(None, name, expected).ratio() for expected in NAMES) for name in names
    }
    fitting = [name for name in names if likeness[name] >= LIKE or _HINTS & set(name.lower().split("_"))]
    return sorted(fitting, key=lambda name: -likeness[name])[:NEAREST]


def look_for_doubles(counts: Counts) -> Observation | None:
    """What is wrong if one count is stored twice: each sum over the deployment is then twice as high."""
    copies: dict[tuple[object, ...], list[Mapping[str, str]]] = defaultdict(list)
    for series in counts.all:
        unlike = _OF_SCRAPE | ({"instance"} if "pod" in series.labels else set())
        key = (series.metric, *sorted((name, value) for name, value in series.labels.items() if name not in unlike))
        copies[key].append(series.labels)
    double = next((group for group in copies.values() if len(group) > 1), None)
    if double is None:
        return None
    first, second = double[:2]
    labels = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    ways = [", ".join(f"{name}={each.get(name, '')}" for name in labels) for each in (first, second)]
    place = first.get("pod") or first.get("instance", "a target")
    return Observation.broken(
        "scrapes",
        expected="each count once",
        observed=f"{place} twice: by {ways[0]} and by {ways[1]}",
        advice="Every sum is too high: remove one of the PodMonitors or scrape jobs that select it.",
    )


@dataclass(frozen=True, slots=True)
class CountGrowth:
    """What was added since ``before``: for each predictor and cell, over all targets."""

    added: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, before: Counts, after: Counts) -> CountGrowth:
        """The difference; a series that was not there before had counted nothing."""
        earlier = {series.key: float(series.value[-1]) for series in before.all}
        added: dict[str, dict[str, float]] = {}
        for name, group in after.by_predictor.items():
            cells: dict[str, float] = defaultdict(float)
            for series in group:
                cells[_base(series.metric)] += float(series.value[-1]) - earlier.get(series.key, 0.0)
            added[name] = {metric: value for metric, value in cells.items() if value}
        return cls(added)

    def total(self, predictors: Iterable[Predictor]) -> float:
        """Rows that the predictors counted."""
        return float(np.sum([value for each in predictors for value in self.added.get(each.name, {}).values()]))

    def is_complete(self, predictors: Sequence[Predictor]) -> bool:
        """Whether one of the primaries and each shadow counted at least one row."""
        primaries = [predictor for predictor in predictors if not predictor.shadow]
        shadows = [predictor for predictor in predictors if predictor.shadow]
        return self.total(primaries) >= 1 and all(self.total([shadow]) >= 1 for shadow in shadows)


def look_at_growth(growth: CountGrowth, predictors: Sequence[Predictor], cell: str | None) -> list[Observation]:
    """Whether the primaries counted the one feedback once and in its cell, and each shadow once.

    ``cell``: the metric that it belongs to by the answer and the truth; None if that is not known.
    """
    primaries = tuple(predictor for predictor in predictors if not predictor.shadow)
    groups = [primaries, *((predictor,) for predictor in predictors if predictor.shadow)]
    return [_counted(growth, group, None if group[0].shadow else cell) for group in groups]


def _counted(growth: CountGrowth, group: Sequence[Predictor], cell: str | None) -> Observation:
    name, total = " and ".join(predictor.name for predictor in group), growth.total(group)
    added = {metric: value for predictor in group for metric, value in growth.added.get(predictor.name, {}).items()}
    shown = ", ".join(f"{metric} {value:+g}" for metric, value in added.items()) or "no change"
    expected = f"one more row, by {name}{f', as {cell}' if cell else ''}"
    if total == 1 and (cell is None or added.get(cell) == 1) and len(added) == 1:
        return Observation.well("counted", f"one row by {name}, as {next(iter(added))}")
    if total == 0 and not added:
        advice = (
            "The feedback was acknowledged and not counted: does send_feedback of the class count it and publish it?"
        )
        if group[0].shadow:
            mirror = "Is its share of the mirror below 100 %, or does it lag behind? Then look again."
            return Observation.unclear("counted", expected=expected, observed=shown, advice=mirror)
        return Observation.broken("counted", expected=expected, observed=shown, advice=advice)
    if total == 1 and cell is not None and len(added) == 1:
        advice = "The class publishes its cells under each other's names, or it compares classes of another kind."
        return Observation.broken("counted", expected=expected, observed=shown, advice=advice)
    advice = (
        "Other traffic reached it meanwhile, it was counted twice, or a pod restarted: look again when it is quiet."
    )
    return Observation.unclear("counted", expected=expected, observed=shown, advice=advice)
