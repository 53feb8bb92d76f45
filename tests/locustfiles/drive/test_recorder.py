"""From attempts to the ledger: nothing is lost without being counted, and nothing is held back."""

from __future__ import annotations

import errno
import math
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gevent
import pyarrow as pa
import pytest

from analysis.record.ledger import NO_CLASS, Kind, Outcome
from analysis.record.ledger_file import read_ledger
from locustfiles.drive.recorder import FLUSH_EVENTS, FLUSH_S, MAX_FAILURES, MAX_TAGS, EndedRequest, LedgerFile, Recorder
from model.contract import TAG_ARTIFACT, TAG_DIGEST


def ended(rows: tuple[int, ...] = (7,), outcome: Outcome = Outcome.ACKNOWLEDGED) -> EndedRequest:
    count = len(rows)
    return EndedRequest(
        Kind.FEEDBACK, rows, (1, 2, 3), outcome, 200, (NO_CLASS,) * count, (1,) * count, (math.nan,) * count
    )


def into(taken: list[pa.RecordBatch]) -> Callable[[pa.RecordBatch], None]:
    return taken.append


def test_every_ended_request_reaches_the_sink_once_and_in_order() -> None:
    """A batch is one event for each row, told apart by its position; they share the request's number."""
    taken: list[pa.RecordBatch] = []
    recorder = Recorder(3, into(taken))
    for number in range(5):
        recorder.end(recorder.begin(2), ended((number, number + 10)))
    recorded = recorder.finish()
    table = pa.Table.from_batches(taken)
    assert table["request"].to_pylist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert table["row"].to_pylist() == [0, 10, 1, 11, 2, 12, 3, 13, 4, 14]
    assert table["position"].to_pylist() == [0, 1] * 5
    assert set(table["worker"].to_pylist()) == {3}
    assert (recorded.events, recorded.batches, recorded.unrecorded) == (10, 1, 0)


def test_events_do_not_wait_for_the_end() -> None:
    """After a second at most they are handed over, sooner when there are many."""
    taken: list[pa.RecordBatch] = []
    recorder = Recorder(0, into(taken))
    recorder.end(recorder.begin(1), ended())
    gevent.sleep(FLUSH_S + 0.3)
    assert [batch.num_rows for batch in taken] == [1]
    for _ in range(FLUSH_EVENTS):
        recorder.end(recorder.begin(1), ended())
    assert [batch.num_rows for batch in taken] == [1, FLUSH_EVENTS]
    recorder.finish()


def test_what_the_sink_refuses_is_counted() -> None:
    """A full disk, a lost master: the run goes on, and knows how many events it does not have."""

    def full(batch: pa.RecordBatch) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    recorder = Recorder(0, full)
    for _ in range(3):
        recorder.end(recorder.begin(2), ended((1, 2)))
    recorded = recorder.finish()
    assert (recorded.events, recorded.unrecorded) == (0, 6)


def test_a_request_that_was_begun_and_never_ended_is_counted() -> None:
    """There should be none; if there is one, the judge must know."""
    recorder = Recorder(0, into([]))
    recorder.begin(4)
    recorder.end(recorder.begin(1), ended())
    assert recorder.finish().unrecorded == 4


def test_a_request_ends_once() -> None:
    """A second end of the same request is a fault in the driver, not a second event."""
    recorder = Recorder(0, into([]))
    number = recorder.begin(1)
    recorder.end(number, ended())
    with pytest.raises(KeyError):
        recorder.end(number, ended())
    recorder.finish()


def test_a_failure_while_a_request_is_recorded_loses_it_whole_and_counted() -> None:
    """A fault of the driver's (an answer for one row of two) leaves no half of a request behind, and no silence."""
    taken: list[pa.RecordBatch] = []
    recorder = Recorder(0, into(taken))
    number = recorder.begin(2)
    with pytest.raises(IndexError):
        recorder.end(number, ended((1, 2))._replace(predicted=(0,)))
    recorder.end(recorder.begin(1), ended())
    recorded = recorder.finish()
    assert pa.Table.from_batches(taken)["row"].to_pylist() == [7]
    assert (recorded.events, recorded.unrecorded) == (1, 2)


def test_an_event_that_does_not_fit_its_column_loses_its_request_whole_and_counted() -> None:
    """The first row of a batch is not recorded where the second cannot be: the judge would miss one, and not know."""
    taken: list[pa.RecordBatch] = []
    recorder = Recorder(0, into(taken))
    recorder.end(recorder.begin(2), ended((1, 2**40)))
    recorder.end(recorder.begin(1), ended())
    recorded = recorder.finish()
    assert pa.Table.from_batches(taken)["row"].to_pylist() == [7]
    assert (recorded.events, recorded.unrecorded) == (1, 2)


def test_a_sink_that_fails_in_a_way_of_its_own_leaves_what_it_got_counted() -> None:
    """A batch that was under way when its greenlet was killed, or that met a defect, is known to be missing."""

    def broken(batch: pa.RecordBatch) -> None:
        raise ZeroDivisionError

    recorder = Recorder(0, broken)
    recorder.end(recorder.begin(2), ended((1, 2)))
    with pytest.raises(ZeroDivisionError):
        recorder.flush()
    recorded = recorder.finish()
    assert (recorded.events, recorded.unrecorded) == (0, 2)


def test_distinct_tags_are_kept_up_to_a_bound() -> None:
    """Each once; a model that puts a counter into its tags must not fill the memory."""
    recorder = Recorder(0, into([]))
    for number in range(MAX_TAGS + 10):
        recorder.served_by((("n", str(number)),))
        recorder.served_by((("n", "0"),))
    assert len(recorder.finish().tags) == MAX_TAGS


def test_who_served_is_kept_when_other_tags_are_too_many() -> None:
    """A wrong artefact that answers only after many different tags is seen; it too only up to a bound."""
    recorder = Recorder(0, into([]))
    for number in range(MAX_TAGS * 3):
        digest = "right" if number < MAX_TAGS * 2 else f"wrong {number}"
        recorder.served_by(((TAG_ARTIFACT, "a"), ("n", str(number)), (TAG_DIGEST, digest)))
    tags = recorder.finish().tags
    assert ((TAG_ARTIFACT, "a"), (TAG_DIGEST, "right")) in tags
    assert ((TAG_ARTIFACT, "a"), (TAG_DIGEST, f"wrong {MAX_TAGS * 2}")) in tags
    assert len(tags) == MAX_TAGS * 2


def test_of_failures_the_first_of_each_kind_and_status_is_kept_up_to_a_bound() -> None:
    """Only what is kept is asked for: a reason costs time, and a load may fail ten thousand times a second."""
    recorder = Recorder(0, into([]))
    reasons: list[str] = []

    def reason() -> str:
        reasons.append(f"no {len(reasons)}")
        return reasons[-1]

    for number in range(MAX_FAILURES * 4):
        recorder.failed(Kind.FEEDBACK, 400 + number // 2, reason)
    recorder.failed(Kind.PREDICT, 400, lambda: "too late")
    failures = recorder.finish().failures
    assert failures[:2] == (("feedback", 400, "no 0"), ("feedback", 401, "no 1"))
    assert len(failures) == len(reasons) == MAX_FAILURES


def batch(*outcomes: Outcome) -> pa.RecordBatch:
    taken: list[pa.RecordBatch] = []
    recorder = Recorder(0, into(taken))
    for outcome in outcomes:
        recorder.end(recorder.begin(1), ended(outcome=outcome))
    recorder.finish()
    return taken[0]


def test_the_book_is_the_ledgers_file(tmp_path: Path) -> None:
    """What is appended can be read back, and the running totals are those of the file."""
    ledger_file = LedgerFile(tmp_path / "ledger.arrow")
    ledger_file.append(batch(Outcome.ACKNOWLEDGED, Outcome.REFUSED))
    ledger_file.append(batch(Outcome.INDETERMINATE))
    ledger_file.close()
    ledger = read_ledger(tmp_path / "ledger.arrow")
    assert (ledger.cut, ledger.events["outcome"].to_pylist()) == (None, [0, 1, 2])
    assert (ledger_file.counts.events, ledger_file.counts.failures) == (3, 2)


def fill(ledger_file: LedgerFile, many: pa.RecordBatch) -> None:
    for _ in range(100):
        ledger_file.append(many)


def test_a_full_disk_keeps_what_was_written_and_refuses_all_that_follows(tmp_path: Path) -> None:
    """A batch behind a broken one could not be read, so none is written, even when there is room again."""
    path = tmp_path / "ledger.arrow"
    ledger_file = LedgerFile(path)
    many = batch(*[Outcome.ACKNOWLEDGED] * 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            fill(ledger_file, many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(OSError, match="too large"):
        ledger_file.append(many)
    ledger_file.close()
    ledger = read_ledger(path)
    assert ledger.events.num_rows == ledger_file.counts.events > 0
    assert ledger.cut is not None


IMPORTED = """
import sys
import locust
from pathlib import Path
from analysis.record import ledger
from locustfiles.drive import recorder
from locustfiles.run import hooks
ledger_file = recorder.LedgerFile(Path(sys.argv[1]))
batch = recorder._batch_of(bytearray(recorder._RECORD.itemsize * 3))
ledger_file.append(ledger.from_bytes(ledger.to_bytes(batch)))
assert ledger_file.counts.events == 3
print("pandas" in sys.modules)
"""


def test_recording_imports_no_pandas(tmp_path: Path) -> None:
    """Arrow imports pandas unasked in many calls; in the middle of a load that would stop every user for a second."""
    command = [sys.executable, "-c", IMPORTED, str(tmp_path / "ledger.arrow")]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
