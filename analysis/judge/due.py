"""Which checks are due for a run, by what it was asked for; a due check without a finding is INCONCLUSIVE.

A check returns no finding where it has nothing to look at. That is right for each check by itself, and wrong for the
verdict: evidence that was lost would make a run better. So the subjects on which a check must speak do not come from
the evidence that it looks at, but from the options and predictors of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from analysis.diagnoses import Diagnosis
from analysis.evidence.evidence import Evidence
from analysis.verdict import Explanation, Finding, Verdict

FOLLOWS: Final = "not judged, because of"
"""Beginning of the message of a finding that only follows from another one."""
RUN: Final = "run"
"""Subject of a finding about all of the run; as a due subject, it stands for any."""
_ALWAYS: Final = ("folder", "provenance", "recorder", "sent", "generator", "clock")
_BY_GROUP: Final = ("bounds", "equality", "counters", "curve", "rewards")


def due(evidence: Evidence) -> Mapping[str, tuple[str, ...]]:
    """The subjects on which each check must speak, by the check's name.

    Stored series and scrapes are due for each predictor with traffic, counts for each group of predictors that share
    it, answers for each group that answers clients if predictions were asked for, endpoints for each predictor if the
    run had any, and gates if the run has some.
    """
    groups = {group.name: [member.name for member in group.members] for group in evidence.groups}
    members = tuple(name for names in groups.values() for name in names)
    answering = tuple(group.name for group in evidence.groups if not group.share.mirrored)
    return {
        **dict.fromkeys(_ALWAYS, (RUN,)),
        **dict.fromkeys(_BY_GROUP, tuple(groups)),
        "stored": members,
        "scrapes": members,
        "served": answering if evidence.run.options.get("predict_ratio") != 0 else (),
        "losses": answering,
        "exposed": members if evidence.exposed or evidence.endpoints else (),
        "gate": (RUN,) if evidence.gates else (),
    }


def unspoken(
    subjects: Sequence[str], own: Sequence[Finding], evidence: Evidence, earlier: Sequence[Finding]
) -> tuple[Finding, ...]:
    """A finding for each due subject on which the check did not speak. ``own``: what it said."""
    covered = {finding.subject for finding in own}
    if not own:
        silent = tuple(subjects)
    else:
        silent = tuple(subject for subject in subjects if subject not in covered and RUN not in {subject, *covered})
    return tuple(_unspoken(subject, evidence, [*own, *earlier]) for subject in silent)


def _unspoken(subject: str, evidence: Evidence, earlier: Sequence[Finding]) -> Finding:
    """An INCONCLUSIVE finding with the reason: what is wrong with the subject already, or else with the run."""
    names = {subject} | {member.name for group in evidence.groups if group.name == subject for member in group.members}
    wrong = [finding for finding in earlier if finding.verdict is not Verdict.PASS]
    for reasons in ([finding for finding in wrong if finding.subject in names], wrong):
        if reasons:
            return follows(subject, reasons[0])
    message = "the run asked for this, and the evidence holds nothing to judge it by"
    return Finding.unknown(subject, Explanation(Diagnosis.NOT_JUDGED, message))


def follows(subject: str, reason: Finding) -> Finding:
    """An INCONCLUSIVE finding of a check that could not be made because of another finding, with its diagnosis.

    If that one could not be made either, the message names what it was for.
    """
    is_root = not reason.message.startswith(FOLLOWS)
    message = f"{FOLLOWS} {reason.check}: {reason.message}" if is_root else reason.message
    return Finding(
        subject, Verdict.INCONCLUSIVE, message, diagnosis=reason.diagnosis, advice=reason.advice or "See above."
    )
