"""Edge: read the models' own metrics endpoints, whose addresses only a local stack provides.

``PLUMBLINE_STACK`` names the stack's state file. On a cluster, a pod's metrics port may not be reachable from outside;
then this witness is missing, and the judge works without it.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from analysis.claims.selection import Selection
from analysis.collect.deadline import DeadlineError, within
from analysis.evidence.exposed import ExposedCounts, reading_of, text
from analysis.record.runfolder import EXPOSED_FILE
from model.atomic import write_text

STACK_ENV: Final = "PLUMBLINE_STACK"
TIMEOUT_S: Final = 5.0
MOST_BYTES: Final = 32 * 2**20


def read(
    environment: Mapping[str, str], host: str, selection: Selection, now: Callable[[], float]
) -> tuple[ExposedCounts, ...]:
    """A reading of every endpoint that the stack names; empty without a stack at ``host``."""
    return tuple(_read(url, selection, now) for url in endpoints(environment.get(STACK_ENV, ""), host))


def write(folder: Path, readings: Sequence[ExposedCounts]) -> None:
    """Write ``exposed.json``; do nothing if no endpoint was read."""
    if readings:
        write_text(folder / EXPOSED_FILE, text(readings))


def endpoints(state: str, host: str) -> Sequence[str]:
    """Addresses of the metrics endpoints in a state file; empty if the file is missing or is of another stack."""
    try:
        content = json.loads(Path(state).read_text(encoding="utf-8"))
        if content["host"].rstrip("/") != host.rstrip("/"):
            return ()
        return [str(replica["metrics_url"]) for replica in content["replicas"]]
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _content(opener: urllib.request.OpenerDirector, url: str) -> str:
    """The endpoint's text. Raises ValueError if it is longer than any exposition is."""
    with opener.open(url, timeout=TIMEOUT_S) as answer:
        content: bytes = answer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes")
    return content.decode()


def _read(url: str, selection: Selection, now: Callable[[], float]) -> ExposedCounts:
    instance = urlsplit(url).netloc
    asked_s = now()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        content = within(TIMEOUT_S, lambda: _content(opener, url))
        samples = [sample for family in text_string_to_metric_families(content) for sample in family.samples]
        series = [(sample.name, sample.labels, sample.value) for sample in samples]
        return reading_of(instance, series, selection, (asked_s, now()))
    except DeadlineError:
        return ExposedCounts(instance, {}, f"reading {url}: no whole answer within {TIMEOUT_S:g} s", (asked_s, now()))
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        return ExposedCounts(instance, {}, f"reading {url}: {error}", (asked_s, now()))
