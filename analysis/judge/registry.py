"""The checks, in the order of judgement, and the judge that runs them over the evidence of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence
from analysis.judge import (
    answer_checks,
    count_checks,
    counter_checks,
    curve_checks,
    due,
    endpoint_checks,
    gates,
    loss_checks,
    reward_checks,
    run_checks,
    stored_checks,
)
from analysis.record.runfolder import RUN_FILE
from analysis.verdict import Explanation, Finding, Verdict, merge


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the evidence.

    ``name``: in ``result.json`` and ``junit.xml``. ``title``: in reports for people. ``find``: a pure function from the
    evidence to its findings. ``needs``: checks that must all pass before this one means anything. If one does not,
    this check is not run and its finding says so.
    """

    name: str
    title: str
    find: Callable[[Evidence], tuple[Finding, ...]]
    needs: tuple[str, ...] = ()


FOLDER: Final = "folder"
_COMPLETE: Final = ("recorder", "sent")

CHECKS: Final[tuple[Check, ...]] = (
    Check(FOLDER, "run folder", run_checks.folder),
    Check("provenance", "same model and rows", run_checks.provenance),
    Check("recorder", "events recorded", run_checks.recorder),
    Check("sent", "load sent", run_checks.sent),
    Check("generator", "load generator", run_checks.generator),
    Check("stored", "series stored", stored_checks.stored),
    Check("clock", "clocks", stored_checks.clock),
    Check("scrapes", "scrapes", stored_checks.scrapes),
    Check("served", "answers served", answer_checks.served),
    Check("exposed", "metrics endpoints", endpoint_checks.exposed),
    Check("bounds", "counts on the way", count_checks.bounds, _COMPLETE),
    Check("equality", "counts at the end", count_checks.equality, _COMPLETE),
    Check("counters", "counters of the cells", counter_checks.counters, _COMPLETE),
    Check("losses", "feedback that failed", loss_checks.losses, _COMPLETE),
    Check("curve", "score curve", curve_checks.curves, _COMPLETE),
    Check("rewards", "rewards", reward_checks.rewards, _COMPLETE),
    Check("gate", "gate", gates.gates, _COMPLETE),
)
"""Every check, in the order of judgement. A test holds that each was seen to fail."""

TITLES: Final[Mapping[str, str]] = {check.name: check.title for check in CHECKS}


def judge(evidence: Evidence, checks: Iterable[Check] = CHECKS) -> tuple[Finding, ...]:
    """Findings of all checks, in their order; also of each check that was due and did not speak."""
    subjects = due.due(evidence)
    findings: list[Finding] = []
    for check in checks:
        own = [replace(finding, check=check.name) for finding in _findings(check, evidence, findings)]
        silent = due.unspoken(subjects.get(check.name, ()), own, evidence, findings)
        findings += [*own, *(replace(finding, check=check.name) for finding in silent)]
    return tuple(findings)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict of the findings."""
    return merge(finding.verdict for finding in findings)


def _blocks(finding: Finding, check: Check) -> bool:
    """Whether nothing can be said by the check because of the finding.

    No check means anything by a ``run.json`` that is not the one that was sealed: it says what was asked for.
    """
    return finding.check in check.needs or (finding.check == FOLDER and finding.subject == RUN_FILE)


def _findings(check: Check, evidence: Evidence, earlier: Iterable[Finding]) -> tuple[Finding, ...]:
    blocking = [finding for finding in earlier if finding.verdict is not Verdict.PASS and _blocks(finding, check)]
    if blocking:
        return (due.follows(due.RUN, blocking[0]),)
    try:
        return check.find(evidence)
    except Exception as error:  # noqa: BLE001  (a check that crashes must neither stop the others nor pass)
        message = f"the check itself failed: {type(error).__name__}: {error}"
        return (Finding.unknown(due.RUN, Explanation(Diagnosis.CHECK_FAILED, message)),)
