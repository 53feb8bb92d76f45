"""samples.parquet and offline.parquet give back what was put in, and refuse what is not theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import worlds
from analysis.evidence import offline, samples
from analysis.evidence.samples import ClockOffset, Samples, SamplesError, Series


def test_samples_come_back_as_they_were(tmp_path: Path) -> None:
    """Series, labels, times, values (NaN too), clock and problem survive the file."""
    series = (
        Series("true_pos", {"b": "2", "a": 'é"'}, np.array([1, 5]), np.array([1.0, float("nan")])),
        Series("true_pos", {"a": "3"}, np.array([2]), np.array([7.0])),
        Series("up", {"a": "3"}, np.array([2]), np.array([1.0])),
    )
    path = tmp_path / "samples.parquet"
    samples.write(path, Samples(series, ClockOffset(-1.5, 0.25), "2.42.0", "it broke off"))
    stored = samples.read(path)
    assert sorted(one_series.key for one_series in stored.series) == sorted(one_series.key for one_series in series)
    by_key = {one_series.key: one_series for one_series in stored.series}
    for one_series in series:
        assert by_key[one_series.key].time_ms.tolist() == one_series.time_ms.tolist()
        np.testing.assert_array_equal(by_key[one_series.key].value, one_series.value)
    assert (stored.clock, stored.prometheus, stored.problem) == (ClockOffset(-1.5, 0.25), "2.42.0", "it broke off")


def test_no_samples_at_all_are_still_a_file(tmp_path: Path) -> None:
    """If Prometheus had no samples, the file exists and is empty."""
    samples.write(tmp_path / "s", Samples((), ClockOffset(0.0, 0.0)))
    assert samples.read(tmp_path / "s").series == ()


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", b"<html>"])
def test_a_file_that_is_no_parquet_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """One line that names the file."""
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(SamplesError, match=r"reading samples: expected .*Collect again") as caught:
        samples.read(tmp_path / "s")
    assert "\n" not in str(caught.value)


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    """A parquet file without our metadata is not ours."""
    pq.write_table(pa.table({"metric": ["a"]}), tmp_path / "s")
    with pytest.raises(SamplesError):
        samples.read(tmp_path / "s")


def test_times_that_do_not_increase_are_no_series() -> None:
    """Two samples at one time would be counted twice."""
    with pytest.raises(ValueError, match="do not increase"):
        Series("up", {}, np.array([1, 1]), np.array([1.0, 1.0]))


@given(st.floats(-5, 5), st.floats(0, 1), st.floats(-5, 5), st.floats(0, 1))
def test_joined_clocks_hold_both_readings(a: float, da: float, b: float, db: float) -> None:
    """The joined interval is the smallest that contains each of the two."""
    joined = ClockOffset(a, da).joined(ClockOffset(b, db))
    low, high = joined.offset_s - joined.uncertainty_s, joined.offset_s + joined.uncertainty_s
    assert low == pytest.approx(min(a - da, b - db), abs=1e-9)
    assert high == pytest.approx(max(a + da, b + db), abs=1e-9)


def test_offline_answers_come_back_as_they_were(tmp_path: Path) -> None:
    """Rows, truths, classes, digests, answers and scores of two artefacts survive the file."""
    answers = {name: worlds.answers(name) for name in ("percept.joblib", "lr.joblib")}
    rows = np.arange(worlds.ROWS, dtype=np.int32)
    written = offline.OfflineAnswers(rows, (rows % 2).astype(np.int16), (0, 1), 1, "h", answers)
    offline.write(tmp_path / "o", written)
    stored = offline.read(tmp_path / "o")
    assert (stored.classes, stored.positive, stored.heldout_sha256) == ((0, 1), 1, "h")
    assert stored.rows.tolist() == rows.tolist()
    for name, answer in answers.items():
        assert stored.answers[name].sha256 == answer.sha256
        assert stored.answers[name].predicted.tolist() == answer.predicted.tolist()
        assert stored.answers[name].score.tolist() == answer.score.tolist()


def test_a_file_that_holds_no_offline_answers_is_refused(tmp_path: Path) -> None:
    """One line that names the file."""
    (tmp_path / "o").write_bytes(b"nothing")
    with pytest.raises(offline.OfflineError, match=r"reading offline answers: expected .*Collect again"):
        offline.read(tmp_path / "o")
