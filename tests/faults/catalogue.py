"""The catalogue: deployments that misbehave, each with the diagnosis that must be found, and clean ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import acts

SINGLE: Final = "deploy/seldon/metrics-model.yaml"
SHADOW: Final = "deploy/seldon/ab-test.yaml"
WEIGHTED: Final = "tests/faults/weighted.yaml"


@dataclass(frozen=True)
class Case:
    """One deployment under one load.

    ``found``: verdict and diagnosis that must be among the findings; the diagnosis of a clean one is empty.
    ``serves``: class that the image's code is, ``launcher``: module that serves it. ``stack``, ``load``: options of
    the local stack and of the load test. ``act``: what happens during the load. ``through``: script that the load test is
    run through. ``spoils``: what happens to the run folder before it is judged again.
    """

    name: str
    verdict: str
    diagnosis: str = ""
    manifest: str = SINGLE
    serves: str = "model.MetricsModel.MetricsModel"
    launcher: str = "model.server"
    stack: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    duration_s: int = 6
    act: Callable[[acts.Scene], None] | None = None
    through: tuple[str, ...] = ()


def fault(name: str, diagnosis: str, *, verdict: str = "FAIL", **more: object) -> Case:
    return Case(name, verdict, diagnosis, **more)  # type: ignore[arg-type]


def clean(name: str, **more: object) -> Case:
    return Case(name, "PASS", **more)  # type: ignore[arg-type]


FAULTS: Final = (
    fault("cells permuted", "cells permuted", serves="Faulty.SwappedCells"),
    fault("positive class flipped", "positive class flipped", serves="Faulty.FlippedClass"),
    fault("threshold shifted", "threshold shifted", serves="Faulty.OtherThreshold"),
    fault("every tenth count lost", "counts lost", serves="Faulty.LosesTenth"),
    fault("150 counts lost in a burst", "counts lost", serves="Faulty.LosesBurst"),
    fault("stock wrapper, 8 threads, COUNTERs", "counts lost", serves="Faulty.Increments", launcher="model.stock",
          stack=("--env", "GUNICORN_THREADS=8"), load=("--users", "16")),
    fault("counted twice", "counted twice", serves="Faulty.CountsTwice"),
    fault("gateway retries on 503", "counted twice", serves="Faulty.Unavailable", stack=("--retries", "istio-1.23")),
    fault("foreign traffic", "foreign traffic", act=acts.send_strangers),
    fault("stock wrapper, --max-requests", "worker or replica recycled", launcher="model.stock",
          stack=("--env", "GUNICORN_MAX_REQUESTS=300", "--workers", "2")),
    fault("replica killed", "worker or replica recycled", act=acts.kill_model, duration_s=12),
    fault("scraped twice", "scraped twice", through=("tests/faults/scraped_twice.py",)),
    fault("Prometheus stopped for a while", "scrape gap", verdict="INCONCLUSIVE", act=acts.hold_prometheus, duration_s=20),
    fault("shadow stopped", "shadow incomplete", manifest=SHADOW, stack=("--restarts", "0"), act=acts.kill_shadow, duration_s=8),
    fault("slow shadow, Envoy's breakers", "shadow incomplete", manifest=SHADOW, serves="Faulty.SlowShadow",
          stack=("--breakers", "envoy"), load=("--rate", "400", "--feedback-ratio", "1"), duration_s=8),
    fault("wrong model behind a name", "wrong model behind a name", serves="Faulty.OtherModel"),
    fault("serving skew", "serving skew", serves="Faulty.Skewed"),
    fault("answers differ between replays", "answers differ between replays", serves="Faulty.Wavering", duration_s=10),
    fault("first row of a batch", "first row of a batch", serves="Faulty.FirstRowOnly", load=("--batch", "8")),
    fault("rewards of zero uncounted", "rewards of zero uncounted", launcher="model.stock"),
    fault("generator overloaded", "generator late", verdict="INCONCLUSIVE", load=("--rate", "20000"), duration_s=4),
)  # fmt: skip

CLEAN: Final = (
    clean("single"),
    clean("shadow", manifest=SHADOW),
    clean("four workers", manifest=SHADOW, stack=("--workers", "4")),
    clean("two generator processes", manifest=SHADOW, load=("--processes", "2")),
    clean("weighted primaries", manifest=WEIGHTED),
    clean("prior traffic", through=("tests/faults/prior_traffic.py",)),
    clean("open load", load=("--rate", "100")),
    clean("feedback delayed", load=("--feedback-delay", "1")),
    clean("feedback for a tenth", load=("--feedback-ratio", "0.1"), duration_s=8),
    clean("batches of 8", load=("--batch", "8")),
    clean("Prometheus restarted with its data", act=acts.restart_prometheus, duration_s=12),
    clean("slow but complete shadow", manifest=SHADOW, act=acts.pause_shadow, duration_s=8),
    clean("COUNTERs of a class of one's own", serves="Faulty.Increments"),
)
