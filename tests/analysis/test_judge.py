"""Each check passes on truth and is seen to speak up on truth altered; one list holds that none was forgotten."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, BASE, LONG, SWAP, with_buckets, with_feedback_requests
from analysis import evidence, judge, runfolder
from analysis.__main__ import main
from analysis.judge import CHECKS, Check
from analysis.ledger import Kind
from analysis.runfolder import PredictorAsked
from analysis.verdict import Finding, Verdict
from twins import TWINS, Twin
from worlds import PRIMARY, SHADOW, World


@pytest.mark.parametrize(
    "world",
    [ALONE, BASE, LONG, with_feedback_requests(1.0), with_buckets()],
    ids=["alone", "with a shadow", "long", "with feedback requests", "with buckets"],
)
def test_truth_passes_every_check(tmp_path: Path, world: World) -> None:
    """The worlds that the twins are made from are PASS, finding for finding."""
    verdict, findings = worlds.judged(tmp_path / "run", world)
    assert [one for one in findings if one.verdict is not Verdict.PASS] == []
    assert verdict is Verdict.PASS


@pytest.mark.parametrize("twin", TWINS, ids=[f"{twin.check}-{twin.told}" for twin in TWINS])
def test_each_check_speaks_up(tmp_path: Path, twin: Twin) -> None:
    """The check of the twin's name finds what was altered, with its diagnosis; the run is no PASS."""
    findings = judged(tmp_path, twin)
    mine = [one for one in findings if one.check == twin.check and one.verdict is not Verdict.PASS]
    assert [(one.verdict, one.diagnosis) for one in mine if one.diagnosis == twin.diagnosis or twin.diagnosis is None]
    assert max(one.verdict for one in mine) is twin.verdict
    assert judge.verdict(findings) is not Verdict.PASS


def test_every_check_has_a_twin() -> None:
    """No check was ever added without a fault that it is seen to catch."""
    assert {twin.check for twin in TWINS} == {check.name for check in CHECKS}


def test_every_finding_that_is_no_pass_has_advice(tmp_path: Path) -> None:
    """Who is told that something is wrong is told what to do."""
    for number, twin in enumerate(TWINS):
        for one in judged(tmp_path / str(number), twin):
            assert one.verdict is Verdict.PASS or one.advice, one


def test_a_check_that_raises_is_inconclusive_by_its_name(tmp_path: Path) -> None:
    """A defect of ours is no PASS, and takes no other check along."""

    def broken(_: evidence.Evidence) -> tuple[Finding, ...]:
        raise ZeroDivisionError("by nothing")

    findings = judge.judge(worlds.evidence_of(tmp_path, ALONE), [Check("broken", broken), CHECKS[0]])
    assert findings[0].check == "broken"
    assert findings[0].verdict is Verdict.INCONCLUSIVE
    assert "ZeroDivisionError" in findings[0].message
    assert findings[1].verdict is Verdict.PASS


def test_no_check_at_all_is_inconclusive(tmp_path: Path) -> None:
    """Judging nothing is not passing."""
    findings = judge.judge(worlds.evidence_of(tmp_path, ALONE), [])
    assert judge.verdict(findings) is Verdict.INCONCLUSIVE


def test_the_notebooks_swap_is_named_cell_by_cell(tmp_path: Path) -> None:
    """The diagnosis lists which metric reports which cell, in the notebook's order of metrics."""
    random = np.random.default_rng(0)
    events = tuple(replace(one, row=int(random.choice([0, 1, 2, 4, 5, 7]))) for one in ALONE.events)
    events = tuple(replace(one, truth=worlds.truth_of(one.row)) for one in events if one.kind is Kind.FEEDBACK)
    world = worlds.world(events)
    counts = [replace(one, cell=SWAP[one.cell]) for one in world.counts["default"]]
    _, findings = worlds.judged(tmp_path, worlds.with_counts(world, "default", counts))
    told = next(one for one in findings if one.check == "equality")
    assert told.message == "true_neg reports FP, false_pos reports FN, false_neg reports TN"


def test_primaries_that_share_the_traffic_are_judged_by_their_sum(tmp_path: Path) -> None:
    """Each event goes to one of two primaries; the sum of their counts passes, and one event less does not."""
    other = PredictorAsked("canary", "lr-model", SHADOW.artifact, shadow=False, traffic=40, replicas=1)
    events = worlds.load_of(60)
    random = np.random.default_rng(3)
    whole = worlds.world(events, (replace(PRIMARY, traffic=60), other))
    split = {"default": [], "canary": []}  # type: dict[str, list[worlds.Count]]
    for one, two in zip(whole.counts["default"], whole.counts["canary"], strict=True):
        name = str(random.choice(["default", "canary"]))
        split[name].append(one if name == "default" else two)
    world = replace(whole, counts={name: tuple(counts) for name, counts in split.items()})
    assert worlds.judged(tmp_path / "true", world)[0] is Verdict.PASS
    short = worlds.with_counts(world, "canary", split["canary"][:-1])
    assert worlds.judged(tmp_path / "short", short)[0] is Verdict.FAIL


def test_a_part_of_the_mirror_has_an_upper_bound_only(tmp_path: Path) -> None:
    """A shadow that is given a part of the traffic may count less, never more, and the finding says so."""
    shadow = replace(SHADOW, traffic=50)
    whole = worlds.world(worlds.load_of(60), (PRIMARY, shadow))
    half = worlds.with_counts(whole, "shadow", whole.counts["shadow"][::2])
    verdict, findings = worlds.judged(tmp_path / "half", half)
    assert verdict is Verdict.PASS
    told = [one.message for one in findings if (one.check, one.subject) == ("equality", "shadow")]
    assert "no lower bound" in told[0]
    over = worlds.with_counts(whole, "shadow", [*whole.counts["shadow"], whole.counts["shadow"][0]])
    assert worlds.judged(tmp_path / "over", over)[0] is Verdict.FAIL


def test_an_unknown_outcome_widens_by_exactly_one(tmp_path: Path) -> None:
    """With one event of unknown outcome in a cell, that cell may be one less, and not two."""
    world = worlds.world(worlds.load_of(60, indeterminate=1))
    found = worlds.evidence_of(tmp_path / "true", world)
    ((_, counted),) = found.counted()
    low, high, _ = counted.last
    assert int((high - low).sum()) == 1
    counts = list(world.counts["default"])
    cell = int(np.argmax(high - low))
    fewer = [one for one in counts if one.cell != cell] + [one for one in counts if one.cell == cell][:-2]
    assert worlds.judged(tmp_path / "fewer", worlds.with_counts(world, "default", fewer))[0] is Verdict.FAIL


def judged(folder: Path, twin: Twin) -> tuple[Finding, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    run = worlds.put(folder, twin.world)
    twin.spoil(folder)
    return judge.judge(evidence.load(folder, run))


def test_a_copied_run_folder_gives_the_same_result(tmp_path: Path) -> None:
    """`result.json` depends on nothing but the files of the run: no clock, no server, no place."""
    (tmp_path / "a").mkdir()
    worlds.put(tmp_path / "a", BASE)
    assert main(["judge", str(tmp_path / "a")]) == 0
    first = (tmp_path / "a" / runfolder.RESULT_FILE).read_bytes()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert main(["judge", str(tmp_path / "b")]) == 0
    assert (tmp_path / "b" / runfolder.RESULT_FILE).read_bytes() == first
