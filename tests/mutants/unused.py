"""Why no verdict depends on a place of a run folder, and where another content is rightly judged better.

The reasons are about folders that the run itself left so: what is altered after the seal is never a PASS.
"""

from __future__ import annotations

import fnmatch
from typing import Final

from analysis.record.runfolder import (
    BASELINE_FILE,
    EXPOSED_FILE,
    GATES_FILE,
    LEDGER_FILE,
    OFFLINE_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SEAL_FILE,
)
from analysis.record.seal import SEALED

_FORMAT: Final = ("byte", "bytes", "file")

UNUSED: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    (
        BASELINE_FILE,
        ("clock_*",),
        "another reading of the clock widens the bounds",
    ),
    (
        BASELINE_FILE,
        ("at", "prometheus", "scrape_interval_s", "targets*"),
        "for people: the counts are in the samples",
    ),
    (
        EXPOSED_FILE,
        ("endpoints*",),
        "one witness less; what Prometheus stored is judged all the same",
    ),
    (LEDGER_FILE, ("*_ns",), "times that keep their order move a bound between two scrapes, which no count reaches"),
    (LEDGER_FILE, ("outcome",), "an outcome that is less certain widens the bounds by one event"),
    (
        LEDGER_FILE,
        ("kind", "predicted", "truth", "row"),
        "rows that are alike count alike",
    ),
    (
        LEDGER_FILE,
        ("worker", "request", "position", "batch", "event"),
        "numbers tell an event from others",
    ),
    (LEDGER_FILE, ("score", "status"), "outcomes are recorded, and a value only explains an answer that looks wrong"),
    (OFFLINE_FILE, ("artifact",), "the header names the artefacts in the order of the rows; the column is for people"),
    (OFFLINE_FILE, ("predicted", "truth", "row", "score"), "rows that were never sent are compared with nothing"),
    (
        RUN_FILE,
        ("asked*", "calibration*", "rate_planned_per_s"),
        "for people: what was sent is in the ledger",
    ),
    (RUN_FILE, ("id", "host", "manifest*", "heldout", "seed", "versions*", "prometheus_url"), "for people"),
    (RUN_FILE, ("deployment", "namespace", "predictors.*.model"), "names the run; series are found by predictor"),
    (
        RUN_FILE,
        ("predictors.*.replicas", "predictors.*.traffic"),
        "counts are summed over the scraped targets",
    ),
    (RUN_FILE, ("all", "recorder", "predictors.[*]"), "keys that a later version adds are passed over"),
    (BASELINE_FILE, ("all",), "keys that a later version adds are passed over"),
    (EXPOSED_FILE, ("all",), "keys that a later version adds are passed over"),
    (RUN_FILE, ("predictors",), "a run that was asked for fewer predictors is judged by those"),
    (RUN_FILE, ("started", "ended"), "limits in which the ledger lies in any case"),
    (RUN_FILE, ("recorder.*",), "a generator that was less busy, or had fewer processes, is as fit"),
    (RUN_FILE, ("served_tags*",), "answers are compared themselves; their tags are a second witness"),
    (SAMPLES_FILE, ("envoy_*",), "the gateway's counters name a loss and prove none"),
    (
        SAMPLES_FILE,
        ("scrape_duration_seconds", "clock"),
        "another length or clock widens the bounds",
    ),
    (SAMPLES_FILE, ("up",), "a scrape less, or one by another label, leaves the others"),
    (SAMPLES_FILE, ("seldon_api_*",), "the wrapper's counter may start late or count what is not ours"),
    (
        SAMPLES_FILE,
        ("true_*", "false_*", "feedback_score_bucket", "plumbline_*", "scored_*"),
        "labels that tell no series from another; samples before the load; buckets of a class that publishes none",
    ),
    *((name, _FORMAT, "padding, spaces and names of writers in the format") for name in (*SEALED, SEAL_FILE)),
)
"""Files, patterns of places in them, and why a mutant there may stay PASS. The first that fits counts."""

BETTER: Final[dict[tuple[str, str], str]] = {
    (GATES_FILE, "*"): "the gates are the user's: a run that was asked for others is judged by others",
}
"""Places in which another content, if the run itself had left it so, is rightly judged better; with the reason."""


def reason_of(file: str, place: str) -> str:
    """Why a mutant of the place may stay PASS; empty if no reason is known."""
    for name, patterns, reason in UNUSED:
        if name == file and any(fnmatch.fnmatchcase(place, pattern) for pattern in patterns):
            return reason
    return ""


def may_be_better(file: str, place: str) -> bool:
    """Whether a run that had another content there could rightly be better."""
    return any(file == name and fnmatch.fnmatchcase(place, pattern) for name, pattern in BETTER)
