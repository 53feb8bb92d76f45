"""Baseline, collection and verdict on a real Prometheus, which scrapes counters that the test moves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

import worlds
from analysis.collect import baseline, stored_samples
from analysis.collect.prometheus import Prometheus, PrometheusError
from analysis.collect.stored_samples import Patience
from analysis.evidence import files, offline
from analysis.evidence.arrange import arrange
from analysis.judge import registry
from analysis.record import runfolder
from analysis.record.instants import rfc3339
from analysis.record.ledger import Kind
from analysis.record.ledger_file import LedgerWriter
from analysis.record.runfolder import PredictorSpec, RecorderReport, Run
from analysis.verdict import Verdict
from answering import Answer, answering
from deploy.local.config.binaries import prometheus as prometheus_program
from deploy.local.config.ports import Ports
from events import Event, batch_of_events
from model.contract import CELLS, METRIC_OF_CELL
from worlds import PRIMARY, SHADOW

pytestmark = pytest.mark.stack


@dataclass
class Model:
    """A model's metrics endpoint: the four counts of each predictor that it stands for."""

    counts: dict[str, list[int]] = field(default_factory=dict)

    def text(self, predictor: str) -> str:
        counts = self.counts.get(predictor)
        if counts is None:
            return ""
        labels = f'deployment_name="metrics-model",predictor_name="{predictor}",worker_id="1"'
        lines = [
            f'{METRIC_OF_CELL[cell]}{{{labels},method="{method}"}} {count}'
            for cell, count in zip(CELLS, counts, strict=True)
            for method in ("feedback", "predict")
        ]
        return "\n".join(lines) + "\n"

    def answer(self, path: str) -> Answer:
        return 200, "text/plain", self.text(path.strip("/")).encode()


@dataclass
class Scene:
    """A Prometheus that scrapes the models, and the addresses of both."""

    url: str
    model: Model


@contextmanager
def scraping(folder: Path, target: str, *, labelled: bool) -> Iterator[str]:
    labels = {"seldon_deployment_id": "metrics-model", "namespace": "seldon"} if labelled else {}
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}",
            "static_configs": [{"targets": [target], "labels": labels}],
        }
        for name in ("default", "shadow")
    ]
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump({"global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"}, "scrape_configs": jobs})
    )
    with Ports() as ports:
        address = f"127.0.0.1:{ports.take()}"
        command = [prometheus_program(os.environ), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        process = subprocess.Popen([*command, f"--web.listen-address={address}", "--log.level=error"])
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module", params=[True, False], ids=["labelled", "without pod labels"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One Prometheus for all tests here; the models keep counting from one test to the next, as in reality."""
    model = Model({"default": [3, 0, 2, 1], "shadow": [3, 0, 2, 1]})
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        answering(model.answer) as models,
        scraping(folder, models.removeprefix("http://"), labelled=request.param) as url,
    ):
        until(lambda: answers(url))
        yield Scene(url, model)


def answers(url: str) -> bool:
    try:
        return len(Prometheus(url).ask('up{job="default"} == 1')) == 1
    except PrometheusError:
        return False


def until(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "waited for nothing"
        time.sleep(0.02)


def begin(folder: Path, scene: Scene, predictors: tuple[PredictorSpec, ...]) -> Run:
    """A run that has just been started: `run.json` without its end, offline answers, and a baseline."""
    world = worlds.world((), predictors)
    run = worlds.put(folder, world)
    (folder / runfolder.LEDGER_FILE).unlink()
    (folder / runfolder.SAMPLES_FILE).unlink()
    now = rfc3339(time.time())
    run = replace(run, prometheus_url=scene.url, started=now, ended=None, stop=None, recorder=None)
    runfolder.write(folder, run)
    baseline.write(folder, run, Prometheus(scene.url), 20.0, time.time, time.sleep)
    return run


def drive(scene: Scene, predictors: tuple[PredictorSpec, ...], number: int) -> list[Event]:
    """Feedback that is counted at once by every predictor, one event after the other."""
    events = []
    for i in range(number):
        row = i % worlds.ROWS
        sent = time.time_ns()
        for predictor in predictors:
            scene.model.counts[predictor.name][worlds.cell_of(predictor.artifact, row, worlds.truth_of(row))] += 1
        events.append(worlds.event(Kind.FEEDBACK, row, sent, time.time_ns(), request=i))
        time.sleep(0.01)  # the load's own pace
    return events


def end(folder: Path, run: Run, events: list[Event]) -> Run:
    with_ledger = LedgerWriter(folder / runfolder.LEDGER_FILE)
    with_ledger.append(batch_of_events(events))
    with_ledger.close()
    done = run.finished(
        ended=rfc3339(time.time()),
        stop="finished",
        recorder=RecorderReport(len(events), 0, 1, 0, 0.1),
        served_tags=(),
    )
    runfolder.write(folder, done)
    return done


def judged(folder: Path, run: Run) -> tuple[Verdict, str]:
    worlds.reseal(folder)
    findings = registry.judge(arrange(files.read(folder, run)))
    return registry.verdict(findings), "\n".join(
        f"{finding.check}: {finding.message}" for finding in findings if finding.verdict
    )


def test_a_true_run_after_prior_traffic_passes(scene: Scene, tmp_path: Path) -> None:
    """Counts from before the run are the baseline; verdict within two scrape intervals and two seconds."""
    run = begin(tmp_path, scene, (PRIMARY, SHADOW))
    run = end(tmp_path, run, drive(scene, (PRIMARY, SHADOW), 120))
    began = time.monotonic()
    stored_samples.collect(tmp_path, run, Prometheus(scene.url), Patience(), time.time, time.sleep)
    verdict, message = judged(tmp_path, run)
    assert time.monotonic() - began < 2 * 0.25 + 2
    assert (verdict, message) == (Verdict.PASS, "")


def test_one_event_that_was_not_counted_fails_the_run(scene: Scene, tmp_path: Path) -> None:
    """The twin: the same with one count removed."""
    run = begin(tmp_path, scene, (PRIMARY,))
    events = drive(scene, (PRIMARY,), 60)
    events.append(worlds.event(Kind.FEEDBACK, 0, events[-1].done_ns, time.time_ns(), request=99))
    run = end(tmp_path, run, events)
    stored_samples.collect(tmp_path, run, Prometheus(scene.url), Patience(), time.time, time.sleep)
    verdict, message = judged(tmp_path, run)
    assert verdict is Verdict.FAIL
    assert "1 of 61 acknowledged feedbacks were not counted" in message


def test_a_slow_but_complete_shadow_is_waited_for(scene: Scene, tmp_path: Path) -> None:
    """The shadow counts after the load has ended; the collection goes on for as long as it makes progress."""
    run = begin(tmp_path, scene, (PRIMARY, SHADOW))
    events = drive(scene, (PRIMARY,), 30)
    run = end(tmp_path, run, events)

    def catch_up() -> None:
        for event in events:
            time.sleep(0.05)
            scene.model.counts["shadow"][worlds.cell_of(SHADOW.artifact, event.row, event.truth)] += 1

    late = threading.Thread(target=catch_up)
    late.start()
    stored_samples.collect(tmp_path, run, Prometheus(scene.url), Patience(), time.time, time.sleep)
    late.join()
    assert judged(tmp_path, run) == (Verdict.PASS, "")


def test_an_incomplete_shadow_is_not_waited_for_without_end(scene: Scene, tmp_path: Path) -> None:
    """A shadow that stands still for the settling time is judged as it is: incomplete."""
    run = begin(tmp_path, scene, (PRIMARY, SHADOW))
    run = end(tmp_path, run, drive(scene, (PRIMARY,), 30))
    began = time.monotonic()
    stored_samples.collect(tmp_path, run, Prometheus(scene.url), Patience(settle_s=1.0), time.time, time.sleep)
    assert time.monotonic() - began < 4
    verdict, message = judged(tmp_path, run)
    assert verdict is Verdict.FAIL
    assert "0 of 30 feedbacks: 30 never arrived" in message


def test_an_interrupted_run_is_collected_without_waiting(scene: Scene, tmp_path: Path) -> None:
    """Without patience: it fetches at once what is stored."""
    run = begin(tmp_path, scene, (PRIMARY,))
    run = end(tmp_path, run, drive(scene, (PRIMARY,), 10))
    began = time.monotonic()
    stored = stored_samples.collect(tmp_path, run, Prometheus(scene.url), None, time.time, time.sleep)
    assert time.monotonic() - began < 1.0
    assert stored.problem is None


def test_the_baseline_knows_clock_interval_and_targets(scene: Scene, tmp_path: Path) -> None:
    """`baseline.json`: on one machine the clocks agree within the uncertainty that is given for them."""
    begin(tmp_path, scene, (PRIMARY,))
    baseline = json.loads((tmp_path / runfolder.BASELINE_FILE).read_text())
    assert abs(baseline["clock_offset_s"]) <= baseline["clock_uncertainty_s"] + 0.001
    assert baseline["clock_uncertainty_s"] < 0.1
    assert baseline["scrape_interval_s"] == pytest.approx(0.25, abs=0.05)
    assert len(baseline["targets"]) == 2


def test_offline_answers_are_read_back(scene: Scene, tmp_path: Path) -> None:
    """What `begin` left is what the judge reads: the tests above judge by the right model."""
    begin(tmp_path, scene, (PRIMARY, SHADOW))
    assert set(offline.read(tmp_path / runfolder.OFFLINE_FILE).answers) == {PRIMARY.artifact, SHADOW.artifact}


def test_the_server_says_its_version(scene: Scene) -> None:
    """The evidence names the Prometheus that it came from; where nothing answers there is no name."""
    assert re.match(r"\d+\.\d+", Prometheus(scene.url).version())
    assert Prometheus("http://127.0.0.1:1").version() == ""
