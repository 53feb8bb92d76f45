"""The exposed witness and the gateway: how they are read, and what they add to a diagnosis."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest

import worlds
from alterations import ALONE, BASE, fewer, hour, lost_by_gateway, without_between
from analysis.claims import metric_map
from analysis.claims.selection import select
from analysis.collect import endpoints
from analysis.evidence import exposed as shown
from analysis.evidence.exposed import ExposedCounts
from analysis.evidence.gateway import ACTIVE, ANSWERED, LABEL_CLASS, REQUESTS, RETRIES, cluster_pattern, gateway
from analysis.evidence.samples import Samples, Series
from analysis.judge import endpoint_checks
from analysis.judge.endpoint_checks import location_of_error
from analysis.record import runfolder
from analysis.verdict import Finding, Verdict
from worlds import MS, PRIMARY, SHADOW, START_NS, World

SHADOWED = worlds.world(ALONE.events, (PRIMARY, SHADOW), targets=2)
FEEDBACK = {"predictor_name": "default", "method": "feedback"}


def equality(folder: Path, world: World, subject: str = "default") -> Finding:
    _, findings = worlds.judged(folder, world)
    return next(finding for finding in findings if (finding.check, finding.subject) == ("equality", subject))


def envoy(metric: str, cluster: str, value: float) -> Series:
    """A counter of the gateway that was 7 before the run."""
    labels = {"envoy_cluster_name": cluster, "job": "envoy"}
    return Series(
        metric, labels, np.array([START_NS // 10**6 - 500, START_NS // 10**6 + 90_000]), np.array([7.0, 7.0 + value])
    )


SELECTION = select(metric_map.load(metric_map.DEFAULT), (0, 1), 1)


def shown_counts(series: list[tuple[str, dict[str, str], float]]) -> Mapping[str, shown.Cells]:
    return shown.reading_of("a:1", series, SELECTION, (0.0, 0.0)).counts


def test_exposed_counts_are_of_feedback_summed_over_workers() -> None:
    """The other method's series are left out, and so are other metrics."""
    series = [("true_pos", FEEDBACK | {"worker_id": "1"}, 3.0), ("true_pos", FEEDBACK | {"worker_id": "2"}, 4.0)]
    series += [
        ("true_pos", FEEDBACK | {"method": "predict"}, 9.0),
        ("other", FEEDBACK, 5.0),
        ("false_neg", FEEDBACK, 1.0),
    ]
    assert shown_counts(series) == {"default": (7.0, 0.0, 0.0, 1.0)}


def test_exposed_counters_are_read_where_there_are_no_gauges() -> None:
    """A class may publish its cells as COUNTERs; where it has gauges, those count."""
    assert shown_counts([("true_neg_total", FEEDBACK, 2.0)]) == {"default": (0.0, 0.0, 2.0, 0.0)}
    both = [("true_neg_total", FEEDBACK, 2.0), ("true_neg", FEEDBACK, 5.0)]
    assert shown_counts(both) == {"default": (0.0, 0.0, 5.0, 0.0)}


def test_exposed_counts_come_back_as_they_were(tmp_path: Path) -> None:
    """The file gives back endpoints, counts and problems; no file is no endpoint; another file is refused."""
    endpoints_read = (ExposedCounts("a:1", {"default": (1.0, 2.0, 3.0, 4.0)}), ExposedCounts("b:2", {}, "refused"))
    path = tmp_path / runfolder.EXPOSED_FILE
    assert shown.read(path) == ()
    path.write_text(shown.text(endpoints_read))
    assert shown.read(path) == endpoints_read
    path.write_text("{}")
    with pytest.raises(ValueError, match="missing required field `schema`"):
        shown.read(path)
    path.write_text(shown.text(endpoints_read).replace("4.0", "4.0, 5.0"))
    with pytest.raises(ValueError, match=r"expected 4 counts of each predictor in exposed\.json, got others of a:1"):
        shown.read(path)
    path.write_text(shown.text(endpoints_read).replace('"schema": 1', '"schema": 2'))
    with pytest.raises(ValueError, match="expected schema 1"):
        shown.read(path)


def test_an_endpoint_whose_counts_claim_other_things_is_no_witness(tmp_path: Path) -> None:
    evidence = worlds.evidence_of(tmp_path, ALONE)
    instance = evidence.predictors["default"].targets[0].labels["instance"]
    reading = ExposedCounts(instance, {"default": (1.0, 2.0)}, keys=("correct", "all"))
    (finding,) = endpoint_checks.exposed(replace(evidence, exposed=(reading,)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.message == f"{instance} was read for correct, all, and the run is judged by tp, fp, tn, fn"


@pytest.mark.parametrize("content", ["", "[]", '{"host": "http://other", "replicas": []}', '{"host": "http://here"}'])
def test_only_the_stack_that_was_loaded_is_asked(tmp_path: Path, content: str) -> None:
    """A state file that is missing, garbled or of another stack names no endpoint."""
    (tmp_path / "state.json").write_text(content)
    assert list(endpoints.endpoints(str(tmp_path / "state.json"), "http://here")) == []
    assert list(endpoints.endpoints(str(tmp_path / "nowhere"), "http://here")) == []


def test_an_endpoint_that_does_not_answer_is_a_problem_and_no_witness(tmp_path: Path) -> None:
    """Nobody listens on port 1: the file notes it, and the judge works without this witness."""
    state = {"host": "http://here", "replicas": [{"metrics_url": "http://127.0.0.1:1/prometheus"}]}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (problem,) = endpoints.read(
        {"PLUMBLINE_STACK": str(tmp_path / "state.json")}, "http://here/", SELECTION, lambda: 7.0
    )
    endpoints.write(tmp_path, (problem,))
    assert problem.problem is not None
    assert shown.read(tmp_path / runfolder.EXPOSED_FILE) == (problem,)


@pytest.mark.parametrize(
    ("before", "after", "verdict", "words"),
    [
        (0, 0, Verdict.PASS, "1 endpoint and Prometheus' last samples show the same counts"),
        (-3, 2, Verdict.PASS, "lie between two readings of 1 endpoint"),
        (1, 1, Verdict.FAIL, "exposed, "),
        (-3, -1, Verdict.FAIL, "exposed, "),
        (1, 5, Verdict.FAIL, "exposed, "),
        (None, 2, Verdict.INCONCLUSIVE, "was not scraped since it was read"),
        (None, 0, Verdict.PASS, "show the same counts"),
        (None, -1, Verdict.FAIL, "exposed, "),
    ],
    ids=[
        "still",
        "counted meanwhile",
        "lost",
        "invented",
        "lost meanwhile",
        "unscraped",
        "same",
        "invented, one reading",
    ],
)
def test_a_scrape_lies_between_the_readings_before_and_after_it(
    tmp_path: Path, before: int | None, after: int, verdict: Verdict, words: str
) -> None:
    """The pipeline is blamed for what no order of counting and reading explains; ``before``, ``after``: of true_pos."""
    evidence = worlds.evidence_of(tmp_path, ALONE)
    target = evidence.predictors["default"].targets[0]
    stored, at_s = target.value[-1], float(target.time_ms[-1]) / 1000
    more = np.array([1.0, 0.0, 0.0, 0.0])
    readings = [
        ExposedCounts(
            "10.0.0.0:6000", {"default": tuple((stored + offset * more).tolist())}, at_s=(begin_s, begin_s + 0.2)
        )
        for offset, begin_s in ((before, at_s - 0.4), (after, at_s + 0.4))
        if offset is not None
    ]
    (finding,) = endpoint_checks.exposed(replace(evidence, exposed=tuple(readings)))
    assert (finding.verdict, words in finding.message) == (verdict, True), finding.message


NOTHING = {"default": (0.0, 0.0, 0.0, 0.0)}


@pytest.mark.parametrize("page", [NOTHING, {}, {"other": (1.0, 0.0, 0.0, 0.0)}], ids=["0", "no cells", "of another"])
@pytest.mark.parametrize("is_first_right", [False, True])
def test_an_endpoint_that_restarted_after_the_last_scrape_proves_nothing(
    tmp_path: Path, page: dict[str, tuple[float, float, float, float]], *, is_first_right: bool
) -> None:
    """Its process counts from 0 again, and shows no cell until it has counted; what was stored may have been true."""
    evidence = worlds.evidence_of(tmp_path, ALONE)
    target = evidence.predictors["default"].targets[0]
    right, at_s = {"default": tuple(target.value[-1].tolist())}, float(target.time_ms[-1]) / 1000 + 0.4
    pages = [right, page] if is_first_right else [page]
    readings = tuple(
        ExposedCounts("10.0.0.0:6000", shows, at_s=(at_s + number, at_s + number + 0.1))
        for number, shows in enumerate(pages)
    )
    (finding,) = endpoint_checks.exposed(replace(evidence, exposed=readings))
    assert (finding.verdict, finding.diagnosis) == (Verdict.INCONCLUSIVE, "endpoint not readable")
    assert "shows 0 counts, and Prometheus had stored 60 before: its process restarted since" in finding.message
    assert location_of_error(replace(evidence, exposed=readings), evidence.groups[0]) == ""


def test_an_endpoint_of_which_nothing_was_stored_may_show_nothing(tmp_path: Path) -> None:
    """A replica that was given nothing agrees with its samples."""
    counts = [replace(count, target=0) for count in SHADOWED.counts["default"]]
    world = replace(worlds.with_counts(SHADOWED, "default", counts), prior=0)
    evidence = worlds.evidence_of(tmp_path, world)
    shows = {"default": tuple(evidence.predictors["default"].targets[0].value[-1].tolist())}
    readings = (ExposedCounts("10.0.0.0:6000", shows), ExposedCounts("10.0.0.1:6000", {}))
    assert {finding.verdict for finding in endpoint_checks.exposed(replace(evidence, exposed=readings))} == {
        Verdict.PASS
    }


def test_a_shadow_that_shows_less_than_was_stored_may_have_begun_again(tmp_path: Path) -> None:
    """It works off its copies after the end; a primary that nobody asks any more does not count."""
    evidence = worlds.evidence_of(tmp_path, worlds.world(ALONE.events, (PRIMARY, SHADOW)))
    for name, port, verdict in (("default", 6000, Verdict.FAIL), ("shadow", 6001, Verdict.INCONCLUSIVE)):
        less = ExposedCounts(f"10.0.0.0:{port}", {name: (9.0, 1.0, 9.0, 1.0)})
        (finding,) = endpoint_checks.exposed(replace(evidence, exposed=(less,)))
        assert finding.verdict is verdict


def test_an_error_is_placed_by_the_first_pair_that_disagrees(tmp_path: Path) -> None:
    """The endpoint shows what Prometheus stored: instrumentation. It shows something else: pipeline."""
    evidence = worlds.evidence_of(tmp_path, fewer(lambda i: i % 3 > 0))
    ((_, counted),) = evidence.counted()
    same = ExposedCounts("10.0.0.0:6000", {"default": tuple(counted.path.value[-1].tolist())})
    other = ExposedCounts("10.0.0.0:6000", {"default": (60.0, 0.0, 0.0, 0.0)})
    assert location_of_error(replace(evidence, exposed=(same,)), evidence.groups[0]).startswith("instrumentation")
    assert location_of_error(replace(evidence, exposed=(other,)), evidence.groups[0]).startswith("pipeline")
    assert location_of_error(evidence, evidence.groups[0]) == ""


@pytest.mark.parametrize(
    ("name", "mine"),
    [
        ("ab-test-shadow", True),
        ("outbound|8000|shadow|ab-test-shadow.seldon.svc.cluster.local", True),
        ("ab-test-shadow-2", False),
        ("ab-test-shadow_grpc", True),
        ("x-ab-test-shadow", False),
    ],
)
def test_a_predictors_cluster_is_known_by_its_service(name: str, mine: bool) -> None:
    """The local stack's names and Istio's, and not another predictor's."""
    answer = gateway(Samples((envoy(REQUESTS, name, 5),), worlds.SAME_CLOCK), "ab-test", "shadow", (START_NS / 1e6, 0))
    assert (answer is not None) is mine
    assert cluster_pattern("ab-test", "shadow").endswith("([.].*)?")


@pytest.mark.parametrize(("length", "is_hashed"), [(56, True), (55, False)])
def test_a_service_of_a_long_name_is_found_by_its_digest(length: int, is_hashed: bool) -> None:
    """As Seldon's operator names it where deployment and predictor are more than 63 characters together."""
    deployment = "a" * length
    name = f"{deployment}-default"
    digest = md5(name.encode(), usedforsecurity=False).hexdigest()
    pattern = re.compile(cluster_pattern(deployment, "default"))
    hashed = pattern.fullmatch(f"outbound|8000||seldon-{digest}.models.svc.cluster.local")
    assert (hashed is not None) is is_hashed
    assert pattern.fullmatch(name), "the local stack's own"


def test_what_the_gateway_lost_is_told_by_reason(tmp_path: Path) -> None:
    """Only losses since the run began are named, next to the number of missing counts."""
    lost = [envoy("envoy_cluster_upstream_rq_pending_overflow", "metrics-model-shadow", 54)]
    world = replace(
        worlds.with_counts(BASE, "shadow", BASE.counts["shadow"][:6]), alter=lambda all_series: all_series + lost
    )
    finding = equality(tmp_path, world, "shadow")
    assert finding.diagnosis == "shadow incomplete"
    assert "lost by the gateway: 54 pending_overflow" in finding.message


def down_since(seconds: float, instance: str) -> Callable[[list[Series]], list[Series]]:
    """No scrape of a target succeeds from then on."""
    return lambda stored: [
        series
        if series.labels["instance"] != instance
        else replace(series, value=np.where(series.time_ms < hour(seconds), 1.0, 0.0))
        if series.metric == "up"
        else without_between(series, hour(seconds), hour(99))
        for series in stored
    ]


def test_a_shadows_replica_that_went_when_it_was_idle_has_lost_nothing(tmp_path: Path) -> None:
    """Everything had been counted and scraped by then; that a scrape fails is no proof of lost counts."""
    counts = [replace(count, target=0) if count.at_ns > hour(6) * MS else count for count in SHADOWED.counts["shadow"]]
    world = replace(worlds.with_counts(SHADOWED, "shadow", counts), alter=down_since(8, "10.0.0.1:6001"))
    verdict, findings = worlds.judged(tmp_path / "alone", world)
    assert verdict is Verdict.INCONCLUSIVE
    unknown = next(finding for finding in findings if (finding.check, finding.subject) == ("equality", "shadow"))
    assert unknown.diagnosis == "no last scrape"
    assert "10.0.0.1:6001 is down since" in unknown.message
    assert "had counted 60 of 60" in unknown.message
    lossy = replace(world, alter=lambda stored: [*down_since(8, "10.0.0.1:6001")(stored), *lost_by_gateway(5)])
    assert worlds.judged(tmp_path / "losses", lossy)[0] is Verdict.INCONCLUSIVE, "all of 60 were counted"


def test_a_shadow_whose_scrapes_fail_after_the_end_may_have_counted_all(tmp_path: Path) -> None:
    """It had counted a part of the rows when it was last scraped. Requests that failed show that some are missing."""
    alter = down_since(9, "10.0.0.0:6001")
    world = replace(worlds.world(ALONE.events, (PRIMARY, SHADOW)), alter=alter)
    assert equality(tmp_path / "alone", world, "shadow").diagnosis == "no last scrape"
    lossy = replace(world, alter=lambda stored: [*alter(stored), *lost_by_gateway(5)])
    finding = equality(tmp_path / "losses", lossy, "shadow")
    assert (finding.verdict, finding.diagnosis) == (Verdict.FAIL, "shadow incomplete")
    assert "lost by the gateway: 5 pending_failure_eject" in finding.message


def test_what_is_still_under_way_is_not_called_lost_without_a_word(tmp_path: Path) -> None:
    """The message names requests that the shadow has not answered, and those that it answered with an error."""
    active = envoy(ACTIVE, "metrics-model-shadow", 7)
    failed = envoy(ANSWERED, "metrics-model-shadow", 3)
    failed = replace(failed, labels={**failed.labels, LABEL_CLASS: "5"})
    short = worlds.with_counts(BASE, "shadow", BASE.counts["shadow"][:6])
    all_series = equality(
        tmp_path, replace(short, alter=lambda all_series: [*all_series, active, failed]), "shadow"
    ).message
    assert "still under way: 14" in all_series
    assert "answered with 5xx: 3" in all_series


def test_a_gateway_that_was_last_scraped_before_the_last_event_says_nothing() -> None:
    """Its last value is too old: requests that are not in it would look as if they were counted twice."""
    seen = Samples((envoy(REQUESTS, "ab-test-shadow", 5),), worlds.SAME_CLOCK)
    last_ms = int(seen.series[0].time_ms[-1])
    assert gateway(seen, "ab-test", "shadow", (0, last_ms)) is not None
    assert gateway(seen, "ab-test", "shadow", (0, last_ms + 1)) is None


@pytest.mark.parametrize(
    ("metric", "number", "diagnosis"),
    [(RETRIES, 5, "counted twice"), (REQUESTS, 125, "foreign traffic"), (REQUESTS, 120, "counted twice")],
)
def test_the_gateway_tells_retries_from_strangers(tmp_path: Path, metric: str, number: int, diagnosis: str) -> None:
    """120 requests were sent: more at the gateway are another client's, and retries are named as such."""
    counts = ALONE.counts["default"]
    more = [envoy(metric, "metrics-model-default", number)]
    world = replace(
        worlds.with_counts(ALONE, "default", [*counts, *counts[:5]]), alter=lambda all_series: all_series + more
    )
    assert equality(tmp_path, world).diagnosis == diagnosis
