"""The page: it shows what the result holds, to every reader, and needs no network."""

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
    return [float(node.attributes["value"] or "nan") for node in element.find_all("data")]


@pytest.fixture(params=samples.EVERY, name="content")
def _content(request: pytest.FixtureRequest) -> Json:
    return samples.EVERY[request.param]()


def test_every_page_is_well_formed_and_its_names_are_unique(content: Json) -> None:
    """Each element is closed where it was opened, no id is used twice, and each reference to an id finds it."""
    root = opened(content)
    elements = root.find_all()
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    meant = [element.attributes.get("aria-labelledby") or "" for element in elements]
    anchors = [
        (element.attributes["href"] or "").removeprefix("#") for element in elements if "href" in element.attributes
    ]
    assert set(" ".join([*meant, *anchors]).split()) <= set(ids)


def test_no_page_asks_anything_of_a_network(content: Json) -> None:
    """No attribute, style or script names another file; the only addresses are text of the run's settings."""
    text = html(content)
    root = page.read(text)
    for element in root.find_all():
        assert not {"src", "srcset", "action", "style", "onclick", "onload", "xlink:href"} & set(element.attributes)
        assert (element.attributes.get("href") or "#").startswith("#")
    assert root.find_all("link") == root.find_all("img") == root.find_all("iframe") == []
    assert not re.search(r"url\(|@import|@font-face|fetch\(|XMLHttp|import\(", text)
    assert set(re.findall(r"https?://[^\s<]+", text)) <= {samples.run().host, samples.run().prometheus_url}


def test_the_policy_allows_the_page_its_own_style_and_script_and_nothing_else(content: Json) -> None:
    """The Content-Security-Policy's hashes are those of the one style and the one script; everything else is 'none'."""
    root = opened(content)
    (policy,) = [
        element
        for element in root.find_all("meta")
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,), (script,) = root.find_all("style"), root.find_all("script")
    hashes = [base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode() for element in (style, script)]
    assert policy.attributes["content"] == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_every_page_is_small(content: Json) -> None:
    """Under 200,000 bytes, also for four predictors, 300 points on each line and 300 long findings."""
    assert len(html(content).encode()) <= report_html.LIMIT_BYTES == 200_000


def test_the_bound_is_kept_by_drawing_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """With half of the space, the same result is drawn with less detail and fits.

    A limit that was never reached would prove nothing.
    """
    fine = len(html(samples.huge()))
    monkeypatch.setattr(report_html, "LIMIT_BYTES", fine - 10_000)
    assert len(html(samples.huge()).encode()) <= fine - 10_000


def test_many_matrices_are_left_out_before_the_bound_is_passed() -> None:
    """Four predictors of 16 classes with long names, and each count wrong."""
    labels = [f"{'long ' * 20}name {i}" for i in range(16)]
    counted = samples.matrix(16, 10**6)
    other = [list(column) for column in zip(*counted, strict=True)]
    predictors = {f"p{i}": samples.of_classes(labels, other, counted) for i in range(4)}
    text = html(samples.result("FAIL", [samples.PERMUTED] * 20, predictors, load=samples.load(300)))
    assert len(text.encode()) <= report_html.LIMIT_BYTES
    assert "too large to be drawn here" in text


def test_every_table_can_be_heard_and_every_picture_is_described(content: Json) -> None:
    """Each table has a caption and each header a scope; each picture has a title and a description."""
    root = opened(content)
    assert root.find_all("table")
    for table in root.find_all("table"):
        assert table.find_all("caption")[0].text.strip()
        assert all(head.attributes.get("scope") in {"row", "col"} for head in table.find_all("th"))
    for svg in root.find_all("svg"):
        assert svg.attributes["role"] == "img"
        assert [child.name for child in svg.children[:2] if isinstance(child, page.Element)] == ["title", "desc"]
        assert svg.find_all("title")[0].text
        assert svg.find_all("desc")[0].text


def test_the_same_result_gives_the_same_bytes(content: Json) -> None:
    """Nothing in the page comes from a clock, a random number or the order of a set."""
    assert html(content) == html(content)


@pytest.mark.parametrize("name", ["single_pass", "shadow_pass", "swapped_cells", "undefined_ratios"])
def test_the_counts_on_the_page_are_those_of_the_result(name: str) -> None:
    """For each predictor and cell, in order: the expected count, then the live one, as the exact integers."""
    content = samples.EVERY[name]()
    expected = [
        number
        for predictor in content["predictors"].values()
        for cell in CELLS
        for number in (predictor["expected"]["low"][cell], predictor["live"][cell])
    ]
    (section,) = [element for element in opened(content).find_all("section") if element.attributes["id"] == "counts"]
    assert values(section) == expected


@pytest.mark.parametrize("name", ["single_pass", "shadow_pass", "swapped_cells"])
def test_the_ratios_on_the_page_are_those_of_the_result(name: str) -> None:
    """For each predictor and ratio, in order: the offline value, then the live one, to the last digit."""
    content = samples.EVERY[name]()
    expected = [
        predictor[side][ratio]
        for predictor in content["predictors"].values()
        for ratio in ("precision", "recall", "specificity", "accuracy")
        for side in ("offline", "live")
    ]
    tables = opened(content).find_all("table", "ratios")
    assert [value for table in tables for value in values(table)] == expected


def test_latencies_on_the_page_are_those_of_the_result() -> None:
    """Each percentile of each kind, to the last digit, under headings that read p99.9 and not p999.

    Response and service time, a line each; of feedback, whose two are the same, one.
    """
    content = samples.single_pass()
    (section,) = [element for element in opened(content).find_all("section") if element.attributes["id"] == "latency"]
    names = ("p50", "p90", "p99", "p999", "max")
    load = content["load"]
    rows = [load["latency_ms"]["predict"], load["service_ms"]["predict"], load["latency_ms"]["feedback"]]
    assert values(section) == [row[name] for row in rows for name in names]
    heads = ["request", "time", "p50", "p90", "p99", "p99.9", "p99.99", "max"]
    assert [element.text for element in section.find_all("th")][:8] == heads
    assert [element.text for element in section.find_all("td")][4] == "needs 10,000"


def test_a_wrong_cell_is_marked_in_words_with_its_difference() -> None:
    """Three cells of the swapped class differ: three marked rows with signed differences, and the fourth is equal."""
    table = opened(samples.swapped_cells()).find_all("table", "numbers")[0]
    last = [row.find_all("td")[-1].text for row in table.find_all("tbody")[0].find_all("tr")]
    assert last == ["✓ 0", "✗ +1,620", "✗ \N{MINUS SIGN}1,820", "✗ +200"]
    assert len(table.find_all("tr", "off")) == 3


def test_a_count_within_its_bounds_is_right_although_it_equals_neither() -> None:
    """Indeterminate events widen what is expected; the page shows the bounds and marks nothing."""
    high = {cell: number + 2 for cell, number in samples.PERCEPT.items()}
    live = {cell: number + 1 for cell, number in samples.PERCEPT.items()}
    content = samples.single_pass()
    content["predictors"]["default"] = samples.predictor(
        live, samples.PERCEPT, expected={"low": samples.PERCEPT, "high": high}
    )
    row = opened(content).find_all("table", "numbers")[0].find_all("tbody")[0].find_all("tr")[0]
    assert [cell.text for cell in row.find_all("td")] == ["3,650 to 3,652", "3,651", "✓ within"]


def test_right_cells_are_not_marked_as_good_where_another_check_failed_on_them() -> None:
    """Feedback that is refused where the model errs is in no cell, and the head of the page must not call that well."""
    failed = samples.finding("losses", "default", "FAIL", "340 of 4,057 feedbacks failed", advice="Look there.")
    content = samples.result("FAIL", [samples.EQUAL, failed], samples.single_pass()["predictors"])
    assert "✗ 4 of 4 cells as expected, another check failed" in opened(content).find_all("header")[0].text
    assert "✓ 4 of 4 cells as expected" in opened(samples.single_pass()).find_all("header")[0].text


def test_every_finding_is_on_the_page_the_worst_first() -> None:
    """FAIL, then INCONCLUSIVE, each with message, values, diagnosis and advice; then PASS, folded."""
    content = samples.result(
        "FAIL", [samples.SENT, samples.NOT_SENT, samples.BOUNDS, samples.PERMUTED], samples.single_pass()["predictors"]
    )
    root = opened(content)
    articles = root.find_all("article", "finding")
    assert [article.find_all("h3")[0].text for article in articles] == [
        samples.PERMUTED["message"], samples.BOUNDS["message"], samples.NOT_SENT["message"],
    ]  # fmt: skip
    assert "cells permuted" in articles[0].text
    assert samples.PERMUTED["advice"] in articles[0].text
    cells = [
        [element.text for element in row.find_all("td")] for row in articles[0].find_all("tbody")[0].find_all("tr")
    ]
    assert cells == [["3,650", "3,650"], ["310", "1,930 ✗"], ["1,930", "110 ✗"], ["110", "310 ✗"]]
    assert [cell.text for cell in articles[1].find_all("td")] == ["61 to 63", "4"]
    (passed,) = root.find_all("details", "PASS")
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
    assert " ".join(root.find_all("h1")[0].text.split()).endswith(f"{verdict} {headline}")
    assert root.find_all("title")[0].text.startswith(f"{verdict}: ")
    assert root.find_all("h1")[0].find_all("span", "badge")[0].attributes["class"] == f"badge {verdict}"


@pytest.mark.parametrize("name", ["nothing_sent", "nothing_known"])
def test_an_inconclusive_run_is_nowhere_styled_or_marked_as_a_pass(name: str) -> None:
    """No element has a pass's class, no text its mark, and it says that this is not a pass."""
    root = opened(samples.EVERY[name]())
    assert root.find_all(class_="PASS") == []
    assert "✓" not in root.find_all("body")[0].text
    assert "This is not a pass." in root.find_all("header")[0].text


def test_a_run_without_any_finding_says_that_nothing_was_checked() -> None:
    """No finding is INCONCLUSIVE, and the page does not stay silent about it."""
    root = opened(samples.result("INCONCLUSIVE", [], {}))
    assert "Nothing was checked. This is not a pass." in root.find_all("header")[0].text
    assert "No check was made" in root.find_all("main")[0].text


def test_a_gate_that_is_not_met_does_not_call_the_metrics_untrue() -> None:
    """Only a check of truth may say that the live metrics are not to be believed."""
    gate = samples.finding("gate", "precision>=0.95", "FAIL", "precision is 0.92", advice="Train longer.")
    content = samples.result("FAIL", [samples.EQUAL, gate], samples.single_pass()["predictors"])
    assert "A quality gate was not met" in opened(content).find_all("h1")[0].text


def test_undefined_ratios_are_words_with_their_reason() -> None:
    """Nothing was called positive and nothing is: precision and recall are undefined, not 0 and not 100 %."""
    rows = opened(samples.undefined_ratios()).find_all("table", "ratios")[0].find_all("tbody")[0].find_all("tr")
    texts = [[cell.text for cell in row.find_all("td")] for row in rows]
    assert texts[0] == ["undefined: nothing was called positive"] * 2 + ["not known"]
    assert texts[1] == ["undefined: no row was positive"] * 2 + ["not known"]
    assert texts[2] == ["100.00 %", "100.00 %", "✓ 0"]


def test_predictors_that_share_traffic_are_held_to_their_sum() -> None:
    """Half of the counts each: the sum is as expected, and neither half is marked wrong."""
    root = opened(samples.weighted_primaries())
    (table,) = [
        element for element in root.find_all("table") if element.find_all("caption")[0].text == "Counts of blue + green"
    ]
    assert values(table) == [number for cell in CELLS for number in (samples.PERCEPT[cell], samples.PERCEPT[cell])]
    assert "✗" not in root.find_all("body")[0].text


def test_a_name_with_markup_in_it_is_harmless() -> None:
    """Whatever a manifest, a finding or a version is called, it is text on the page: no element, no template."""
    wrong = samples.finding(
        HOSTILE, HOSTILE, "FAIL", HOSTILE, expected={HOSTILE: HOSTILE}, observed={HOSTILE: 1}, diagnosis=HOSTILE,
        advice=HOSTILE,
    )  # fmt: skip
    hostile = samples.predictor(samples.PERCEPT, samples.PERCEPT, model=HOSTILE, artifact=HOSTILE)
    other = {**samples.shadow(samples.LOGISTIC, samples.LOGISTIC), "curve": samples.score_curve(samples.LOGISTIC, 9)}
    comparison = {**samples.COMPARISON, "message": HOSTILE, "p_value": HOSTILE, "discordant": {HOSTILE: [HOSTILE]}}
    content = samples.result("FAIL", [wrong], {HOSTILE: hostile, f"{HOSTILE}2": other}, comparison=comparison)
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
    assert {element.name for element in root.find_all()} <= {element.name for element in clean.find_all()} | {
        "article",
        "p",
        "h3",
        "code",
    }
    assert len(root.find_all("script")) == len(root.find_all("style")) == 1
    assert root.find_all("article")[0].find_all("h3")[0].text == HOSTILE


def test_a_line_that_leaves_the_other_for_one_scrape_is_drawn() -> None:
    """Of 300 points only one differs, and the thinned picture still shows it: live has a point that offline lacks."""
    content = samples.single_pass()
    content["predictors"]["default"] = samples.predictor(samples.PERCEPT, samples.PERCEPT, 300)
    drawn = content["predictors"]["default"]["timeline"]
    drawn["live"] = {ratio: list(series) for ratio, series in drawn["live"].items()}
    drawn["live"]["precision"][151] -= 0.05

    def lines(root: page.Element) -> list[str | None]:
        (svg,) = [element for element in root.find_all("svg") if element.attributes["aria-labelledby"] == "q0p-t q0p-d"]
        return [
            path.attributes["d"] for path in svg.find_all("path") if path.attributes["class"] in {"offline", "live"}
        ]

    offline, live = lines(opened(content))
    assert offline != live
    same = lines(opened(samples.single_pass()))
    assert same[0] == same[1]


def test_a_comparison_is_shown_when_there_is_one_and_only_then() -> None:
    """The split of the distinct rows, p, and the differences with their intervals; without one no such section."""
    (section,) = [
        element
        for element in opened(samples.shadow_pass()).find_all("section")
        if element.attributes["id"] == "comparison"
    ]
    assert [element.text for element in section.find_all("table")[0].find_all("td")] == ["", "470", "6", "13", "23"]
    assert "p = 0.167" in section.text
    assert "undefined" in section.find_all("table")[1].text
    ids = [element.attributes["id"] for element in opened(samples.single_pass()).find_all("section")]
    assert "comparison" not in ids


def test_the_command_to_do_it_again_is_quoted_for_a_shell() -> None:
    """Each option that has a value, with the manifest quoted; no rate in a closed loop and no empty option."""
    run = samples.run(manifest="my deployment.yaml")
    commands = page.read(report_html.render(parse(samples.single_pass()), run)).find_all("pre")
    assert commands[0].text == (
        ".venv/bin/python plumbline.py loadtest --sdep 'my deployment.yaml' --namespace seldon --seed 0 "
        "--users 8 --duration 30s --feedback-ratio 1 --processes 1"
    )
    assert commands[1].text == f".venv/bin/python plumbline.py judge runs/{run.id}"


def test_a_live_line_that_is_missing_for_one_scrape_shows_the_gap() -> None:
    """One sample of 300 is missing: thinning keeps that place, and the live line is broken in two."""
    content = samples.single_pass()
    content["predictors"]["default"] = samples.predictor(samples.PERCEPT, samples.PERCEPT, 300)
    content["predictors"]["default"]["timeline"]["live"]["recall"][150] = None
    (svg,) = [
        element for element in opened(content).find_all("svg") if element.attributes["aria-labelledby"] == "q0r-t q0r-d"
    ]
    offline, live = (svg.find_all("path", name)[0].attributes["d"] or "" for name in ("offline", "live"))
    assert (offline.count("M"), live.count("M")) == (1, 2)


def test_the_digests_of_what_ran_are_on_the_page() -> None:
    """Manifest, held-out rows and each artefact by their SHA-256; one that was not recorded is named as such."""
    (section,) = [
        element
        for element in opened(samples.single_pass()).find_all("section")
        if element.attributes["id"] == "settings"
    ]
    codes = [element.text for element in section.find_all("td") if element.find_all("code")]
    run = samples.run()
    assert codes == [run.artifacts["binary-percept.joblib"], run.manifest_sha256, run.heldout_sha256]
    other = page.read(report_html.render(parse(samples.single_pass()), samples.run(artifacts={})))
    assert "not recorded" in [element.text for element in other.find_all("code")]
