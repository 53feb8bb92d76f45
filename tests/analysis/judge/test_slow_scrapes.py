"""Runs that are shorter than the scrape interval: what a replica counted since its last scrape is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from analysis.evidence import files
from analysis.evidence.arrange import arrange
from analysis.evidence.samples import Series
from analysis.judge.registry import judge
from analysis.record import runfolder
from analysis.verdict import Finding, Verdict
from worlds import SECOND, START_NS, World

MINUTE = 60 * SECOND
SECOND_REPLICA = "10.0.0.1:6000"
TWO_REPLICAS = replace(worlds.world(worlds.load_of(120, span_s=5.0), targets=2), interval_ns=MINUTE)


def not_scraped_again(*, with_cells: bool) -> Callable[[list[Series]], list[Series]]:
    """Nothing is stored of the second replica after the first event. ``with_cells``: it had counted before."""

    def alter(stored: list[Series]) -> list[Series]:
        return [kept for series in stored if (kept := _kept(series)) is not None]

    def _kept(series: Series) -> Series | None:
        if series.labels["instance"] != SECOND_REPLICA:
            return series
        before = series.time_ms < START_NS // 10**6
        if not before.any() or not (with_cells or series.metric in {"up", "scrape_duration_seconds"}):
            return None
        return replace(series, time_ms=series.time_ms[before], value=series.value[before])

    return alter


def found(findings: tuple[Finding, ...], check: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.check == check]
    return finding


@pytest.mark.parametrize("prior", [0, 7])
def test_both_replicas_scraped_once_more_pass(tmp_path: Path, prior: int) -> None:
    verdict, findings = worlds.judged(tmp_path, replace(TWO_REPLICAS, prior=prior))
    assert verdict is Verdict.PASS, [finding for finding in findings if finding.verdict is not Verdict.PASS]


@pytest.mark.parametrize("prior", [0, 7], ids=["without cells", "with cells"])
def test_a_replica_that_was_not_scraped_since_is_not_taken_for_gone(tmp_path: Path, prior: int) -> None:
    """Half of the counts are missing from Prometheus, and none of them is lost."""
    world: World = replace(TWO_REPLICAS, prior=prior, alter=not_scraped_again(with_cells=bool(prior)))
    verdict, findings = worlds.judged(tmp_path, world)
    equality = found(findings, "equality")
    assert verdict is Verdict.INCONCLUSIVE
    assert equality.diagnosis == "no last scrape"
    assert f"{SECOND_REPLICA} was last scraped at" in equality.message


def test_a_pod_of_a_predictor_that_the_manifest_leaves_out_is_not_silent(tmp_path: Path) -> None:
    """The shadow is deployed and scraped, and the run does not name it: that is what is wrong, and nothing else."""
    both = worlds.world(worlds.load_of(120, span_s=5.0), (worlds.PRIMARY, worlds.SHADOW))
    folder = tmp_path / "run"
    folder.mkdir()
    worlds.put(folder, both)
    run = runfolder.read(folder)
    runfolder.write(folder, replace(run, predictors=run.predictors[:1]))
    worlds.reseal(folder)
    evidence = arrange(files.read(folder, runfolder.read(folder)))
    assert [member.silent for member in evidence.groups[0].members] == [()]
    (finding,) = [finding for finding in judge(evidence) if finding.verdict is not Verdict.PASS]
    assert (finding.verdict, finding.diagnosis) == (Verdict.INCONCLUSIVE, "counts of no predictor judged")
    assert "series with the label predictor_name=shadow are of no predictor of the manifest" in finding.message


def test_counts_that_are_missing_after_a_scrape_of_every_replica_fail(tmp_path: Path) -> None:
    """The other side: a replica that was scraped again has no excuse."""
    counts = TWO_REPLICAS.counts["default"][5:]
    verdict, findings = worlds.judged(tmp_path, worlds.with_counts(TWO_REPLICAS, "default", counts))
    assert verdict is Verdict.FAIL
    assert found(findings, "equality").diagnosis == "counts lost"
