"""Checks of the run itself: sound files, the right models and rows, a complete ledger, a load as it was asked for.

Each check is a pure function from the evidence to its findings. A check that has no subject returns no finding; `due`
knows whether it had to have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.tally import Tally
from analysis.judge.failed_requests import failures, situation
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE, RUN_FILE, SEAL_FILE, PredictorSpec, RecorderReport, Run
from analysis.record.seal import SEALED
from analysis.verdict import Explanation, Finding
from model.contract import TAG_ARTIFACT, TAG_DIGEST, TAG_PREDICTOR

CPU_LIMIT: Final = 0.9
"""Share of a core above which a generator process queues its own requests, so that it measures itself."""
LATE_LIMIT_MS: Final = 50.0
"""p99 lateness of planned requests above which the load was not the one asked for. A healthy p99 is below 5 ms."""
LENGTH_LIMIT: Final = 0.5
"""Share of the asked duration over which a closed loop must have sent. A healthy one sends over all of it; the start of
users and a slow last answer take a part of a short one."""
PLAN_LIMIT: Final = 0.9
"""Share of its planned visits that an open loop must have begun. A healthy one begins all of them, apart from those
that it reports as dropped or broken off."""
CHANCE_DEVIATIONS: Final = 5.0
"""Standard deviations below the plan that chance does not explain: less than once in a million loads. Without an effect
on loads of more than 2,500 visits, where `PLAN_LIMIT` is further off."""


def folder(evidence: Evidence) -> tuple[Finding, ...]:
    """A finding for each file that is not sound, and for a run that names no predictor."""
    findings = [_unsound(name, message) for name, message in evidence.problems.items()]
    if not evidence.run.predictors:
        message = f"{RUN_FILE} names no predictor, so there is nothing to judge"
        findings.append(Finding.unknown("predictors", Explanation(Diagnosis.EVIDENCE_INCOMPLETE, message)))
    return tuple(findings) or (Finding.passed("run folder", "every file of evidence is as it was sealed"),)


def _unsound(name: str, message: str) -> Finding:
    situation = "not sealed" if name == SEAL_FILE else None if name in SEALED else "internal"
    return Finding.unknown(name, Explanation(Diagnosis.EVIDENCE_INCOMPLETE, message, situation))


def provenance(evidence: Evidence) -> tuple[Finding, ...]:
    """Each artefact has the same digest in the run, in the offline answers, and in the answers served."""
    if evidence.provided is None:
        message = evidence.problems.get(OFFLINE_FILE, "there are no offline answers")
        return (_no_answers("offline answers", message), *_served_tags(evidence))
    run, provided = evidence.run, evidence.provided
    heldout = _digests("held-out rows", run.heldout_sha256, provided.heldout_sha256, "the load's held-out rows")
    artifacts = sorted({predictor.artifact for predictor in run.predictors})
    return (heldout, *(_artifact(run, provided, name) for name in artifacts), *_served_tags(evidence))


def _artifact(run: Run, provided: OfflineAnswers, name: str) -> Finding:
    answers = provided.answers.get(name)
    if answers is None:
        unnamed = "a predictor names no artefact (graph parameter model_name)"
        return _no_answers(name or "artefact", f"nothing is known offline of {name}" if name else unnamed)
    return _digests(name, run.artifacts.get(name, "no digest"), answers.sha256, "the run's artefact")


def _no_answers(subject: str, message: str) -> Finding:
    return Finding.unknown(subject, Explanation(Diagnosis.NO_OFFLINE_ANSWERS, message))


def _digests(subject: str, expected: str, observed: str, source: str) -> Finding:
    if expected == observed:
        message = f"the offline answers are of {source} ({observed[:12]})"
        return Finding.passed(subject, message, expected=expected, observed=observed)
    message = f"the offline answers are not of {source}: expected digest {expected[:12]}, got {observed[:12]}"
    explanation = Explanation(Diagnosis.PROVENANCE_UNEQUAL, message)
    return Finding.unknown(subject, explanation, expected=expected, observed=observed)


def _served_tags(evidence: Evidence) -> tuple[Finding, ...]:
    """A finding for each artefact and predictor that answers named in their tags, or one that says that none did."""
    answering = [predictor for predictor in evidence.run.predictors if not predictor.shadow]
    by_digest = {evidence.run.artifacts.get(spec.artifact, ""): spec.artifact for spec in answering}
    served = evidence.run.served_tags
    artifacts = sorted({(tags.get(TAG_DIGEST, ""), tags.get(TAG_ARTIFACT, "")) for tags in served})
    named = [_served_artifact(digest, name, by_digest, evidence.run) for digest, name in artifacts if digest or name]
    named += [wrong for tags in served if (wrong := _wrong_predictor(tags, evidence.run, answering)) is not None]
    silent = "no answer names the artefact that it comes from, so only the answers themselves are compared"
    return tuple(named) or (Finding.passed("answers", silent),)


def _served_artifact(digest: str, artifact: str, by_digest: dict[str, str], run: Run) -> Finding:
    undigested = [name for known, name in by_digest.items() if _is_of_answers(run, name, known)]
    if undigested and digest not in by_digest:
        message = f"answers name {artifact or digest[:12]}; the file of expected answers says no digest of a model"
        return Finding.passed("answers", message, expected=", ".join(undigested), observed=artifact or digest)
    if digest in by_digest:
        message = f"answers carry the digest of {by_digest[digest]}"
        return Finding.passed("answers", message, expected=digest, observed=digest)
    if not digest:
        return _served_name(artifact, sorted(by_digest.values()))
    expected = ", ".join(known[:12] for known in sorted(by_digest))
    message = f"answers come from {artifact or 'an artefact'} with digest {digest[:12]}, expected {expected}"
    return Finding.failed("answers", Explanation(Diagnosis.WRONG_MODEL, message), expected=expected, observed=digest)


def _is_of_answers(run: Run, artifact: str, digest: str) -> bool:
    """Whether the digest of an artefact is that of the file of its expected answers: none of a model is known."""
    return artifact in run.sources and run.sources[artifact].sha256 == digest


def _served_name(artifact: str, known: Sequence[str]) -> Finding:
    """An artefact that answers name without its digest. A name alone proves nothing, neither right nor wrong."""
    expected = ", ".join(known)
    if artifact in known:
        message = f"answers name {artifact} without its digest, so only the answers themselves are compared"
        return Finding.passed("answers", message, expected=expected, observed=artifact)
    message = f"answers name {artifact}, without a digest, where {expected} was expected"
    return Finding.unknown("answers", Explanation(Diagnosis.WRONG_MODEL, message), expected=expected, observed=artifact)


def _wrong_predictor(tags: Mapping[str, str], run: Run, answering: Sequence[PredictorSpec]) -> Finding | None:
    """A finding if answers to clients name a predictor that answers none, or one with another artefact than its own."""
    digest, artifact, predictor = (tags.get(name, "") for name in (TAG_DIGEST, TAG_ARTIFACT, TAG_PREDICTOR))
    own = {spec.name: spec.artifact for spec in answering}
    expected = ", ".join(own)
    if predictor and predictor not in own:
        message = f"answers to clients name the predictor {predictor}, where {expected} was expected"
        explanation = Explanation(Diagnosis.WRONG_MODEL, message, "predictor")
        return Finding.unknown("answers", explanation, expected=expected, observed=predictor)
    known = {name: run.artifacts.get(name, "") for name in own.values()}
    if not predictor or not digest or digest not in known.values() or digest == known[own[predictor]]:
        return None
    message = f"answers of the predictor {predictor} come from {artifact or digest[:12]}, expected {own[predictor]}"
    explanation = Explanation(Diagnosis.WRONG_MODEL, message)
    return Finding.unknown("answers", explanation, expected=own[predictor], observed=artifact or digest)


def recorder(evidence: Evidence) -> tuple[Finding, ...]:
    """The ledger holds everything that the load generator did, and the run ended by itself."""
    if evidence.tally is None:
        return (_incomplete(evidence.problems.get(LEDGER_FILE, "there is no ledger")),)
    report = evidence.run.recorder
    if report is None:
        return (_incomplete("the load generator never wrote its last word"),)
    events = evidence.tally.events
    findings = [_incomplete(message, report.events, events) for message in _missing(evidence.tally, evidence, report)]
    if evidence.run.stop != "finished":
        message = f"the run did not end by itself: it was {evidence.run.stop}"
        findings.append(Finding.unknown("run", Explanation(Diagnosis.RUN_NOT_FINISHED, message)))
    if evidence.tally.unknown and evidence.offline is not None:
        message = f"{evidence.tally.unknown:,} events are of rows that the held-out file lacks"
        findings.append(Finding.unknown("rows", Explanation(Diagnosis.ROWS_UNKNOWN, message)))
    complete = f"the ledger holds all {events:,} events"
    return tuple(findings) or (Finding.passed("ledger", complete, expected=report.events, observed=events),)


def _missing(tally: Tally, evidence: Evidence, report: RecorderReport) -> list[str]:
    """What is known to be missing from the ledger, one sentence each."""
    lost, workers = report.workers_lost, report.workers
    defects = {
        f"the ledger was cut short: {evidence.cut}": evidence.cut is not None,
        f"the ledger holds {tally.events:,} events of {report.events:,} recorded": tally.events != report.events,
        f"{report.unrecorded:,} events could not be recorded": report.unrecorded > 0,
        f"{lost} of {workers} generator processes never sent their last report": lost > 0,
    }
    return [message for message, is_so in defects.items() if is_so]


def _incomplete(message: str, expected: int | None = None, observed: int | None = None) -> Finding:
    explanation = Explanation(Diagnosis.LEDGER_INCOMPLETE, message)
    return Finding.unknown("ledger", explanation, expected=expected, observed=observed)


def sent(evidence: Evidence) -> tuple[Finding, ...]:
    """Feedback was sent, and most of it was acknowledged."""
    if evidence.tally is None:
        return ()
    attempted = evidence.tally.count(Kind.FEEDBACK)
    acknowledged = evidence.tally.count(Kind.FEEDBACK, Outcome.ACKNOWLEDGED)
    if not attempted:
        explanation = Explanation(Diagnosis.NOTHING_SENT, "no feedback was sent")
        return (Finding.unknown("load", explanation, expected="> 0", observed=0),)
    if acknowledged * 2 < attempted:
        why = failures(evidence, evidence.tally, Kind.FEEDBACK)
        message = f"only {acknowledged:,} of {attempted:,} feedbacks were acknowledged{why}"
        kind = situation(evidence, evidence.tally, Kind.FEEDBACK)
        explanation = Explanation(Diagnosis.MOST_FEEDBACK_FAILED, message, kind)
        return (Finding.unknown("load", explanation, expected=attempted, observed=acknowledged),)
    message = f"{acknowledged:,} of {attempted:,} feedbacks were acknowledged"
    return (Finding.passed("load", message, expected=attempted, observed=acknowledged),)


def generator(evidence: Evidence) -> tuple[Finding, ...]:
    """The load generator kept up: it was not CPU-bound, and it was on time where times were planned."""
    report = evidence.run.recorder
    if report is None or evidence.tally is None:
        return ()
    lateness = evidence.tally.lateness_ns
    p99_ms = float(np.quantile(lateness, 0.99)) / 1e6 if len(lateness) else 0.0
    findings = (
        *_cpu_bound(report),
        *_late(report, p99_ms),
        *_dropped(report),
        *_broken_off(report),
        *_short(evidence.run, evidence.tally),
        *_below_plan(evidence.run, evidence.tally, report),
        *_thin(evidence.run, report),
    )
    if findings:
        return findings
    message = f"it used {report.cpu_share:.0%} of a core and was {p99_ms:.1f} ms late at p99"
    return (Finding.passed("load generator", message),)


def _cpu_bound(report: RecorderReport) -> tuple[Finding, ...]:
    if report.cpu_share <= CPU_LIMIT:
        return ()
    message = f"a generator process used {report.cpu_share:.0%} of a core, so latencies are partly its own"
    explanation = Explanation(Diagnosis.GENERATOR_CPU_BOUND, message)
    return (Finding.unknown("CPU", explanation, expected=f"<= {CPU_LIMIT}", observed=report.cpu_share),)


def _late(report: RecorderReport, p99_ms: float) -> tuple[Finding, ...]:
    if p99_ms <= LATE_LIMIT_MS:
        return ()
    cause, situation = _cause_of_lateness(report)
    message = f"1 % of requests left more than {p99_ms:.0f} ms late, so the rate was not the one asked for: {cause}"
    explanation = Explanation(Diagnosis.GENERATOR_LATE, message, situation)
    return (Finding.unknown("lateness", explanation, expected=f"<= {LATE_LIMIT_MS} ms", observed=p99_ms),)


def _dropped(report: RecorderReport) -> tuple[Finding, ...]:
    if not report.dropped:
        return ()
    message = f"{report.dropped} arrivals were dropped: so many requests were in flight that no other was begun"
    explanation = Explanation(Diagnosis.ARRIVALS_DROPPED, message)
    return (Finding.unknown("arrivals", explanation, expected=0, observed=report.dropped),)


def _broken_off(report: RecorderReport) -> tuple[Finding, ...]:
    if not report.broken_off:
        return ()
    message = f"{report.broken_off:,} visits broke off by an exception in the load generator"
    explanation = Explanation(Diagnosis.VISITS_BROKEN_OFF, message)
    return (Finding.unknown("visits", explanation, expected=0, observed=report.broken_off),)


def _short(run: Run, tally: Tally) -> tuple[Finding, ...]:
    """A closed loop must have sent until near its end, unless it was interrupted or its users rest for long.

    An open loop is held to its plan (`_below_plan`).
    """
    asked_s = run.options.get("duration_s") or 0.0
    rest_s = run.options.get("think_time_s") or 0.0
    if run.stop != "finished" or _is_open(run):
        return ()
    if tally.span_ns is None or rest_s > asked_s * (1 - LENGTH_LIMIT):
        return ()
    lasted_s = (tally.span_ns[1] - tally.span_ns[0]) / 1e9
    if lasted_s >= asked_s * LENGTH_LIMIT:
        return ()
    message = f"the last request ended {lasted_s:.1f} s after the first one was sent, in a load of {asked_s:g} s"
    explanation = Explanation(Diagnosis.LOAD_SHORT, message)
    return (Finding.unknown("length", explanation, expected=asked_s, observed=lasted_s),)


def _below_plan(run: Run, tally: Tally, report: RecorderReport) -> tuple[Finding, ...]:
    """An open loop must have begun the visits that it planned, unless it was interrupted.

    The rate is of requests, and a visit is ``predict_ratio + feedback_ratio`` of them on average. Feedback waits for an
    answer, so visits are counted by their predictions; where there are none, by their feedback. The number is exact
    for arrivals that are evenly spaced and a ratio of 1, but for the last one of each process; else chance has a part
    in it. Of a trace, the plan is not in the run folder.
    """
    ratios = {Kind.PREDICT: _ratio(run, "predict_ratio"), Kind.FEEDBACK: _ratio(run, "feedback_ratio")}
    kind = Kind.PREDICT if ratios[Kind.PREDICT] else Kind.FEEDBACK
    seconds, rate = run.options.get("duration_s"), run.rate_planned_per_s
    if run.stop != "finished" or not (seconds and rate and ratios[kind]):
        return ()
    planned = rate * seconds * ratios[kind] / sum(ratios.values())
    by_chance = run.options.get("arrivals") == "poisson" or ratios[kind] < 1
    least = min(planned * PLAN_LIMIT, planned - CHANCE_DEVIATIONS * planned**0.5 if by_chance else planned)
    begun = int(tally.requests[kind].sum())
    if begun + report.dropped + report.broken_off + max(report.workers, 1) >= least:
        return ()
    message = f"{begun:,} {kind.name.lower()} requests were sent, where {planned:,.0f} were planned in {seconds:g} s"
    explanation = Explanation(Diagnosis.LOAD_SHORT, message)
    return (Finding.unknown("plan", explanation, expected=round(planned), observed=begun),)


def _ratio(run: Run, name: str) -> float:
    return float(run.options.get(name, 1.0))


def _thin(run: Run, report: RecorderReport) -> tuple[Finding, ...]:
    """All users of a closed loop must have visited, unless the run was interrupted or a process of it is missing."""
    expected = run.options.get("users") or 0
    if run.stop != "finished" or report.workers_lost or _is_open(run) or report.users is None:
        return ()
    if report.users >= expected:
        return ()
    message = f"at most {report.users:,} of {expected:,} users visited at once"
    explanation = Explanation(Diagnosis.LOAD_THIN, message)
    return (Finding.unknown("users", explanation, expected=expected, observed=report.users),)


def _is_open(run: Run) -> bool:
    return any(run.options.get(name) for name in ("rate_per_s", "trace", "shape"))


def _cause_of_lateness(report: RecorderReport) -> tuple[str, str | None]:
    """Whether the generator was busy itself or had too little of the machine; and the situation for the advice."""
    if report.cpu_share > CPU_LIMIT:
        return "the generator itself was busy", "busy"
    used = f"it used {report.cpu_share:.0%} of a core"
    if report.waited_share is None:
        return f"{used}, and this kernel does not say whether it wanted more", "kernel silent"
    cause = f"{used} and waited {report.waited_share:.0%} of the run for a CPU that others had"
    waited_longer_than_it_ran = report.waited_share > report.cpu_share
    return cause, "starved" if waited_longer_than_it_ran else None
