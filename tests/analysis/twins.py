"""Worlds in which one thing is altered, and what the judge must say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import worlds
from alterations import (
    ALONE,
    BASE,
    FULL,
    LONG,
    SWAP,
    ahead,
    all_down,
    another_answer,
    another_endpoint,
    answers_of,
    appended,
    buckets_with,
    constant_values,
    cut_ledger,
    doubled,
    endpoint_gone,
    endpoint_of_another,
    endpoints_forgotten,
    events_with,
    fewer,
    first_rows_only,
    hour,
    is_cell,
    last_as,
    lost_by_gateway,
    most_predictions_failed,
    named_otherwise,
    nan_third,
    no_class,
    nothing,
    now_and_then_another,
    only_after,
    only_the_total,
    other_rows,
    refused,
    refused_third,
    retrained,
    rows_of_class,
    scored_by,
    shadow_down,
    split_values,
    stored_as,
    truth_always,
    with_buckets,
    with_content,
    with_counters,
    with_feedback_requests,
    with_gate,
    with_label,
    with_more,
    with_scored,
    with_value,
    without,
    without_between,
    without_predictions,
    without_predictors,
)
from analysis.evidence.samples import ClockOffset
from analysis.record import runfolder, seal
from analysis.record.runfolder import RecorderReport
from analysis.verdict import Verdict
from model.contract import TAG_ARTIFACT, TAG_DIGEST
from worlds import MS, PRIMARY, SHADOW, World


@dataclass(frozen=True)
class Twin:
    """An altered truth, and what the check must say of it.

    ``sealed_before``: the folder was sealed before it was spoiled; else the run itself left it so.
    """

    check: str
    fault: str
    world: World
    verdict: Verdict
    diagnosis: str
    spoil: Callable[[Path], None] = nothing
    sealed_before: bool = False


TWINS = (
    *(
        Twin("folder", f"{name} lost", ALONE, Verdict.INCONCLUSIVE, "evidence incomplete", without(name), sealed)
        for name in (*seal.SEALED, runfolder.SEAL_FILE)
        if name not in {runfolder.RUN_FILE, runfolder.EXPOSED_FILE}
        for sealed in (True, False)
        if sealed or name != runfolder.SEAL_FILE
    ),
    *(
        Twin("folder", f"{name} altered", ALONE, Verdict.INCONCLUSIVE, "evidence incomplete", appended(name), True)
        for name in seal.SEALED
    ),
    Twin("folder", "no predictor", ALONE, Verdict.INCONCLUSIVE, "evidence incomplete", without_predictors),
    Twin(
        "folder",
        "a baseline that is a list",
        ALONE,
        Verdict.INCONCLUSIVE,
        "evidence incomplete",
        with_content(runfolder.BASELINE_FILE, "[]"),
    ),
    Twin(
        "recorder",
        "errors that are called acknowledged",
        events_with(lambda event: replace(event, status=500) if event.request % 3 == 0 else event),
        Verdict.INCONCLUSIVE,
        "ledger incomplete",
    ),
    Twin(
        "stored",
        "another truth than the row's",
        worlds.world([replace(event, truth=1 - event.truth) if event.row == 4 else event for event in ALONE.events]),
        Verdict.INCONCLUSIVE,
        "ledger incomplete",
    ),
    Twin("exposed", "an endpoint that is gone", ALONE, Verdict.INCONCLUSIVE, "endpoint not readable", endpoint_gone),
    Twin("exposed", "endpoints not read", ALONE, Verdict.INCONCLUSIVE, "not judged", endpoints_forgotten),
    Twin("exposed", "endpoints of others", ALONE, Verdict.INCONCLUSIVE, "not judged", endpoint_of_another),
    Twin("served", "no prediction at all", without_predictions(), Verdict.INCONCLUSIVE, "not judged"),
    Twin(
        "provenance",
        "another artefact answers",
        replace(ALONE, tags=({TAG_ARTIFACT: "another.joblib"},)),
        Verdict.INCONCLUSIVE,
        "wrong model behind a name",
    ),
    Twin(
        "provenance",
        "another digest answered",
        replace(ALONE, tags=({TAG_DIGEST: "x" * 64},)),
        Verdict.FAIL,
        "wrong model behind a name",
    ),
    Twin(
        "provenance",
        "no offline answers",
        ALONE,
        Verdict.INCONCLUSIVE,
        "no offline answers",
        without(runfolder.OFFLINE_FILE),
    ),
    Twin("provenance", "none of the model", ALONE, Verdict.INCONCLUSIVE, "no offline answers", answers_of()),
    Twin("provenance", "answers of others", ALONE, Verdict.INCONCLUSIVE, "provenance unequal", retrained),
    Twin("provenance", "rows of another file", ALONE, Verdict.INCONCLUSIVE, "provenance unequal", other_rows),
    Twin("recorder", "the ledger is cut short", ALONE, Verdict.INCONCLUSIVE, "ledger incomplete", cut_ledger),
    Twin("recorder", "no ledger", ALONE, Verdict.INCONCLUSIVE, "ledger incomplete", without(runfolder.LEDGER_FILE)),
    Twin(
        "recorder",
        "an event is missing",
        replace(ALONE, events=ALONE.events[:-1], recorder=FULL),
        Verdict.INCONCLUSIVE,
        "ledger incomplete",
    ),
    Twin(
        "recorder",
        "an event was not recorded",
        replace(ALONE, recorder=replace(FULL, unrecorded=1)),
        Verdict.INCONCLUSIVE,
        "ledger incomplete",
    ),
    Twin(
        "recorder",
        "a worker was lost",
        replace(ALONE, recorder=replace(FULL, workers_lost=1)),
        Verdict.INCONCLUSIVE,
        "ledger incomplete",
    ),
    Twin("recorder", "interrupted", replace(ALONE, stop="interrupted"), Verdict.INCONCLUSIVE, "run not finished"),
    Twin(
        "recorder",
        "a row of another file",
        events_with(lambda event: replace(event, row=99)),
        Verdict.INCONCLUSIVE,
        "rows unknown",
    ),
    Twin(
        "sent",
        "nothing was sent",
        replace(ALONE, events=(), counts={"default": ()}, recorder=RecorderReport(0, 0, 1, 0, 0.0)),
        Verdict.INCONCLUSIVE,
        "nothing was sent",
    ),
    Twin("losses", "a third was refused", refused_third(), Verdict.INCONCLUSIVE, "feedback failed"),
    Twin("served", "most predictions failed", most_predictions_failed(), Verdict.INCONCLUSIVE, "predictions failed"),
    Twin(
        "generator",
        "visits broke off",
        replace(ALONE, recorder=replace(FULL, broken_off=3)),
        Verdict.INCONCLUSIVE,
        "visits broke off",
    ),
    Twin(
        "generator",
        "a user that never came",
        replace(ALONE, recorder=replace(FULL, users=3)),
        Verdict.INCONCLUSIVE,
        "fewer users than asked",
    ),
    Twin(
        "generator",
        "an open loop that sent a part of its plan",
        replace(ALONE, duration_s=30.0, planned_per_s=100.0),
        Verdict.INCONCLUSIVE,
        "load shorter than asked",
    ),
    Twin(
        "generator",
        "a load that ended early",
        replace(ALONE, duration_s=60.0),
        Verdict.INCONCLUSIVE,
        "load shorter than asked",
    ),
    Twin("sent", "all was refused", events_with(refused), Verdict.INCONCLUSIVE, "most feedback failed"),
    Twin(
        "generator",
        "CPU-bound",
        replace(ALONE, recorder=replace(FULL, cpu_share=0.97)),
        Verdict.INCONCLUSIVE,
        "generator CPU-bound",
    ),
    Twin(
        "generator",
        "late",
        events_with(lambda event: replace(event, planned_ns=event.sent_ns - 200 * MS)),
        Verdict.INCONCLUSIVE,
        "generator late",
    ),
    Twin(
        "generator",
        "arrivals dropped",
        replace(ALONE, recorder=replace(FULL, dropped=1)),
        Verdict.INCONCLUSIVE,
        "arrivals dropped",
    ),
    Twin(
        "stored",
        "no samples at all",
        stored_as(lambda one_series: None if is_cell(one_series) else one_series),
        Verdict.INCONCLUSIVE,
        "no samples",
    ),
    Twin("stored", "no samples file", ALONE, Verdict.INCONCLUSIVE, "no samples", without(runfolder.SAMPLES_FILE)),
    Twin("stored", "not a number", stored_as(nan_third), Verdict.INCONCLUSIVE, "not a count"),
    Twin("stored", "half a count", stored_as(last_as(0.5)), Verdict.INCONCLUSIVE, "not a count"),
    Twin(
        "stored",
        "several series",
        replace(ALONE, alter=lambda all_series: doubled(all_series, model_version="2")),
        Verdict.INCONCLUSIVE,
        "several series",
    ),
    Twin(
        "stored",
        "no answers to hold its counts against",
        ALONE,
        Verdict.INCONCLUSIVE,
        "no offline answers",
        without(runfolder.OFFLINE_FILE),
    ),
    Twin(
        "stored",
        "nothing to count",
        replace(ALONE, events=(), counts={"default": ()}, prior=3, recorder=RecorderReport(0, 0, 1, 0, 0.0)),
        Verdict.INCONCLUSIVE,
        "nothing was sent",
    ),
    Twin(
        "stored", "another predictor counts", named_otherwise(), Verdict.INCONCLUSIVE, "counts of no predictor judged"
    ),
    Twin("stored", "all scrapes failed", stored_as(all_down), Verdict.INCONCLUSIVE, "no samples"),
    Twin(
        "stored",
        "baseline unknown",
        stored_as(lambda one_series: only_after(one_series, hour(3))),
        Verdict.INCONCLUSIVE,
        "no baseline",
    ),
    Twin(
        "clock",
        "clocks uncertain",
        replace(ALONE, clock=ClockOffset(0.0, 0.4)),
        Verdict.INCONCLUSIVE,
        "clock offset too large",
    ),
    Twin(
        "scrapes",
        "a long gap",
        stored_as(lambda one_series: without_between(one_series, hour(10), hour(25)), LONG),
        Verdict.INCONCLUSIVE,
        "scrape gap",
    ),
    Twin("scrapes", "a count fell", stored_as(last_as(0.0)), Verdict.FAIL, "worker or replica recycled"),
    Twin(
        "scrapes",
        "scraped twice",
        replace(ALONE, alter=lambda all_series: doubled(all_series, job="again")),
        Verdict.FAIL,
        "scraped twice",
    ),
    Twin("served", "another answer on a row", events_with(another_answer), Verdict.FAIL, "serving skew"),
    Twin(
        "served",
        "not the same every time",
        events_with(now_and_then_another),
        Verdict.FAIL,
        "answers differ between replays",
    ),
    Twin("served", "no class in the answers", events_with(no_class), Verdict.INCONCLUSIVE, "answers not readable"),
    Twin("served", "values of a split", split_values(), Verdict.INCONCLUSIVE, "values in place of classes"),
    Twin("served", "the same value for each row", constant_values(), Verdict.FAIL, "serving skew"),
    Twin("bounds", "a metric jumps ahead", stored_as(ahead), Verdict.FAIL, "counted early"),
    Twin(
        "equality",
        "an event dropped",
        worlds.with_counts(ALONE, "default", ALONE.counts["default"][:-1]),
        Verdict.FAIL,
        "counts lost",
    ),
    Twin(
        "equality",
        "an event doubled",
        worlds.with_counts(ALONE, "default", [*ALONE.counts["default"], ALONE.counts["default"][0]]),
        Verdict.FAIL,
        "foreign traffic or counted twice",
    ),
    Twin(
        "equality",
        "all doubled",
        worlds.with_counts(ALONE, "default", ALONE.counts["default"] * 2),
        Verdict.FAIL,
        "counted twice",
    ),
    Twin(
        "equality",
        "cells permuted",
        worlds.with_counts(
            ALONE, "default", [replace(count, cell=SWAP[count.cell]) for count in ALONE.counts["default"]]
        ),
        Verdict.FAIL,
        "cells permuted",
    ),
    Twin(
        "equality",
        "the shadow lacks a tenth",
        worlds.with_counts(BASE, "shadow", BASE.counts["shadow"][::10]),
        Verdict.FAIL,
        "shadow incomplete",
    ),
    Twin("equality", "the shadow is down", replace(BASE, alter=shadow_down), Verdict.INCONCLUSIVE, "no last scrape"),
    Twin(
        "equality",
        "requests to the shadow that is down failed",
        replace(BASE, alter=lambda all_series: [*shadow_down(all_series), *lost_by_gateway(5)]),
        Verdict.FAIL,
        "shadow incomplete",
    ),
    Twin("curve", "scores on another scale", with_buckets(0.75), Verdict.FAIL, "scores differ"),
    Twin("curve", "one bucket off by one", buckets_with(with_more(1), "2"), Verdict.FAIL, "scores differ"),
    Twin("curve", "a total off by one", buckets_with(with_more(1), "inf"), Verdict.FAIL, "scores differ"),
    Twin("curve", "a total that is gone", buckets_with(lambda _: None, "inf"), Verdict.FAIL, "scores differ"),
    Twin("curve", "a fraction too much", buckets_with(with_more(0.4), "2"), Verdict.INCONCLUSIVE, "not a count"),
    Twin("curve", "a huge bucket", buckets_with(with_more(1e300), "2"), Verdict.INCONCLUSIVE, "not a count"),
    Twin("curve", "no finite edge", only_the_total(), Verdict.INCONCLUSIVE, "not a count"),
    Twin("curve", "a foreign class", buckets_with(with_label("truth", "x"), "2"), Verdict.INCONCLUSIVE, "not a count"),
    Twin("curve", "a foreign edge", buckets_with(with_label("le", "x"), "2"), Verdict.INCONCLUSIVE, "not a count"),
    Twin(
        "counters",
        "one sample is not a number",
        with_counters(lambda counter: with_value(counter, 3, float("nan"))),
        Verdict.INCONCLUSIVE,
        "not a count",
    ),
    Twin(
        "counters",
        "0 at a scrape",
        with_counters(lambda counter: with_value(counter, 6, 0.0)),
        Verdict.FAIL,
        "counters differ",
    ),
    Twin("counters", "one counter ahead", with_scored(1), Verdict.FAIL, "counters differ"),
    Twin(
        "rewards",
        "each counted twice",
        with_feedback_requests(2.0),
        Verdict.INCONCLUSIVE,
        "feedback requests overcounted",
    ),
    Twin("rewards", "half uncounted", with_feedback_requests(0.5), Verdict.FAIL, "rewards of zero uncounted"),
    Twin("gate", "too high", ALONE, Verdict.FAIL, "gate not kept", with_gate("accuracy>=0.99")),
    Twin("gate", "too few", ALONE, Verdict.INCONCLUSIVE, "gate undecided", with_gate("accuracy>=0.8")),
    Twin("exposed", "another endpoint", ALONE, Verdict.FAIL, "pipeline", another_endpoint),
    Twin("equality", "first rows only", first_rows_only(), Verdict.FAIL, "first row of a batch"),
    Twin("equality", "another model", scored_by(SHADOW.artifact), Verdict.FAIL, "wrong model behind a name"),
    Twin("equality", "another threshold", scored_by(PRIMARY.artifact, above=2.5), Verdict.FAIL, "threshold shifted"),
    Twin("equality", "positive rows only", rows_of_class(1), Verdict.INCONCLUSIVE, "one class sent"),
    Twin("equality", "negative rows only", rows_of_class(0), Verdict.INCONCLUSIVE, "one class sent"),
    Twin("equality", "truth always negative", truth_always(0), Verdict.FAIL, "truth misread"),
    Twin("equality", "truth always positive", truth_always(1), Verdict.FAIL, "truth misread"),
    Twin("equality", "a third lost", fewer(lambda i: i % 3 > 0), Verdict.FAIL, "counts lost"),
    Twin("equality", "a third lost at once", fewer(lambda i: not 20 <= i < 40), Verdict.FAIL, "counts lost"),
    Twin(
        "equality",
        "no scrape after the end",
        stored_as(lambda one_series: without_between(one_series, hour(8), hour(99))),
        Verdict.INCONCLUSIVE,
        "no last scrape",
    ),
)
