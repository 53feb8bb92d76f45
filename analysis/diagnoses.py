"""Every diagnosis that the judge can make: its name, its usual cause, and what to do about it.

A check supplies the witness (which count, by how much, since when); the words that do not depend on the run are here.
The names are stable: they stand in ``result.json``, in reports, and in the catalogue of faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Self

_RUN_AGAIN: Final = "Run the load again and let it end by itself."
_MEND_METRICS: Final = "Mend metrics() of the served class."

_REFUSALS: Final = {
    "login": "Something in front of the deployment asks for a login: give it by --access FILE (README, Access).",
    "form": "The class refuses what it is sent: compare its signature and features with the rows; its log says more.",
    "unreadable": "Compare the quoted answer with Seldon's protocol: for each row a class, or a value for each class.",
    "error": "The class raises an exception: read what it answered, and compare its signature; its log says more.",
    "route": "Compare the manifest's name and the namespace with what is deployed at the host.",
}


class Diagnosis(StrEnum):
    """A fault, or a reason why nothing can be told. The value is the name, as ``result.json`` has it.

    ``cause``: what usually leads to it, in one sentence. ``remedy``: what to do about it. ``remedies``: what to do
    instead in a situation that a check can recognise, by the name of the situation.
    """

    cause: str
    remedy: str
    remedies: Mapping[str, str]

    def __new__(cls, label: str, cause: str, remedy: str, remedies: Mapping[str, str] | None = None) -> Self:
        """A member with its texts."""
        member = str.__new__(cls, label)
        member._value_ = label
        member.cause, member.remedy, member.remedies = cause, remedy, remedies or {}
        return member

    def advice(self, situation: str | None = None) -> str:
        """What to do about it in the situation. Raises KeyError for a situation that this diagnosis does not have."""
        return self.remedy if situation is None else self.remedies[situation]

    # The run folder
    EVIDENCE_INCOMPLETE = (
        "evidence incomplete",
        "A file of the run folder is missing, unreadable, or not as it was when the run folder was sealed.",
        "Judge the run folder as it was first written, or run again.",
        {
            "not sealed": "Run `plumbline collect` on the run while Prometheus still holds it, or run again.",
            "internal": "If the folder is as the run left it, the judge has a defect: report it with the folder.",
        },
    )
    NOT_JUDGED = (
        "not judged",
        "The run asked for a check, and the evidence holds nothing that it could look at.",
        "See that the load, the model and Prometheus gave what the check needs, then run again.",
    )

    # The run itself
    PROVENANCE_UNEQUAL = (
        "provenance unequal",
        "The offline answers were made from other artefacts or other rows than the run used.",
        "Repeat the run, or collect with the artefacts that the run was started with.",
        {"not judged": "Collect with the artefacts and the rows of the run, or run again."},
    )
    NO_OFFLINE_ANSWERS = (
        "no offline answers",
        "There is no artefact to ask offline, or the manifest does not name it.",
        "See that the manifest names the artefact as model_name, with its card beside it, then collect again.",
        {"not judged": "Name the artefact in the manifest as model_name, and put its card beside it."},
    )
    WRONG_MODEL = (
        "wrong model behind a name",
        "The deployment serves another artefact than its manifest names.",
        "Deploy the artefact that the manifest names, or mend model_name in the manifest.",
        {
            "counts": "Mend model_name in the manifest, or the artefact that is behind the name.",
            "predictor": "See which predictor the gateway sends requests to, and what each answers under which name.",
        },
    )
    LEDGER_INCOMPLETE = (
        "ledger incomplete",
        "The load generator was killed, its disk was full, or the file was altered afterwards.",
        _RUN_AGAIN,
    )
    RUN_NOT_FINISHED = ("run not finished", "The run was interrupted, or a generator process was lost.", _RUN_AGAIN)
    ROWS_UNKNOWN = (
        "rows unknown",
        "The held-out file that was collected with lacks rows that were sent.",
        "Collect with the held-out file of the run.",
    )
    NOTHING_SENT = (
        "nothing was sent",
        "The run ended before its first request.",
        "Give the run more time (DURATION) or users (USERS).",
    )
    MOST_FEEDBACK_FAILED = (
        "most feedback failed",
        "The deployment refuses feedback or does not keep up with it.",
        "Look at the deployment's logs and at `load.statuses` in result.json; lower the load.",
        _REFUSALS,
    )
    FEEDBACK_REFUSED = (
        "feedback refused by class",
        "The deployment fails on feedback of one kind: of one class, or where its model is wrong.",
        "Look at the status of those requests and at send_feedback(): the live ratios leave these rows out.",
    )
    FEEDBACK_FAILED = (
        "feedback failed",
        "So much feedback failed that a live ratio may not be that of the rows sent.",
        "Look at `load.statuses` in result.json and at the deployment's logs; mend what fails, then run again.",
    )
    GENERATOR_CPU_BOUND = (
        "generator CPU-bound",
        "The load generator needs more CPU than one process has, so that it measures itself.",
        "Use more generator processes (--processes) or a lower rate.",
    )
    GENERATOR_LATE = (
        "generator late",
        "Requests left later than planned, so that the load was not the one that was asked for.",
        "Look for what held the load generator up: it was stopped, or the machine was.",
        {
            "busy": "Use more generator processes (--processes), or lower RATE.",
            "kernel silent": "Lower RATE, or free the machine.",
            "starved": "Free the machine of other work, or run the load generator on one of its own.",
        },
    )
    VISITS_BROKEN_OFF = (
        "visits broke off",
        "An exception in the load generator ended visits, so that less was sent than was asked for.",
        "Look at the first exception in the load generator's log, and report it.",
    )
    LOAD_SHORT = (
        "load shorter than asked",
        "The load was stopped before its time, users hung, or the deployment did not answer.",
        "Look at `load.timeline` in result.json for when the load stopped, and at the deployment's logs from then on.",
    )
    LOAD_THIN = (
        "fewer users than asked",
        "The load ended before all users had started, or the load generator could not start them.",
        "Start them faster (--spawn-rate) or give the load more time, and look at the load generator's log.",
    )
    ARRIVALS_DROPPED = (
        "arrivals dropped",
        "The deployment answers more slowly than requests arrive.",
        "Lower RATE, or raise --max-in-flight if the deployment may be given that much at once.",
    )

    # What Prometheus stored
    NO_SAMPLES = (
        "no samples",
        "Prometheus does not scrape the model, or the model publishes nothing.",
        "Check that Prometheus scrapes the model's metrics port.",
        {
            "not collected": "Run `plumbline collect` on the run.",
            "no cells": "Check that Prometheus scrapes the model's metrics port, and that feedback reaches the model.",
            "elsewhere": "Name the namespace as Prometheus has it: --namespace (NAMESPACE).",
            "other names": "Say by a metric map which of them count what: --metrics FILE.toml (README, Own metrics).",
            "names": "Publish the four cells under these names, as GAUGE or COUNTER, by feedback.",
        },
    )
    PROMETHEUS_FAILED = (
        "Prometheus failed",
        "Prometheus stopped to answer while its samples were fetched.",
        "Check Prometheus, then collect again while it still holds the run.",
    )
    ENDPOINT_UNREADABLE = (
        "endpoint not readable",
        "The model's own metrics endpoint did not answer after the load: its process ended, or it hangs.",
        "Look at the log of the model's server, and see that it lives until the run is judged.",
    )
    NO_BASELINE = (
        "no baseline",
        "The model was first scraped after the load had begun, so that earlier counts are not known.",
        "Let Prometheus scrape before the load starts.",
    )
    SAMPLE_TIMES = (
        "samples of other times",
        "The samples of a target are not of the times at which it was scraped, so that wrong counts prove nothing.",
        (
            "If its exposition gives times, set `honor_timestamps: false`; if two Prometheus servers answer at one "
            "address, give the address of one of them."
        ),
    )
    SERIES_ABSENT = (
        "series absent",
        "Scrapes that succeeded lacked a series that other scrapes have: a sum over series is too low there.",
        "Publish every series at each scrape, from the first count on.",
    )
    EARLIER_LOAD = (
        "earlier load under way",
        "The deployment still worked off an earlier load, whose counts cannot be told from those of this one.",
        "Wait until the deployment is at rest, then run again.",
    )
    COUNTS_BEFORE = (
        "counts from before or foreign",
        "Too many counts appeared together with a series, and no more since: they may be older than the load.",
        "Publish every series from the start of the process on, or look for another client of the deployment.",
        {"missed scrape": "Run again; see in Prometheus' page of targets why scrapes fail or lack a series."},
    )
    NO_LAST_SCRAPE = (
        "no last scrape",
        "A target was not scraped after the last event, so that the final counts are not known.",
        "Collect again, and see whether every target is still up.",
    )
    SCRAPE_GAP = (
        "scrape gap",
        "Prometheus could not scrape a target for a part of the load.",
        "Find out why Prometheus could not scrape it (down, too slow, Prometheus stopped), then run again.",
    )
    CLOCK_UNCERTAIN = (
        "clock offset too large",
        "The clock of Prometheus cannot be read closely enough to set bounds by.",
        "Synchronise the clocks, or run the load generator nearer to Prometheus.",
    )
    SCRAPED_TWICE = (
        "scraped twice",
        "Two scrape jobs take the same pod, or two copies of Prometheus are asked as one, so that every sum doubles.",
        "Remove one of two scrape jobs (two PodMonitors on one pod?), or ask through what merges copies (Thanos).",
    )
    RECYCLED = (
        "worker or replica recycled",
        "A worker or a replica ended and took its counts along.",
        "A worker or replica was recycled and took its counts along: keep totals where a restart leaves them.",
        {"before the load": "Send feedback after a restart, let Prometheus scrape it, and only then begin the load."},
    )
    NOT_A_COUNT = ("not a count", "A metric holds a fraction, a negative number or NaN.", _MEND_METRICS)
    SEVERAL_SERIES = (
        "several series",
        "One worker publishes the same cell under two sets of labels.",
        "Publish each cell once per worker, with labels that do not change.",
    )

    # The answers that clients got
    PREDICTIONS_FAILED = (
        "predictions failed",
        "The deployment acknowledged no prediction, or only the smaller part of them.",
        "Look at the deployment's logs; lower the load.",
        _REFUSALS,
    )
    ANSWERS_NOT_READABLE = (
        "answers not readable",
        "The answers hold something else than the class of each row.",
        "Answer with the class of each row as an ndarray or tensor of numbers.",
    )
    VALUES_NOT_CLASSES = (
        "values in place of classes",
        "The answers give a value for each class, and which class a model makes of them is not known.",
        "Answer with the class of each row, or deploy each model by itself.",
    )
    SERVING_SKEW = (
        "serving skew",
        "The served model, its features or its preprocessing are not those of the artefact.",
        "Compare the served model, its features' order and its preprocessing with the artefact.",
    )
    ANSWERS_DIFFER = (
        "answers differ between replays",
        "The served model is not deterministic, or its replicas serve different models.",
        "The served model is not deterministic, or its replicas serve different models: compare them.",
    )

    # The counts
    CELLS_PERMUTED = (
        "cells permuted",
        "A metric reports the count of another cell.",
        "Mend metrics() of the served class: each metric must report its own cell.",
    )
    POSITIVE_FLIPPED = (
        "positive class flipped",
        "The served class calls the other class positive.",
        "The served class calls the other class positive: compare its positive class with the card's.",
    )
    FIRST_ROW = (
        "first row of a batch",
        "The served class scores the first row of each request and leaves out the rest.",
        "Score every row in send_feedback, not features[0].",
    )
    ONE_CLASS_SENT = (
        "one class sent",
        "The held-out rows are of one class, or the load was so short that no row of the other was sent.",
        "Give held-out rows of both classes (--heldout), or send more of them (--duration, --rate).",
    )
    ROWS_UNDECIDED = (
        "most rows on the threshold",
        "Offline, most rows score at the decision threshold but for rounding, so that each may be in either count.",
        "Look at the artefact's scores and at the card's decision_threshold: such a model tells no classes apart.",
    )
    TRUTH_MISREAD = (
        "truth misread",
        "The served class takes every truth for the same class, as one does that expects one-hot rows and gets labels.",
        "Read the truth as it is sent in send_feedback(), or send it as the class reads it: --truth label or onehot.",
    )
    ANSWER_MISREAD = (
        "answer misread",
        "What counts takes every answer for the same class, as one does that cuts a probability to a whole number.",
        "Let the model answer classes, or decide at the threshold before the answer is counted.",
    )
    THRESHOLD_SHIFTED = (
        "threshold shifted",
        "The served class decides at another threshold than the artefact.",
        "Compare the threshold that is served with the card's decision_threshold.",
    )
    COUNTED_TWICE = (
        "counted twice",
        "A gateway sends feedback again, the class counts twice, or two jobs scrape the model.",
        "Look for a gateway that retries feedback, a class that counts twice, or a second scrape job.",
        {
            "retries": "Turn the gateway's retries off for feedback: it is a write.",
            "served class": "The served class counts some feedback more than once: look there.",
        },
    )
    COUNTED_THREE_TIMES = ("counted 3 times", COUNTED_TWICE[1], COUNTED_TWICE[2])
    COUNTED_FOUR_TIMES = ("counted 4 times", COUNTED_TWICE[1], COUNTED_TWICE[2])
    COUNTS_LOST = (
        "counts lost",
        "Threads lose increments of a shared counter, a worker ended, or a scrape missed a target.",
        "Look for threads that share a counter (use workers), a worker that ended, or a scrape that missed a target.",
    )
    SHADOW_INCOMPLETE = (
        "shadow incomplete",
        "The gateway lost mirrored feedback, or the shadow did not keep up with it.",
        (
            "Look at the gateway's counters for the shadow (upstream_rq_pending_overflow, upstream_rq_timeout) "
            "and raise its circuit breakers, or give the shadow more workers."
        ),
        {"down": "Find out why the shadow's process ended (its log, its memory limit), then run again."},
    )
    FOREIGN_TRAFFIC = (
        "foreign traffic",
        "Another client uses the deployment.",
        "Keep other clients off the deployment while it is measured.",
    )
    FOREIGN_OR_TWICE = (
        "foreign traffic or counted twice",
        "More was counted than was sent, and the gateway's own counters are not stored.",
        "Look for another client of the deployment, a gateway that retries feedback, or a class that counts twice.",
    )
    COUNTS_OF_NOBODY = (
        "counts of no predictor judged",
        "A predictor that the run sent nothing to counts feedback, and a sum over the deployment holds its counts.",
        (
            "Name each predictor that is deployed in the manifest, with its traffic; take away the others, or look for "
            "another client of the deployment."
        ),
        {
            "no class": (
                "Write the classes in labels as the card has them, or say in the metric map how they are written; if "
                "they are other classes, look for another client of the deployment."
            )
        },
    )
    STALE_SERIES = (
        "stale series",
        "The metrics endpoint serves old values.",
        "The metrics endpoint serves old values: look for caching, or a store that is written after the answer.",
    )
    COUNTED_EARLY = (
        "counted early",
        "The clocks of load generator and Prometheus differ more than they seem to.",
        "Check the clocks of load generator and Prometheus.",
    )
    CELLS_DIFFER = (
        "cells differ",
        "The deployment scores by another model, threshold or positive class.",
        "Check which model, threshold and positive class the deployment serves.",
    )
    PIPELINE = (
        "pipeline",
        "Something between the model's endpoint and Prometheus alters the series.",
        (
            "The model shows one thing and Prometheus stored another: look at relabelling, "
            "at the address that is scraped and at honor_labels."
        ),
    )
    SCORES_DIFFER = (
        "scores differ",
        "The served scores have another scale or other bucket edges.",
        "If the four cells are right, look at the scores: another scale, or other bucket edges.",
    )
    COUNTERS_DIFFER = (
        "counters differ",
        "The counters beside the cells count other rows than the cells, so that rates over a window are wrong.",
        "Add the same rows to each cell's counter as to the cell.",
    )
    REWARDS_UNCOUNTED = (
        "rewards of zero uncounted",
        "Seldon's wrapper returns before it counts feedback with a reward of 0.",
        (
            "Seldon's wrapper leaves out feedback whose reward is 0, so that its mean reward is always 1: "
            "serve with `python -m model.server`, or do not read that panel. Without `--reward correct` none is sent."
        ),
    )
    REWARDS_DIFFER = (
        "sum of rewards differs",
        "The wrapper's sum of rewards did not grow by the rewards that were sent.",
        "Look for another client of the deployment, and for a class that publishes a metric of this name.",
    )
    REWARDS_OVERCOUNTED = (
        "feedback requests overcounted",
        "The wrapper's counter of feedback requests grew by more than the feedback that was sent.",
        (
            "Look for another client of the deployment, for a gateway that sends requests again, and for two jobs that "
            "scrape one pod."
        ),
    )

    # Gates, and the judge itself
    GATE_NOT_KEPT = (
        "gate not kept",
        "The run shows that a limit which the user set is not kept.",
        "The gate is not kept: look for the cause, or set another limit.",
    )
    GATE_UNDECIDED = (
        "gate undecided",
        "The run is too short to tell whether a limit which the user set is kept.",
        "Send more (distinct rows for quality, requests for the rest), or set another limit.",
    )
    CHECK_FAILED = (
        "check failed",
        "A check of the judge raised an exception.",
        "This is a defect of Plumbline: report it with the run folder.",
    )
