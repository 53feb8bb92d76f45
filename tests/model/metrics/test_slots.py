"""Shared memory for counts: one writer a slot, which may die at any moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess

import pytest

from model.metrics import slots
from model.metrics.slots import Slots, SlotsError

fork = multiprocessing.get_context("fork")
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def started() -> Iterator[Callable[..., BaseProcess]]:
    """Starts functions in forked processes and kills what is left at the end."""
    processes: list[BaseProcess] = []

    def start(work: Callable[[], None]) -> BaseProcess:
        process = fork.Process(target=work)
        processes.append(process)
        process.start()
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


def holder(shared: Slots, work: Callable[[int], object] = str) -> tuple[Callable[[], None], int]:
    """A function that claims a slot, works in it, says which it was and waits to be killed; and where it says so."""
    reader, writer = os.pipe()

    def hold() -> None:
        slot = shared.claim()
        work(slot)
        os.write(writer, bytes([slot]))
        signal.pause()

    return hold, reader


def test_each_process_has_a_slot_of_its_own_and_a_dead_ones_is_free(started: Callable[..., BaseProcess]) -> None:
    """Three holders get slots 0, 1, 2; after a SIGKILL the next one gets the dead one's."""
    shared = Slots(8)
    processes = []
    for expected in range(3):
        hold, says = holder(shared)
        processes.append(started(hold))
        assert os.read(says, 1) == bytes([expected])
    processes[1].kill()
    processes[1].join()
    hold, says = holder(shared)
    started(hold)
    assert os.read(says, 1) == bytes([1])


def test_without_a_free_slot_the_claim_is_refused(started: Callable[..., BaseProcess]) -> None:
    """One slot, held: the next claim is an error in one line."""
    shared = Slots(1)
    hold, says = holder(shared)
    started(hold)
    os.read(says, 1)
    with pytest.raises(SlotsError, match="expected a free slot among 1, got none"):
        shared.claim()


def test_a_successor_counts_on_from_what_a_killed_process_left(started: Callable[..., BaseProcess]) -> None:
    """Values and keys that a killed process wrote are there for all, and its successor appends behind them."""
    shared = Slots(4)

    def write(slot: int) -> None:
        handle = shared.append(slot, b"first", 2)
        shared.values[handle + 1] = 41.0

    hold, says = holder(shared, write)
    process = started(hold)
    os.read(says, 1)
    process.kill()
    process.join()
    slot = shared.claim()
    ((key, handle, width),), seen = shared.records(slot)
    assert (slot, key, width) == (0, b"first", 2)
    shared.values[handle + 1] += 1
    assert shared.values[handle : handle + 2].tolist() == [0.0, 42.0]
    shared.append(slot, b"second, of another length", 1)
    assert [record[0] for record in shared.records(slot)[0]] == [b"first", b"second, of another length"]
    assert [record[0] for record in shared.records(slot, seen)[0]] == [b"second, of another length"]


def test_a_record_cut_short_by_a_kill_is_not_there() -> None:
    """All of a record but its publication leaves the slot as it was, and the next record takes its place."""
    shared = Slots(1)
    whole = shared.append(0, b"whole", 1)
    used = shared._ints[0]
    shared.append(0, b"cut", 1)
    shared._ints[0] = used  # the last step of append has not happened
    assert [record[0] for record in shared.records(0)[0]] == [b"whole"]
    again = shared.append(0, b"next", 1)
    assert [record[0] for record in shared.records(0)[0]] == [b"whole", b"next"]
    assert again > whole


def test_a_full_slot_refuses_and_keeps_what_it_has() -> None:
    """A record that does not fit is an error; those before it stay readable, and the next slot is untouched."""
    shared = Slots(2)
    shared.append(0, b"a", 1)
    with pytest.raises(SlotsError, match="got a full slot"):
        shared.append(0, b"b", slots.SLOT_BYTES // 8)
    assert [record[0] for record in shared.records(0)[0]] == [b"a"]
    assert shared.records(1)[0] == []
    room = slots.SLOT_BYTES // 8 - shared._ints[0] - 3
    shared.append(0, b"c", room)
    with pytest.raises(SlotsError):
        shared.append(0, b"d", 0)


def test_the_memory_has_no_name_and_costs_only_what_is_used() -> None:
    """No file is to be found, and 64 slots take no memory before they are used."""
    shared = Slots(64)
    linked = os.fstat(shared._file)
    assert linked.st_nlink == 0
    assert linked.st_blocks == 0
    shared.append(63, b"a", 1)
    assert os.fstat(shared._file).st_blocks * 512 <= 8192
