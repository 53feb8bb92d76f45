"""Mutations of the tables of a run: events of the ledger, stored samples by series, offline answers by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.evidence import samples
from analysis.evidence.samples import Samples, Series
from analysis.record.ledger import SCHEMA
from analysis.record.ledger_file import Scan
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE, SAMPLES_FILE
from mutation import Mutation, Random

EVENTS = 4
"""Events in which each change to a column is made, one in each mutant."""


def mutations(folder: Path, random: Random) -> Iterator[Mutation]:
    """Mutations of the ledger, the samples and the offline answers in the folder."""
    if (folder / LEDGER_FILE).exists():
        yield from _of_ledger(folder, random)
    if (folder / SAMPLES_FILE).exists():
        yield from _of_samples(folder, random)
    if (folder / OFFLINE_FILE).exists():
        yield from _of_offline(folder, random)


def _of_ledger(folder: Path, random: Random) -> Iterator[Mutation]:
    batches = list(Scan(folder / LEDGER_FILE))
    table = pa.Table.from_batches(batches)
    for name in table.column_names:
        changes = _value_changes(table.schema.field(name).type)
        for change, function in changes.items():
            for at in random.integers(0, table.num_rows, EVENTS):
                yield Mutation(LEDGER_FILE, name, change, _ledger_value(name, int(at), function))
        for change, whole in _COLUMNS.items():
            yield Mutation(LEDGER_FILE, name, change, _ledger_column(name, whole))
        yield Mutation(LEDGER_FILE, name, "column lost", _ledger_table(partial(_without_column, name=name)))
    for at in random.integers(0, table.num_rows, EVENTS * 4):
        yield Mutation(LEDGER_FILE, "event", "lost", _ledger_table(partial(_without, at=int(at))))
        yield Mutation(LEDGER_FILE, "event", "twice", _ledger_table(partial(_twice, at=int(at))))
    for at in range(len(batches)):
        rest = [*batches[:at], *batches[at + 1 :]]
        yield Mutation(LEDGER_FILE, "batch", "lost", _ledger_batches(rest))
        yield Mutation(LEDGER_FILE, "batch", "twice", _ledger_batches([*batches, batches[at]]))
    yield Mutation(LEDGER_FILE, "event", "all lost", _ledger_table(lambda old: old.slice(0, 0)))
    yield Mutation(LEDGER_FILE, "schema", "other version", _ledger_table(_with_version))


def _value_changes(kind: pa.DataType) -> dict[str, Callable[[Any], Any]]:
    """Changes of one value of a column of the type."""
    is_float = pa.types.is_floating(kind)
    least, most = (-1e300, 1e300) if is_float else (int(np.iinfo(str(kind)).min), int(np.iinfo(str(kind)).max))
    second = 10**9 if most > 10**18 else 2
    return {
        "zero": lambda _: 0,
        "one more": lambda old: old + 1,
        "one less": lambda old: old - 1,
        "negative": lambda old: -old - 1,
        "a second later": lambda old: old + second,
        "a second earlier": lambda old: old - second,
        "least": lambda _: least,
        "most": lambda _: most,
    }


_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "all zero": lambda values: values * 0,
    "all one more": lambda values: values + 1,
    "reversed": lambda values: values[::-1],
    "all equal": lambda values: np.full_like(values, values[0]),
}


def _without(table: pa.Table, at: int) -> pa.Table:
    return pa.concat_tables([table.slice(0, at), table.slice(at + 1)])


def _twice(table: pa.Table, at: int) -> pa.Table:
    return pa.concat_tables([table, table.slice(at, 1)])


def _without_column(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns([name])


def _with_version(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata(dict.fromkeys(table.schema.metadata, b"2"))


def _ledger_table(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        original = pa.Table.from_batches(list(Scan(folder / LEDGER_FILE)))
        changed = change(original)
        if _stream_of(changed) != _stream_of(original):
            _write_ledger(folder, changed)

    return apply


def _ledger_batches(batches: list[pa.RecordBatch]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        _write_ledger(folder, pa.Table.from_batches(batches, schema=SCHEMA))

    return apply


def _write_ledger(folder: Path, table: pa.Table) -> None:
    """Write the whole ledger; the table may lie in the file that is replaced."""
    (folder / LEDGER_FILE).write_bytes(_stream_of(table))


def _stream_of(table: pa.Table) -> bytes:
    """The table as an Arrow stream of one batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _ledger_column(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def of_table(table: pa.Table) -> pa.Table:
        at = table.column_names.index(name)
        field = table.schema.field(at)
        with np.errstate(all="ignore"):
            values = change(table.column(at).to_numpy().copy())
        return table.set_column(at, field, pa.array(values, type=field.type))

    return _ledger_table(of_table)


def _ledger_value(name: str, at: int, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def of_column(values: Any) -> Any:
        values[at] = change(values[at])
        return values

    return _ledger_column(name, of_column)


def _of_samples(folder: Path, random: Random) -> Iterator[Mutation]:
    stored = samples.read(folder / SAMPLES_FILE)
    for number, series in enumerate(stored.series):
        changes = {**_series_changes(random, len(series.time_ms)), **_label_changes(series)}
        for change, function in changes.items():
            yield Mutation(SAMPLES_FILE, series.metric, change, _series(number, function))
    by_metric = {series.metric for series in stored.series}
    for metric in sorted(by_metric):
        gone = tuple(series for series in stored.series if series.metric != metric)
        yield Mutation(SAMPLES_FILE, metric, "metric lost", _samples(partial(replace, series=gone)))
    clock = stored.clock
    for change, offset in {"ahead": clock.offset_s + 5, "behind": clock.offset_s - 5, "nan": float("nan")}.items():
        moved = replace(clock, offset_s=offset)
        yield Mutation(SAMPLES_FILE, "clock", change, _samples(partial(replace, clock=moved)))
    yield Mutation(SAMPLES_FILE, "series", "all lost", _samples(partial(replace, series=())))


def _series_changes(random: Random, length: int) -> dict[str, Callable[[Series], Series | None]]:
    at = int(random.integers(length))

    def value(change: Callable[[Any], Any]) -> Callable[[Series], Series]:
        return lambda series: replace(series, value=change(series.value.copy()))

    def value_at(new: Callable[[float], float], place: int) -> Callable[[Series], Series]:
        def change(values: Any) -> Any:
            values[place] = new(values[place])
            return values

        return value(change)

    def kept(part: slice) -> Callable[[Series], Series | None]:
        def change(series: Series) -> Series | None:
            time_ms = series.time_ms[part]
            return replace(series, time_ms=time_ms, value=series.value[part]) if len(time_ms) else None

        return change

    return {
        "series lost": lambda _: None,
        "first half lost": kept(slice(length // 2, None)),
        "second half lost": kept(slice(0, length // 2)),
        "first lost": kept(slice(1, None)),
        "last lost": kept(slice(0, -1)),
        "one value more": value_at(lambda old: old + 1, at),
        "one value less": value_at(lambda old: old - 1, at),
        "one value a little more": value_at(lambda old: old + 0.4, at),
        "last value more": value_at(lambda old: old + 1, -1),
        "one value nan": value_at(lambda _: float("nan"), at),
        "one value infinite": value_at(lambda _: float("inf"), at),
        "one value huge": value_at(lambda _: 1e300, at),
        "one value negative": value_at(lambda old: -old - 1, at),
        "one value zero": value_at(lambda _: 0.0, at),
        "all zero": value(lambda values: values * 0),
        "all one more": value(lambda values: values + 1),
        "four times": value(lambda values: values * 4),
        "reversed": value(lambda values: values[::-1].copy()),
        "five seconds later": lambda series: replace(series, time_ms=series.time_ms + 5000),
        "five seconds earlier": lambda series: replace(series, time_ms=series.time_ms - 5000),
    }


def _label_changes(series: Series) -> dict[str, Callable[[Series], Series | None]]:
    changes: dict[str, Callable[[Series], Series | None]] = {
        "metric renamed": lambda old: replace(old, metric=old.metric + "_x")
    }
    for label in series.labels:
        rest = {name: text for name, text in series.labels.items() if name != label}
        changes[f"label {label} lost"] = partial(replace, labels=rest)
        changes[f"label {label} altered"] = partial(replace, labels={**rest, label: series.labels[label] + "x"})
    return changes


def _samples(change: Callable[[Samples], Samples]) -> Callable[[Path], None]:
    return lambda folder: samples.write(folder / SAMPLES_FILE, change(samples.read(folder / SAMPLES_FILE)))


def _series(number: int, change: Callable[[Series], Series | None]) -> Callable[[Path], None]:
    def of_samples(old: Samples) -> Samples:
        changed = change(old.series[number])
        rest = [*old.series[:number], *old.series[number + 1 :]]
        return replace(old, series=tuple(rest if changed is None else [*rest, changed]))

    return _samples(of_samples)


def _of_offline(folder: Path, random: Random) -> Iterator[Mutation]:
    table = pq.read_table(folder / OFFLINE_FILE)
    for name in table.column_names:
        yield Mutation(OFFLINE_FILE, name, "column lost", _offline(partial(_without_column, name=name)))
        if name == "artifact":
            continue
        for at in random.integers(0, table.num_rows, EVENTS):
            yield Mutation(OFFLINE_FILE, name, "one more", _offline_column(name, _one_more(int(at))))
        for change, whole in _COLUMNS.items():
            yield Mutation(OFFLINE_FILE, name, change, _offline_column(name, whole))
    for at in random.integers(0, table.num_rows, EVENTS):
        yield Mutation(OFFLINE_FILE, "row", "lost", _offline(partial(_without, at=int(at))))
        yield Mutation(OFFLINE_FILE, "row", "twice", _offline(partial(_twice, at=int(at))))
    yield Mutation(OFFLINE_FILE, "row", "all lost", _offline(lambda old: old.slice(0, 0)))
    yield Mutation(OFFLINE_FILE, "metadata", "lost", _offline(lambda old: old.replace_schema_metadata(None)))


def _one_more(at: int) -> Callable[[Any], Any]:
    def change(values: Any) -> Any:
        values[at] += 1
        return values

    return change


def _offline(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        pq.write_table(change(pq.read_table(folder / OFFLINE_FILE)), folder / OFFLINE_FILE)

    return apply


def _offline_column(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def of_table(table: pa.Table) -> pa.Table:
        at = table.column_names.index(name)
        field = table.schema.field(at)
        return table.set_column(at, field, pa.array(change(table.column(at).to_numpy().copy()), type=field.type))

    return _offline(of_table)
