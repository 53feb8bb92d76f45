"""Rows in which nothing is wrong, whatever it looks like."""

from __future__ import annotations

from typing import Final

from actions import (
    earlier,
    kill_worker,
    restarted_after,
)
from choices import HALF_MIRROR, NO_REWARD, SPLIT, STEADY, TWO_REPLICAS, stock
from scene import SHADOW, Row, Served
from scraping import (
    end_prometheus,
    lacking,
    other_clock,
    reconfigured,
    renamed,
    slow_throughout,
    with_own_times,
)

CLEAN = Row("clean", "primary and shadow, nothing wrong", "PASS", manifest=SHADOW)

CLEANS: Final = (
    CLEAN,
    Row("clean-single", "one predictor", "PASS"),
    Row("clean-workers", "4 gunicorn workers each", "PASS", manifest=SHADOW, stack=("--workers", "4")),
    Row("clean-replicas", "2 replicas", "PASS", manifest=SHADOW, edits=(TWO_REPLICAS,)),
    Row("clean-split", "two primaries, 70 and 30 of the traffic", "PASS", manifest=SHADOW, edits=SPLIT),
    Row("clean-earlier-traffic", "120 feedbacks before the run", "PASS", manifest=SHADOW, before=earlier(120)),
    Row(
        "clean-open-loop",
        "open loop, Poisson arrivals",
        "PASS",
        manifest=SHADOW,
        load=("--rate", "200", "--arrivals", "poisson"),
    ),
    Row("clean-thinking", "closed loop with think time", "PASS", manifest=SHADOW, load=("--think-time", "0.05")),
    Row("clean-delayed", "feedback half a second later", "PASS", manifest=SHADOW, load=("--feedback-delay", "0.5")),
    Row("clean-tenth", "feedback for a tenth of the predictions", "PASS", load=("--feedback-ratio", "0.1")),
    Row("clean-batch", "batches of 8", "PASS", manifest=SHADOW, load=("--batch", "8")),
    Row("clean-tensor", "payload as tensor", "PASS", load=("--payload", "tensor")),
    Row("clean-processes", "2 generator processes", "PASS", load=("--processes", "2")),
    Row(
        "clean-prometheus-restarted",
        "Prometheus is stopped and starts again with its data, at a scrape a second",
        "PASS",
        manifest=SHADOW,
        load=STEADY,
        duration="12s",
        during=end_prometheus,
    ),
    Row(
        "clean-slow-shadow",
        "a shadow that lags behind and loses nothing",
        "PASS",
        (),
        (),
        Served("plain.Slow", predictors=(1,)),
        SHADOW,
        load=("--rate", "100"),
    ),
    Row(
        "clean-slow-model",
        "a model of 0.3 s, 60 users",
        "PASS",
        (),
        (),
        Served("plain.Slower"),
        stack=("--env", "GUNICORN_THREADS=60"),
        load=("--users", "60"),
    ),
    Row("clean-half-mirror", "half is mirrored, as the manifest says", "PASS", manifest=SHADOW, edits=(HALF_MIRROR,)),
    Row(
        "clean-worker-killed",
        "a worker of ours is killed",
        "PASS",
        stack=("--workers", "2"),
        load=STEADY,
        during=kill_worker(0),
    ),
    Row(
        "clean-recycled",
        "our server, workers recycled after 200 requests",
        "PASS",
        stack=("--env", "GUNICORN_MAX_REQUESTS=200", "--workers", "2"),
    ),
    Row("clean-counters", "COUNTERs in place of gauges", "PASS", (), (), Served("plain.Counters")),
    Row("clean-plain", "a user's own class, without tags", "PASS", (), (), Served("plain.Plain")),
    Row("clean-buckets", "a user's own class with score buckets", "PASS", (), (), Served("plain.ScoreBuckets")),
    Row(
        "clean-stock",
        "stock wrapper, COUNTERs, 4 workers of one thread",
        "PASS",
        (),
        (),
        stock("plain.Counters", "--workers", "4"),
        load=NO_REWARD,
    ),
    Row("clean-clock-ahead", "Prometheus' clock is 7.3 s ahead", "PASS", before=other_clock(lambda _: 7.3)),
    Row("clean-clock-behind", "Prometheus' clock is 3.1 s behind", "PASS", before=other_clock(lambda _: -3.1)),
    Row(
        "clean-slow-throughout",
        "scrapes that take 0.3 s, answers that take 0.1 s",
        "PASS",
        before=slow_throughout(0.3, 0.1),
    ),
    Row("clean-fast-scrapes", "a scrape every 250 ms", "PASS", manifest=SHADOW, stack=("--scrape-interval", "250ms")),
    Row(
        "clean-restarted-earlier",
        "120 feedbacks, then a restart that loses their counts, then the run",
        "PASS",
        before=restarted_after(120),
    ),
    Row(
        "clean-job-renamed",
        "the scrape job got another name before the run",
        "PASS",
        before=reconfigured(renamed),
    ),
    Row("clean-slow-scrapes", "a scrape every 3 s", "PASS", manifest=SHADOW, stack=("--scrape-interval", "3s")),
    Row(
        "clean-own-times",
        "an exposition that gives a time with each sample",
        "PASS",
        before=reconfigured(with_own_times),
    ),
    Row(
        "clean-series-absent",
        "a fourth of the scrapes lack one of the four cells",
        "PASS",
        before=reconfigured(lacking("true_pos", 4)),
    ),
    Row(
        "clean-backlog",
        "a shadow that has 600 feedbacks of an earlier load to work off",
        "PASS",
        (),
        (),
        Served("plain.Slow", predictors=(1,)),
        SHADOW,
        load=("--rate", "50"),
        before=earlier(600),
    ),
    Row(
        "clean-short-run",
        "2 replicas, a scrape every 20 s, a load of 4 s",
        "PASS",
        manifest=SHADOW,
        edits=(TWO_REPLICAS,),
        stack=("--scrape-interval", "20s"),
        duration="4s",
    ),
    Row("clean-retries", "gateway with Istio's retries, nothing fails", "PASS", stack=("--retries", "istio")),
)
