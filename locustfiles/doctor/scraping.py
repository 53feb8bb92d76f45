"""Prometheus and its targets of the deployment: login, clock, labels, errors, intervals."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from analysis.access.access import EndpointAccess
from analysis.collect.baseline import interval_s, longest_interval_s
from analysis.collect.prometheus import Fetch, Prometheus, PrometheusError
from analysis.evidence import queries
from analysis.evidence.samples import ClockOffset, Series
from analysis.evidence.scrapes.targets import address_of
from locustfiles.doctor.ingress import Place
from locustfiles.doctor.observation import Observation
from locustfiles.http1.target import TargetError, target_of
from locustfiles.protocol.health import health_of

TIMEOUT_S: Final = 3.0
LOOK_BACK_S: Final = 300
"""As far as Prometheus itself looks back."""
POLL_S: Final = 0.1
LATE_S: Final = 5.0
"""How much later than its interval a scrape may be seen."""
SILENCE_S: Final = 2.0
"""After this long, it is said what is waited for."""
UNKNOWN_INTERVAL_S: Final = 15.0
"""Assumed while nothing says how often a target is scraped: that of Seldon's own chart."""
PREFIXES: Final = ("", "/prometheus", "/prom", "/select/0/prometheus", "/api/prom")
"""Paths under which a Prometheus, or a store with its API, is often served."""

Address = tuple[str, str]
"""Job and instance."""


@dataclass(frozen=True, slots=True)
class Scraping:
    """A Prometheus that answers. ``ups``: of the targets of the deployment that are scraped now.

    ``intervals``: seconds between scrapes as configured, by job and instance; empty if not known.
    """

    prometheus: Prometheus
    clock: ClockOffset
    deployment: str
    namespace: str
    intervals: Mapping[Address, float]
    ups: tuple[Series, ...] = ()

    def fetch(self, *selectors: str) -> tuple[Series, ...]:
        """What was stored of the selectors within `LOOK_BACK_S`. Raises ``PrometheusError``."""
        end_ms = round(self.clock.prometheus_s(time.time()) * 1000)
        stored = Fetch(self.prometheus)
        for selector in selectors:
            stored.extend(selector, end_ms - LOOK_BACK_S * 1000, end_ms)
        return stored.series()

    def current_ups(self, addresses: Collection[Address] = ()) -> tuple[Series, ...]:
        """``up`` of the deployment's targets, and of those at ``addresses``, that are still scraped."""
        selectors = [queries.targets_of(self.deployment, self.namespace)]
        selectors += [queries.targets_at({instance for _, instance in addresses})] if addresses else []
        ups = [series for series in self.fetch(*selectors) if series.metric == queries.UP]
        latest = max((int(up.time_ms[-1]) for up in ups), default=0)
        return tuple(
            up for up in ups if latest - up.time_ms[-1] <= 3000 * (self.interval_s([up]) or UNKNOWN_INTERVAL_S)
        )

    def interval_s(self, ups: Sequence[Series]) -> float | None:
        """The longest scrape interval: as configured, else as seen."""
        return longest_interval_s(ups, self.intervals)

    def wait_for_scrape(self, since_s: float, addresses: Collection[Address], say: Callable[[str], None]) -> bool:
        """Wait until each of the targets was scraped after ``since_s``; False if that takes too long."""
        known = {address_of(up.labels) for up in self.ups} | set(addresses)
        limit_s = (self.interval_s(self.ups) or UNKNOWN_INTERVAL_S) + LATE_S
        deadline, is_silent = time.monotonic() + limit_s, True
        since_ms = self.clock.latest_prometheus_s(since_s) * 1000
        while known:
            ups = self.current_ups(known)
            scraped = {address_of(up.labels) for up in ups if up.time_ms[-1] > since_ms}
            down = {address_of(up.labels) for up in ups if up.value[-1] != 1}
            if not known - scraped - down:
                return True
            if time.monotonic() > deadline:
                return False
            if is_silent and time.monotonic() > deadline - limit_s + SILENCE_S:
                say(f"waiting for the next scrape, for {limit_s:.0f} s at most")
                is_silent = False
            time.sleep(POLL_S)
        return False


def reach(url: str, access: EndpointAccess, place: Place) -> tuple[Observation, Scraping | None]:
    """Whether a Prometheus answers at ``url``. ``place``: of the deployment, which might answer there in its place."""
    try:
        prometheus = Prometheus(url, TIMEOUT_S, access)
        clock = prometheus.clock(time.time)
    except PrometheusError as error:
        return _unreached(url, access, place, str(error)), None
    intervals = prometheus.scrape_intervals()
    scraping = Scraping(prometheus, clock, place.deployment, place.namespace, intervals)
    version = prometheus.version()
    offset_ms = clock.offset_s * 1000
    message = f"answers at {url}{f' (version {version})' if version else ''}, its clock is {offset_ms:+.1f} ms off"
    return Observation.well("prometheus", message), scraping


def _unreached(url: str, access: EndpointAccess, place: Place, error: str) -> Observation:
    observed, _, advice = error.partition(", got ")[2].rpartition(". ")  # "asking ...: expected ..., got X. Advice."
    expected = f"Prometheus' JSON API at {url}"
    with suppress(TargetError):
        if health_of(target_of(url, access), place.namespace, place.deployment, TIMEOUT_S).is_seldon:
            advice = "Are --host and --prometheus-url changed over?"
            return Observation.broken("prometheus", expected=expected, observed="the deployment itself", advice=advice)
    if "HTTP Status" in observed or "not JSON" in observed:
        for other in _other_paths(url):
            with suppress(PrometheusError):
                Prometheus(other, TIMEOUT_S, access).ask("time()")
                advice = f"Use --prometheus-url {other}."
                return Observation.broken(
                    "prometheus", expected=expected, observed=f"{observed}; it is at {other}", advice=advice
                )
    return Observation.broken(
        "prometheus", expected=expected, observed=observed or error, advice=advice or "See above."
    )


def _other_paths(url: str) -> list[str]:
    parts = urlsplit(url.rstrip("/"))
    return [urlunsplit(parts._replace(path=path)) for path in PREFIXES if path != parts.path]


def look_at_targets(scraping: Scraping, asked_interval_s: float) -> Observation | None:
    """What is known of the deployment's targets; None if no target says that it is of the deployment.

    That is no fault by itself: a PodMonitor without ``podTargetLabels`` adds no such label.
    """
    ups = scraping.ups
    if not ups:
        return _in_other_namespace(scraping)
    addresses = ", ".join(sorted({up.labels.get("instance", "?") for up in ups})[:3])
    down = [up for up in ups if up.value[-1] != 1]
    if down:
        return _down(scraping, down)
    configured = scraping.interval_s(ups)
    seen = max((interval for up in ups if (interval := interval_s([up]))), default=None)
    longest = max((interval for interval in (configured, seen) if interval), default=None)
    if longest and longest > asked_interval_s * 1.05:
        return Observation.broken(
            "targets",
            expected=f"a scrape every {asked_interval_s:g} s or more often",
            observed=f"one every {longest:g} s ({addresses})",
            advice="A load test waits for scrapes before and after it: set the interval of the PodMonitor or of the "
            "scrape job, or accept it by --scrape-interval.",
        )
    if configured and seen and seen > 1.5 * configured:
        return Observation.broken(
            "targets",
            expected=f"a scrape every {configured:g} s, as configured",
            observed=f"one every {seen:g} s ({addresses})",
            advice="Scrapes are skipped: does the target answer within the interval, is Prometheus overloaded?",
        )
    rhythm = f", scraped every {configured or seen:g} s" if configured or seen else ""
    return Observation.well("targets", f"{len(ups)} up{rhythm} ({addresses})")


def _down(scraping: Scraping, down: Sequence[Series]) -> Observation:
    errors = scraping.prometheus.scrape_errors()
    named = [errors[address] for up in down if (address := address_of(up.labels)) in errors]
    instances = ", ".join(sorted(up.labels.get("instance", "?") for up in down))
    url, reason = named[0] if named else (instances, "its last scrape failed")
    advice = "Does the container serve its metrics at that port and path (Seldon's operator asks for /prometheus)?"
    if "deadline" in reason or "timeout" in reason:
        advice = "It takes longer than the scrape timeout, or is not reached: are all workers busy, is there a policy?"
    return Observation.broken(
        "targets", expected=f"{len(scraping.ups)} targets up", observed=f"{url}: {reason}", advice=advice
    )


def _in_other_namespace(scraping: Scraping) -> Observation | None:
    """The targets of a deployment of that name are in another namespace than the one that was given."""
    namespaces = namespaces_of(scraping)
    if not namespaces:
        return None
    return Observation.broken(
        "targets",
        expected=f"targets of {scraping.deployment} in the namespace {scraping.namespace}",
        observed=f"targets of that name in {', '.join(namespaces)}",
        advice=f"Give --namespace {namespaces[0]}, or the Prometheus of the namespace {scraping.namespace}.",
    )


def namespaces_of(scraping: Scraping) -> list[str]:
    """Namespaces in which Prometheus has targets of a deployment of that name. Raises ``PrometheusError``."""
    selector = (
        f"{{__name__={json.dumps(queries.UP)},{queries.LABEL_TARGET_DEPLOYMENT}={json.dumps(scraping.deployment)}}}"
    )
    names = {
        series.labels[label]
        for series in scraping.fetch(selector)
        for label in queries.NAMESPACE_LABELS
        if label in series.labels
    }
    return sorted(names)
