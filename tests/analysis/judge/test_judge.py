"""Each check passes on true data and fails on altered data; a list ensures that no check was forgotten."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import (
    ALONE,
    BASE,
    FULL,
    LONG,
    SWAP,
    events_with,
    hour,
    is_cell,
    stored_as,
    with_buckets,
    with_feedback_requests,
)
from analysis.__main__ import main
from analysis.evidence import evidence, files
from analysis.evidence.arrange import arrange
from analysis.evidence.samples import Series
from analysis.judge import registry
from analysis.judge.registry import CHECKS, Check
from analysis.record import runfolder
from analysis.record.ledger import Kind
from analysis.record.runfolder import PredictorSpec
from analysis.verdict import Finding, Verdict
from twins import TWINS, Twin
from worlds import MS, PRIMARY, SHADOW, World


@pytest.mark.parametrize(
    "world",
    [ALONE, BASE, LONG, with_feedback_requests(1.0), with_buckets()],
    ids=["alone", "with a shadow", "long", "with feedback requests", "with buckets"],
)
def test_truth_passes_every_check(tmp_path: Path, world: World) -> None:
    """Each finding on the worlds that the twins are made from is PASS."""
    verdict, findings = worlds.judged(tmp_path / "run", world)
    assert [finding for finding in findings if finding.verdict is not Verdict.PASS] == []
    assert verdict is Verdict.PASS


@pytest.mark.parametrize("twin", TWINS, ids=[f"{twin.check}-{twin.fault}" for twin in TWINS])
def test_each_check_speaks_up(tmp_path: Path, twin: Twin) -> None:
    """The check of the twin's name finds what was altered, with its diagnosis; the run is no PASS."""
    findings = judged(tmp_path, twin)
    mine = [finding for finding in findings if finding.check == twin.check and finding.verdict is not Verdict.PASS]
    assert twin.diagnosis in {finding.diagnosis for finding in mine}
    assert max(finding.verdict for finding in mine) is twin.verdict
    assert registry.verdict(findings) is not Verdict.PASS


def test_every_check_has_a_twin() -> None:
    """For each check there is a fault that it finds."""
    assert {twin.check for twin in TWINS} == {check.name for check in CHECKS}


def test_every_finding_that_is_no_pass_has_a_name_and_advice(tmp_path: Path) -> None:
    """A reader who learns that something is wrong also learns its name and what to do. No check raises an exception."""
    for number, twin in enumerate(TWINS):
        for finding in judged(tmp_path / str(number), twin):
            assert finding.verdict is Verdict.PASS or (finding.diagnosis and finding.advice), finding
            assert finding.diagnosis != "check failed", finding


@pytest.mark.parametrize("fault", ["answers of others", "rows of another file"])
def test_a_good_deployment_does_not_fail_by_answers_of_something_else(tmp_path: Path, fault: str) -> None:
    """Offline answers of another artefact, or on other rows, prove nothing: nothing is compared with them."""
    twin = next(twin for twin in TWINS if twin.fault == fault)
    findings = judged(tmp_path, twin)
    assert registry.verdict(findings) is Verdict.INCONCLUSIVE
    assert {finding.diagnosis for finding in findings if finding.verdict is not Verdict.PASS} == {"provenance unequal"}
    compared = {"served", "bounds", "equality", "curve"}
    assert {finding.verdict for finding in findings if finding.check in compared} == {Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("world", "name"),
    [
        (
            stored_as(
                lambda one_series: (
                    replace(one_series, value=one_series.value + 0.5) if is_cell(one_series) else one_series
                )
            ),
            "not a count",
        ),
        (
            replace(
                ALONE,
                alter=lambda all_series: (
                    all_series + [relabelled(one_series) for one_series in all_series if is_cell(one_series)]
                ),
            ),
            "several series",
        ),
    ],
)
def test_counts_of_series_that_are_none_take_the_name_of_that(tmp_path: Path, world: World, name: str) -> None:
    """The published series are certainly wrong, by one fault. A second fault that the sum resembles is not reported."""
    verdict, findings = worlds.judged(tmp_path, world)
    assert verdict is Verdict.FAIL
    assert {finding.diagnosis for finding in findings if finding.verdict is not Verdict.PASS} == {name}


def relabelled(series: Series) -> Series:
    return replace(series, labels={**series.labels, "model_version": "2"})


@pytest.mark.parametrize(
    ("cpu", "waited", "message", "advice"),
    [
        (0.97, 0.0, "busy", "--processes"),
        (0.4, 0.5, "waited 50 %", "Free the machine"),
        (0.1, 0.0, "waited 0 %", "stopped"),
        (0.4, None, "does not say", "free the machine"),
    ],
)
def test_a_late_generator_is_told_to_have_been_busy_or_kept_from_the_cpu(
    tmp_path: Path, cpu: float, waited: float | None, message: str, advice: str
) -> None:
    """CPU time alone cannot distinguish a generator that waits for a CPU from one that has nothing to do."""
    late = events_with(lambda event: replace(event, planned_ns=event.sent_ns - 200 * MS))
    world = replace(late, recorder=replace(FULL, cpu_share=cpu, waited_share=waited))
    _, findings = worlds.judged(tmp_path, world)
    late_finding = next(finding for finding in findings if finding.diagnosis == "generator late")
    assert message in late_finding.message.replace("%", " %").replace("  ", " ")
    assert advice in (late_finding.advice or "")


def test_a_check_that_raises_is_inconclusive_by_its_name(tmp_path: Path) -> None:
    """A defect of ours is not a PASS, and the other checks still run."""

    def broken(_: evidence.Evidence) -> tuple[Finding, ...]:
        raise ZeroDivisionError("by nothing")

    findings = registry.judge(
        worlds.evidence_of(tmp_path, ALONE), [Check("broken", "a broken check", broken), CHECKS[0]]
    )
    assert findings[0].check == "broken"
    assert findings[0].verdict is Verdict.INCONCLUSIVE
    assert "ZeroDivisionError" in findings[0].message
    assert findings[1].verdict is Verdict.PASS


def test_no_check_at_all_is_inconclusive(tmp_path: Path) -> None:
    """Judging nothing is not passing."""
    findings = registry.judge(worlds.evidence_of(tmp_path, ALONE), [])
    assert registry.verdict(findings) is Verdict.INCONCLUSIVE


def test_the_notebooks_swap_is_named_cell_by_cell(tmp_path: Path) -> None:
    """The diagnosis lists which metric reports which cell, in the notebook's order of metrics."""
    random = np.random.default_rng(0)
    events = tuple(replace(event, row=int(random.choice([0, 1, 2, 4, 5, 7]))) for event in ALONE.events)
    events = tuple(replace(event, truth=worlds.truth_of(event.row)) for event in events if event.kind is Kind.FEEDBACK)
    world = worlds.world(events)
    counts = [replace(count, cell=SWAP[count.cell]) for count in world.counts["default"]]
    _, findings = worlds.judged(tmp_path, worlds.with_counts(world, "default", counts))
    finding = next(finding for finding in findings if finding.check == "equality")
    assert finding.message == "true_neg reports FP, false_pos reports FN, false_neg reports TN"


def test_primaries_that_share_the_traffic_are_judged_by_their_sum(tmp_path: Path) -> None:
    """Each event goes to one of two primaries; the sum of their counts passes, and one event less does not."""
    other = PredictorSpec("canary", "lr-model", SHADOW.artifact, shadow=False, traffic=40, replicas=1)
    events = worlds.load_of(60)
    random = np.random.default_rng(3)
    whole = worlds.world(events, (replace(PRIMARY, traffic=60), other))
    split = {"default": [], "canary": []}  # type: dict[str, list[worlds.Count]]
    for count, two in zip(whole.counts["default"], whole.counts["canary"], strict=True):
        name = str(random.choice(["default", "canary"]))
        split[name].append(count if name == "default" else two)
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
    messages = [finding.message for finding in findings if (finding.check, finding.subject) == ("equality", "shadow")]
    assert "no lower bound" in messages[0]
    over = worlds.with_counts(whole, "shadow", [*whole.counts["shadow"], whole.counts["shadow"][0]])
    assert worlds.judged(tmp_path / "over", over)[0] is Verdict.FAIL


def test_the_bounds_of_a_shadow_are_told_as_they_are(tmp_path: Path) -> None:
    """Before its last scrape it may lag by any number of copies, and nothing is said of that."""
    shadow = tuple(replace(count, at_ns=count.at_ns + 3 * worlds.SECOND) for count in BASE.counts["shadow"])
    verdict, findings = worlds.judged(tmp_path, worlds.with_counts(BASE, "shadow", shadow))
    assert verdict is Verdict.PASS
    messages = {finding.subject: finding.message for finding in findings if finding.check == "bounds"}
    assert messages["default"].endswith("every cell within acknowledged and attempted")
    assert messages["shadow"].endswith("so only a scrape after the end has a lower bound")


def test_scrapes_that_failed_are_told_of(tmp_path: Path) -> None:
    """Every second scrape of a replica fails: that is no long gap, and it is not none."""
    odd = hour(2), hour(4), hour(6)

    def failing(series: Series) -> Series:
        fails = np.logical_or.reduce([(series.time_ms > at) & (series.time_ms < at + 1000) for at in odd])
        if series.labels["instance"] != "10.0.0.0:6000" or series.metric == "scrape_duration_seconds":
            return series
        if series.metric == "up":
            return replace(series, value=np.where(fails, 0.0, series.value))
        return replace(series, time_ms=series.time_ms[~fails], value=series.value[~fails])

    verdict, findings = worlds.judged(tmp_path, stored_as(failing, worlds.world(ALONE.events, targets=2)))
    assert verdict is Verdict.PASS, findings
    (finding,) = [finding for finding in findings if finding.check == "scrapes"]
    assert "no gap of more than 10 scrapes, no reset; another 3 failed within the load" in finding.message


def test_an_unknown_outcome_widens_by_exactly_one(tmp_path: Path) -> None:
    """With one event of unknown outcome in a cell, that cell may be one less, and not two."""
    world = worlds.world(worlds.load_of(60, indeterminate=1))
    evidence = worlds.evidence_of(tmp_path / "true", world)
    ((_, counted),) = evidence.counted()
    low, high, _ = counted.last
    assert int((high - low).sum()) == 1
    counts = list(world.counts["default"])
    cell = int(np.argmax(high - low))
    fewer = [count for count in counts if count.cell != cell] + [count for count in counts if count.cell == cell][:-2]
    assert worlds.judged(tmp_path / "fewer", worlds.with_counts(world, "default", fewer))[0] is Verdict.FAIL


def judged(folder: Path, twin: Twin) -> tuple[Finding, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    worlds.put(folder, twin.world)
    twin.spoil(folder)
    if not twin.sealed_before:
        worlds.reseal(folder)
    return registry.judge(arrange(files.read(folder, runfolder.read(folder))))


def test_a_copied_run_folder_gives_the_same_result(tmp_path: Path) -> None:
    """`result.json` depends on nothing but the files of the run: no clock, no server, no place."""
    (tmp_path / "a").mkdir()
    worlds.put(tmp_path / "a", BASE)
    assert main(["judge", str(tmp_path / "a")]) == 0
    first = (tmp_path / "a" / runfolder.RESULT_FILE).read_bytes()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert main(["judge", str(tmp_path / "b")]) == 0
    assert (tmp_path / "b" / runfolder.RESULT_FILE).read_bytes() == first
