"""True worlds, and functions that each alter one thing in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import any_world
import worlds
from analysis.evidence import exposed, offline
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.gateway import PREFIX
from analysis.evidence.offline import ArtifactAnswers, OfflineAnswers
from analysis.evidence.samples import Series
from analysis.record import runfolder
from analysis.record.arrays import Floats
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import RecorderReport
from events import Event
from model.atomic import write_text
from model.contract import CELLS
from worlds import MS, PRIMARY, SECOND, SHADOW, START_NS, World

BASE = worlds.world(worlds.load_of(60), (PRIMARY, SHADOW), targets=2, workers=2)
ALONE = worlds.world(worlds.load_of(60))


def nothing(_: Path) -> None:
    """Leave the folder as it is."""


def without(name: str) -> Callable[[Path], None]:
    """Delete a file of the run folder."""
    return lambda folder: (folder / name).unlink()


def another_endpoint(folder: Path) -> None:
    """An endpoint that shows counts which Prometheus did not store."""
    shows = ExposedCounts("10.0.0.0:6000", {"default": (1.0, 2.0, 3.0, 4.0)})
    (folder / runfolder.EXPOSED_FILE).write_text(exposed.text([shows]), encoding="utf-8")


def endpoint_gone(folder: Path) -> None:
    """An endpoint that did not answer after the load."""
    write_text(folder / runfolder.EXPOSED_FILE, exposed.text([ExposedCounts("10.0.0.0:6000", {}, "refused")]))


def endpoint_of_another(folder: Path) -> None:
    """An endpoint that Prometheus does not scrape."""
    write_text(folder / runfolder.EXPOSED_FILE, exposed.text([ExposedCounts("10.9.9.9:6000", {})]))


def endpoints_forgotten(folder: Path) -> None:
    """An endpoint could be read before the load, and there is no file of any reading."""
    path = folder / runfolder.BASELINE_FILE
    write_text(path, json.dumps(json.loads(path.read_bytes()) | {"endpoints": 1}))


def appended(name: str) -> Callable[[Path], None]:
    """One byte more in a file of the run folder; the file is made if it is not there."""

    def spoil(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(b" ")

    return spoil


def with_content(name: str, content: str) -> Callable[[Path], None]:
    """Another content of a file of the run folder."""
    return lambda folder: write_text(folder / name, content)


def without_predictors(folder: Path) -> None:
    """The run names no predictor."""
    runfolder.write(folder, replace(runfolder.read(folder), predictors=()))


def with_gate(gate: str) -> Callable[[Path], None]:
    """The run is judged by a gate."""
    return lambda folder: write_text(folder / runfolder.GATES_FILE, json.dumps([gate]))


def answers_of(*names: str) -> Callable[[Path], None]:
    """The offline answers are of these artefacts only."""

    def spoil(folder: Path) -> None:
        answers = offline.read(folder / runfolder.OFFLINE_FILE)
        kept = {name: answers.answers[name] for name in names}
        offline.write(folder / runfolder.OFFLINE_FILE, replace(answers, answers=kept))

    return spoil


def retrained(folder: Path) -> None:
    """The offline answers are of artefacts that were trained later and give the opposite answers."""
    recorded = offline.read(folder / runfolder.OFFLINE_FILE)
    other = {
        name: ArtifactAnswers("z" * 64, (1 - answer.predicted).astype(np.int16), -answer.score)
        for name, answer in recorded.answers.items()
    }
    offline.write(folder / runfolder.OFFLINE_FILE, replace(recorded, answers=other))


def other_rows(folder: Path) -> None:
    """The offline answers are on another held-out file, whose rows have other truths and other answers."""
    retrained(folder)
    recorded = offline.read(folder / runfolder.OFFLINE_FILE)
    rows, truth = (recorded.rows + 3).astype(np.int32), (1 - recorded.truth).astype(np.int16)
    answers = {name: replace(answer, sha256=worlds.answers(name).sha256) for name, answer in recorded.answers.items()}
    since = OfflineAnswers(rows, truth, recorded.classes, recorded.positive, "y" * 64, answers)
    offline.write(folder / runfolder.OFFLINE_FILE, since)


def scored_by(artifact: str, *, above: float | None = None) -> World:
    """The world whose primary counts by another artefact's answers, or by its own scores with another threshold."""
    scores = worlds.answers(artifact).score
    counts = []
    for event, count in zip(feedback_of(ALONE), ALONE.counts["default"], strict=True):
        cell = worlds.cell_of(artifact, event.row, event.truth)
        if above is not None:
            called = scores[event.row] > above
            cell = [str(name) for name in CELLS].index(
                ("t" if called == (event.truth == 1) else "f") + ("p" if called else "n")
            )
        counts.append(replace(count, cell=cell))
    return worlds.with_counts(replace(ALONE, known=(SHADOW.artifact,)), "default", counts)


def rows_of_class(truth: int) -> World:
    """Only rows of one class are sent, and all is counted rightly."""
    return worlds.world(tuple(event for event in ALONE.events if event.truth == truth))


def truth_always(truth: int) -> World:
    """The primary counts each row as one whose truth is this."""
    counts = [
        replace(count, cell=worlds.cell_of(PRIMARY.artifact, event.row, truth))
        for event, count in zip(feedback_of(ALONE), ALONE.counts["default"], strict=True)
    ]
    return worlds.with_counts(ALONE, "default", counts)


def feedback_of(world: World) -> list[Event]:
    return [event for event in world.events if event.kind is Kind.FEEDBACK]


def first_rows_only() -> World:
    """Requests of four rows each, of which only the first is counted."""
    events, counts = [], []
    for first in range(0, len(ALONE.events), 8):
        pairs = ALONE.events[first : first + 8]
        for kind in Kind:
            whole = [event for event in pairs if event.kind is kind]
            events += [_row_of(whole[-1], event, position) for position, event in enumerate(whole)]
        last = first // 2 + 3
        counts.append(replace(ALONE.counts["default"][last], cell=ALONE.counts["default"][first // 2].cell))
    return worlds.with_counts(replace(ALONE, events=tuple(events)), "default", counts)


def _row_of(request: Event, event: Event, position: int) -> Event:
    """The event as a row of the request of another."""
    return replace(request, row=event.row, truth=event.truth, predicted=event.predicted, position=position)


def fewer(keep: Callable[[int], bool]) -> World:
    counts = ALONE.counts["default"]
    return worlds.with_counts(ALONE, "default", [count for i, count in enumerate(counts) if keep(i)])


def with_feedback_requests(share: float) -> World:
    """The world with the wrapper's own counter of feedback requests, which lacks a part of them."""

    def alter(series: list[Series]) -> list[Series]:
        cells = [one_series for one_series in series if one_series.metric == "true_pos"]
        total: Floats = (
            np.vstack([one_series.value for one_series in series if is_cell(one_series)]).sum(axis=0) * share
        )
        return [
            *series,
            *(replace(cell, metric="seldon_api_model_feedback_total", value=total) for cell in cells),
        ]

    return replace(ALONE, alter=alter)


def with_scored(ahead: int) -> World:
    """The world with a counter beside each cell; that of the true positives is ahead in the end."""

    def alter(series: list[Series]) -> list[Series]:
        cells = [one_series for one_series in series if is_cell(one_series)]
        return [*series, *(_scored(cell, ahead if cell.metric == "true_pos" else 0) for cell in cells)]

    return replace(ALONE, alter=alter)


def _scored(cell: Series, ahead: int) -> Series:
    """The counter beside the cell."""
    more = np.zeros(len(cell.value))
    more[-3:] = ahead
    return replace(cell, metric=f"scored_{cell.metric}_total", value=cell.value + more)


def with_counters(change: Callable[[Series], Series | None], world: World = ALONE) -> World:
    """The world with a counter beside each cell, as it is after the change; None is a counter that is not stored."""

    def alter(series: list[Series]) -> list[Series]:
        series = world.alter(series)
        counters = [change(_scored(cell, 0)) for cell in series if is_cell(cell)]
        return [*series, *(counter for counter in counters if counter is not None)]

    return replace(world, alter=alter)


def shadow_down(series: list[Series]) -> list[Series]:
    """From five seconds on, every scrape of the shadow fails."""
    altered = []
    for one_series in series:
        if not one_series.labels["instance"].endswith(":6001"):
            altered.append(one_series)
        elif one_series.metric == "up":
            altered.append(replace(one_series, value=np.where(one_series.time_ms < hour(5), one_series.value, 0.0)))
        else:
            altered.append(without_between(one_series, hour(5), hour(99)))
    return altered


def lost_by_gateway(number: int) -> list[Series]:
    """The gateway's counter of requests to the shadow that it could not hand over: so many during the load."""
    labels = {"envoy_cluster_name": "metrics-model-shadow", "job": "envoy"}
    times = np.array([hour(-0.5), hour(90)])
    return [Series(PREFIX + "pending_failure_eject", labels, times, np.array([7.0, 7.0 + number]))]


EDGES = (-8.5, -3.0, 0.0, 2.0, 4.5)


def with_buckets(shift: float = 0.0) -> World:
    """The world whose primary publishes score buckets, of scores that are shifted."""
    score = worlds.answers(PRIMARY.artifact).score + shift

    def alter(series: list[Series]) -> list[Series]:
        cells = [one_series for one_series in series if one_series.metric == "true_pos"]
        return series + [bucket for cell in cells for bucket in buckets(cell, score)]

    return replace(ALONE, alter=alter)


def buckets(cell: Series, score: Floats) -> list[Series]:
    """Score buckets of the feedback, with the labels of a series; complete from the scrape before the last on."""
    series = []
    for truth in (0, 1):
        for edge in (*EDGES, float("inf")):
            mine = [event for event in feedback_of(ALONE) if event.truth == truth and score[event.row] <= edge]
            value = np.zeros(len(cell.time_ms))
            value[-2:] = len(mine)
            labels = {**cell.labels, "truth": str(truth), "le": f"{edge:g}"}
            series.append(Series("feedback_score_bucket", labels, cell.time_ms, value))
    return series


def buckets_with(change: Callable[[Series], Series | None], *edges: str) -> World:
    """The world with score buckets, in which those of the positive class at some edges are changed or taken away."""
    right = with_buckets()

    def alter(series: list[Series]) -> list[Series]:
        altered = []
        for one_series in right.alter(series):
            labels = one_series.labels
            is_chosen = labels.get("truth") == "1" and labels.get("le") in edges
            altered.append(change(one_series) if is_chosen else one_series)
        return [one_series for one_series in altered if one_series is not None]

    return replace(right, alter=alter)


def with_more(amount: float) -> Callable[[Series], Series]:
    """The series with so much more in each value that is not 0."""
    return lambda series: replace(series, value=series.value + amount * (series.value > 0))


def with_label(name: str, text: str) -> Callable[[Series], Series]:
    """The series with another label."""
    return lambda series: replace(series, labels={**series.labels, name: text})


def only_the_total() -> World:
    """The world whose score buckets have no finite edge."""
    right = with_buckets()
    finite = {f"{edge:g}" for edge in EDGES}

    def alter(series: list[Series]) -> list[Series]:
        return [one_series for one_series in right.alter(series) if one_series.labels.get("le") not in finite]

    return replace(right, alter=alter)


def all_down(series: Series) -> Series:
    """No scrape succeeded, whatever is stored."""
    return replace(series, value=np.zeros(len(series.value))) if series.metric == "up" else series


def nan_third(series: Series) -> Series:
    return with_value(series, 3, float("nan")) if is_cell(series) else series


def last_as(value: float) -> Callable[[Series], Series]:
    return lambda series: with_value(series, -1, value) if is_cell(series) else series


def ahead(series: Series) -> Series:
    return with_value(series, 5, 59.0) if series.metric == "true_pos" else series


def stored_as(change: Callable[[Series], Series | None], world: World = ALONE) -> World:
    """The world, with each stored series changed or left out."""

    def alter(series: list[Series]) -> list[Series]:
        return [actual for one_series in series if (actual := change(one_series)) is not None]

    return replace(world, alter=alter)


def is_cell(series: Series) -> bool:
    return series.metric not in {"up", "scrape_duration_seconds"}


def with_value(series: Series, at: int, value: float) -> Series:
    values = series.value.copy()
    values[at] = value
    return replace(series, value=values)


def doubled(series: list[Series], **labels: str) -> list[Series]:
    """Every series twice, the second time with other labels."""
    return series + [replace(one_series, labels={**one_series.labels, **labels}) for one_series in series]


def events_with(change: Callable[[Event], Event | None], world: World = ALONE) -> World:
    """The world with another ledger; its recorder says what that ledger holds."""
    events = tuple(actual for event in world.events if (actual := change(event)) is not None)
    return replace(world, events=events)


def only_after(series: Series, time_ms: int) -> Series:
    keep = series.time_ms > time_ms
    return replace(series, time_ms=series.time_ms[keep], value=series.value[keep])


def without_between(series: Series, first_ms: int, last_ms: int) -> Series:
    keep = (series.time_ms < first_ms) | (series.time_ms > last_ms)
    return replace(series, time_ms=series.time_ms[keep], value=series.value[keep])


def cut_ledger(folder: Path) -> None:
    path = folder / runfolder.LEDGER_FILE
    path.write_bytes(path.read_bytes()[:-300])


def another_answer(event: Event) -> Event:
    return replace(event, predicted=1 - event.predicted) if event.kind is Kind.PREDICT and event.row == 4 else event


def now_and_then_another(event: Event) -> Event:
    return another_answer(event) if event.request > 60 else event


def no_class(event: Event) -> Event:
    return replace(event, predicted=-1) if event.kind is Kind.PREDICT else event


def split_values() -> World:
    """Two predictors share the traffic, and answer row 4, which is negative by both, with a value of 0.6."""
    world = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)

    def with_value(event: Event) -> Event:
        return replace(event, predicted=1, score=0.6) if event.kind is Kind.PREDICT and event.row == 4 else event

    return events_with(with_value, world)


def constant_values() -> World:
    """Each prediction is answered with the same value."""
    return events_with(
        lambda event: replace(event, predicted=1, score=0.6) if event.kind is Kind.PREDICT else event, ALONE
    )


def named_otherwise() -> World:
    """Each cell is stored a second time, under the name of a predictor that the run does not name."""

    def alter(series: list[Series]) -> list[Series]:
        return series + doubled([cell for cell in series if is_cell(cell)], predictor_name="ghost")[4:]

    return replace(ALONE, alter=alter)


def without_predictions() -> World:
    """Predictions were asked for, and only feedback was sent."""
    world = events_with(lambda event: event if event.kind is Kind.FEEDBACK else None)
    return replace(world, predict_ratio=1.0)


def refused_third() -> World:
    """The feedback on rows 0 to 3 is refused; the model errs on two of them."""
    return events_with(lambda event: refused(event) if event.kind is Kind.FEEDBACK and event.row < 4 else event)


def most_predictions_failed() -> World:
    """Only the predictions on row 0 were acknowledged."""
    return events_with(lambda event: refused(event) if event.kind is Kind.PREDICT and event.row > 0 else event)


def refused(event: Event) -> Event:
    return replace(event, outcome=Outcome.REFUSED, status=400)


def hour(seconds: float) -> int:
    return (START_NS + int(seconds * SECOND)) // MS


SWAP = {0: 0, 2: 3, 1: 2, 3: 1}  # the notebook's: the count of a cell goes to another metric
LONG = worlds.world(worlds.load_of(60, span_s=40.0))
FULL = RecorderReport(len(ALONE.events), 0, 1, 0, 0.1, users=4)
