"""The judgement: every check, in order, over the evidence of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from analysis import (
    checks,
    checks_counts,
    checks_curve,
    checks_exposed,
    checks_rewards,
    checks_served,
    checks_stored,
    gates,
)
from analysis.evidence import Evidence
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
    Check("provenance", checks.provenance),
    Check("recorder", checks.recorder),
    Check("sent", checks.sent),
    Check("generator", checks.generator),
    Check("stored", checks_stored.stored),
    Check("clock", checks_stored.clock),
    Check("scrapes", checks_stored.scrapes),
    Check("served", checks_served.served),
    Check("exposed", checks_exposed.exposed),
    Check("bounds", checks_counts.bounds, _WHOLE),
    Check("equality", checks_counts.equality, _WHOLE),
    Check("curve", checks_curve.curves, _WHOLE),
    Check("rewards", checks_rewards.rewards, _WHOLE),
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
