"""The judgement: every check, in order, over the evidence of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from analysis.evidence.evidence import Evidence
from analysis.judge import (
    answer_checks,
    count_checks,
    curve_checks,
    endpoint_checks,
    gates,
    reward_checks,
    run_checks,
    stored_checks,
)
from analysis.verdict import Finding, Verdict, merge


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of the evidence.

    ``name``: as findings carry it. ``find``: pure. ``needs``: checks that must all pass for this one to mean
    anything; where one does not, this one is not run and says so.
    """

    name: str
    find: Callable[[Evidence], tuple[Finding, ...]]
    needs: tuple[str, ...] = ()


_WHOLE: Final = ("recorder", "sent")

CHECKS: Final[tuple[Check, ...]] = (
    Check("provenance", run_checks.provenance),
    Check("recorder", run_checks.recorder),
    Check("sent", run_checks.sent),
    Check("generator", run_checks.generator),
    Check("stored", stored_checks.stored),
    Check("clock", stored_checks.clock),
    Check("scrapes", stored_checks.scrapes),
    Check("served", answer_checks.served),
    Check("exposed", endpoint_checks.exposed),
    Check("bounds", count_checks.bounds, _WHOLE),
    Check("equality", count_checks.equality, _WHOLE),
    Check("curve", curve_checks.curves, _WHOLE),
    Check("rewards", reward_checks.rewards, _WHOLE),
    Check("gate", gates.gates, _WHOLE),
)
"""Every check there is, in the order of judgement; a test holds that each is seen to fail."""


def judge(evidence: Evidence, every: Iterable[Check] = CHECKS) -> tuple[Finding, ...]:
    """Findings of all checks, in their order."""
    findings: list[Finding] = []
    for check in every:
        findings += _run(check, evidence, findings)
    return tuple(findings)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The worst of the findings."""
    return merge(finding.verdict for finding in findings)


def _run(check: Check, evidence: Evidence, before: Iterable[Finding]) -> tuple[Finding, ...]:
    blocking = [one for one in before if one.check in check.needs and one.verdict is not Verdict.PASS]
    if blocking:
        why = f"not judged, because of {blocking[0].check}: {blocking[0].message}"
        return (_unknown(check, why, blocking[0].advice or "See above.", blocking[0].diagnosis),)
    try:
        return check.find(evidence)
    except Exception as error:  # noqa: BLE001  (a check that crashes must not take the others along, nor pass)
        why = f"the check itself failed: {type(error).__name__}: {error}"
        advice = "This is a defect of Plumbline: report it with the run folder."
        return (_unknown(check, why, advice, "check failed"),)


def _unknown(check: Check, why: str, advice: str, diagnosis: str | None) -> Finding:
    return Finding(check.name, "run", Verdict.INCONCLUSIVE, why, None, None, diagnosis, advice)
