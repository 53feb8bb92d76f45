"""Which gates a search goes by, and how long its steps are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import ALONE
from analysis.__main__ import main
from analysis.capacity.gates import DEFAULT, gates_of, length_s, requests_needed
from analysis.evidence.files import read_gates
from analysis.judge.gates import GateError
from analysis.record import runfolder
from analysis.record.runfolder import GATES_FILE
from analysis.stats.proportions import surely_at_most

EVEN = {"predict": 0.5, "feedback": 0.5}


def test_the_command_line_comes_before_the_project_and_that_before_the_default() -> None:
    """The gates come from one source and are never mixed."""
    assert gates_of(["p99_predict_ms<=5"], ["failures<=1%"]) == ("p99_predict_ms<=5",)
    assert gates_of([], ["failures<=1%"]) == ("failures<=1%",)
    assert gates_of([], []) == DEFAULT
    with pytest.raises(GateError):
        gates_of(["fast"], [])


def test_the_requests_needed_are_those_of_the_binomial_rule() -> None:
    """459 for a p99, 4,603 for 0.1 % of failures, of all kinds together; quality gates need no number of requests."""
    needed = requests_needed(["p99_predict_ms<=50", "p90_predict_ms<=9", "failures<=0.1%", "precision>=0.9"])
    assert needed == {"predict": 459, "feedback": 0, "any": 4603}


@pytest.mark.parametrize("rate", [7.0, 50.0, 330.0, 5000.0])
@pytest.mark.parametrize("gates", [DEFAULT, ("p999_feedback_ms<=50",), ("p50_predict_ms<=9", "failures<=5%")])
def test_a_clean_step_of_that_length_decides_its_gates(rate: float, gates: tuple[str, ...]) -> None:
    """Twin: at most a twentieth more than what the rule needs, and never less, at any rate."""
    seconds = length_s(gates, rate, EVEN, 1)
    for kind, number in requests_needed(gates).items():
        sent = int(seconds * rate * EVEN.get(kind, 1))
        assert sent >= number
    shortest = max(number / (rate * EVEN.get(kind, 1)) for kind, number in requests_needed(gates).items())
    assert seconds <= max(1, shortest * 1.05) + 1
    assert not surely_at_most(0, 458, 0.01)


def test_a_step_lasts_at_least_as_long_as_asked() -> None:
    """At a rate that decides the gates within a second."""
    assert length_s(("p50_predict_ms<=9",), 5000, EVEN, 10) == 10


def test_a_kind_that_is_not_sent_needs_no_time() -> None:
    """Only predictions: the feedback gate can never be decided, and must not make a step endless."""
    assert length_s(("p99_feedback_ms<=9",), 100, {"predict": 1.0, "feedback": 0.0}, 10) == 10


def test_gates_that_lie_in_a_run_folder_already_are_those_it_is_judged_by(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A search puts them there before the run; the baseline leaves them, and ``--gate`` still replaces them."""
    run = worlds.put(tmp_path, ALONE)
    runfolder.write(tmp_path, replace(run, prometheus_url="http://127.0.0.1:9"))
    (tmp_path / GATES_FILE).write_text('["failures<=1%"]', encoding="utf-8")
    assert main(["baseline", str(tmp_path)]) == 2
    assert read_gates(tmp_path) == ("failures<=1%",)
    assert main(["baseline", str(tmp_path), "--gate", "failures<=2%"]) == 2
    assert read_gates(tmp_path) == ("failures<=2%",)
    assert "Prometheus" in capsys.readouterr().err
