"""Edge: Prometheus, through prometheus-api-client. Every failure is a `PrometheusError` of one line.

No query is repeated, and every query has a timeout. A Prometheus that must be asked several times is itself a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from analysis.access.access import EndpointAccess
from analysis.collect.deadline import DeadlineError, within
from analysis.evidence import queries
from analysis.evidence.samples import ClockOffset, Series
from analysis.evidence.scrapes.targets import address_of
from analysis.record.decoding import convert
from analysis.record.urls import login_problem, without_password

CHUNK_MS: Final = 3_600_000
"""Width of one raw range vector: an hour at one scrape per second is 3,600 samples of each series."""
WHOLE: Final = 3
"""How many timeouts a whole answer may take: the timeout itself is for each packet of it."""
MOST_BYTES: Final = 256 * 2**20
"""Of one answer. An hour of a hundred series at one scrape a second is 10 MB."""
CLOCK_READINGS: Final = 5
_LOGIN_WANTED: Final = ("HTTP Status Code 401", "HTTP Status Code 403")
_LOGIN_ADVICE: Final = "It asks for a login: give its token, password or tenant header by --access FILE."
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_PART: Final = re.compile(r"([0-9]+)(ms|[smhdwy])")
_DURATION: Final = re.compile(rf"({_PART.pattern})+")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


_NOT_TOLD: Final = (
    requests.exceptions.RequestException,
    PrometheusApiClientException,
    DeadlineError,
    *(LookupError, TypeError, ValueError),
)
"""How a server fails that does not have an API which not every version has."""


class PrometheusError(Exception):
    """Prometheus cannot be queried, or its answer is not as expected; one line says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Target:
    labels: dict[str, str]
    scrapeInterval: str  # noqa: N815  (as Prometheus calls it)
    lastError: str = ""  # noqa: N815
    scrapeUrl: str = ""  # noqa: N815


@dataclass(frozen=True, slots=True)
class _Targets:
    """``data`` of ``/api/v1/targets``."""

    activeTargets: tuple[_Target, ...]  # noqa: N815


@dataclass(frozen=True, slots=True)
class _StoredSeries:
    """One series of a range vector: times in seconds, values as text."""

    metric: dict[str, str]
    values: tuple[tuple[float, str], ...]


class _Session(requests.Session):
    """A session that carries what ``access`` says, and whose answers are read up to `MOST_BYTES`."""

    def __init__(self, access: EndpointAccess) -> None:
        super().__init__()
        self._access = access
        self.headers.update(access.headers)
        if access.host:
            self.headers["Host"] = access.host
        self.verify = access.ca_file or True
        self.cert = (access.cert_file, access.key_file or access.cert_file) if access.cert_file else None
        self.auth = _no_change  # or requests would put a login of ~/.netrc in place of ours

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """Send a redirect to another server without anything that is meant for this one."""
        if self.should_strip_auth(response.request.url, prepared_request.url):
            for name in ("Host", *(name for name, _ in self._access.headers)):
                prepared_request.headers.pop(name, None)

    def merge_environment_settings(self, *arguments: Any, **options: Any) -> Any:
        """As its base, which would trust the authorities of ``REQUESTS_CA_BUNDLE`` in place of ours."""
        settings = super().merge_environment_settings(*arguments, **options)
        return {**settings, "verify": self._access.ca_file} if self._access.ca_file else settings

    def get_adapter(self, url: str) -> Any:
        """As its base; the TLS name is that of ``access``."""
        adapter = super().get_adapter(url)
        if self._access.server_name and isinstance(adapter, requests.adapters.HTTPAdapter):
            name = self._access.server_name
            adapter.poolmanager.connection_pool_kw.update(server_hostname=name, assert_hostname=name)
        return adapter

    def send(self, request: Any, **options: Any) -> requests.Response:
        """As its base; raises ``requests.exceptions.RequestException`` for a larger answer."""
        answer = super().send(request, **options | {"stream": True})
        parts, size = [], 0
        for part in answer.iter_content(2**20):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                answer.close()
                raise requests.exceptions.RequestException(f"more than {MOST_BYTES:,} bytes")
        answer._content = self._access.mask(b"".join(parts))  # noqa: SLF001  (where the base puts what it has read)
        return answer


class Prometheus:
    """A Prometheus server, queried with one query at a time."""

    def __init__(self, url: str, timeout_s: float = 10.0, access: EndpointAccess = EndpointAccess()) -> None:  # noqa: B008  (frozen)
        if problem := login_problem("--prometheus-url", url):
            raise PrometheusError(problem)
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PrometheusError(
                "asking Prometheus: expected an address like http://127.0.0.1:9090, "
                f"got {self.url!r}. Correct PROMETHEUS_URL."
            )
        self._session = session = _Session(access)
        session.trust_env = parts.hostname not in _LOOPBACK  # a proxy from the environment cannot reach our loopback
        self._client = PrometheusConnect(
            url=self.url, retry=Retry(total=0, read=False), session=session, timeout=self.timeout_s
        )

    def ask(self, query: str, at_s: float | None = None) -> Any:
        """``data.result`` of an instant query, at ``at_s`` (Prometheus' clock) or now."""
        params = {} if at_s is None else {"time": f"{at_s:.3f}"}
        whole_s = WHOLE * self.timeout_s
        try:
            return within(whole_s, lambda: self._client.custom_query(query, params))
        except DeadlineError as error:
            raise PrometheusError(self._problem(f"no whole answer within {whole_s:g} s")) from error
        except requests.exceptions.JSONDecodeError as error:
            body = " ".join(error.doc.split())[:60]
            raise PrometheusError(self._problem(f"an answer that is not JSON: {body!r}")) from error
        except requests.exceptions.Timeout as error:
            raise PrometheusError(self._problem(f"no answer within {self.timeout_s:g} s")) from error
        except requests.exceptions.RequestException as error:
            raise PrometheusError(self._problem(_root_of(error))) from error
        except PrometheusApiClientException as error:
            raise PrometheusError(self._problem(_short(str(error)))) from error
        except (KeyError, TypeError) as error:
            raise PrometheusError(self._problem("JSON without data.result")) from error

    def range_vector(self, query: str, at_s: float) -> list[Series]:
        """The stored samples of a query like ``selector[1m]`` at ``at_s`` (Prometheus' clock)."""
        result = self.ask(query, at_s)
        try:
            return [_series_of(stored) for stored in convert(result, tuple[_StoredSeries, ...])]
        except (ValueError, OverflowError) as error:
            raise PrometheusError(self._problem(f"no range vector for {query[:60]}: {_short(str(error))}")) from error

    def version(self) -> str:
        """The version that Prometheus reports, or an empty text: other stores with the same API need not report one.

        Source: https://prometheus.io/docs/prometheus/latest/querying/api/#build-information.
        """
        try:
            url = f"{self.url}/api/v1/status/buildinfo"
            answer = within(self.timeout_s, lambda: self._session.get(url, timeout=self.timeout_s))
            return str(answer.json()["data"]["version"])
        except (requests.exceptions.RequestException, DeadlineError, LookupError, TypeError, ValueError):
            return ""

    def scrape_intervals(self) -> dict[tuple[str, str], float]:
        """Seconds between the scrapes of each target, by job and instance; empty if the server does not say.

        Source: https://prometheus.io/docs/prometheus/latest/querying/api/#targets (since 2.26; other stores lack it).
        """
        try:
            return {address_of(target.labels): duration_s(target.scrapeInterval) for target in self._targets()}
        except _NOT_TOLD:
            return {}

    def scrape_errors(self) -> dict[tuple[str, str], tuple[str, str]]:
        """URL and last error of each target whose last scrape failed, by job and instance; empty if not known."""
        try:
            targets = self._targets()
        except _NOT_TOLD:
            return {}
        return {
            address_of(target.labels): (target.scrapeUrl, target.lastError) for target in targets if target.lastError
        }

    def _targets(self) -> tuple[_Target, ...]:
        answer = within(self.timeout_s, lambda: self._client.get_targets("active"))
        return convert(answer, _Targets).activeTargets

    def clock(self, now: Callable[[], float], readings: int = CLOCK_READINGS) -> ClockOffset:
        """Prometheus' clock against ``now``, from the quickest of some readings (Cristian's algorithm).

        ``time()`` is evaluated at some moment between the query and the answer, and is cut to whole milliseconds. So
        the offset is known to half the round trip plus one millisecond.
        """
        return min((self._clock_once(now) for _ in range(readings)), key=lambda clock: clock.uncertainty_s)

    def _clock_once(self, now: Callable[[], float]) -> ClockOffset:
        before = now()
        result = self.ask("time()")
        after = now()
        try:
            there = float(result[0])
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise PrometheusError(self._problem(f"{result!r} for time()")) from error
        return ClockOffset(there + 0.0005 - (before + after) / 2, (after - before) / 2 + 0.0005)

    def _problem(self, got: str) -> str:
        return without_password(
            f"asking Prometheus at {self.url}: expected its JSON API, got {got}. "
            + (_LOGIN_ADVICE if got.startswith(_LOGIN_WANTED) else "Check PROMETHEUS_URL, and that Prometheus is up.")
        )


def duration_s(text: str) -> float:
    """Seconds of a duration as Prometheus writes it, such as ``1m30s``. Raises ValueError for any other text."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"duration: expected one such as 15s or 1m30s, got {text!r}")
    return sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))


def _no_change(request: Any) -> Any:
    return request


class Fetch:
    """Everything that was fetched so far: it grows by ranges of time, each series at its end."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._series: dict[tuple[str, str], Series] = {}

    def extend(self, selector: str, start_ms: int, end_ms: int, chunk_ms: int = CHUNK_MS) -> None:
        """Add every stored sample with ``start_ms <= time <= end_ms`` (Prometheus' clock), a chunk at a time.

        A sample that is not later than the last one of its series is known already: Prometheus stores them in order.
        """
        at = start_ms - 1  # Prometheus 3 excludes the left end of a range, Prometheus 2 includes it
        while at < end_ms:
            upto = min(at + chunk_ms, end_ms)
            for series in self._prometheus.range_vector(queries.window(selector, upto - at), upto / 1000):
                self._add(series)
            at = upto

    def _add(self, series: Series) -> None:
        key, time_ms, value = series.key, series.time_ms, series.value
        before = self._series.get(key)
        if before is not None:
            new = time_ms > before.time_ms[-1]
            time_ms = np.concatenate([before.time_ms, time_ms[new]])
            value = np.concatenate([before.value, value[new]])
        if len(time_ms):
            self._series[key] = Series(series.metric, series.labels, time_ms, value)

    def series(self) -> tuple[Series, ...]:
        """Every series fetched so far, in the order of their names and labels."""
        return tuple(self._series[key] for key in sorted(self._series))


def _series_of(stored: _StoredSeries) -> Series:
    labels = dict(stored.metric)
    metric = labels.pop("__name__", "")
    time_ms = np.array([round(at_s * 1000) for at_s, _ in stored.values], np.int64)
    return Series(metric, labels, time_ms, np.array([float(text) for _, text in stored.values]))


def _root_of(error: BaseException) -> str:
    """The innermost reason of a connection error, on one line."""
    seen: BaseException = error
    while (inner := seen.__cause__ or seen.__context__) is not None and not isinstance(inner, AttributeError):
        seen = inner
    return _short(str(seen)) or type(seen).__name__


def _short(text: str) -> str:
    return " ".join(text.split())[:160]
