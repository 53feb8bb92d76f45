"""The wait between two loads until the deployment has counted all that it will.

An overloaded server has a backlog, and what it counts of one step in the next is a wrong count there.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Final
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from analysis import queries

POLL_S: Final = 0.25
TIMEOUT_S: Final = 5.0
LIMIT_S: Final = 30.0
SCRAPES: Final = 3
"""So many scrapes in a row must show the same counts: the first may have begun before the load's end."""


def drain(prometheus_url: str, deployment: str, namespace: str) -> bool:
    """Wait until the stored counts stand still, at most `LIMIT_S`; whether they did."""
    cells = queries.cells(deployment, namespace)
    began_s = time.monotonic()
    while (waited_s := time.monotonic() - began_s) < LIMIT_S:
        if at_rest(_series(prometheus_url, f"{cells}[{max(math.ceil(waited_s), 1)}s]")):
            return True
        time.sleep(POLL_S)
    return False


def at_rest(series: Sequence[Sequence[float]]) -> bool:
    """Whether every series was stored `SCRAPES` times and shows one value in the last of them; not so of no series."""
    return bool(series) and all(len(one) >= SCRAPES and len(set(one[-SCRAPES:])) == 1 for one in series)


def _series(prometheus_url: str, query: str) -> list[list[float]]:
    """Values of each series that a range vector holds; none where there is no answer: the step itself will tell."""
    url = f"{prometheus_url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    try:
        with urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  (the URL was checked to be http or https)
            found = json.load(answer)["data"]["result"]
            return [[float(value) for _, value in one["values"]] for one in found]
    except (URLError, OSError, ValueError, KeyError, TypeError):
        return []
