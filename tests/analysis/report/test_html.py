"""The page: it says what the result says, to anybody, and asks nothing of a network."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

import page
import report_samples as samples
from analysis.record.runfolder import PredictorSpec
from analysis.report import html as report_html
from analysis.result.parse import parse
from model.contract import CELLS
from report_samples import Json

HOSTILE = '<script>alert("x")</script>&\'"</style>{{ 7*7 }}'


def html(content: Json) -> str:
    return report_html.render(parse(content), samples.run())


def opened(content: Json) -> page.Element:
    return page.read(html(content))


def values(element: page.Element) -> list[float]:
    return [float(one.attributes["value"] or "nan") for one in element.every("data")]


@pytest.fixture(params=samples.EVERY, name="content")
def _content(request: pytest.FixtureRequest) -> Json:
    return samples.EVERY[request.param]()


def test_every_page_is_well_formed_and_its_names_are_unique(content: Json) -> None:
    """Each element is closed where it was opened, no id is used twice, and each reference to an id finds it."""
    root = opened(content)
    every = root.every()
    ids = [one.attributes["id"] for one in every if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    meant = [one.attributes.get("aria-labelledby") or "" for one in every]
    anchors = [(one.attributes["href"] or "").removeprefix("#") for one in every if "href" in one.attributes]
    assert set(" ".join([*meant, *anchors]).split()) <= set(ids)


def test_no_page_asks_anything_of_a_network(content: Json) -> None:
    """No attribute, style or script names another file; the only addresses are text of the run's settings."""
    text = html(content)
    root = page.read(text)
    for one in root.every():
        assert not {"src", "srcset", "action", "style", "onclick", "onload", "xlink:href"} & set(one.attributes)
        assert (one.attributes.get("href") or "#").startswith("#")
    assert root.every("link") == root.every("img") == root.every("iframe") == []
    assert not re.search(r"url\(|@import|@font-face|fetch\(|XMLHttp|import\(", text)
    assert set(re.findall(r"https?://[^\s<]+", text)) <= {samples.run().host, samples.run().prometheus_url}


def test_the_policy_allows_the_page_its_own_style_and_script_and_nothing_else(content: Json) -> None:
    """The Content-Security-Policy's hashes are those of the one style and the one script; everything else is 'none'."""
    root = opened(content)
    (policy,) = [one for one in root.every("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy"]
    (style,), (script,) = root.every("style"), root.every("script")
    hashes = [base64.b64encode(hashlib.sha256(one.text.encode()).digest()).decode() for one in (style, script)]
    assert policy.attributes["content"] == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_every_page_is_small(content: Json) -> None:
    """Under 200,000 bytes, also for four predictors, 300 points on each line and 300 long findings."""
    assert len(html(content).encode()) <= report_html.LIMIT_BYTES == 200_000


def test_the_bound_is_kept_by_drawing_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """With half the room the same result is drawn coarser and fits; a bound that was never reached proves nothing."""
    fine = len(html(samples.huge()))
    monkeypatch.setattr(report_html, "LIMIT_BYTES", fine - 10_000)
    assert len(html(samples.huge()).encode()) <= fine - 10_000


def test_every_table_can_be_heard_and_every_picture_is_described(content: Json) -> None:
    """Each table has a caption and each header a scope; each picture has a title and a description."""
    root = opened(content)
    assert root.every("table")
    for table in root.every("table"):
        assert table.every("caption")[0].text.strip()
        assert all(head.attributes.get("scope") in {"row", "col"} for head in table.every("th"))
    for svg in root.every("svg"):
        assert svg.attributes["role"] == "img"
        assert [one.name for one in svg.children[:2] if isinstance(one, page.Element)] == ["title", "desc"]
        assert svg.every("title")[0].text
        assert svg.every("desc")[0].text


def test_the_same_result_gives_the_same_bytes(content: Json) -> None:
    """Nothing in the page comes from a clock, a random number or the order of a set."""
    assert html(content) == html(content)


@pytest.mark.parametrize("name", ["single_pass", "shadow_pass", "swapped_cells", "undefined_ratios"])
def test_the_counts_on_the_page_are_those_of_the_result(name: str) -> None:
    """For each predictor and cell, in order: the expected count, then the live one, as the exact integers."""
    content = samples.EVERY[name]()
    expected = [
        number
        for one in content["predictors"].values()
        for cell in CELLS
        for number in (one["expected"]["low"][cell], one["live"][cell])
    ]
    (section,) = [one for one in opened(content).every("section") if one.attributes["id"] == "counts"]
    assert values(section) == expected


@pytest.mark.parametrize("name", ["single_pass", "shadow_pass", "swapped_cells"])
def test_the_ratios_on_the_page_are_those_of_the_result(name: str) -> None:
    """For each predictor and ratio, in order: the offline value, then the live one, to the last digit."""
    content = samples.EVERY[name]()
    expected = [
        one[side][ratio]
        for one in content["predictors"].values()
        for ratio in ("precision", "recall", "specificity", "accuracy")
        for side in ("offline", "live")
    ]
    tables = opened(content).every("table", "ratios")
    assert [value for table in tables for value in values(table)] == expected


def test_latencies_on_the_page_are_those_of_the_result() -> None:
    """Each percentile of each kind, to the last digit, under headings that read p99.9 and not p999.

    Response and service time, a line each; of feedback, whose two are the same, one.
    """
    content = samples.single_pass()
    (section,) = [one for one in opened(content).every("section") if one.attributes["id"] == "latency"]
    names = ("p50", "p90", "p99", "p999", "max")
    load = content["load"]
    rows = [load["latency_ms"]["predict"], load["service_ms"]["predict"], load["latency_ms"]["feedback"]]
    assert values(section) == [row[name] for row in rows for name in names]
    heads = ["request", "time", "p50", "p90", "p99", "p99.9", "p99.99", "max"]
    assert [one.text for one in section.every("th")][:8] == heads
    assert [one.text for one in section.every("td")][4] == "needs 10,000"


def test_a_wrong_cell_is_marked_in_words_with_its_difference() -> None:
    """Three cells of the swapped class differ: three marked rows with signed differences, and the fourth is equal."""
    table = opened(samples.swapped_cells()).every("table", "numbers")[0]
    last = [row.every("td")[-1].text for row in table.every("tbody")[0].every("tr")]
    assert last == ["✓ 0", "✗ +1,620", "✗ \N{MINUS SIGN}1,820", "✗ +200"]
    assert len(table.every("tr", "off")) == 3


def test_a_count_within_its_bounds_is_right_although_it_equals_neither() -> None:
    """Indeterminate events widen what is expected; the page shows the bounds and marks nothing."""
    high = {cell: number + 2 for cell, number in samples.PERCEPT.items()}
    live = {cell: number + 1 for cell, number in samples.PERCEPT.items()}
    content = samples.single_pass()
    content["predictors"]["default"] = samples.predictor(
        live, samples.PERCEPT, expected={"low": samples.PERCEPT, "high": high}
    )
    row = opened(content).every("table", "numbers")[0].every("tbody")[0].every("tr")[0]
    assert [cell.text for cell in row.every("td")] == ["3,650 to 3,652", "3,651", "✓ within"]


def test_every_finding_is_on_the_page_the_worst_first() -> None:
    """FAIL, then INCONCLUSIVE, each with message, values, diagnosis and advice; then PASS, folded."""
    content = samples.result(
        "FAIL", [samples.SENT, samples.NOT_SENT, samples.BOUNDS, samples.PERMUTED], samples.single_pass()["predictors"]
    )
    root = opened(content)
    articles = root.every("article", "finding")
    assert [one.every("h3")[0].text for one in articles] == [
        samples.PERMUTED["message"], samples.BOUNDS["message"], samples.NOT_SENT["message"],
    ]  # fmt: skip
    assert "cells permuted" in articles[0].text
    assert samples.PERMUTED["advice"] in articles[0].text
    cells = [[one.text for one in row.every("td")] for row in articles[0].every("tbody")[0].every("tr")]
    assert cells == [["3,650", "3,650"], ["310", "1,930 ✗"], ["1,930", "110 ✗"], ["110", "310 ✗"]]
    assert [one.text for one in articles[1].every("td")] == ["61 to 63", "4"]
    (passed,) = root.every("details", "PASS")
    assert "open" not in passed.attributes
    assert samples.SENT["message"] in passed.text


@pytest.mark.parametrize(
    ("name", "verdict", "headline"),
    [
        ("single_pass", "PASS", "The live metrics can be believed"),
        ("swapped_cells", "FAIL", "Do not believe the live metrics"),
        ("nothing_sent", "INCONCLUSIVE", "Could not tell"),
        ("nothing_known", "INCONCLUSIVE", "Could not tell"),
    ],
)
def test_the_verdict_comes_first_as_a_word_a_mark_and_a_sentence(name: str, verdict: str, headline: str) -> None:
    """The heading and the title carry the word, so that no colour is needed to read it."""
    root = opened(samples.EVERY[name]())
    assert " ".join(root.every("h1")[0].text.split()).endswith(f"{verdict} {headline}")
    assert root.every("title")[0].text.startswith(f"{verdict}: ")
    assert root.every("h1")[0].every("span", "badge")[0].attributes["class"] == f"badge {verdict}"


@pytest.mark.parametrize("name", ["nothing_sent", "nothing_known"])
def test_an_inconclusive_run_is_nowhere_styled_or_marked_as_a_pass(name: str) -> None:
    """No element has a pass's class, no text its mark, and it says that this is not a pass."""
    root = opened(samples.EVERY[name]())
    assert root.every(class_="PASS") == []
    assert "✓" not in root.every("body")[0].text
    assert "This is not a pass." in root.every("header")[0].text


def test_a_run_without_any_finding_says_that_nothing_was_checked() -> None:
    """No finding is INCONCLUSIVE, and the page does not stay silent about it."""
    root = opened(samples.result("INCONCLUSIVE", [], {}))
    assert "Nothing was checked. This is not a pass." in root.every("header")[0].text
    assert "No check was made" in root.every("main")[0].text


def test_a_gate_that_is_not_met_does_not_call_the_metrics_untrue() -> None:
    """Only a check of truth may say that the live metrics are not to be believed."""
    gate = samples.finding("gate", "precision>=0.95", "FAIL", "precision is 0.92", advice="Train longer.")
    content = samples.result("FAIL", [samples.EQUAL, gate], samples.single_pass()["predictors"])
    assert "A quality gate was not met" in opened(content).every("h1")[0].text


def test_undefined_ratios_are_words_with_their_reason() -> None:
    """Nothing was called positive and nothing is: precision and recall are undefined, not 0 and not 100 %."""
    rows = opened(samples.undefined_ratios()).every("table", "ratios")[0].every("tbody")[0].every("tr")
    said = [[cell.text for cell in row.every("td")] for row in rows]
    assert said[0] == ["undefined: nothing was called positive"] * 2 + ["not known"]
    assert said[1] == ["undefined: no row was positive"] * 2 + ["not known"]
    assert said[2] == ["100.00 %", "100.00 %", "✓ 0"]


def test_predictors_that_share_traffic_are_held_to_their_sum() -> None:
    """Half of the counts each: the sum is as expected, and neither half is marked wrong."""
    root = opened(samples.weighted_primaries())
    (table,) = [one for one in root.every("table") if one.every("caption")[0].text == "Counts of blue + green"]
    assert values(table) == [number for cell in CELLS for number in (samples.PERCEPT[cell], samples.PERCEPT[cell])]
    assert "✗" not in root.every("body")[0].text


def test_a_name_with_markup_in_it_is_harmless() -> None:
    """Whatever a manifest, a finding or a version is called, it is text on the page: no element, no template."""
    wrong = samples.finding(
        HOSTILE, HOSTILE, "FAIL", HOSTILE, expected={HOSTILE: HOSTILE}, observed={HOSTILE: 1}, diagnosis=HOSTILE,
        advice=HOSTILE,
    )  # fmt: skip
    one = samples.predictor(samples.PERCEPT, samples.PERCEPT, model=HOSTILE, artifact=HOSTILE)
    other = {**samples.shadow(samples.LOGISTIC, samples.LOGISTIC), "curve": samples.score_curve(samples.LOGISTIC, 9)}
    comparison = {**samples.COMPARISON, "message": HOSTILE, "p_value": HOSTILE, "discordant": {HOSTILE: [HOSTILE]}}
    content = samples.result("FAIL", [wrong], {HOSTILE: one, f"{HOSTILE}2": other}, comparison=comparison)
    content["load"]["latency_ms"] = {HOSTILE: {HOSTILE: 1.0}}
    content["load"]["statuses"] = {HOSTILE: 3}
    content["evidence"] = {HOSTILE: HOSTILE}
    run = replace(
        samples.run(), deployment=HOSTILE, namespace=HOSTILE, manifest=HOSTILE, host=HOSTILE,
        options={HOSTILE: HOSTILE}, versions={HOSTILE: HOSTILE},
        predictors=(PredictorSpec(HOSTILE, HOSTILE, HOSTILE, False, 100, 1),),
    )  # fmt: skip
    root = page.read(report_html.render(parse(content), run))
    clean = opened(samples.shadow_pass())
    assert {one.name for one in root.every()} <= {one.name for one in clean.every()} | {"article", "p", "h3", "code"}
    assert len(root.every("script")) == len(root.every("style")) == 1
    assert root.every("article")[0].every("h3")[0].text == HOSTILE


def test_a_line_that_leaves_the_other_for_one_scrape_is_drawn() -> None:
    """Of 300 points only one differs, and the thinned picture still shows it: live has a point that offline lacks."""
    content = samples.single_pass()
    content["predictors"]["default"] = samples.predictor(samples.PERCEPT, samples.PERCEPT, 300)
    drawn = content["predictors"]["default"]["timeline"]
    drawn["live"] = {ratio: list(series) for ratio, series in drawn["live"].items()}
    drawn["live"]["precision"][151] -= 0.05

    def lines(root: page.Element) -> list[str | None]:
        (svg,) = [one for one in root.every("svg") if one.attributes["aria-labelledby"] == "q0p-t q0p-d"]
        return [path.attributes["d"] for path in svg.every("path") if path.attributes["class"] in {"offline", "live"}]

    offline, live = lines(opened(content))
    assert offline != live
    same = lines(opened(samples.single_pass()))
    assert same[0] == same[1]


def test_a_comparison_is_shown_when_there_is_one_and_only_then() -> None:
    """The split of the distinct rows, p, and the differences with their intervals; without one no such section."""
    (section,) = [one for one in opened(samples.shadow_pass()).every("section") if one.attributes["id"] == "comparison"]
    assert [one.text for one in section.every("table")[0].every("td")] == ["", "470", "6", "13", "23"]
    assert "p = 0.167" in section.text
    assert "undefined" in section.every("table")[1].text
    ids = [one.attributes["id"] for one in opened(samples.single_pass()).every("section")]
    assert "comparison" not in ids


def test_the_command_to_do_it_again_is_quoted_for_a_shell() -> None:
    """Each option that says something, the manifest quoted; no rate in a closed loop and no empty option."""
    run = samples.run(manifest="my deployment.yaml")
    commands = page.read(report_html.render(parse(samples.single_pass()), run)).every("pre")
    assert commands[0].text == (
        ".venv/bin/python -m locustfiles --sdep 'my deployment.yaml' --namespace seldon --seed 0 "
        "--users 8 --duration 30s --feedback-ratio 1 --processes 1"
    )
    assert commands[1].text == f".venv/bin/python -m analysis judge runs/{run.id}"


def test_a_live_line_that_is_missing_for_one_scrape_shows_the_gap() -> None:
    """One sample of 300 is missing: thinning keeps that place, and the live line is broken in two."""
    content = samples.single_pass()
    content["predictors"]["default"] = samples.predictor(samples.PERCEPT, samples.PERCEPT, 300)
    content["predictors"]["default"]["timeline"]["live"]["recall"][150] = None
    (svg,) = [one for one in opened(content).every("svg") if one.attributes["aria-labelledby"] == "q0r-t q0r-d"]
    offline, live = (svg.every("path", name)[0].attributes["d"] or "" for name in ("offline", "live"))
    assert (offline.count("M"), live.count("M")) == (1, 2)


def test_the_digests_of_what_ran_are_on_the_page() -> None:
    """Manifest, held-out rows and each artefact by their SHA-256; one that was not recorded is said to be."""
    (section,) = [one for one in opened(samples.single_pass()).every("section") if one.attributes["id"] == "settings"]
    codes = [one.text for one in section.every("td") if one.every("code")]
    run = samples.run()
    assert codes == [run.artifacts["binary-percept.joblib"], run.manifest_sha256, run.heldout_sha256]
    other = page.read(report_html.render(parse(samples.single_pass()), samples.run(artifacts={})))
    assert "not recorded" in [one.text for one in other.every("code")]
