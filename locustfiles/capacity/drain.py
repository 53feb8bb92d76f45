"""The wait between two loads until the deployment has counted all that it will.

An overloaded server has a backlog, and what it counts of one step in the next is a wrong count there. Counts that stand
still do not show that it is gone: 50 mirrored requests were seen to wait for a minute, while nothing was counted, and
to be counted then. So the gateway must say as well that nothing is under way, where its metrics are stored.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from analysis.evidence import queries
from analysis.evidence.gateway import ACTIVE

POLL_S: Final = 0.25
TIMEOUT_S: Final = 5.0
LIMIT_S: Final = 75.0
SCRAPES: Final = 3
"""So many scrapes in a row must show the same counts: the first may have begun before the load's end."""


def drain(prometheus_url: str, deployment: str, namespace: str, predictors: Iterable[str]) -> bool:
    """Wait until the stored counts stand still and nothing is under way, at most `LIMIT_S`; whether it came to that."""
    cells = queries.cells(deployment, namespace)
    passed_on = queries.gateway(deployment, predictors)
    began_s = time.monotonic()
    while (waited_s := time.monotonic() - began_s) < LIMIT_S:
        window = f"[{max(math.ceil(waited_s), 1)}s]"
        counted = [values for _, values in _series(prometheus_url, cells + window)]
        active = [values for name, values in _series(prometheus_url, passed_on + window) if name == ACTIVE]
        if at_rest(counted) and nothing_under_way(active):
            return True
        time.sleep(POLL_S)
    return False


def at_rest(series: Sequence[Sequence[float]]) -> bool:
    """Whether every series was stored `SCRAPES` times and shows one value in the last of them; not so of no series."""
    return bool(series) and all(len(values) >= SCRAPES and len(set(values[-SCRAPES:])) == 1 for values in series)


def nothing_under_way(active: Sequence[Sequence[float]]) -> bool:
    """Whether each of the gateway's gauges was last 0; so of none, for a gateway need not be scraped."""
    return all(values[-1] == 0 for values in active)


def _series(prometheus_url: str, query: str) -> list[tuple[str, list[float]]]:
    """Name and values of each series that a range vector holds; none of no answer: the step itself will tell."""
    url = f"{prometheus_url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  (the URL was checked to be http or https)
            result = json.load(answer)["data"]["result"]
            return [
                (series["metric"]["__name__"], [float(value) for _, value in series["values"]]) for series in result
            ]
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return []
