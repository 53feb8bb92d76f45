"""The metrics of the deployment in Prometheus: their names and labels by the metric map, and copies of them."""

from __future__ import annotations

import difflib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.claims.metric_map import DEPLOYMENT, PREDICTOR, MetricMap, load, ready_made
from analysis.claims.selection import Selection
from analysis.evidence import queries
from analysis.evidence.queries import COUNTER_SUFFIX
from analysis.evidence.samples import Samples, Series
from analysis.evidence.scrapes.published import Published, judged
from analysis.evidence.scrapes.targets import address_of
from deploy.manifest.deployment import Predictor
from locustfiles.doctor.observation import Observation
from locustfiles.doctor.scraping import LATE_S, POLL_S, UNKNOWN_INTERVAL_S, Address, Scraping
from model.contract import LABEL_METHOD

NEAREST: Final = 5
LIKE: Final = 0.6
"""From this ratio on, two names are alike (the default of ``difflib.get_close_matches``)."""
_OF_SCRAPE: Final = frozenset({"job", "endpoint", "service", "container", "prometheus", "prometheus_replica"})
"""Labels in which two copies of one count differ: by whom it was scraped, not what was counted."""
_HINTS: Final = frozenset({"pos", "neg", "true", "false", "feedback", "outcome", "correct", "tp", "fp", "tn", "fn"})
"""Words of names of metrics that count what was right and wrong."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The series that count feedback in Prometheus, by predictor."""

    by_predictor: Mapping[str, Published]

    @property
    def addresses(self) -> set[Address]:
        """The targets that they come from."""
        return {address_of(series.labels) for series in self.all}

    @property
    def all(self) -> tuple[Series, ...]:
        """The series of all predictors."""
        return tuple(series for part in self.by_predictor.values() for series in part.series)


def counts_of(scraping: Scraping, selection: Selection, predictors: Iterable[Predictor]) -> Counts:
    """The counts as they are stored now. Raises ``PrometheusError``."""
    selectors = queries.counts(selection.metric_map, scraping.deployment, scraping.namespace)
    samples = Samples(scraping.fetch(*selectors), scraping.clock)
    return Counts({predictor.name: judged(samples, predictor.name, selection) for predictor in predictors})


def wait_for_counts(
    scraping: Scraping, selection: Selection, predictors: Sequence[Predictor], say: Callable[[str], None]
) -> Counts:
    """The counts as soon as there are any, or none after a while. Raises ``PrometheusError``."""
    limit_s = UNKNOWN_INTERVAL_S + LATE_S
    say(f"no target says that it is of {scraping.deployment}: waiting for its metrics, for {limit_s:.0f} s at most")
    deadline = time.monotonic() + limit_s
    while not (counts := counts_of(scraping, selection, predictors)).all and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return counts


def look_at_names(scraping: Scraping, metric_map: MetricMap, counts: Counts, *, is_fed: bool) -> Observation:
    """Whether each predictor has every metric of its account. ``is_fed``: whether a feedback was scraped since."""
    missing = {
        name: [metric for metric in part.account.metrics if metric not in {series.metric for series in part.series}]
        for name, part in counts.by_predictor.items()
    }
    if not any(missing.values()):
        names = dict.fromkeys(metric for part in counts.by_predictor.values() for metric in part.account.metrics)
        return Observation.well("metrics", f"{', '.join(names)} of {', '.join(counts.by_predictor)}")
    absent = "; ".join(f"{', '.join(names)} of {name}" for name, names in missing.items() if names)
    expected = absent + _labels_of(metric_map, scraping.deployment)
    labels = _other_labels(scraping, metric_map, expected, set(counts.by_predictor))
    if labels is not None:
        return labels
    there = _names_there(scraping, counts.addresses)
    nearest = None if there is None else _nearest(there, metric_map.metrics)
    others = _other_deployments(scraping, metric_map) if nearest is None else []
    if others:
        advice = "Is it this manifest that is deployed, and this Prometheus that scrapes it?"
        observed = f"them of {metric_map.deployment_label} {', '.join(others)} only"
        return Observation.broken("metrics", expected=expected, observed=observed, advice=advice)
    if not is_fed:
        advice = "Look again with a feedback (without --no-feedback): a class may publish them at its first one only."
        return Observation.unclear("metrics", expected=expected, observed=_as_list(nearest, "none"), advice=advice)
    if nearest is None:
        observed = "no target of the deployment in Prometheus, and none of these metrics"
        advice = "Does a PodMonitor or a scrape job select the pods, at their port named metrics?"
    else:
        observed = _as_list(nearest, "no metric on its targets whose name is like that")
        fitting = _fitting_map(there or (), metric_map.name)
        advice = f"Say by --metrics which series count what; now it is the metric map {metric_map.name}."
        advice = f"Give --metrics {fitting}: its metrics are there." if fitting else advice
    return Observation.broken("metrics", expected=expected, observed=observed, advice=advice)


def _labels_of(metric_map: MetricMap, deployment: str) -> str:
    """The labels that each series has to have, apart from the predictor's, as the end of a sentence."""
    texts = [
        f'{label}="{value.replace(DEPLOYMENT, deployment)}"'
        for label, value in metric_map.match.items()
        if value != PREDICTOR
    ]
    return f", with {' and '.join(texts)}" if texts else ""


def _as_list(names: Sequence[str] | None, otherwise: str) -> str:
    return f"nearest on its targets: {', '.join(names)}" if names else otherwise


def _other_labels(scraping: Scraping, metric_map: MetricMap, expected: str, predictors: set[str]) -> Observation | None:
    """The metrics are there by name, and a label is other than the metric map says."""
    owner, of_predictor = metric_map.deployment_label, metric_map.predictor_label
    if owner is None:
        return None
    stored = scraping.fetch(f"{{{_any_of(metric_map)}}}")
    holders = [series.labels for series in stored if scraping.deployment in series.labels.values()]

    def broken(observed: str, advice: str) -> Observation:
        return Observation.broken("metrics", expected=expected, observed=observed, advice=advice)

    named = [labels for labels in holders if labels.get(owner) == scraping.deployment]
    if not named and holders:
        label = min(name for name, value in holders[0].items() if value == scraping.deployment)
        if label != queries.LABEL_TARGET_DEPLOYMENT:
            advice = f"The scrape renames labels: keep {owner} as it is published (honorLabels), or change the map."
            return broken(f'them with {label}="{scraping.deployment}"', advice)
        advice = f"Publish them through Seldon's wrapper, which adds its labels, or change {owner} in the metric map."
        return broken(f"them on its targets without {owner}", advice)
    namespaces = {labels[name] for labels in named for name in queries.NAMESPACE_LABELS if name in labels}
    if namespaces and scraping.namespace not in namespaces:
        advice = f"Give --namespace {min(namespaces)}."
        return broken(f"them in the namespace {', '.join(sorted(namespaces))}", advice)
    names = {labels.get(of_predictor, "") for labels in named} if of_predictor is not None else set()
    if names and not predictors & names:
        advice = "Give the manifest that is deployed: its predictors have other names."
        return broken(f"them with {of_predictor} {' and '.join(map(repr, sorted(names)))}", advice)
    wrong = [name for name, value in metric_map.fixed.items() if named and not _has(named, name, value)]
    return broken(*_of_fixed(metric_map, wrong[0], named)) if wrong else None


def _of_fixed(metric_map: MetricMap, label: str, named: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """What is observed, and what to do, where no series has the value that the map gives a label."""
    advice = f'Publish them with {label}="{metric_map.fixed[label]}", or change it in the metric map.'
    if label == LABEL_METHOD:
        advice = "Publish them from send_feedback too: metrics() is asked after each call of the class."
    return f"them with {label} {', '.join(sorted({each.get(label, 'none') for each in named}))} only", advice


def _has(holders: Sequence[Mapping[str, str]], label: str, value: str) -> bool:
    return any(labels.get(label) == value for labels in holders)


def _other_deployments(scraping: Scraping, metric_map: MetricMap) -> list[str]:
    """Deployments of which Prometheus holds series of the map."""
    owner = metric_map.deployment_label
    if owner is None:
        return []
    result = scraping.prometheus.ask(f"group by ({owner}) ({{{_any_of(metric_map)}}})")
    return sorted({entry["metric"].get(owner, "") for entry in result} - {""})


def _any_of(metric_map: MetricMap) -> str:
    return f"__name__=~{json.dumps('|'.join(map(re.escape, metric_map.metrics)))}"


def _names_there(scraping: Scraping, addresses: set[Address]) -> list[str] | None:
    """Names of all metrics on the deployment's targets; None without a target."""
    instances = {up.labels.get("instance", "") for up in scraping.ups} | {instance for _, instance in addresses}
    if not instances - {""}:
        return None
    pattern = json.dumps("|".join(map(re.escape, sorted(instances - {""}))))
    result = scraping.prometheus.ask(f"group by (__name__) ({{instance=~{pattern}}})")
    return sorted({entry["metric"].get("__name__", "") for entry in result})


def _fitting_map(there: Sequence[str], present: str) -> str | None:
    """The ready-made metric map, other than the present one, whose first account is all there."""
    for name in ready_made():
        other = load(name)
        metrics = {rule.metric for rule in other.rules if rule.account == other.accounts[0]}
        if name != present and metrics <= set(there):
            return name
    return None


def _nearest(there: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Names that are like those expected, or that count what was right and wrong; the likest first."""
    names = [name for name in there if name not in expected]
    ours = {_bare(name) for name in expected}
    likeness = {name: max(difflib.SequenceMatcher(None, _bare(name), our).ratio() for our in ours) for name in names}
    fitting = [name for name in names if likeness[name] >= LIKE or _HINTS & set(name.lower().split("_"))]
    return sorted(fitting, key=lambda name: -likeness[name])[:NEAREST]


def _bare(metric: str) -> str:
    """The name without the suffix that every counter has."""
    return metric.removesuffix(COUNTER_SUFFIX)


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
