"""Check of the run folder: each file of evidence is there, is readable, and is as it was sealed."""

from __future__ import annotations

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence
from analysis.record.runfolder import RUN_FILE, SEAL_FILE
from analysis.record.seal import SEALED
from analysis.verdict import Explanation, Finding


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
