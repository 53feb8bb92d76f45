"""CPU times: the time used, the time waited, and kernels that do not report it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from locustfiles.drive.cpu import SCHEDSTAT, CpuTime


def test_shares_are_of_the_time_between_two_readings() -> None:
    """A second of two used is half; what was waited before the first reading does not count."""
    assert CpuTime(1.0, 0.5).shares_until(CpuTime(2.0, 1.5), 2.0) == (0.5, 0.5)


@pytest.mark.parametrize("wall_s", [-0.1, 0.0, 1e-9, 0.02])
def test_a_load_that_has_hardly_begun_has_no_shares(wall_s: float) -> None:
    """An interrupted run took all that its process had used for the use in a nanosecond: 6,663,200,000 %."""
    assert CpuTime(1.0, 0.5).shares_until(CpuTime(1.1, 0.6), wall_s) == (0.0, None)


@pytest.mark.parametrize("content", [None, "", "12", "a b c"])
def test_a_kernel_that_does_not_say_is_not_taken_for_one_without_waits(tmp_path: Path, content: str | None) -> None:
    """No file, or one of another form: not known, which is not 0."""
    if content is not None:
        (tmp_path / "schedstat").write_text(content)
    actual = CpuTime.read(tmp_path / "schedstat")
    assert actual.waited_s is None
    assert actual.shares_until(CpuTime(9.0, 9.0), 1.0)[1] is None


def test_the_second_number_is_the_time_waited_in_nanoseconds(tmp_path: Path) -> None:
    """As the kernel's documentation has it."""
    (tmp_path / "schedstat").write_text("5000000000 2000000000 17\n")
    assert CpuTime.read(tmp_path / "schedstat").waited_s == 2.0


@pytest.mark.skipif(not SCHEDSTAT.exists(), reason="this kernel does not say how long a process waited")
def test_a_process_that_is_kept_from_its_cpu_is_told_from_one_that_sleeps() -> None:
    """Two processes on one CPU wait for each other; the CPU time of each is what a half-idle process has too."""
    program = (
        "import os, time\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from locustfiles.drive.cpu import CpuTime\n"
        "if os.fork() == 0:\n"
        "    while os.getppid() != 1 and time.process_time() < 2: pass\n"
        "    os._exit(0)\n"
        "first = CpuTime.read()\n"
        "until = time.monotonic() + 20\n"
        "while (now := CpuTime.read()).waited_s - first.waited_s < 0.2 and time.monotonic() < until: pass\n"
        "print(now.waited_s - first.waited_s >= 0.2)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("waited", ["0.25", "None"])
def test_what_a_worker_says_of_its_cpu_reaches_the_master(waited: str) -> None:
    """As a plain dictionary, which is how it travels; not known stays not known. Locust patches its process."""
    program = (
        "from dataclasses import asdict\n"
        "from locustfiles.drive.plan import DriverReport\n"
        "from locustfiles.drive.recorder import RecorderTotals\n"
        "totals = RecorderTotals(3, 1, 0, ((('artifact', 'a'),),), (('predict', 500, 'no'),))\n"
        f"driven = DriverReport(totals, 0.5, 2, {waited})\n"
        "print(DriverReport.from_dict(asdict(driven)) == driven, driven.waited_share)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.returncode) == (f"True {waited}\n", 0), done.stderr
