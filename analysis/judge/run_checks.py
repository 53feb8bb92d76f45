"""Checks of the run itself: the right thing, recorded whole, under a load that was one.

Each check is a pure function from the evidence to its findings. A check that has no subject says
nothing, and `judge` turns a silence of all of them into INCONCLUSIVE.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.evidence.evidence import Evidence
from analysis.evidence.offline import OfflineAnswers
from analysis.evidence.tally import Tally
from analysis.record.ledger import Kind, Outcome
from analysis.record.runfolder import LEDGER_FILE, OFFLINE_FILE, RecorderReport, Run
from analysis.verdict import Finding, Verdict
from model.contract import TAG_ARTIFACT, TAG_DIGEST

CPU_LIMIT: Final = 0.9
"""Share of a core above which a generator process queues its own requests, so that its times are its own."""
LATE_LIMIT_MS: Final = 50.0
"""p99 lateness of planned requests above which the load was not the one asked for; a healthy one keeps below 5."""
_AGAIN: Final = "Run the load again and let it end by itself."


def provenance(evidence: Evidence) -> tuple[Finding, ...]:
    """One artefact has one digest, in the run, in the offline answers and in the answers served."""
    if evidence.provided is None:
        why = evidence.problems.get(OFFLINE_FILE, "there are no offline answers")
        return (_no_answers("offline answers", why), *_served_tags(evidence))
    run, provided = evidence.run, evidence.provided
    heldout = _digests("held-out rows", run.heldout_sha256, provided.heldout_sha256, "the load's held-out rows")
    names = sorted({one.artifact for one in run.predictors})
    return (heldout, *(_artifact(run, provided, name) for name in names), *_served_tags(evidence))


def _artifact(run: Run, provided: OfflineAnswers, name: str) -> Finding:
    answers = provided.answers.get(name)
    if answers is None:
        no_name = "a predictor names no artefact (graph parameter model_name)"
        return _no_answers(name or "artefact", f"nothing is known offline of {name}" if name else no_name)
    return _digests(name, run.artifacts.get(name, "no digest"), answers.sha256, "the run's artefact")


def _no_answers(subject: str, why: str) -> Finding:
    advice = "Run `make train`, see that the manifest names the artefact as model_name, then collect again."
    return _unknown("provenance", subject, why, "no offline answers", advice)


def _digests(subject: str, asked: str, found: str, what: str) -> Finding:
    if asked == found:
        message = f"the offline answers are of {what} ({found[:12]})"
        return Finding("provenance", subject, Verdict.PASS, message, asked, found)
    message = f"the offline answers are not of {what}: expected digest {asked[:12]}, got {found[:12]}"
    advice = "Train again and repeat the run, or collect with the artefacts that the run was started with."
    return Finding("provenance", subject, Verdict.INCONCLUSIVE, message, asked, found, "provenance unequal", advice)


def _served_tags(evidence: Evidence) -> tuple[Finding, ...]:
    """What the answers say of who gave them; nothing where they say nothing."""
    primaries = [one for one in evidence.run.predictors if not one.shadow]
    allowed = {evidence.run.artifacts.get(one.artifact, ""): one.artifact for one in primaries}
    served = sorted({(tags.get(TAG_DIGEST, ""), tags.get(TAG_ARTIFACT, "")) for tags in evidence.run.served_tags})
    findings = []
    for digest, name in served:
        if not digest:
            continue
        if digest in allowed:
            message = f"answers carry the digest of {allowed[digest]}"
            findings.append(Finding("provenance", "answers", Verdict.PASS, message, digest, digest))
            continue
        wanted = ", ".join(one[:12] for one in sorted(allowed))
        message = f"answers come from {name or 'an artefact'} with digest {digest[:12]}, expected {wanted}"
        advice = "Deploy the artefact that the manifest names, or mend model_name in the manifest."
        findings.append(
            Finding("provenance", "answers", Verdict.FAIL, message, wanted, digest, "wrong model behind a name", advice)
        )
    return tuple(findings)


def recorder(evidence: Evidence) -> tuple[Finding, ...]:
    """The ledger holds everything that the load generator did, and the run ended by itself."""
    if evidence.tally is None:
        return (_incomplete(evidence.problems.get(LEDGER_FILE, "there is no ledger")),)
    said = evidence.run.recorder
    if said is None:
        return (_incomplete("the load generator never wrote its last word"),)
    findings = [
        _incomplete(why, said.events, evidence.tally.events) for why in _missing(evidence.tally, evidence, said)
    ]
    if evidence.run.stop != "finished":
        why = f"the run did not end by itself: it was {evidence.run.stop}"
        findings.append(_unknown("recorder", "run", why, "run not finished", _AGAIN))
    if evidence.tally.unknown and evidence.offline is not None:
        why = f"{evidence.tally.unknown:,} events are of rows that the held-out file lacks"
        findings.append(_unknown("recorder", "rows", why, "rows unknown", "Collect with the held-out file of the run."))
    whole = f"the ledger holds all {evidence.tally.events:,} events"
    passed = Finding("recorder", "ledger", Verdict.PASS, whole, said.events, evidence.tally.events)
    return tuple(findings) or (passed,)


def _missing(tally: Tally, evidence: Evidence, said: RecorderReport) -> list[str]:
    """What is known to be missing from the ledger, a sentence each."""
    lacking = {
        f"the ledger was cut short: {evidence.cut}": evidence.cut is not None,
        f"the ledger holds {tally.events:,} events of {said.events:,} recorded": tally.events != said.events,
        f"{said.unrecorded:,} events could not be recorded": said.unrecorded > 0,
        f"{said.workers_lost} of {said.workers} generator processes never sent their last report": said.workers_lost
        > 0,
    }
    return [why for why, so in lacking.items() if so]


def _incomplete(why: str, expected: int | None = None, observed: int | None = None) -> Finding:
    return _unknown("recorder", "ledger", why, "ledger incomplete", _AGAIN, expected, observed)


def sent(evidence: Evidence) -> tuple[Finding, ...]:
    """There was a load: feedback was sent, and most of it was acknowledged."""
    if evidence.tally is None:
        return ()
    attempted = evidence.tally.count(Kind.FEEDBACK)
    acknowledged = evidence.tally.count(Kind.FEEDBACK, Outcome.ACKNOWLEDGED)
    if not attempted:
        why = "no feedback was sent"
        advice = "Give the run more time (DURATION) or users (USERS)."
        return (_unknown("sent", "load", why, "nothing was sent", advice, "> 0", 0),)
    if acknowledged * 2 < attempted:
        why = f"only {acknowledged:,} of {attempted:,} feedbacks were acknowledged"
        advice = "Look at the deployment's logs and at `load.statuses` in result.json; lower the load."
        return (_unknown("sent", "load", why, "most feedback failed", advice, attempted, acknowledged),)
    message = f"{acknowledged:,} of {attempted:,} feedbacks were acknowledged"
    return (Finding("sent", "load", Verdict.PASS, message, attempted, acknowledged),)


def generator(evidence: Evidence) -> tuple[Finding, ...]:
    """The load generator kept up: not CPU-bound, and on time where times were planned."""
    said = evidence.run.recorder
    if said is None or evidence.tally is None:
        return ()
    findings = []
    if said.cpu_share > CPU_LIMIT:
        why = f"a generator process used {said.cpu_share:.0%} of a core, so latencies are partly its own"
        advice = "Use more generator processes (--processes) or a lower rate."
        findings.append(
            _unknown("generator", "CPU", why, "generator CPU-bound", advice, f"<= {CPU_LIMIT}", said.cpu_share)
        )
    lateness = evidence.tally.lateness_ns
    p99_ms = float(np.quantile(lateness, 0.99)) / 1e6 if len(lateness) else 0.0
    if p99_ms > LATE_LIMIT_MS:
        cause, advice = _why_late(said)
        why = f"1 % of requests left more than {p99_ms:.0f} ms late, so the rate was not the one asked for: {cause}"
        findings.append(
            _unknown("generator", "lateness", why, "generator late", advice, f"<= {LATE_LIMIT_MS} ms", p99_ms)
        )
    if said.dropped:
        why = f"{said.dropped} arrivals were dropped: so many requests were in flight that no other was begun"
        advice = "Lower RATE, or raise --max-in-flight if the deployment may be given that much at once."
        findings.append(_unknown("generator", "arrivals", why, "arrivals dropped", advice, 0, said.dropped))
    if findings:
        return tuple(findings)
    message = f"it used {said.cpu_share:.0%} of a core and was {p99_ms:.1f} ms late at p99"
    return (Finding("generator", "load generator", Verdict.PASS, message),)


def _why_late(said: RecorderReport) -> tuple[str, str]:
    """Whether the generator had too much to do itself or too little of the machine, and what to do about it."""
    if said.cpu_share > CPU_LIMIT:
        return "the generator itself was busy", "Use more generator processes (--processes), or lower RATE."
    used = f"it used {said.cpu_share:.0%} of a core"
    if said.waited_share is None:
        return f"{used}, and this kernel does not say whether it wanted more", "Lower RATE, or free the machine."
    told = f"{used} and waited {said.waited_share:.0%} of the run for a CPU that others had"
    if said.waited_share > said.cpu_share:  # it wanted the CPU for longer than it had it
        return told, "Free the machine of other work, or run the load generator on one of its own."
    return told, "Look for what held the load generator up: it was stopped, or the machine was."


def _unknown(
    check: str,
    subject: str,
    why: str,
    diagnosis: str,
    advice: str,
    expected: float | str | None = None,
    observed: float | str | None = None,
) -> Finding:
    return Finding(check, subject, Verdict.INCONCLUSIVE, why, expected, observed, diagnosis, advice)
