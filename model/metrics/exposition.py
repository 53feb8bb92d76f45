"""Prometheus text of the store's series, with the names and labels of the stock wrapper's.

Each family appears once, with all its series below it, as OpenMetrics and the text format require; the stock wrapper
repeats the family's head for every series. Everything but the figures is made once for each series, by
``prometheus_client``. A scrape only adds the figures.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import Any, Final, Literal

from prometheus_client import exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.utils import floatToGoString
from seldon_core.metrics import BINS, DEFAULT_LABELS

from model.contract import LABEL_EDGE, LABEL_WORKER

Kind = Literal["COUNTER", "GAUGE", "TIMER", "BUCKETS"]
"""Seldon's kinds of metric, and one of ours: see `Store.count_in_buckets`."""
Format = Literal["text", "openmetrics"]

CONTENT_TYPE: Final[dict[Format, str]] = {
    "text": "text/plain; version=0.0.4",  # Flask appends the charset; the stock wrapper's content type gets two
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}

_BOUNDS: Final = [float(bound) for bound in BINS]
_UPPER: Final = [str(floatToGoString(bound)) for bound in _BOUNDS[1:]]  # type: ignore[no-untyped-call]
WIDTH: Final[dict[Kind, int]] = {"COUNTER": 1, "GAUGE": 1, "TIMER": len(_UPPER) + 1}
"""Number of values of a series of each of Seldon's kinds.

A TIMER has the number in each bucket, then the sum of seconds. BUCKETS are not listed: they have one value more than
they have edges.
"""

_TYPE: Final[dict[Kind, str]] = {"COUNTER": "counter", "GAUGE": "gauge", "TIMER": "histogram", "BUCKETS": "gauge"}


@dataclass(frozen=True, slots=True)
class Lines:
    """The fixed part of a series: the head of its family, and each of its lines without the figure."""

    kind: Kind
    head: str
    starts: tuple[str, ...]


def observe(values: memoryview[float], first: int, seconds: float) -> None:
    """Adds one observation to a TIMER's values, which begin at ``values[first]``.

    Buckets are those of ``numpy.histogram(_, BINS)``, as in the stock wrapper: a value on an edge belongs to the
    bucket above it (the last one holds its upper edge), one below 0 to none.
    """
    bucket = min(bisect_right(_BOUNDS, seconds) - 1, len(_UPPER) - 1)
    if bucket >= 0:
        values[first + bucket] += 1
    values[first + len(_UPPER)] += seconds


def lines_of(
    kind: Kind, key: str, tags: Mapping[str, str], worker: int, form: Format, edges: Sequence[float] = ()
) -> Lines:
    """The fixed part of a series, as ``prometheus_client`` writes it, with the labels of the stock wrapper.

    ``edges``: of BUCKETS.
    """
    family = Metric(key.removesuffix("_total") if kind == "COUNTER" else key, "", _TYPE[kind])
    labels = {**tags, **DEFAULT_LABELS, LABEL_WORKER: str(worker)}
    for suffix, more in _samples(kind, edges):
        family.add_sample(family.name + suffix, {**labels, **more}, 0)
    generate: Any = openmetrics.generate_latest if form == "openmetrics" else exposition.generate_latest
    text = generate(_Only(family)).decode().removesuffix("# EOF\n").splitlines(keepends=True)
    head = "".join(line for line in text if line.startswith("#"))
    starts = tuple(line.rpartition(" ")[0] for line in text if not line.startswith("#"))
    if form == "openmetrics" and ":" in key:  # the library writes such a sample's name as if it were a label's
        plain = lines_of(kind, key, tags, worker, "text", edges).starts
        starts = tuple(a.partition("{")[0] + "{" + b.partition("{")[2] for a, b in zip(plain, starts, strict=True))
    return Lines(kind, head, starts)


def _samples(kind: Kind, edges: Sequence[float]) -> Iterator[tuple[str, dict[str, str]]]:
    """Suffix and further labels of each line of a series."""
    if kind == "TIMER":
        yield from (("_bucket", {"le": upper}) for upper in _UPPER)
        yield from (("_count", {}), ("_sum", {}))
    elif kind == "BUCKETS":  # the key is the whole name, as a gauge of the stock wrapper would have it
        yield from (("", {LABEL_EDGE: floatToGoString(edge)}) for edge in (*edges, inf))  # type: ignore[no-untyped-call]
    else:
        yield "_total" if kind == "COUNTER" else "", {}


class _Only:
    """The method that ``generate_latest`` calls on a registry."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def render(series: Iterable[tuple[Lines, Sequence[float]]], form: Format) -> str:
    """The whole text: families in the order in which their first series came. Values are as `WIDTH` says."""
    families: dict[str, list[str]] = {}
    for lines, values in series:
        family = families.setdefault(lines.head, [])
        for start, value in zip(lines.starts, _figures(lines.kind, values), strict=True):
            family.append(f"{start} {floatToGoString(value)}\n")  # type: ignore[no-untyped-call]
    text = "".join(head + "".join(family) for head, family in families.items())
    return text + "# EOF\n" if form == "openmetrics" else text


def _figures(kind: Kind, values: Sequence[float]) -> Sequence[float]:
    if kind == "BUCKETS":
        return list(accumulate(values))
    if kind != "TIMER":
        return values
    cumulative = list(accumulate(values[:-1]))
    return [*cumulative, cumulative[-1], values[-1]]
