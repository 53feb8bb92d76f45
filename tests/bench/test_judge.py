"""The benchmark of the judge: made-up runs that it must pass, and figures of what was really measured."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest

import worlds
from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.judge.registry import judge, verdict
from analysis.record.ledger_file import LedgerWriter, read_ledger
from analysis.record.runfolder import LEDGER_FILE, read
from analysis.verdict import Verdict
from bench.parts import judge as part
from bench.reference import judge_world
from bench.reference.judge_world import SECOND
from bench.tools.errors import BenchError
from bench.tools.peak_memory import Cost, measured

EVENTS = 10_000


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of compiled modules for all tests, so that each does not compile pandas again."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def place(tmp_path: Path, bytecode: Path) -> Path:
    """A folder to put runs into."""
    (tmp_path / part.BYTECODE).symlink_to(bytecode)
    return tmp_path


@pytest.fixture
def folders(place: Path) -> dict[str, Path]:
    """Two short runs that differ in their scrapes, as the benchmark makes them."""
    actual = {"judge": place / "one", "judge_tenfold_scrapes": place / "ten"}
    judge_world.put({SECOND: actual["judge"], SECOND // 10: actual["judge_tenfold_scrapes"]}, EVENTS)
    return actual


@pytest.mark.slow
def test_a_round_measures_what_passes_and_what_pandas_counts_alike(folders: dict[str, Path]) -> None:
    """Every contender is a fresh process with a cost of its own; one run has about ten times the scrapes."""
    costs, scrapes = part.one_round(folders, EVENTS)
    assert costs.keys() == {"judge", "judge_tenfold_scrapes", "at_end", "each_scrape"}
    assert all(cost.cpu_s > 0 and cost.peak_mb > 1 for cost in costs.values())
    assert scrapes["judge_tenfold_scrapes"] > 5 * scrapes["judge"] > 0


def test_the_made_up_ledger_is_whole_and_of_many_batches(folders: dict[str, Path]) -> None:
    """All events are there, each request once, and the same of them under either name."""
    for folder in folders.values():
        actual = read_ledger(folder / LEDGER_FILE)
        assert actual.cut is None
        assert actual.events.num_rows == EVENTS
        assert len(np.unique(actual.events.column("request").to_numpy())) == EVENTS
        assert len(actual.events.to_batches()) > 1


@pytest.mark.slow
def test_a_verdict_other_than_pass_is_not_measured(folders: dict[str, Path]) -> None:
    """A ledger that lacks a batch is not judged PASS, and that ends the benchmark with one line."""
    folder = folders["judge"]
    first, *rest = read_ledger(folder / LEDGER_FILE).events.to_batches()
    (folder / LEDGER_FILE).unlink()
    writer = LedgerWriter(folder / LEDGER_FILE)
    for batch in rest:
        writer.append(batch)
    writer.close()
    worlds.reseal(folder)  # as if the run itself had left it so
    assert first.num_rows > 0
    assert verdict(judge(arrange(files.read(folder, read(folder))))) is not Verdict.PASS
    with pytest.raises(BenchError, match="expected exit code 0, got 4"):
        part.judged(folder, EVENTS)


@pytest.mark.slow
def test_a_pass_on_another_number_of_events_is_not_measured(folders: dict[str, Path]) -> None:
    with pytest.raises(BenchError, match=r"expected PASS on 10,001 events, got PASS on 10,000"):
        part.judged(folders["judge"], EVENTS + 1)


@pytest.mark.slow
def test_counts_other_than_pandas_end_the_benchmark(folders: dict[str, Path]) -> None:
    with pytest.raises(BenchError, match="pandas: expected the judge's counts"):
        part.by_pandas(folders["judge"], "at_end", {"percept.joblib": {"tp": 1, "fp": 0, "tn": 0, "fn": 0}})


@pytest.mark.slow
def test_a_module_is_measured_by_its_own_memory(tmp_path: Path) -> None:
    """The peak is that of the process measured, not of the one that started it, however large that is."""
    ballast = np.ones(25_000_000)
    cost = measured(tmp_path, "platform")
    assert cost.output == platform.platform()
    assert 0 < cost.peak_mb * 1e6 < ballast.nbytes


def test_figures_are_ratios_within_a_round() -> None:
    """Twice the time for all in the second round leaves the ratios; the memory is the highest."""

    def costs(factor: float, peak_mb: float) -> dict[str, Cost]:
        seconds = {"judge": 1.0, "judge_tenfold_scrapes": 1.1, "at_end": 5.0, "each_scrape": 50.0}
        return {name: Cost(factor * cpu_s, peak_mb, "") for name, cpu_s in seconds.items()}

    actual = part.figures(1000, [costs(1, 60), costs(2, 70)], {"judge": 3, "judge_tenfold_scrapes": 30})
    assert actual == {
        "events_per_core_s": {"median": 750, "low": 500, "high": 1000},
        "peak_mb": 70,
        "over_pandas": {"median": 5.0, "low": 5.0, "high": 5.0},
        "pandas_peak_mb": 70,
        "scrapes": 3,
        "tenfold_scrapes": {"scrapes": 30, "cpu_ratio": {"median": 1.1, "low": 1.1, "high": 1.1}, "peak_mb": 70},
        "over_pandas_each_scrape": {"median": 50.0, "low": 50.0, "high": 50.0},
    }


def test_sizes_are_named_by_their_power_of_ten() -> None:
    assert [part.power(size) for size in part.SIZES] == ["1e5", "1e6", "1e7"]


@pytest.mark.slow
def test_a_measured_size_has_every_key_and_leaves_no_run(place: Path) -> None:
    """From nothing to the figures."""
    actual = part.measure_size(place, 2000, 1)
    assert actual.keys() == {
        "events_per_core_s", "peak_mb", "over_pandas", "pandas_peak_mb", "scrapes", "tenfold_scrapes",
        "over_pandas_each_scrape",
    }  # fmt: skip
    assert actual["events_per_core_s"].keys() == {"median", "low", "high"}
    assert [path.name for path in place.iterdir()] == [part.BYTECODE]


@pytest.mark.slow
def test_a_second_process_finds_what_the_first_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the environment says to write no bytecode."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    measured(tmp_path, "platform")
    first = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pyc")}
    measured(tmp_path, "platform")
    assert first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pyc")} == first
