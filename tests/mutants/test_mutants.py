"""A part of `make mutants`: altered evidence never makes a run better. A judge of which that is not so is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.judge import due
from analysis.record import seal
from analysis.verdict import Finding
from mutation import Mutation
from recordings import RECORDED, RECORDINGS
from survey import AFTER, BEFORE, Mutant, mutations_of, survey

SOME = ("shadow", "split", "permuted", "interrupted")
FEW = 50


def mutants_of(name: str, mutations: list[Mutation]) -> list[Mutant]:
    return list(survey(RECORDED / name, mutations, report_every=10))


def lost(name: str) -> Mutation:
    return Mutation(name, "file", "lost", lambda folder: (folder / name).unlink())


def test_there_is_a_folder_of_each_recording() -> None:
    """At least twelve, of all three verdicts; no other folder lies beside them."""
    assert {path.name for path in RECORDED.iterdir()} == set(RECORDINGS)
    originals = [mutants_of(name, [lost(seal.SEALED[0])])[0].original for name in RECORDINGS]
    assert len(originals) >= 12
    assert set(originals) == {"PASS", "FAIL", "INCONCLUSIVE"}
    assert {row.verdict for row in RECORDINGS.values()} == set(originals)


@pytest.mark.parametrize("name", SOME)
def test_no_mutant_is_judged_better(name: str) -> None:
    """A few mutations of every file, made after the seal and before it."""
    others = [RECORDED / other for other in SOME if other != name]
    mutants = mutants_of(name, mutations_of(RECORDED / name, others, seed=1, at_most=FEW))
    assert [mutant for mutant in mutants if mutant.is_defect] == []
    assert {mutant.made for mutant in mutants} == {AFTER, BEFORE}


@pytest.mark.parametrize("name", ["gates.json", "baseline.json", "samples.parquet", "offline.parquet", "ledger.arrow"])
def test_a_lost_file_leaves_no_pass(name: str) -> None:
    """Whenever it was lost. Of a run that is wrong, the other files may still prove it."""
    for folder in ("single", "permuted"):
        for mutant in mutants_of(folder, [lost(name)]):
            assert mutant.verdict in {"INCONCLUSIVE", mutant.original} - {"PASS"}, mutant


def test_a_judge_without_seal_or_due_checks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The survey calls it a defect if what is lost or altered counts as right."""

    def nothing_due(*_: object) -> tuple[Finding, ...]:
        return ()

    def nothing_broken(_: Path) -> dict[str, str]:
        return {}

    monkeypatch.setattr(due, "unspoken", nothing_due)
    monkeypatch.setattr(seal, "broken", nothing_broken)
    assert [mutant.made for mutant in mutants_of("single", [lost("exposed.json")]) if mutant.is_defect] == [AFTER]
