"""The ledger's file is whole or cut, and the reader knows which."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.record.ledger import COLUMNS, NO_CLASS, Kind, LedgerError, Outcome, batch_of, from_bytes, to_bytes
from analysis.record.ledger_file import LedgerWriter, Pages, Scan, read_ledger
from events import Event, batch_of_events


def event(request: int = 0, **changes: object) -> Event:
    values: dict[str, object] = {
        "worker": 0,
        "request": request,
        "position": 0,
        "kind": Kind.PREDICT,
        "row": request % 100,
        "planned_ns": 10,
        "sent_ns": 20,
        "done_ns": 30,
        "outcome": Outcome.ACKNOWLEDGED,
        "status": 200,
        "predicted": 1,
        "truth": 0,
        "score": 0.5,
    }
    return Event(**{**values, **changes})  # type: ignore[arg-type]


def write(path: Path, *sizes: int) -> None:
    writer = LedgerWriter(path)
    for size in sizes:
        writer.append(batch_of_events(event(request) for request in range(size)))
    writer.close()


EVENTS = st.builds(
    event,
    request=st.integers(min_value=0, max_value=2**62),
    worker=st.integers(min_value=0, max_value=2**15 - 1),
    kind=st.sampled_from(Kind),
    outcome=st.sampled_from(Outcome),
    status=st.integers(min_value=0, max_value=599),
    predicted=st.sampled_from([NO_CLASS, 0, 1]),
    row=st.integers(min_value=0, max_value=2**31 - 1),
    score=st.floats(allow_nan=False),
)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=20))
def test_a_batch_holds_its_events_and_crosses_the_wire(events: list[Event]) -> None:
    """Every field comes back as it was, through a record batch and through bytes."""
    batch = batch_of_events(events)
    rows = from_bytes(to_bytes(batch)).to_pylist()
    assert rows == [{name: getattr(event, name) for name in COLUMNS} for event in events]


@pytest.mark.parametrize("sizes", [(), (0,), (3,), (3, 0, 4)])
def test_a_closed_ledger_is_whole(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """All events of all batches, and nothing cut, also when there was nothing to write."""
    write(tmp_path / "l", *sizes)
    ledger = read_ledger(tmp_path / "l")
    assert (ledger.events.num_rows, ledger.cut) == (sum(sizes), None)


def test_a_score_of_none_is_nan_not_zero(tmp_path: Path) -> None:
    """An answer without a score must not look like a score of 0."""
    writer = LedgerWriter(tmp_path / "l")
    writer.append(batch_of_events([event(score=math.nan)]))
    writer.close()
    assert math.isnan(read_ledger(tmp_path / "l").events["score"][0].as_py())


def test_a_ledger_whose_writer_was_killed_between_batches_is_cut(tmp_path: Path) -> None:
    """Pyarrow alone would take a plain end of file for the end of the stream."""
    path = tmp_path / "l"
    writer = LedgerWriter(path)
    writer.append(batch_of_events([event()]))
    writer.abandon()
    ledger = read_ledger(path)
    assert (ledger.events.num_rows, ledger.cut) == (1, "no end-of-stream mark after batch 1")


def test_a_ledger_cut_anywhere_gives_its_whole_batches_and_says_so(tmp_path: Path) -> None:
    """At every length a prefix is refused, or yields only whole batches and a reason; never a partial one."""
    whole = tmp_path / "whole"
    write(whole, 3, 4)
    content = whole.read_bytes()
    seen = set()
    for length in range(0, len(content), 7):
        cut = tmp_path / "cut"
        cut.write_bytes(content[:length])
        try:
            ledger = read_ledger(cut)
        except LedgerError:
            continue
        assert ledger.cut is not None
        seen.add(ledger.events.num_rows)
    assert seen == {0, 3, 7}


def test_a_broken_byte_in_a_batch_ends_the_reading_there(tmp_path: Path) -> None:
    """The batches before it are kept."""
    path = tmp_path / "l"
    write(path, 3)
    first = path.stat().st_size
    path.unlink()
    write(path, 3, 4)
    content = bytearray(path.read_bytes())
    content[first - 8 + 4 : first - 8 + 8] = b"\xff\xff\xff\x7f"  # length of the second batch's metadata
    path.write_bytes(bytes(content))
    ledger = read_ledger(path)
    assert (ledger.events.num_rows, ledger.cut is None) == (3, False)


@pytest.mark.parametrize("content", [None, b"", b"no arrow", b"\xff\xff\xff\xff\x00\x00\x00\x00"])
def test_what_is_no_ledger_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing file, an empty one, any other one: an error that names it, not an empty ledger."""
    path = tmp_path / "l"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerError, match=str(path)):
        read_ledger(path)


def test_a_stream_of_another_schema_is_refused(tmp_path: Path) -> None:
    """Same form, other columns; the message names ours."""
    path = tmp_path / "l"
    with pa.ipc.new_stream(str(path), pa.schema([("a", pa.int8())])):
        pass
    with pytest.raises(LedgerError, match="expected ledger schema 1"):
        read_ledger(path)


def test_bytes_that_are_no_batch_are_refused() -> None:
    """What a worker sends is checked like a file."""
    with pytest.raises(LedgerError, match="expected an Arrow IPC stream, got 3 bytes"):
        from_bytes(b"abc")


def test_a_ledger_is_not_written_over(tmp_path: Path) -> None:
    """A second run in the same folder would destroy the evidence of the first."""
    write(tmp_path / "l", 1)
    with pytest.raises(FileExistsError):
        LedgerWriter(tmp_path / "l")


@pytest.mark.parametrize(("planned", "sent", "done"), [(11, 10, 12), (10, 13, 12)])
def test_an_event_that_ends_before_it_begins_is_none(planned: int, sent: int, done: int) -> None:
    """Planned, sent, done, in this order."""
    with pytest.raises(ValueError, match="expected planned <= sent <= done"):
        event(planned_ns=planned, sent_ns=sent, done_ns=done)


def test_columns_of_different_lengths_make_no_batch() -> None:
    """A row that lacks a field is not an event."""
    columns: list[list[object]] = [[1] for _ in COLUMNS]
    columns[3] = [1, 2]
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        batch_of(columns).validate(full=True)


def resident_file_pages() -> int:
    """Bytes of mapped files that are resident in this process (Linux: proc(5), RssFile)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssFile:"))


def most_resident_while_scanned(path: Path) -> int:
    """How far the resident file pages grow while each column of each batch is read once."""
    before, most = resident_file_pages(), 0
    for batch in Scan(path):
        assert all(len(bytes(column.buffers()[1])) for column in batch.columns)
        most = max(most, resident_file_pages() - before)
    return most


def test_a_long_ledger_is_not_resident_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scanning it keeps a window of its pages; the twin, whose window is never left, keeps them all."""
    path = tmp_path / "l.arrow"
    large = batch_of_events([event()] * 20_000)
    writer = LedgerWriter(path)
    for _ in range(90):
        writer.append(large)
    writer.close()
    length = path.stat().st_size
    assert length > 4 * Pages.WINDOW
    assert most_resident_while_scanned(path) < 2 * Pages.WINDOW
    monkeypatch.setattr(Pages, "WINDOW", 2**40)
    assert most_resident_while_scanned(path) > 0.9 * length


def test_a_batch_that_is_kept_stays_good(tmp_path: Path) -> None:
    """Its pages were given back to the kernel while later batches were read, and are loaded again unchanged."""
    path = tmp_path / "l.arrow"
    batches = [batch_of_events([event(row=number)] * 20_000) for number in range(40)]
    writer = LedgerWriter(path)
    for batch in batches:
        writer.append(batch)
    writer.close()
    assert path.stat().st_size > 2 * Pages.WINDOW
    assert list(Scan(path)) == batches
