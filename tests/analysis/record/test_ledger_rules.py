"""The rules of a true ledger: each is seen to be broken, and the event that breaks it is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import worlds
from alterations import ALONE
from analysis.record import ledger_rules
from analysis.record.ledger import COLUMNS, SCHEMA, Kind, LedgerError, Outcome, check_schema
from analysis.record.runfolder import Run
from events import Event, batch_of_events
from worlds import MS, SECOND, START_NS


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run from START_NS to the end of its last event."""
    return worlds.put(tmp_path, ALONE)


def batches(events: Sequence[Event]) -> list[pa.RecordBatch]:
    return [batch_of_events(events[:7]), batch_of_events([]), batch_of_events(events[7:])]


def spoiled(column: str, value: int) -> list[pa.RecordBatch]:
    """The ledger of ALONE, in whose tenth event one column has another value."""
    first, empty, second = batches(ALONE.events)
    values = second.column(column).to_pylist()
    at = COLUMNS.index(column)
    changed = pa.array([*values[:2], value, *values[3:]], type=SCHEMA.field(at).type)
    columns = [*second.columns[:at], changed, *second.columns[at + 1 :]]
    return [first, empty, pa.RecordBatch.from_arrays(columns, schema=SCHEMA)]


def test_a_true_ledger_gives_the_time_of_its_first_event(run: Run) -> None:
    """Also one in which that time is not the first in the file, and one without events."""
    assert ledger_rules.check(batches(ALONE.events), run) == START_NS
    assert ledger_rules.check(batches(ALONE.events[::-1]), run) == START_NS
    assert ledger_rules.check(batches([]), run) is None


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("kind", 2, "has kind 2, which does not exist"),
        ("kind", -1, "has kind -1, which does not exist"),
        ("outcome", 3, "has outcome 3, which does not exist"),
        ("outcome", -1, "has outcome -1, which does not exist"),
        ("status", -1, "has status -1, which does not exist"),
        ("status", 1000, "has status 1000, which does not exist"),
        ("worker", -1, "a worker, request or position that cannot be"),
        ("position", -1, "a worker, request or position that cannot be"),
        ("request", -1, "a worker, request or position that cannot be"),
        ("request", 2**33, "a worker, request or position that cannot be"),
        ("sent_ns", 0, r"was sent \(0\) before it was planned"),
        ("sent_ns", START_NS + 3600 * SECOND, "before it was sent"),
        ("done_ns", START_NS, "before it was sent"),
        ("done_ns", START_NS + 3600 * SECOND, "after the run had ended"),
        ("planned_ns", START_NS + 3600 * SECOND, "before it was planned"),
        ("planned_ns", 0, "was planned at 0, before the run began"),
    ],
)
def test_an_event_that_breaks_a_rule_is_named(run: Run, column: str, value: int, words: str) -> None:
    """Its place in the ledger, and its worker, request and position as the ledger has them."""
    number = ALONE.events[9].request if column != "request" else value
    with pytest.raises(LedgerError, match=rf"event 10 \(worker -?\d+, request {number}, position -?\d+\).*{words}"):
        ledger_rules.check(spoiled(column, value), run)


def test_an_event_that_is_there_twice_is_named(run: Run) -> None:
    """In one batch or in two. Another worker, request or position makes it another event."""
    event = replace(ALONE.events[3], worker=2)
    others = [replace(event, position=1), replace(event, worker=3), replace(event, request=event.request + 1)]
    assert ledger_rules.check([batch_of_events([event, *others])], run) is not None
    for twice in ([batch_of_events([event, *others, event])], batches([event, *ALONE.events, event])):
        with pytest.raises(LedgerError, match="worker 2, request 3, position 0 is in the ledger more than once"):
            ledger_rules.check(twice, run)


REST, GRPC = {"transport": "rest"}, {"transport": "grpc"}
UNFIT = (
    *((REST, Outcome.ACKNOWLEDGED, status) for status in (0, 100, 302, 404, 500)),
    *((REST, Outcome.REFUSED, status) for status in (200, 299, 302, 503)),
    *((GRPC, Outcome.ACKNOWLEDGED, status) for status in (4, 200)),
    (GRPC, Outcome.REFUSED, 0),
)
FIT = (
    *((REST, Outcome.ACKNOWLEDGED, status) for status in (200, 204)),
    *((REST, Outcome.REFUSED, status) for status in (0, 400, 429)),
    *((REST, Outcome.INDETERMINATE, status) for status in (0, 200, 302, 404, 503)),
    (GRPC, Outcome.ACKNOWLEDGED, 0),
    *((GRPC, Outcome.REFUSED, status) for status in (3, 16)),
    *((GRPC, Outcome.INDETERMINATE, status) for status in (0, 4)),
)


def of_status(run: Run, asked_for: Mapping[str, Any], outcome: Outcome, status: int) -> int | None:
    """The check of a ledger whose fourth event has the outcome and the status; the others fit the transport."""
    good = 0 if asked_for is GRPC else 200
    events = [replace(event, status=good) for event in ALONE.events]
    events[3] = replace(events[3], outcome=outcome, status=status)
    return ledger_rules.check(batches(events), replace(run, options={**run.options, **asked_for}))


@pytest.mark.parametrize(("asked_for", "outcome", "status"), UNFIT)
def test_an_outcome_that_contradicts_its_status_is_named(
    run: Run, asked_for: Mapping[str, Any], outcome: Outcome, status: int
) -> None:
    """An error is not acknowledged, and what was answered well was not refused."""
    with pytest.raises(LedgerError, match=rf"event 4 \(.*with status {status}, which is no "):
        of_status(run, asked_for, outcome, status)


@pytest.mark.parametrize(("asked_for", "outcome", "status"), FIT)
def test_an_outcome_that_can_have_its_status_is_right(
    run: Run, asked_for: Mapping[str, Any], outcome: Outcome, status: int
) -> None:
    """The other side: whatever the load generator writes keeps the rule."""
    assert of_status(run, asked_for, outcome, status) == START_NS


def rows_of_one_request(**altered: int | Outcome) -> list[Event]:
    """Three rows of one request among other events; the last of them is altered."""
    head = replace(ALONE.events[6], request=500)
    third = replace(head, position=2, row=head.row + 2, **altered)  # type: ignore[arg-type]
    return [*ALONE.events[:6], head, replace(head, position=1, row=head.row + 1), third, *ALONE.events[9:]]


def test_rows_of_one_request_stand_together_and_agree(run: Run) -> None:
    """Also where a batch of the file ends between two of them."""
    events = rows_of_one_request()
    assert ledger_rules.check(batches(events), run) == START_NS
    assert ledger_rules.check([batch_of_events(events)], run) == START_NS


@pytest.mark.parametrize(
    "altered",
    [
        {"kind": Kind.FEEDBACK},
        {"outcome": Outcome.REFUSED, "status": 400},
        {"outcome": Outcome.INDETERMINATE},
        {"status": 201},
        {"planned_ns": START_NS},
        {"done_ns": ALONE.events[6].done_ns + 1},
    ],
)
def test_rows_of_one_request_that_contradict_each_other_are_named(run: Run, altered: dict[str, Any]) -> None:
    """What is sent once has one outcome, at one time."""
    with pytest.raises(LedgerError, match=r"event 9 \(.*request 500, position 2\) has another time, outcome or status"):
        ledger_rules.check(batches(rows_of_one_request(**altered)), run)


def test_a_row_without_the_one_before_it_is_named(run: Run) -> None:
    """The recorder writes the rows of a request in one piece."""
    events = rows_of_one_request()
    with pytest.raises(LedgerError, match=r"event 8 \(.*position 2\) does not follow the row before it"):
        ledger_rules.check(batches([*events[:7], *events[8:]]), run)
    with pytest.raises(LedgerError, match=r"event 1 \(.*position 1\) does not follow the row before it"):
        ledger_rules.check(batches(events[7:]), run)


def test_the_clocks_of_generator_processes_may_differ_a_little(run: Run) -> None:
    """An event may lie up to a second outside the run, whose start and end another process noted."""
    early = replace(ALONE.events[0], planned_ns=START_NS - 900 * MS, sent_ns=START_NS - 900 * MS)
    assert ledger_rules.check(batches([early, *ALONE.events[1:]]), run) == START_NS - 900 * MS
    with pytest.raises(LedgerError, match="before the run began"):
        ledger_rules.check(batches([replace(early, planned_ns=START_NS - 1100 * MS), *ALONE.events[1:]]), run)


def test_a_run_without_an_end_has_no_latest_time(run: Run) -> None:
    """What it recorded is held to all other rules."""
    late = worlds.event(Kind.FEEDBACK, 0, START_NS + 3600 * SECOND, START_NS + 3601 * SECOND, request=10**6)
    assert ledger_rules.check(batches([*ALONE.events, late]), replace(run, ended=None)) == START_NS


def test_a_column_with_an_empty_place_is_refused(run: Run) -> None:
    """Arrow lets a file say that a value is missing, also where the schema forbids it."""
    batch = batch_of_events(ALONE.events[:3])
    columns = [*batch.columns[:4], pa.array([1, None, 2], type=pa.int32()), *batch.columns[5:]]
    holed = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    with pytest.raises(LedgerError, match="events 8 to 10 lack a value of row"):
        ledger_rules.check([batch_of_events(ALONE.events[3:10]), holed], run)


def test_a_ledger_of_another_version_is_refused() -> None:
    """Equal columns can mean something else in another version."""
    with pytest.raises(LedgerError, match=r"expected ledger schema 1 .*, got version 2 \("):
        check_schema(SCHEMA.with_metadata({"plumbline.ledger": "2"}), "a ledger")
    with pytest.raises(LedgerError, match="got version none"):
        check_schema(SCHEMA.remove_metadata(), "a ledger")
