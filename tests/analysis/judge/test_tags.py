"""What answers say in their tags: which artefact gave them, and for which predictor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import any_world
import worlds
from alterations import ALONE, BASE
from analysis.verdict import Finding, Verdict
from model.contract import TAG_ARTIFACT, TAG_DIGEST, TAG_PREDICTOR
from worlds import PRIMARY, SHADOW, World

OWN, OTHER = (worlds.answers(spec.artifact).sha256 for spec in (PRIMARY, SHADOW))
SPLIT = any_world.shared(worlds.world(ALONE.events, any_world.SPLIT), 0)


def of_answers(folder: Path, world: World, *tags: dict[str, str]) -> tuple[Verdict, list[Finding]]:
    verdict, findings = worlds.judged(folder, replace(world, tags=tags))
    return verdict, [finding for finding in findings if (finding.check, finding.subject) == ("provenance", "answers")]


@pytest.mark.parametrize(
    "tags",
    [
        {TAG_ARTIFACT: "evil.joblib"},
        {TAG_ARTIFACT: PRIMARY.artifact, TAG_DIGEST: OWN, TAG_PREDICTOR: SHADOW.name},
        {TAG_PREDICTOR: "nobody"},
    ],
    ids=["artefact by name", "shadow", "unknown predictor"],
)
def test_tags_that_name_something_else_are_no_pass(tmp_path: Path, tags: dict[str, str]) -> None:
    """A name proves nothing, and is not what was expected."""
    verdict, findings = of_answers(tmp_path, BASE, tags)
    assert verdict is Verdict.INCONCLUSIVE
    assert {finding.diagnosis for finding in findings} - {None} == {"wrong model behind a name"}


def test_the_right_name_without_a_digest_passes_and_says_so(tmp_path: Path) -> None:
    verdict, (finding,) = of_answers(tmp_path, ALONE, {TAG_ARTIFACT: PRIMARY.artifact})
    assert verdict is Verdict.PASS
    assert "without its digest" in finding.message


@pytest.mark.parametrize(("digest", "verdict"), [(OWN, Verdict.PASS), (OTHER, Verdict.INCONCLUSIVE)])
def test_each_predictor_of_a_split_serves_its_own_artefact(tmp_path: Path, digest: str, verdict: Verdict) -> None:
    """The two are behind each other's names, and all other evidence is of both together."""
    judged, _ = of_answers(tmp_path, SPLIT, {TAG_DIGEST: digest, TAG_PREDICTOR: PRIMARY.name})
    assert judged is verdict


def test_no_tags_pass_and_say_so(tmp_path: Path) -> None:
    verdict, (finding,) = of_answers(tmp_path, ALONE, {"version": "1"})
    assert verdict is Verdict.PASS
    assert finding.message.startswith("no answer names the artefact")
