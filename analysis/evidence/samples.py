"""Raw Prometheus samples and their file, ``samples.parquet``: the stored witness.

Long form: ``metric``, ``labels`` (canonical JSON), ``time_ms`` (Prometheus' clock; the start of the
scrape), ``value``. The samples of one series lie together, in order of time. What holds for all of
them (clock, version) is JSON in the metadata of the file.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.record.arrays import Bools, Floats, Ints
from analysis.record.arrow import of_numbers, of_words, read_parquet, to_numpy
from analysis.record.decoding import decode
from model.atomic import write_file

SCHEMA_VERSION: Final = 1
_TOO_LARGE: Final = 2.0**53
_KEY: Final = b"plumbline.samples"
_SCHEMA: Final = pa.schema(
    [
        pa.field("metric", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("labels", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("time_ms", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)


class SamplesError(Exception):
    """The file is not one of samples; one line says why and what to do."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Prometheus' clock minus the load generator's, in seconds, known to within ``uncertainty_s`` either way.

    The ledger is on the load generator's clock, samples are on Prometheus'. Every conversion between the two is here.
    """

    offset_s: float
    uncertainty_s: float

    def __post_init__(self) -> None:
        if self.uncertainty_s < 0:
            raise ValueError(f"clock: expected an uncertainty >= 0, got {self.uncertainty_s}")

    def prometheus_ms(self, ledger_ns: float) -> float:
        """A time on the ledger's clock, in ns, as milliseconds on Prometheus' clock; the likeliest value."""
        return ledger_ns / 1e6 + self.offset_s * 1000

    def earliest_prometheus_ms(self, ledger_ns: float) -> float:
        """As `prometheus_ms`, but the earliest value that the uncertainty allows."""
        return ledger_ns / 1e6 + (self.offset_s - self.uncertainty_s) * 1000

    def latest_prometheus_ms(self, ledger_ns: float) -> float:
        """As `prometheus_ms`, but the latest value that the uncertainty allows."""
        return ledger_ns / 1e6 + (self.offset_s + self.uncertainty_s) * 1000

    def prometheus_s(self, ledger_s: float) -> float:
        """A time in seconds since the epoch on the ledger's clock, as such a time on Prometheus' clock."""
        return ledger_s + self.offset_s

    def latest_prometheus_s(self, ledger_s: float) -> float:
        """As `prometheus_s`, but the latest value that the uncertainty allows."""
        return ledger_s + self.offset_s + self.uncertainty_s

    def ledger_ms(self, prometheus_ms: Floats) -> Floats:
        """Times on Prometheus' clock, in ms, as milliseconds on the ledger's clock; the likeliest values."""
        return prometheus_ms - self.offset_s * 1000

    def joined(self, other: ClockOffset) -> ClockOffset:
        """The smallest interval that holds both: two readings of one offset, at different times."""
        low = min(self.offset_s - self.uncertainty_s, other.offset_s - other.uncertainty_s)
        high = max(self.offset_s + self.uncertainty_s, other.offset_s + other.uncertainty_s)
        return ClockOffset((low + high) / 2, (high - low) / 2)


@dataclass(frozen=True, slots=True)
class Series:
    """One stored series: ``value[i]`` was read by the scrape that began at ``time_ms[i]``, which increases."""

    metric: str
    labels: Mapping[str, str]
    time_ms: Ints
    value: Floats

    def __post_init__(self) -> None:
        if len(self.time_ms) != len(self.value):
            raise ValueError(f"series {self.metric}: {len(self.time_ms)} times for {len(self.value)} values")
        if np.any(np.diff(self.time_ms) <= 0):
            raise ValueError(f"series {self.metric}: times do not increase")

    @property
    def key(self) -> tuple[str, str]:
        return self.metric, canonical(self.labels)


@dataclass(frozen=True, slots=True)
class Samples:
    """Every series that was fetched. ``problem``: None, or one line saying why fetching ended early."""

    series: tuple[Series, ...]
    clock: ClockOffset
    prometheus: str = ""
    problem: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def of(self, *metrics: str) -> tuple[Series, ...]:
        """The series of the given metrics."""
        return tuple(series for series in self.series if series.metric in metrics)


@dataclass(frozen=True, slots=True)
class _SamplesHeader:
    """What the file says beside its table; as `Samples`."""

    schema: int
    clock: ClockOffset
    prometheus: str
    problem: str | None
    notes: dict[str, Any] = field(default_factory=dict)


def is_count(value: Floats) -> Bools:
    """Which values can be a count of events: whole, not negative, and small enough to be exact (below 2^53)."""
    counts: Bools = np.isfinite(value) & (value >= 0) & (value == np.floor(value)) & (value < _TOO_LARGE)
    return counts


def count_text(value: float) -> str:
    """The value as a whole number with commas; one that is too large to be a count in short."""
    return f"{value:,.0f}" if abs(value) < _TOO_LARGE else f"{value:g}"


def increased(series: Series) -> Series:
    """The counter without its falls: after a restart, it goes on from the value before.

    So ``increase`` reads a counter (https://prometheus.io/docs/prometheus/latest/querying/functions/#increase).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        lost = np.where(np.diff(series.value) < 0, series.value[:-1], 0.0)
        value = series.value + np.concatenate([[0.0], np.cumsum(lost)])
    return replace(series, value=value)


def canonical(labels: Mapping[str, str]) -> str:
    """Labels as JSON with sorted keys and no spaces: equal exactly when the label sets are equal."""
    return json.dumps(dict(labels), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write(path: Path, samples: Samples) -> None:
    """Write ``samples.parquet``, whole or not at all; series in the order of their keys."""
    ordered = sorted(samples.series, key=lambda series: series.key)
    metadata = {
        "schema": SCHEMA_VERSION,
        "clock": {"offset_s": samples.clock.offset_s, "uncertainty_s": samples.clock.uncertainty_s},
        "prometheus": samples.prometheus,
        "problem": samples.problem,
        "notes": dict(samples.notes),
    }
    lengths = [len(series.time_ms) for series in ordered]
    table = pa.Table.from_arrays(
        [
            of_words([series.metric for series in ordered], lengths),
            of_words([canonical(series.labels) for series in ordered], lengths),
            of_numbers(_joined([series.time_ms for series in ordered], np.int64)),
            of_numbers(_joined([series.value for series in ordered], np.float64)),
        ],
        schema=_SCHEMA,
    ).replace_schema_metadata({_KEY: json.dumps(metadata, sort_keys=True)})
    write_file(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def read(path: Path) -> Samples:
    """The samples in ``path``. Raises `SamplesError` when it is not such a file."""
    try:
        table = read_parquet(path, "metric", "labels")
        metadata = decode(table.schema.metadata[_KEY], _SamplesHeader)
        series = _series_of(table.select(_SCHEMA.names))
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SamplesError(
            f"reading samples: expected {path} as `python -m analysis collect` writes it, got: {reason}. Collect again."
        ) from error
    if metadata.schema != SCHEMA_VERSION:
        raise SamplesError(f"reading samples: expected schema {SCHEMA_VERSION} in {path}, got {metadata.schema}.")
    return Samples(series, metadata.clock, metadata.prometheus, metadata.problem, metadata.notes)


def _joined(arrays: Sequence[Any], dtype: type) -> Any:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)


def _series_of(table: pa.Table) -> tuple[Series, ...]:
    """The series of a table: it is cut where metric or labels change."""
    if not table.num_rows:
        return ()
    metric, labels, time_ms, value = (column.chunk(0) for column in table.columns)
    metric_code, labels_code = (to_numpy(column.indices) for column in (metric, labels))
    changes = np.flatnonzero((np.diff(metric_code) != 0) | (np.diff(labels_code) != 0)) + 1
    edges = [0, *changes.tolist(), table.num_rows]
    times, values = to_numpy(time_ms), to_numpy(value)
    return tuple(
        Series(
            metric.dictionary[int(metric_code[a])].as_py(),
            decode(labels.dictionary[int(labels_code[a])].as_py(), dict[str, str]),
            times[a:b],
            values[a:b],
        )
        for a, b in itertools.pairwise(edges)
    )
