"""A run folder as DataFrames: each frame agrees with another witness of the same run, and the example works."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

import analysis.notebook
from analysis.claims.claim import Claim, Claims
from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers, OfflineError
from analysis.notebook import RecordedRun, frames, open_run
from analysis.record.runfolder import PredictorSpec, RunFolderError
from analysis.result.fields import ReportError

TESTS = Path(__file__).parents[2]
RECORDED = TESTS / "analysis" / "recorded"
OTHERS = TESTS / "mutants" / "recorded"


@pytest.fixture(scope="module")
def run() -> RecordedRun:
    return open_run(RECORDED / "pass")


@pytest.fixture(scope="module")
def result() -> Any:
    return json.loads((RECORDED / "pass" / "result.json").read_text())


def test_events_are_those_of_the_result(run: RecordedRun, result: Any) -> None:
    """Their number by outcome, and the latencies by an oracle of their own."""
    events = run.events()
    assert events["outcome"].value_counts().to_dict() == {
        name: result["load"][name] for name in ("acknowledged", "refused", "indeterminate")
    }
    predictions = events[events["kind"] == "predict"]
    assert predictions["response_ms"].max() == pytest.approx(result["load"]["latency_ms"]["predict"]["max"])
    assert predictions["service_ms"].max() == pytest.approx(result["load"]["service_ms"]["predict"]["max"])
    assert (events["response_ms"] - events["service_ms"] - events["late_ms"]).abs().max() < 1e-6
    assert events["sent"].dt.tz is not None
    assert set(events["truth"].unique()) == {0, 1}
    assert events.loc[events["kind"] == "feedback", "predicted"].isna().all()


def test_the_last_counts_are_those_of_the_result_within_their_bounds(run: RecordedRun, result: Any) -> None:
    counts = run.counts()
    last = counts.groupby(["predictor", "cell"], observed=True).last()["live"]
    for name, predictor in result["predictors"].items():
        assert {cell: last[name, cell] for cell in ("tp", "fp", "tn", "fn")} == {
            cell: predictor["live"][cell] for cell in ("tp", "fp", "tn", "fn")
        }
    assert ((counts["low"] <= counts["live"]) & (counts["live"] <= counts["high"])).all()
    assert counts["time"].is_monotonic_increasing


def test_samples_are_what_prometheus_stored(run: RecordedRun, result: Any) -> None:
    """The sum over the series of a cell, at the end less at the start, is its live count."""
    samples = run.samples()
    assert samples["metric"].nunique() > 5
    chosen = samples[
        (samples["metric"] == "true_pos") & (samples["method"] == "feedback") & (samples["predictor_name"] == "default")
    ].sort_values("time")
    ends = chosen.groupby("worker_id", observed=True)["value"].agg(["first", "last"])
    before = np.where(
        (chosen.groupby("worker_id", observed=True)["time"].first() < run.events()["sent"].min()), ends["first"], 0
    )
    assert (ends["last"] - before).sum() == result["predictors"]["default"]["live"]["tp"]


def test_curves_hold_every_threshold_of_both_sources(run: RecordedRun, result: Any) -> None:
    curves = run.curves().set_index(["predictor", "source"])
    for name, predictor in result["predictors"].items():
        for source in ("live", "offline"):
            curve = curves.loc[(name, source)]
            assert curve["threshold"].tolist() == predictor["curve"]["threshold"]
            assert curve["tp"].tolist() == predictor["curve"][source]["tp"]
    nothing_called = curves[(curves["tp"] + curves["fp"]) == 0]
    assert nothing_called["precision"].isna().all()
    assert len(nothing_called)


def test_findings_and_comparison_are_those_of_the_result(run: RecordedRun, result: Any) -> None:
    findings = run.findings()
    assert findings["check"].tolist() == [finding["check"] for finding in result["findings"]]
    assert set(findings["verdict"]) == {"PASS"}
    comparison = run.comparison()
    assert comparison.loc["recall", "low"] == result["comparison"]["difference"]["recall"]["low"]
    assert comparison.attrs["p_value"] == result["comparison"]["p_value"]


def test_rows_say_which_the_models_get_wrong_and_on_which_they_differ(run: RecordedRun, result: Any) -> None:
    """The rows on which only one of them is right are the judge's discordant rows."""
    rows = run.rows()
    sent = rows[rows["answers"] > 0]
    assert len(sent) == result["comparison"]["rows"]
    assert rows["served"].isna().sum() == len(rows) - len(sent)
    right = {name: sent[f"{name}_offline"] == sent["truth"] for name in ("default", "shadow")}
    only = {
        "only_primary": sent[right["default"] & ~right["shadow"]],
        "only_shadow": sent[~right["default"] & right["shadow"]],
    }
    assert {name: sorted(table.index) for name, table in only.items()} == result["comparison"]["discordant"]
    assert (sent["served"] == sent["default_offline"]).all()
    live = result["predictors"]["default"]["live"]
    wrong = rows[rows["served"] != rows["truth"]]
    assert len(wrong) == live["fp"] + live["fn"]
    assert rows["feedbacks"].sum() == result["predictors"]["default"]["feedback"]["acknowledged"]


def test_features_follow_by_id_and_only_from_the_file_that_was_sent(trained: Path, tmp_path: Path) -> None:
    """The index is the row's id, whatever the order; another file of the same shape is not taken, nor one that went."""
    path = trained / "heldout.parquet"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    heldout = pd.read_parquet(path)
    features = frames.features(path, digest)
    assert features is not None
    assert features.loc[heldout["id"][7], "mean radius"] == heldout["mean radius"][7]
    assert "truth" not in features
    other = tmp_path / "heldout.parquet"
    heldout.iloc[::-1].to_parquet(other)
    assert frames.features(other, digest) is None
    assert frames.features(tmp_path / "none.parquet", digest) is None
    csv = tmp_path / "heldout.csv"
    heldout.to_csv(csv, index=False)
    from_csv = frames.features(csv, hashlib.sha256(csv.read_bytes()).hexdigest())
    assert from_csv is not None
    pd.testing.assert_frame_equal(from_csv, features, check_index_type=False)


def test_a_run_whose_rows_are_still_there_has_their_features(trained: Path, tmp_path: Path) -> None:
    """Beside the answers, a column with a name of ours gets another one."""
    shutil.copytree(RECORDED / "pass", tmp_path / "run")
    heldout = pd.read_parquet(trained / "heldout.parquet").rename(columns={"mean radius": "served"})
    heldout.to_parquet(tmp_path / "heldout.parquet")
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    content["heldout"] = str(tmp_path / "heldout.parquet")
    content["heldout_sha256"] = hashlib.sha256((tmp_path / "heldout.parquet").read_bytes()).hexdigest()
    (tmp_path / "run" / "run.json").write_text(json.dumps(content))
    rows = open_run(tmp_path / "run").rows()
    by_id = heldout.set_index("id")
    assert rows["served_feature"].tolist() == by_id["served"].reindex(rows.index).tolist()
    assert rows["mean texture"].notna().all()


@pytest.mark.parametrize("folder", sorted(path.name for path in OTHERS.iterdir()))
def test_every_recorded_run_can_be_opened(folder: str) -> None:
    """Split traffic, batches, gRPC, an interrupted run, wrong models: each has all frames that do not need a result."""
    run = open_run(OTHERS / folder)
    events, rows = run.events(), run.rows()
    assert len(events) == (run.run.recorder.events if run.run.recorder is not None else len(events))
    assert len(rows)
    assert set(run.counts().columns) == {"time", "predictor", "cell", "live", "low", "high"}
    assert len(run.samples())


def test_the_most_frequent_answer_is_the_served_one_and_labels_may_be_texts() -> None:
    """Row 7 was answered twice as good and once as bad, row 9 never; a refused prediction is no answer."""
    answers = OfflineAnswers(
        np.array([7, 8, 9], np.int32), np.array([0, 1, 1], np.int16), ("bad", "good"), 1, "",
        {"m.joblib": ArtifactAnswers("", np.array([0, 1, 0], np.int16), np.array([-1.0, 2.0, -3.0]))},
    )  # fmt: skip
    sent = pd.DataFrame(
        {
            "row": [7, 7, 7, 8, 8, 8],
            "kind": ["predict"] * 5 + ["feedback"],
            "outcome": ["acknowledged"] * 4 + ["refused", "acknowledged"],
            "predicted": pd.array(["good", "bad", "good", "good", None, None], dtype="string"),
        }
    )
    spec = PredictorSpec("default", "m", "m.joblib", shadow=False, traffic=100, replicas=1)
    rows = frames.rows(answers, [spec, replace(spec, name="shadow", artifact="other.joblib")], sent)
    assert rows["served"].tolist()[:2] == ["good", "good"]
    assert rows["served"].isna().tolist() == [False, False, True]
    assert rows[["answers", "distinct_answers", "feedbacks"]].to_numpy().tolist() == [[3, 2, 0], [1, 1, 1], [0, 0, 0]]
    assert rows["default_offline"].tolist() == ["bad", "good", "bad"]
    assert rows["default_score"].tolist() == [-1.0, 2.0, -3.0]
    assert rows["shadow_offline"].isna().all()
    assert rows[rows["served"] != rows["truth"]].index.tolist() == [7]


def test_rows_of_three_classes_have_a_score_for_each() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    answers = OfflineAnswers(
        np.array([0, 1], np.int32), np.array([0, 2], np.int16), ("a", "b", "c"), -1, "",
        {"m.joblib": ArtifactAnswers("", np.array([0, 2], np.int16), scores)},
    )  # fmt: skip
    sent = pd.DataFrame({"row": [0], "kind": ["predict"], "outcome": ["acknowledged"], "predicted": ["a"]})
    spec = PredictorSpec("default", "m", "m.joblib", shadow=False, traffic=100, replicas=1)
    rows = frames.rows(answers, [spec], sent)
    assert rows["default_offline"].tolist() == ["a", "c"]
    assert rows[[f"default_score_{label}" for label in "abc"]].to_numpy().tolist() == scores.tolist()
    assert "default_score" not in rows


def test_counts_carry_the_names_of_what_was_judged() -> None:
    """A matrix of three classes has nine counts, each of a pair; the first four of them are no cells."""
    times = np.array([1000, 2000], np.int64)
    values = np.arange(18.0).reshape(2, 9)
    claims = Claims(
        tuple(Claim(f"{truth}>{answer}", "m", tuple(int(pair == 3 * truth + answer) for pair in range(9)))
              for truth in range(3) for answer in range(3)), 3, None,
    )  # fmt: skip
    counted = SimpleNamespace(
        path=SimpleNamespace(time_ms=times, value=values),
        bounds=SimpleNamespace(low=values, high=values),
        claims=claims,
    )
    evidence = SimpleNamespace(counted=lambda: ((SimpleNamespace(name="default"), counted),))
    last = frames.counts(cast("Any", evidence)).groupby("cell").last()["live"]
    assert last.to_dict() == {
        f"{truth}>{answer}": 9.0 + 3 * truth + answer for truth in range(3) for answer in range(3)
    }


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """No run, no result, no offline answers: each by the error that says what to do."""
    with pytest.raises(RunFolderError, match="expected a run folder"):
        open_run(tmp_path)
    shutil.copytree(RECORDED / "pass", tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    (tmp_path / "run" / "offline.parquet").unlink()
    run = open_run(tmp_path / "run")
    assert "not judged" in repr(run)
    with pytest.raises(ReportError, match="Judge the run first"):
        run.findings()
    with pytest.raises(OfflineError):
        run.events()


def test_nothing_in_the_folder_is_changed(tmp_path: Path) -> None:
    shutil.copytree(RECORDED / "pass", tmp_path / "run")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "run").iterdir()}
    run = open_run(tmp_path / "run")
    for frame in (
        run.events(),
        run.samples(),
        run.counts(),
        run.curves(),
        run.findings(),
        run.comparison(),
        run.rows(),
    ):
        assert isinstance(frame, pd.DataFrame)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (tmp_path / "run").iterdir()} == before


def test_the_example_works_when_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands in the docstring, in a folder that has a run."""
    shutil.copytree(RECORDED / "pass", tmp_path / "runs" / "latest")
    monkeypatch.chdir(tmp_path)
    lines = (analysis.notebook.__doc__ or "").split("\n\n")[1:3]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(textwrap.dedent("\n".join(lines)), {})  # noqa: S102  (our own example)
    assert "PASS, ab-test" in printed.getvalue()
    assert "4 rows answered wrongly," in printed.getvalue()


def test_a_load_test_starts_without_pandas() -> None:
    """The front door, the judge and the doctor import none of this room."""
    script = (
        "import sys, locustfiles.__main__, locustfiles.doctor.__main__, analysis.command.judge_step; "
        "print([name for name in ('pandas', 'analysis.notebook') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=TESTS.parent)
    assert done.stdout == "[]\n"
